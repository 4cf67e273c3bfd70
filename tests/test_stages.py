"""A stage is done anew when any code that decides its result changes: what its modules import is on its list."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from study import tables
from study.cells import cells, models_of, seeds_of
from study.config import ConvergenceConfig, DatasetConfig, EvaluateConfig, ModelConfig, StudyConfig
from study.stages import _ALL_SECTIONS, _BASE, _SCORE, STAGES, SWEEP_STAGES, Stage

ROOT = Path(__file__).parent.parent
SHARED = {
    "artefacts.py",
    "pipeline.py",
    "preparing.py",
    "restoring.py",
    "tables.py",
}  # of all: they import what some need

NOT_DECIDING = {
    ("train", "gates.py"): "of the walkthrough, which training does not walk",
    ("shuffle", "gates.py"): "the same, on shuffled labels",
    ("rate", "gates.py"): "of the walkthrough, which an answer does not walk either",
    ("baseline", "model/training.py"): "how models are asked, which baselines are not",
    ("score", "gates.py"): "of the walkthrough, which scoring does not walk either",
    ("dissect", "features/__init__.py"): "names of explainers, which have done their work before",
    ("sweep gather", "report/sweep/page.py"): "of the report, which lies in the same file",
    ("sweep report", "sweeping/trends.py"): "of the tables, which are input of the report",
    ("sweep report", "metrics/estimates.py"): "the same",
}
NAMED = {stage.name: stage for stage in STAGES} | {f"sweep {s.name}": s for s in SWEEP_STAGES if s not in STAGES}


def imports_of(path: Path) -> set[Path]:
    """Files of the study that a file imports, also inside functions."""
    return imports_of_nodes(ast.walk(ast.parse(path.read_text())))


def imports_of_nodes(nodes: Iterable[ast.AST]) -> set[Path]:
    found = set()
    for node in nodes:
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("study"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("study.")]
        for name in names:
            place = ROOT.joinpath(*name.split("."))
            found |= {file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()}
    return found


def files_of(code: tuple[str, ...]) -> set[Path]:
    places = [ROOT / "study" / name for name in code]
    assert all(place.exists() for place in places), code
    return {file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])}


def reached_from(stage: Stage) -> set[Path]:
    """Files of the study that the function of a stage names, itself or through functions of its own file."""
    module, _, function = stage.function.partition(":")
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    body = ast.parse(path.read_text()).body
    own = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imported = {}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                imported[alias.asname or alias.name] = imports_of_nodes([ast.ImportFrom(node.module, [alias])])
    found, waiting, seen = {path}, [function], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found |= imported.get(name, set())
        if name in own:
            nodes = list(ast.walk(own[name]))
            found |= imports_of_nodes(nodes)
            waiting += [node.id for node in nodes if isinstance(node, ast.Name)]
    return found


@pytest.mark.parametrize("name", NAMED)
def test_what_the_function_of_a_stage_uses_is_on_its_list(name: str) -> None:
    found = reached_from(NAMED[name]) - files_of(NAMED[name].code) - {ROOT / "study" / "__init__.py"}
    missing = {str(path.relative_to(ROOT / "study")) for path in found}
    assert missing <= {file for stage_name, file in NOT_DECIDING if stage_name == name}


@pytest.mark.parametrize("name", NAMED)
def test_all_code_behind_a_stage_is_on_its_list(name: str) -> None:
    stage = NAMED[name]
    listed = files_of(stage.code)
    start = [file for file in files_of(stage.code) if file.name not in SHARED or file.parent != ROOT / "study"]
    found = {found for file in start for found in imports_of(file)} - listed - {ROOT / "study" / "__init__.py"}
    missing = {str(path.relative_to(ROOT / "study")) for path in found}
    assert missing == {file for stage_name, file in NOT_DECIDING if stage_name == name}
    assert set(_BASE) <= set(stage.code)


def test_scoring_is_done_anew_for_the_sections_that_it_reads():
    """No more, or a setting of the heads would score everything anew; no fewer, or another device would not."""
    (stage,) = [stage for stage in STAGES if stage.name == "score"]
    nodes = [node for name in _SCORE for node in ast.walk(ast.parse((ROOT / "study" / name).read_text()))]
    read = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "config"
    }
    assert set(stage.config) == read & set(_ALL_SECTIONS)


def test_data_sets_run_with_their_models_only():
    some = ("deep", "plain")
    datasets = [DatasetConfig(name="all", source="x"), DatasetConfig(name="some", source="x", models=some)]
    models = [ModelConfig(name=name) for name in ("plain", "wide", "deep")]
    config = StudyConfig(name="study", seeds=(0, 3), datasets=tuple(datasets), models=tuple(models))
    assert [m.name for m in models_of(datasets[0], config)] == ["plain", "wide", "deep"]
    assert [m.name for m in models_of(datasets[1], config)] == ["plain", "deep"]  # in the order of the config
    found = cells(config)
    assert list(found) == [
        *("all-plain-s0", "all-plain-s3", "all-wide-s0", "all-wide-s3", "all-deep-s0", "all-deep-s3"),
        *("some-plain-s0", "some-plain-s3", "some-deep-s0", "some-deep-s3"),
    ]
    assert found["some-deep-s3"] == (datasets[1], models[2], 3)


def test_models_run_on_the_first_of_the_seeds():
    models = [ModelConfig(name=name, n_seeds=n) for name, n in (("one", 1), ("all", None), ("two", 2), ("more", 9))]
    dataset = DatasetConfig(name="d", source="x")
    config = StudyConfig(name="x", seeds=(7, 0, 3), datasets=(dataset,), models=tuple(models))
    assert [seeds_of(m, config) for m in models] == [(7,), (7, 0, 3), (7, 0), (7, 0, 3)]
    assert list(cells(config)) == [
        *("d-one-s7", "d-all-s7", "d-all-s0", "d-all-s3", "d-two-s7", "d-two-s0"),
        *("d-more-s7", "d-more-s0", "d-more-s3"),
    ]


def test_only_the_cells_that_the_config_names_converge():
    datasets = tuple(DatasetConfig(name=name, source="x") for name in "de")
    models = tuple(ModelConfig(name=name) for name in "ab")
    some = ConvergenceConfig(datasets=("e",), models=("a",))
    config = StudyConfig(name="x", seeds=(0,), datasets=datasets, models=models, convergence=some)
    applying = {
        stage.name: [f"{d.name}{m.name}" for d in datasets for m in models if stage.applies(config, d, m)]
        for stage in STAGES
    }
    assert applying.pop("converge") == ["ea"]
    assert applying.pop("rate") == []  # no data set names rated texts
    assert set(map(tuple, applying.values())) == {("da", "db", "ea", "eb")}


def test_the_curve_of_the_shuffled_control_is_joined_where_it_was_trained(monkeypatch, tmp_path):
    """Models set by hand learn nothing, so they have no control; the compare stage waits for those that have one."""
    joined = {}

    def join(_folder, config, name, wanted=lambda _dataset, _model: True):
        joined[name] = [cell for cell, (d, m, _) in cells(config).items() if wanted(d, m)]
        return pd.DataFrame({"sd": [], "mean_abs_change": [], "n_texts": []})

    monkeypatch.setattr(tables, "_join", join)
    datasets = (DatasetConfig(name="d", source="x"),)
    by_hand = ModelConfig(name="set", family="circuit")
    models = (ModelConfig(name="learns"), by_hand)
    config = StudyConfig(name="x", seeds=(0,), datasets=datasets, models=models)
    tables.join_cells(tmp_path, config)
    assert joined["shuffled_training"] == ["d-learns-s0"]
    (shuffle, compare) = (stage for stage in STAGES if stage.name in ("shuffle", "compare"))
    assert [m.name for m in models if shuffle.applies(config, datasets[0], m)] == ["learns"]
    assert "shuffle" in compare.needs
    without = EvaluateConfig(shuffled_labels=False), EvaluateConfig(measures=("stability",))
    for evaluate in without:
        joined.clear()
        tables.join_cells(tmp_path, config.model_copy(update={"evaluate": evaluate}))
        assert "shuffled_training" not in joined
    joined.clear()
    tables.join_cells(tmp_path, config.model_copy(update={"models": (by_hand,)}))
    assert "shuffled_training" not in joined
