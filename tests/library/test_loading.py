"""Finished runs are found, checked and only ever read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from study import ledger
from study.errors import LedgerError, UnknownNameError
from study.library.loading import LoadedRun, ModelKey, load_run

pytestmark = pytest.mark.xdist_group("library run")


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Of every file its size and the time of its last change."""
    found = {str(path): path.stat() for path in folder.rglob("*")}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    """The run, to be damaged."""
    return Path(shutil.copytree(run_folder, tmp_path / "results" / "tiny"))


def test_a_run_is_found_by_name_and_by_folder(run_folder: Path):
    by_name = load_run("tiny", run_folder.parent)
    assert by_name.folder == run_folder
    assert load_run(str(run_folder)).folder == run_folder
    assert load_run(run_folder).config == by_name.config


def test_a_run_that_is_not_there_is_told_with_those_that_are(run_folder: Path, tmp_path: Path):
    with pytest.raises(LedgerError, match=r"there is no run 'tinny' in .*did you mean 'tiny'\? \(allowed: tiny\)"):
        load_run("tinny", run_folder.parent)
    with pytest.raises(LedgerError, match=r"none at all in .*`study run CONFIG` makes one"):
        load_run("tiny", tmp_path)


@pytest.mark.parametrize("state", ["failed", "stopped", None])
def test_a_run_that_is_not_finished_is_refused(copy: Path, state: str | None):
    manifest = copy / ledger.MANIFEST_FILE
    manifest.unlink()
    if state is not None:
        ledger.write_json(manifest, {"state": state})
    with pytest.raises(LedgerError, match=f"not finished .its state is '{state or 'unfinished'}'.*study run CONFIG"):
        load_run(copy)


def test_a_run_at_work_is_refused(copy: Path):
    with ledger.RunLock(copy), pytest.raises(LedgerError, match="a process is at work on it"):
        load_run(copy)


def test_a_sweep_is_refused(copy: Path):
    path = copy / ledger.CONFIG_FILE
    path.write_text(path.read_text().replace("sweep: null", "sweep: {}"))
    with pytest.raises(LedgerError, match="is a sweep"):
        load_run(copy)


def test_models_are_in_the_order_of_the_config(run: LoadedRun):
    assert run.models() == [
        *(ModelKey(dataset="own", model="mlp", seed=seed) for seed in (0, 1, 2)),
        ModelKey(dataset="own", model="short", seed=0),
    ]


def test_tables_are_read_by_name(run: LoadedRun):
    assert set(run.table("features")["model"]) == {"mlp", "short"}
    assert list(run.table("accuracy")["kind"]) == ["model"] * 8  # a csv
    with pytest.raises(UnknownNameError, match=r"run 'tiny' has no table 'feature'; did you mean 'features'\?"):
        run.table("feature")


def test_the_first_model_with_the_seed_of_median_accuracy_is_the_default(run: LoadedRun):
    assert run.explainer().key == ModelKey(dataset="own", model="mlp", seed=2)
    assert run.explainer(model="short").key == ModelKey(dataset="own", model="short", seed=0)
    assert run.explainer("own", "mlp", 1).key.seed == 1


def test_of_an_even_number_of_seeds_the_lower_middle_one_is_the_default(copy: Path):
    table = copy / "tables" / "accuracy.csv"
    lines = [line for line in table.read_text().splitlines() if ",1,model" not in line]  # 0.9 and 0.7 stay
    table.write_text("\n".join(lines) + "\n")
    assert load_run(copy).explainer().key.seed == 2


def test_a_named_model_brings_the_data_set_it_runs_on(run: LoadedRun):
    (own,) = run.config.datasets
    other = own.model_copy(update={"name": "first", "models": ("short",)})
    both = LoadedRun(folder=run.folder, config=run.config.model_copy(update={"datasets": (other, own)}))
    assert both.explainer(model="mlp", seed=0).key == ModelKey(dataset="own", model="mlp", seed=0)
    with pytest.raises(UnknownNameError, match=r"no model on data set 'first' 'mlp' \(allowed: short\)"):
        both.explainer("first", "mlp")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"dataset": "owl"}, r"run 'tiny' has no data set 'owl'; did you mean 'own'\? \(allowed: own\)"),
        ({"model": "mpl"}, r"has no model on data set 'own' 'mpl'; did you mean 'mlp'\? \(allowed: mlp, short\)"),
        ({"seed": 7}, r"has no seed 7 of model 'mlp' \(allowed: 0, 1, 2\)"),
        ({"model": "short", "seed": 2}, r"has no seed 2 of model 'short' \(allowed: 0\)"),
    ],
)
def test_a_model_that_the_run_has_not_is_told_with_those_it_has(run: LoadedRun, asked: dict, message: str):
    with pytest.raises(UnknownNameError, match=message):
        run.explainer(**asked)


def test_explaining_leaves_the_run_as_it_was(copy: Path):
    before = contents(copy)
    load_run(copy).explainer().explain("a splendid tale")
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["cells/own-mlp-s2/model.safetensors", "data/own/texts.parquet"])
def test_files_that_were_changed_are_refused(copy: Path, name: str):
    path = copy / name
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(LedgerError, match="is not as this run wrote it"):
        load_run(copy).explainer()


@pytest.mark.parametrize("name", ["cells/own-mlp-s2/model.safetensors", "data/own/vocabulary.json"])
def test_files_that_no_finished_stage_wrote_are_refused(copy: Path, name: str):
    path = copy / name
    for marker in path.parent.glob(".stages/*.json"):
        text = marker.read_text()
        outputs = json.loads(text)["outputs"]
        outputs.pop(path.name, None)
        marker.write_text(json.dumps(json.loads(text) | {"outputs": outputs}))
    with pytest.raises(LedgerError, match=rf"no finished stage .* wrote .*{path.name}.*`study run` makes it again"):
        load_run(copy).explainer()


def test_files_that_are_missing_are_told(copy: Path):
    (copy / "cells" / "own-mlp-s2" / "model.safetensors").unlink()
    with pytest.raises(LedgerError, match=r"cannot read .*model\.safetensors"):
        load_run(copy).explainer()


def test_of_a_run_without_accuracy_the_first_seed_is_the_default(copy: Path):
    table = copy / "tables" / "accuracy.csv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    assert load_run(copy).explainer().key.seed == 0
