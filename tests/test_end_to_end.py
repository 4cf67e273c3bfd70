"""The whole study through its command line, on sentences of our own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from study import pipeline
from study.config.loading import load_config
from study.errors import StudyError
from study.running.plan import allowed_names, build_tasks
from study.stages import STAGES, StageContext
from tests.own_texts import MARKUP, write_study

ROOT = Path(__file__).parent.parent
MODELS = [
    {"name": "mlp", "n_heads": 2, "d_model": 8, "d_mlp": 16, "max_words": 12},
    {"name": "attention-only", "n_heads": 2, "d_model": 8, "d_mlp": 0, "max_words": 7},
]

undisturbed = pytest.mark.xdist_group("undisturbed run")  # one worker runs the study that these tests share


def run_study(config: Path, results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`study run`, to its end."""
    return subprocess.run(command(config, results, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=300)


def command(config: Path, results: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "study", "run", str(config), *arguments, "--results", str(results)]


def table_hashes(run: Path) -> dict[str, str]:
    """sha256 of every table of a run; the tables hold no times, so equal runs have equal ones."""
    paths = sorted((run / "tables").iterdir())
    assert paths
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The config and the run folder of a study that ran undisturbed: two variants, two seeds."""
    folder = tmp_path_factory.mktemp("undisturbed")
    config = write_study(folder, models=MODELS, seeds=[0, 1])
    done = run_study(config, folder / "results")
    assert done.returncode == 0, done.stdout + done.stderr
    return config, folder / "results" / "tiny"


@undisturbed
def test_a_run_leaves_what_the_contract_promises(finished: tuple[Path, Path]) -> None:
    _, run = finished
    for name in ("report.html", "report.md", "config.resolved.yaml", "manifest.json", "gates.json", "log.jsonl"):
        assert (run / name).stat().st_size, name
    frames = ("features", "heads", "crosswalk", "measurements", "texts", "components", "causal", "interactions")
    more = ("ablations", "trials", "profiles", "profile_words", "layers", "paths", "path_sums", "interventions")
    more += (
        "patching",
        "neurons",
        "neuron_words",
        "removal_curves",
        "head_disagreement",
        "circuit_curves",
        "head_paths",
    )
    for name in (*frames, *more):
        assert (run / "tables" / f"{name}.parquet").exists()
        assert (run / "tables" / f"{name}.csv").exists()
    for name in ("estimates", "accuracy"):
        assert {p.suffix for p in (run / "tables").glob(f"{name}.*")} >= {".csv", ".tex", ".md"}
    cell = run / "cells" / "own-mlp-s0"
    for name in ("model.safetensors", "vocabulary.json", "contributions.parquet", "features.parquet"):
        assert (cell / name).exists()
    assert list((run / "figures").glob("*.svg"))
    assert not list(run.rglob(".writing-*"))


@undisturbed
def test_every_gate_is_measured_in_every_cell_and_passes(finished: tuple[Path, Path]) -> None:
    gates = json.loads((finished[1] / "gates.json").read_text())
    by_cell: dict[str, set[str]] = {}
    for gate in gates:
        assert gate["passed"], gate
        by_cell.setdefault(gate["cell"], set()).add(gate["name"])
    assert len(by_cell) == 4
    # an attention-only model has no neurons to sum
    assert {cell: len(names) for cell, names in by_cell.items()} == {
        cell: 18 if "mlp" in cell else 17 for cell in by_cell
    }


@undisturbed
def test_the_crosswalk_has_both_explanations_as_margins(finished: tuple[Path, Path]) -> None:
    tables = finished[1] / "tables"
    keys = ["dataset", "model", "seed", "example_id"]
    cells = pd.read_parquet(tables / "crosswalk.parquet").query("method == 'shapley'")
    features = pd.read_parquet(tables / "features.parquet").query("method == 'shapley' and trained")
    components = pd.read_parquet(tables / "components.parquet").set_index([*keys, "component"])
    rows = cells.groupby([*keys, "word_index"])["value"].sum(min_count=1)
    scores = features.set_index([*keys, "word_index"])["score"]
    np.testing.assert_allclose(rows, scores.reindex(rows.index), atol=1e-5)
    assert scores.isna().any()  # words beyond the model's seven positions have no score, not zero
    columns = cells.groupby([*keys, "component"])["value"].sum()
    effect = (components["contribution"] - components["empty_contribution"]).reindex(columns.index)
    np.testing.assert_allclose(columns, effect, atol=1e-4)


@undisturbed
def test_the_causal_crosswalk_has_shap_and_the_heads_shapley_values_as_margins(finished: tuple[Path, Path]) -> None:
    tables = finished[1] / "tables"
    keys = ["dataset", "model", "seed", "example_id"]
    cells = pd.read_parquet(tables / "crosswalk.parquet").query("method == 'two_way_shapley'")
    assert set(cells["kind"]) == {"causal"}
    exact = pd.read_parquet(tables / "causal.parquet").query("words_exact and heads_exact and n_words <= 8")[keys]
    assert len(exact) > 10  # texts whose SHAP scores are exact too
    cells = cells.merge(exact, on=keys)
    features = pd.read_parquet(tables / "features.parquet").query("method == 'shapley' and trained")
    rows = cells.groupby([*keys, "word_index"])["value"].sum(min_count=1)
    scores = features.set_index([*keys, "word_index"])["score"].reindex(rows.index)
    np.testing.assert_allclose(rows, scores, atol=1e-5)
    assert rows.abs().max() > 1e-3
    heads = pd.read_parquet(tables / "heads.parquet").query("method == 'shapley'")
    columns = cells.groupby([*keys, "component"])["value"].sum()
    values = heads.set_index([*keys, "component"])["score"].reindex(columns.index)
    np.testing.assert_allclose(columns, values, atol=1e-5)


@undisturbed
def test_rows_of_both_crosswalks_are_measured(finished: tuple[Path, Path]) -> None:
    measured = pd.read_parquet(finished[1] / "tables" / "measurements.parquet")
    for metric in ("effective_components", "cancellation"):
        rows = measured[measured["metric"] == metric]
        assert set(rows["method_a"]) == {"shapley", "lime", "two_way_shapley"}
    heads = measured.query("metric == 'effective_components' and method_a == 'two_way_shapley'")["value"]
    assert heads.between(1, 4).all()  # a model of four heads


@undisturbed
def test_removed_writes_change_the_frozen_model_as_predicted(finished: tuple[Path, Path]) -> None:
    tried = pd.read_parquet(finished[1] / "tables" / "interventions.parquet")
    assert set(tried["kind"]) == {"head", "neuron", "path"}
    np.testing.assert_allclose(tried["frozen"], tried["predicted"], atol=1e-5)
    assert (tried["live"] - tried["frozen"]).abs().max() > 1e-3  # the model does react


@undisturbed
def test_text_is_data(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    assert (pd.read_parquet(run / "data" / "own" / "texts.parquet")["text"] == MARKUP).any()
    page = (run / "report.html").read_text()
    assert "<script>alert" not in page
    assert "<script>alert" not in (run / "report.md").read_text()


@undisturbed
def test_the_same_config_gives_the_same_tables_whatever_the_workers(finished: tuple[Path, Path]) -> None:
    config, run = finished
    again = config.parent / "again"
    done = run_study(config, again, "--workers", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert table_hashes(again / "tiny") == table_hashes(run)


@undisturbed
def test_a_second_run_skips_everything(finished: tuple[Path, Path]) -> None:
    config, run = finished
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*.parquet")}
    done = run_study(config, run.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*.parquet")} == before


@undisturbed
def test_a_run_killed_four_times_ends_with_the_same_tables(finished: tuple[Path, Path]) -> None:
    config, run = finished
    results = config.parent / "killed"
    rng = np.random.default_rng(20)
    for n_done in (1, 6, 12, 18):  # of 25 tasks, so that every kill hits a run at work
        child = subprocess.Popen(
            command(config, results), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        wait_for_tasks(results / "tiny", n_done)
        time.sleep(rng.uniform(0.0, 0.5))
        assert child.poll() is None, "the run ended before it could be killed"
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        assert json.loads((results / "tiny" / "manifest.json").read_text())["state"] == "running"
    done = run_study(config, results)
    assert done.returncode == 0, done.stdout + done.stderr
    assert table_hashes(results / "tiny") == table_hashes(run)


def wait_for_tasks(run: Path, n_done: int) -> None:
    """Returns when so many tasks of a run are done; fails after a minute and a half."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if sum(is_done(path) for path in run.rglob(".stages/*.json")) >= n_done:
            return
        time.sleep(0.05)
    pytest.fail(f"{n_done} tasks were not done in time")


def is_done(marker: Path) -> bool:
    """Whether the task that left the marker was done."""
    return '"state": "done"' in marker.read_text()


def run_stages(
    config: Path, folder: Path, *overrides: str, after_training: Callable[[Path], None] | None = None
) -> Path:
    """All stages but the report, in this process; the run folder. after_training: given each cell's folder."""
    settings = load_config(config, overrides, allowed_names())
    for task in build_tasks(settings, STAGES[:-1]):
        (folder / task.folder).mkdir(parents=True, exist_ok=True)
        context = StageContext(
            config=settings,
            run_folder=folder,
            folder=folder / task.folder,
            progress=lambda done, total, text: None,
            dataset=task.dataset,
            model=task.model,
            seed=task.seed,
        )
        getattr(pipeline, task.stage.function.partition(":")[2])(context)
        if task.stage.name == "train" and after_training is not None:
            after_training(context.folder)
    return folder


@undisturbed
def test_another_chunk_size_moves_values_by_less_than_rounding(finished: tuple[Path, Path], tmp_path: Path) -> None:
    config, run = finished
    other = run_stages(config, tmp_path, "explain.chunk_size=7", "seeds=[0]")
    for name, column in (("features", "score"), ("heads", "score"), ("crosswalk", "value")):
        one = pd.read_parquet(run / "tables" / f"{name}.parquet").query("seed == 0")
        moved = pd.read_parquet(other / "tables" / f"{name}.parquet")
        np.testing.assert_allclose(moved[column], one[column], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("removal", ["delete", "attend", "resample"])
def test_every_removal_operator_runs_and_keeps_the_gates(tmp_path: Path, removal: str) -> None:
    config = write_study(tmp_path, n_classes=3)
    run = run_stages(config, tmp_path / "run", f"explain.removal={removal}", "explain.n_texts=4")
    gates = json.loads((run / "gates.json").read_text())
    assert gates
    assert all(gate["passed"] for gate in gates), gates


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_three_classes_one_layer_one_head_no_layer_norm(tmp_path: Path, dtype: str) -> None:
    model = {"name": "small", "n_layers": 1, "n_heads": 1, "d_model": 8, "d_mlp": 0, "layer_norm": False}
    model["max_words"] = 20
    config = write_study(tmp_path, n_classes=3, models=[model])
    run = run_stages(config, tmp_path / "run", f"runtime.dtype={dtype}", "explain.shapley_evals=84")
    texts = pd.read_parquet(run / "tables" / "texts.parquet").query("trained")
    assert set(texts["target"]) <= {"bad", "good", "plain"}
    assert (texts["target"] == texts["predicted"]).all()
    assert all(gate["passed"] for gate in json.loads((run / "gates.json").read_text()))


@pytest.mark.parametrize("methods", [["occlusion", "random"], ["shap"], ["shapley", "shap"], ["attention"]])
def test_any_choice_of_methods_gives_all_tables(tmp_path: Path, methods: list[str]) -> None:
    run = run_stages(write_study(tmp_path), tmp_path / "run", f"explain.methods={json.dumps(methods)}")
    features = pd.read_parquet(run / "tables" / "features.parquet")
    assert set(features["method"]) == set(methods)
    crosswalk = pd.read_parquet(run / "tables" / "crosswalk.parquet")
    split = {"shapley"} if "shapley" in methods else set(methods) & {"shap"}
    assert set(crosswalk["method"]) == split | {"two_way_shapley", "leave_one_out"}
    assert list(crosswalk)[-1] == "value"


@pytest.mark.parametrize("methods", [["random"], ["direct_raw", "attention_norm"], ["shapley", "lime"]])
def test_any_choice_of_head_methods_gives_all_tables(tmp_path: Path, methods: list[str]) -> None:
    overrides = (f"heads.methods={json.dumps(methods)}", "heads.causal_texts=0", "heads.patching_texts=0")
    run = run_stages(write_study(tmp_path), tmp_path / "run", "explain.methods=[shap]", *overrides)
    assert set(pd.read_parquet(run / "tables" / "heads.parquet")["method"]) == set(methods)
    assert set(pd.read_parquet(run / "tables" / "crosswalk.parquet")["kind"]) == {"direct"}
    assert len(pd.read_parquet(run / "tables" / "profiles.parquet")) == 4
    for name in ("causal", "patching", "profile_words"):
        assert not len(pd.read_parquet(run / "tables" / f"{name}.parquet"))


def test_a_head_that_does_nothing_is_called_null_and_tried_on_fresh_texts(tmp_path: Path) -> None:
    def silence(folder: Path) -> None:
        weights = safetensors.torch.load_file(folder / "model.safetensors")
        weights["blocks.0.attention.W_O"][1] = 0.0
        safetensors.torch.save_file(weights, folder / "model.safetensors")

    overrides = ("explain.n_texts=10", "heads.causal_texts=2", "explain.methods=[shap]")
    run = run_stages(write_study(tmp_path), tmp_path / "run", *overrides, after_training=silence)
    profiles = pd.read_parquet(run / "tables" / "profiles.parquet").set_index("component")
    assert profiles.loc["L0H1", "class_"] == "null"
    assert profiles.loc["L0H1", "confirmed"]
    assert (profiles.drop(index="L0H1")["class_"] != "null").all()
    trials = pd.read_parquet(run / "tables" / "trials.parquet")
    assert (trials["n_texts"] == 8).all()  # of 18 test texts, ten decided
    assert trials[trials["component"] == "L0H1"]["mean_abs_change"].max() < 1e-6
    assert trials[trials["component"] != "L0H1"]["mean_abs_change"].min() > 1e-4


def test_named_groups_of_heads_are_ablated_together(tmp_path: Path) -> None:
    group = "heads.groups=[[L1H1, L0H0, L0H1]]"
    run = run_stages(write_study(tmp_path), tmp_path / "run", group, "explain.n_texts=3", "heads.causal_texts=0")
    found = pd.read_parquet(run / "tables" / "ablations.parquet")
    named = found[found["group"] == "L0H0+L0H1+L1H1"]
    assert set(named["ablation"]) == {"zero", "mean", "resample"}
    assert set(named["n_heads"]) == {3}
    assert len(named) == 9


def test_more_heads_than_the_exact_limits_are_sampled_and_keep_the_gates(tmp_path: Path) -> None:
    limits = ("heads.exact_limit=3", "heads.head_coalitions=64", "heads.crosswalk_exact_heads=3")
    few = ("heads.crosswalk_head_coalitions=48", "explain.n_texts=4")
    model = [{"name": "wide", "n_heads": 4, "d_model": 8, "d_mlp": 16, "max_words": 12}]
    run = run_stages(write_study(tmp_path, models=model), tmp_path / "run", *limits, *few)
    assert all(gate["passed"] for gate in json.loads((run / "gates.json").read_text()))
    heads = pd.read_parquet(run / "tables" / "heads.parquet").query("method == 'shapley'")
    assert (heads["error"] > 0).all()
    assert pd.read_parquet(run / "tables" / "interactions.parquet")["value"].isna().all()
    causal = pd.read_parquet(run / "tables" / "causal.parquet")
    assert not causal["heads_exact"].any()
    assert (causal["head_error"] > 0).all()


def test_the_untrained_control_never_has_more_texts(tmp_path: Path) -> None:
    overrides = ("explain.n_texts=2", "explain.untrained_texts=5", "explain.methods=[random]")
    run = run_stages(write_study(tmp_path), tmp_path / "run", *overrides)
    texts = pd.read_parquet(run / "tables" / "texts.parquet")
    assert texts.groupby("trained").size().to_dict() == {False: 2, True: 2}


def test_training_that_diverges_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"diverged.*lower training.learning_rate \(now 1e\+30\)"):
        run_stages(write_study(tmp_path), tmp_path / "run", "training.learning_rate=1e30")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a device that is there cannot be missing")
def test_a_device_that_is_not_there_is_told_before_training(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"runtime.device 'cuda' cannot be used here"):
        run_stages(write_study(tmp_path), tmp_path / "run", "runtime.device=cuda")


@undisturbed
def test_completeness_is_measured(finished: tuple[Path, Path]) -> None:
    measured = pd.read_parquet(finished[1] / "tables" / "measurements.parquet").query("metric == 'completeness_error'")
    means = measured.groupby("method_a")["value"].mean()
    assert means["integrated_gradients"] < means["gradient_x_input"]


@undisturbed
def test_an_untrained_control_has_other_scores(finished: tuple[Path, Path]) -> None:
    features = pd.read_parquet(finished[1] / "tables" / "features.parquet").query("model == 'mlp' and seed == 0")
    keys = ["example_id", "word_index", "method"]
    both = features.query("trained").merge(features.query("not trained"), on=keys)
    assert len(both)
    for method, rows in both.groupby("method"):
        assert not np.allclose(rows["score_x"], rows["score_y"], equal_nan=True), method
