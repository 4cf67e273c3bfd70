"""Config files with planted texts and hand-built models: what does not fit is told before a run starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from study.cells import cells
from study.config import ModelConfig, StudyConfig
from study.config.loading import load_config
from study.data.shortcuts import WITHIN_WORDS
from study.errors import ConfigError
from study.known import has_truth, rung_of
from study.metrics.score_card import RUNGS
from study.running.plan import allowed_names
from study.tasks import TASKS
from tests.tasks import own_task

CONFIGS = Path(__file__).parents[1] / "configs"
GOOD = """\
name: good
seeds: [0]
datasets:
  - name: turned
    source: planted
    task: negation
  - name: reviews
    source: rotten_tomatoes
    models: [trained]
models:
  - name: hand
    family: circuit
    n_heads: 5
    d_model: 40
    d_head: 12
    d_mlp: 0
    layer_norm: false
    max_words: 9
  - name: trained
    max_words: 9
"""


def load(tmp_path: Path, text: str, *overrides: str) -> StudyConfig:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return load_config(path, overrides, allowed_names())


def mistakes(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text, *overrides)
    return str(error.value).replace(f"{tmp_path}/", "")


def test_samplers_that_would_be_measured_nowhere(tmp_path: Path) -> None:
    told = mistakes(tmp_path, GOOD + "convergence: {datasets: [reviews], models: [hand]}\n")
    assert told == (
        "study.yaml:21:1: convergence: no model of `models` runs on a data set of `datasets`, so nothing would be "
        "measured: name a pair that runs together"
    )


def test_good_config(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert config.datasets[0].task == "negation"
    assert config.datasets[1].models == ("trained",)
    load(tmp_path, GOOD, "models.hand.rotate=true", "models.hand.weight_noise=0.01")
    load(tmp_path, GOOD, "models.trained.rotate=false", "models.trained.weight_noise=0.0")  # the defaults do no harm


def test_config_of_the_project() -> None:
    config = load_config(CONFIGS / "known_answers.yaml", [], allowed_names())
    assert {dataset.task for dataset in config.datasets} >= set(TASKS)
    found = {(d.name, m.name): 0 for d, m, _ in cells(config).values()}
    for dataset, model, _ in cells(config).values():
        found[dataset.name, model.name] += 1
    tasks = {(task, model): n for task in TASKS for model, n in (("hand-built", 1), ("rotated", 3), ("trained", 3))}
    assert found == tasks | {(name, "encoder"): 1 for name in ("reviews", "one-word", "in-context", "ordered-pair")}


def test_small_config_of_the_project_has_every_rung() -> None:
    config = load_config(CONFIGS / "known_answers_smoke.yaml", [], allowed_names())
    known = [(d, m) for d, m, _ in cells(config).values() if has_truth(d)]
    assert {rung_of(dataset, model) for dataset, model in known} == set(RUNGS)


@pytest.mark.parametrize(
    ("line", "wrong", "expected"),
    [
        (
            "    task: negation\n",
            "    task: negaton\n",
            "study.yaml:6:11: datasets.0.task: unknown task 'negaton'; did you mean 'negation'? "
            "(allowed: single, context, order, negation, majority, induction)",
        ),
        ("    task: negation\n", "", "study.yaml:5:13: datasets.0: the source 'planted' needs a `task`"),
        (
            "    source: rotten_tomatoes\n",
            "    source: rotten_tomatoes\n    task: order\n",
            "study.yaml:9:5: datasets.1.task is for the source 'planted' only, not 'rotten_tomatoes': remove it",
        ),
        (
            "  - name: trained\n",
            "  - name: trained\n    rotate: true\n",
            "study.yaml:20:5: models.1.rotate is for the family 'circuit' only, not 'encoder': remove it",
        ),
        (
            "  - name: trained\n",
            "  - name: trained\n    family: encoder\n    weight_noise: 0.1\n",
            "study.yaml:21:5: models.1.weight_noise is for the family 'circuit' only, not 'encoder': remove it",
        ),
        (
            "    models: [trained]\n",
            "    models: [trained, traind]\n",
            "study.yaml:9:23: datasets.1.models.1: unknown model of this config 'traind'; did you mean 'trained'? "
            "(allowed: hand, trained)",
        ),
        (
            "    models: [trained]\n",
            "    models: [trained, trained]\n",
            "study.yaml:9:23: datasets.1.models.1: 'trained' is here twice, first at study.yaml:9:14",
        ),
        (
            "    task: negation\n",
            "    task: negation\n    models: [trained]\n",
            "study.yaml:12:11: model 'hand' runs on no data set: name it under datasets.<name>.models, or remove it",
        ),
        (
            "    models: [trained]\n",
            "",
            "study.yaml:7:5: datasets.1.models: 'hand' is of family 'circuit', set by hand for the task of data sets "
            "of source 'planted': leave it out here",
        ),
        (
            "    models: [trained]\n",
            "    models: [hand]\n",
            "study.yaml:9:13: datasets.1.models: 'hand' is of family 'circuit', set by hand for the task of data sets "
            "of source 'planted': leave it out here",
        ),
        (
            "seeds: [0]\n",
            "seeds: [0]\nexplain: {removal: delete}\n",
            "study.yaml:3:20: explain.removal is 'delete', wanted 'mask': the truth of planted texts ('turned') holds "
            "for masked words only",
        ),
        (
            "    task: negation\n",
            "    task: negation\n    shortcut: {rule: single_token}\n",
            "study.yaml:7:5: datasets.0.shortcut: the task 'negation' has a truth of its own: remove `shortcut` "
            "or `task`",
        ),
        (
            "    d_head: 12\n",
            "    d_head: 8\n",
            "study.yaml:15:13: models.0: task 'negation' does not fit: d_head is 8, wanted 9 or more",
        ),
        (
            "    max_words: 9\n  - name: trained",
            "  - name: trained",
            "study.yaml:11:5: models.0: task 'negation' does not fit: max_words is 60, wanted 9: all texts have so "
            "many words",
        ),
    ],
)
def test_mistake_is_told_at_its_place(tmp_path: Path, line: str, wrong: str, expected: str) -> None:
    assert line in GOOD
    assert mistakes(tmp_path, GOOD.replace(line, wrong, 1)) == expected


def test_all_that_does_not_fit_is_told_together(tmp_path: Path) -> None:
    told = mistakes(tmp_path, GOOD, "models.hand.n_layers=1", "models.hand.n_heads=2", "models.hand.layer_norm=true")
    assert told.splitlines() == [
        "3 mistakes in the config study.yaml:",
        "override 'models.hand.n_layers=1': models.0: task 'negation' does not fit: n_layers is 1, wanted 2 or more",
        "override 'models.hand.n_heads=2': models.0: task 'negation' does not fit: n_heads is 2, wanted 4 or more",
        "override 'models.hand.layer_norm=true': models.0: task 'negation' does not fit: layer_norm is true, wanted "
        "false: it would mix the directions",
    ]


def test_models_must_read_as_far_as_shortcuts_are_planted(tmp_path: Path) -> None:
    planted = "  - {name: one-word, source: rotten_tomatoes, models: [trained], shortcut: {rule: single_token}}\n"
    text = GOOD.replace("models:\n  - name: hand", planted + "models:\n  - name: hand")
    assert mistakes(tmp_path, text) == (
        "study.yaml:21:16: models.1.max_words 9 is less than the 50 first words among which the shortcut of data set "
        "'one-word' is planted"
    )
    assert mistakes(tmp_path, text, "models.trained.max_words=49").startswith("override 'models.trained.max_words=49'")
    assert load(tmp_path, text, "models.trained.max_words=50").models[1].max_words == WITHIN_WORDS == 50


def test_task_that_is_wrong_in_itself_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two circuits run on it, and both would say so."""
    monkeypatch.setattr(own_task, "TASK", replace(own_task.TASK, heads=()))
    monkeypatch.setitem(TASKS._entries, "own", "tests.tasks.own_task:TASK")
    circuit = GOOD[GOOD.index("  - name: hand") : GOOD.index("  - name: trained")]
    text = GOOD.replace("task: negation", "task: own") + circuit.replace("hand", "hand2")
    assert mistakes(tmp_path, text) == "study.yaml:6:11: datasets.0.task: 'own' cannot be built: it has no heads"


def test_models_that_never_meet_may_share_a_name_for_their_folders(tmp_path: Path) -> None:
    """Data set a with model b-c, and data set a-b with model c, share a folder only where both cells exist."""
    datasets = "[{name: a, source: rotten_tomatoes%s}, {name: a-b, source: rotten_tomatoes}]"
    text = f"name: x\nseeds: [0]\ndatasets: {datasets}\nmodels: [{{name: b-c}}, {{name: c}}]\n"
    assert "share the folder name" in mistakes(tmp_path, text % "")
    assert load(tmp_path, text % ", models: [c]").models == (ModelConfig(name="b-c"), ModelConfig(name="c"))
