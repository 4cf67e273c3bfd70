"""`study reproduce`: what must hold on one stack and on another, and that broken explainers are caught."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))  # the workers import the fake stages by name

from rich.console import Console

from study import ledger
from study.cli import app
from study.config.loading import config_hash, parse_config
from study.errors import ConfigError, LedgerError
from study.metrics.compare import compare_pairs, metrics_with_k
from study.metrics.estimates import estimate
from study.records import UNSIGNED_METHODS
from study.reproduction import rerun
from study.reproduction.checks import Check, check_run, stack_differences
from study.reproduction.key_values import KEY_ESTIMATES, WHY, key_values
from study.reproduction.reference import Reference, describe_stack, read_reference, write_reference
from study.reproduction.rerun import reference_path, renamed, run_anew, summarise
from study.running.display import PlainDisplay

CELL: dict[str, Any] = {"dataset": "reviews", "model": "mlp", "seed": 0}
METHODS = ("shap", "lime", "occlusion", "gradient_x_input", "integrated_gradients", "attention", "rollout")
N_TEXTS, N_WORDS = 12, 14
GATES = [{"name": "g", "passed": True}]
ROOT = Path(__file__).parents[1]


def explained(shift: float = 0.0, **broken: Any) -> dict[str, pd.DataFrame]:
    """Tables of one model whose explainers agree up to noise. shift: what another processor adds to every score.

    broken: method -> what is done to its scores [word].
    """
    rows: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for number in range(N_TEXTS):
        rng = np.random.default_rng(number)
        truth = rng.normal(size=N_WORDS)
        trained = {**CELL, "trained": True, "example_id": f"t{number}"}
        texts.append({**trained, "margin": truth.sum(), "empty_margin": 0.0, "label": "a", "predicted": "a"})
        for method in ("shapley", *METHODS):
            scores = truth + (0.2 * rng.normal(size=N_WORDS) if method != "shapley" else 0.0)
            scores = broken.get(method, lambda s: s)(scores) + shift * rng.normal(size=N_WORDS)
            word = [{**trained, "word_index": i, "method": method, "score": s} for i, s in enumerate(scores)]
            rows += word
    features, table = pd.DataFrame(rows), pd.DataFrame(texts)
    metrics = metrics_with_k(("spearman", "spearman_abs"))
    measured = compare_pairs(features, "word_index", metrics, UNSIGNED_METHODS)
    estimates = estimate(measured, table, 0.95)
    known = set(zip(estimates["metric"], estimates["method_a"], estimates["method_b"], strict=True))
    rest = [key[1:] for key in KEY_ESTIMATES if key[1:] not in known]
    other = pd.DataFrame(rest, columns=["metric", "method_a", "method_b"])
    other = other.assign(dataset="reviews", model="mlp", subset="all", estimate=0.5)
    accuracy = pd.DataFrame([{**CELL, "seed": "all", "kind": "model", "accuracy": 0.7}])
    empty = {name: pd.DataFrame() for name in ("heads", "components", "crosswalk", "removal_curves")}
    tables = {"features": features, "texts": table, "measurements": measured, "accuracy": accuracy}
    return tables | empty | {"estimates": pd.concat([estimates, other], ignore_index=True)}


def reference_of(tables: Mapping[str, pd.DataFrame], **changes: Any) -> Reference:
    values = key_values(tables, GATES)
    made: dict[str, Any] = {
        "schema_version": 1,
        "config_hash": "c",
        "stack": {"numpy": "2.4.6", "processor": "one"},
        "tables": {"features": {"sha256": "aa", "rows": 3, "columns": ["word"]}},
        "data": {"reviews/vocabulary.json": "bb"},
        "values": {v.name: {"value": v.value, "tolerance": v.tolerance, "kind": v.kind} for v in values},
        "reasons": WHY,
    }
    return Reference(**made | changes)


@pytest.fixture(scope="module")
def kept() -> Reference:
    return reference_of(explained())


def failed(kept: Reference, found: Reference) -> list[str]:
    return [check.name for check in check_run(kept, found) if check.required and not check.held]


def test_the_same_run_holds_everywhere(kept: Reference) -> None:
    assert failed(kept, reference_of(explained())) == []
    assert len(kept.values) > 25
    assert {value["kind"] for value in kept.values.values()} == set(WHY)


def test_what_another_processor_does_holds(kept: Reference) -> None:
    """Scores move by what float32 leaves of numbers of this size."""
    assert failed(kept, reference_of(explained(shift=1e-6))) == []


BROKEN = {
    "lime at random": ("lime", lambda s: np.random.default_rng(int(abs(s[0]) * 1e6)).normal(size=len(s))),
    "lime with its sign turned": ("lime", lambda s: -s),
    "occlusion one word late": ("occlusion", lambda s: np.roll(s, 1)),
    "half of the gradients zero": ("integrated_gradients", lambda s: s * (np.arange(len(s)) % 2)),
    "attention with its words sorted": ("attention", np.sort),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_explainer_is_caught_within_the_tolerances_of_another_stack(name: str, kept: Reference) -> None:
    method, damage = BROKEN[name]
    found = reference_of(explained(**{method: damage}), stack={"numpy": "3"})
    caught = failed(kept, found)
    assert caught
    assert all(f" {method} " in check for check in caught), "no other explainer is accused"


def test_scores_that_do_not_add_up_are_caught(kept: Reference) -> None:
    caught = failed(kept, reference_of(explained(shapley=lambda s: 1.001 * s)))
    assert caught == ["largest error of a text's sum of Shapley values"]


def test_counts_gates_and_accuracy_are_held_to_their_tolerance(kept: Reference) -> None:
    tables = explained()
    values = {v.name: v.value for v in key_values(tables, [*GATES, {"name": "h", "passed": False}])}
    assert (values["gates measured"], values["gates broken"]) == (2.0, 1.0)
    for accuracy, ok in ((0.725, True), (0.735, False), (math.nan, False)):
        tables["accuracy"] = tables["accuracy"].assign(accuracy=accuracy)
        assert (failed(kept, reference_of(tables)) == []) is ok


def test_hashes_must_be_equal_on_the_same_stack_alone(kept: Reference) -> None:
    other = {"features": {"sha256": "ab", "rows": 3, "columns": ["word"]}}
    assert failed(kept, dataclasses.replace(kept, tables=other)) == ["table features"]
    elsewhere = dataclasses.replace(kept, tables=other, stack=kept.stack | {"numpy": "3"})
    assert failed(kept, elsewhere) == []
    assert stack_differences(kept, elsewhere) == ["numpy: 2.4.6 kept, 3 here"]
    told = summarise(check_run(kept, elsewhere), stack_differences(kept, elsewhere))
    assert re.search("another stack.*numpy: 2.4.6 kept, 3 here", told[0])
    assert told[1] == "0 of 1 tables are byte-identical"
    assert told[2].startswith("reproduced: ")
    told = summarise(check_run(kept, dataclasses.replace(kept, tables=other)), [])
    assert re.search("not reproduced: .*not held: table features", told[2])


def test_missing_or_new_tables_columns_values_and_other_data_are_caught_on_any_stack(kept: Reference) -> None:
    stack = {"numpy": "3"}
    features = kept.tables["features"]
    for change, name in (
        ({"tables": {}}, "table features"),
        ({"tables": {"features": features, "more": features}}, "table more"),
        ({"tables": {"features": {**features, "columns": ["wrod"]}}}, "columns of features"),
        ({"data": {"reviews/vocabulary.json": "cc"}}, "data reviews/vocabulary.json"),
        ({"values": {k: v for k, v in kept.values.items() if k != "gates broken"}}, "gates broken"),
    ):
        assert failed(kept, dataclasses.replace(kept, stack=stack, **change)) == [name]


def test_a_run_without_a_key_estimate_is_told() -> None:
    tables = explained()
    tables["estimates"] = tables["estimates"].iloc[:-1]
    with pytest.raises(LedgerError, match="no estimate 'indirect_share shapley_margin direct_centred'"):
        key_values(tables, GATES)


def test_a_reference_is_read_as_it_was_written(tmp_path: Path, kept: Reference) -> None:
    path = tmp_path / "reference" / "fake.json"
    with pytest.raises(LedgerError, match=r"no reference at .*study reproduce --keep"):
        read_reference(path)
    write_reference(path, kept)
    assert read_reference(path) == kept
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 9}))
    with pytest.raises(LedgerError, match="schema version 9, this program reads 1"):
        read_reference(path)
    path.write_text("{}")
    with pytest.raises(LedgerError, match="no reference of this version"):
        read_reference(path)
    values = {"accuracy": {"value": math.nan, "tolerance": 0.1, "kind": "accuracy"}}
    with pytest.raises(LedgerError, match=r"undefined in this run.*accuracy"):
        write_reference(path, dataclasses.replace(kept, values=values))


def test_the_stack_tells_processors_apart_that_have_one_name() -> None:
    stack = describe_stack()
    assert {"python", "torch", "numpy", "processor", "system", "instructions"} <= set(stack)
    assert all(isinstance(value, str) and value for value in stack.values())


CONFIG = """\
name: fake
seeds: [0]
datasets: [{name: reviews, source: rotten_tomatoes}]
models: [{name: a}]
"""


def test_the_command_runs_anew_and_tells_by_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Reference
) -> None:
    (tmp_path / "fake.yaml").write_text(CONFIG)
    settings = renamed(parse_config(CONFIG, "CONFIG"))
    current = dataclasses.replace(kept, config_hash=config_hash(settings))
    runs: list[str] = []

    def run(config: Any, results: Path, _display: Any) -> int:
        runs.append(config.name)
        return 0

    found = [current]
    monkeypatch.setattr(rerun, "run_study", run)
    monkeypatch.setattr(rerun, "describe_run", lambda folder, config: found[0])

    def reproduce(*more: str) -> tuple[int, str]:
        arguments = ["reproduce", str(tmp_path / "fake.yaml"), "--results", str(tmp_path), *more]
        done = CliRunner().invoke(app, arguments)
        return done.exit_code, f"{done.output}{done.exception or ''}"

    assert "no reference at" in reproduce()[1]
    assert runs == []
    status, told = reproduce("--keep")
    assert (status, told.splitlines()[-1]) == (0, f"wrote {reference_path(tmp_path, 'fake')}")
    assert runs == ["fake-reproduced"]
    assert read_reference(reference_path(tmp_path, "fake")) == current
    status, told = reproduce()
    assert status == 0
    assert "reproduced: " in told
    found[0] = dataclasses.replace(current, data={})
    status, told = reproduce()
    assert status == 3
    assert re.search(r"data reviews/vocabulary.json +NOT HELD", told)
    (tmp_path / "fake.yaml").write_text(CONFIG.replace("[0]", "[1]"))
    n_runs = len(runs)
    assert "is of another config" in reproduce()[1]
    assert len(runs) == n_runs, "nothing is run that could not be compared"
    monkeypatch.setattr(rerun, "run_study", lambda *_: 1)
    assert reproduce("--keep")[0] == 1
    assert read_reference(reference_path(tmp_path, "fake")) == current


def test_an_earlier_reproduction_goes_and_nothing_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = renamed(parse_config(CONFIG, "CONFIG"))
    monkeypatch.setattr(rerun, "run_study", lambda *_: 0)
    folder, display = tmp_path / config.name, PlainDisplay(Console())
    (folder / "tables").mkdir(parents=True)
    with pytest.raises(LedgerError, match="is no run folder"):
        run_anew(config, tmp_path, display)
    (folder / ledger.CONFIG_FILE).write_text(CONFIG)
    with ledger.RunLock(folder), pytest.raises(LedgerError, match="in use by another process"):
        run_anew(config, tmp_path, display)
    assert (folder / "tables").exists()
    assert run_anew(config, tmp_path, display) == 0
    assert not folder.exists()


def test_what_cannot_be_reproduced_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun, "run_study", lambda *_: pytest.fail("it ran"))
    config = tmp_path / "config.yaml"
    for more, told in (
        ("name: x\nsweep: {removals: [mask], budgets: [512]}\n", "a sweep has no reference"),
        (f"name: {'x' * 54}\n", r"name: 'x+' has 54 letters, of which 53 are allowed here"),
    ):
        config.write_text(CONFIG.replace("name: fake\n", "") + more)
        for options in ([], ["--keep"]):
            done = CliRunner().invoke(app, ["reproduce", str(config), "--results", str(tmp_path), *options])
            assert isinstance(done.exception, ConfigError)
            assert re.search(told, str(done.exception))
    assert renamed(parse_config(CONFIG.replace("name: fake", "name: " + "x" * 53), "CONFIG")).name.endswith(
        "-reproduced"
    )


def test_the_kept_reference_is_of_this_version_and_holds_no_text() -> None:
    reference = read_reference(ROOT / "results" / "reference" / "smoke.json")
    assert len(reference.values) >= 40
    assert all(math.isfinite(kept["value"]) and kept["kind"] in reference.reasons for kept in reference.values.values())
    hashes = [table["sha256"] for table in reference.tables.values()] + list(reference.data.values())
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in hashes)


def test_a_check_that_may_fail_is_not_called_a_failure() -> None:
    assert Check(name="t", held=False, required=False, told="").verdict == "differs, as it may on another stack"
    assert Check(name="t", held=False, required=True, told="").verdict == "NOT HELD"
