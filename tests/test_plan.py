"""Tasks, what decides them, what a run shows, and how long it will take."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from study import stages as real
from study.config.loading import parse_config
from study.ledger.manifest import hash_code
from study.running.display import Forecast, LiveDisplay, make_display
from study.running.estimate import describe_seconds, estimate_run, estimate_seconds
from study.running.freshness import compare_settings, describe_changes, select_code, select_settings
from study.running.plan import allowed_names, build_tasks
from tests.fake_study import CELLS, CONFIG, STAGES, change

# tasks


def test_tasks_need_what_belongs_to_them() -> None:
    tasks = {task.name: task for task in build_tasks(parse_config(CONFIG, "CONFIG"), STAGES)}
    assert tasks["data reviews"].needs == ()
    assert tasks["explain reviews-a-s1"].needs == ("data reviews", "train reviews-a-s1")
    assert tasks["compare"].needs == tuple(f"explain {cell}" for cell in CELLS)
    assert tasks["explain reviews-b-s1"].folder == "cells/reviews-b-s1"


def test_tasks_are_those_of_the_models_of_a_data_set() -> None:
    one = parse_config(CONFIG.replace("rotten_tomatoes}", "rotten_tomatoes, models: [b]}"), "CONFIG")
    tasks = [task.name for task in build_tasks(one, STAGES)]
    assert [name for name in tasks if name.startswith("train ")] == ["train reviews-b-s0", "train reviews-b-s1"]


def test_stage_cannot_need_a_narrower_or_later_one() -> None:
    stages = (STAGES[0], replace(STAGES[1], needs=("compare",)))
    with pytest.raises(ValueError, match="stage 'train' needs 'compare', which is no earlier stage"):
        build_tasks(parse_config(CONFIG, "CONFIG"), stages)


def test_real_stages_fit_together() -> None:
    config = parse_config(CONFIG, "CONFIG")
    code = hash_code()
    for task in build_tasks(config, real.STAGES):
        assert select_code(task, code)
        assert "runtime.workers" not in select_settings(task, config)
        assert estimate_seconds(task, config) > 0
    with pytest.raises(ValueError, match=r"names the code 'gone.py', which does not exist"):
        select_code(replace(task, stage=replace(task.stage, code=("gone.py",))), code)


def test_convergence_is_a_task_of_the_cells_it_covers() -> None:
    planned = CONFIG.replace("{name: b, d_mlp: 0}", "{name: b, d_mlp: 0, n_seeds: 1}")
    needs = {}
    for wanted in ("", "convergence: {datasets: [reviews]}", "convergence: {datasets: [reviews], models: [b]}"):
        tasks = {task.name: task for task in build_tasks(parse_config(planned + wanted, "CONFIG"), real.STAGES)}
        needs[wanted] = [name for name in tasks if name.startswith("converge ")]
        assert [name for name in tasks["compare"].needs if name.startswith("converge ")] == needs[wanted]
        assert not [name for name in tasks["score"].needs if name.startswith("converge ")]
        assert {"score", "compare"} <= set(tasks["report"].needs)
        for name in needs[wanted]:
            cell = name.split()[1]
            assert tasks[name].needs == ("data reviews", f"train {cell}")
    assert list(needs.values()) == [
        [],
        ["converge reviews-a-s0", "converge reviews-a-s1", "converge reviews-b-s0"],
        ["converge reviews-b-s0"],
    ]


def test_a_task_that_misses_what_applies_nowhere_in_its_cell_is_a_mistake() -> None:
    """Only a task of the whole run may do without: one of a cell would read what is not there."""
    nowhere = replace(STAGES[1], applies=lambda _config, _dataset, _model: False)
    with pytest.raises(ValueError, match="stage 'explain' needs 'train', which is no earlier stage"):
        build_tasks(parse_config(CONFIG, "CONFIG"), (STAGES[0], nowhere, STAGES[2]))


def test_data_depend_on_widths_only_where_there_are_vectors() -> None:
    config = parse_config(CONFIG, "CONFIG")
    vectors = parse_config(CONFIG.replace("rotten_tomatoes}", "rotten_tomatoes, word_vectors: {}}"), "CONFIG")
    for given, key in ((config, None), (vectors, [64])):
        task = build_tasks(given, STAGES)[0]
        assert select_settings(task, given).get("word vector widths") == key


def test_what_other_cells_there_are_decides_nothing_within_one() -> None:
    config = parse_config(CONFIG, "CONFIG")
    fewer = config.model_copy(
        update={
            "datasets": (config.datasets[0].model_copy(update={"models": ("a",)}),),
            "models": (config.models[0].model_copy(update={"n_seeds": 1}), config.models[1]),
        }
    )
    for stage in ("data", "train", "explain", "dissect"):
        before, after = (next(t for t in build_tasks(c, real.STAGES) if t.stage.name == stage) for c in (config, fewer))
        assert select_settings(before, config) == select_settings(after, fewer)


def test_a_model_with_training_of_its_own_does_not_follow_the_studys() -> None:
    own = parse_config(CONFIG.replace("{name: b, d_mlp: 0}", "{name: b, d_mlp: 0, training: {patience: 9}}"), "CONFIG")
    other = own.model_copy(update={"training": own.training.model_copy(update={"max_epochs": 77})})
    tasks = {task.name: task for task in build_tasks(own, real.STAGES)}
    ends = {name: [select_settings(tasks[name], c) for c in (own, other)] for name in tasks if name.startswith("train")}
    assert ends["train reviews-b-s0"][0]["training.patience"] == 9
    assert ends["train reviews-b-s0"][0] == ends["train reviews-b-s0"][1]
    assert ends["train reviews-a-s0"][0] != ends["train reviews-a-s0"][1]


def test_registries_hand_over_their_names() -> None:
    names = allowed_names()
    assert {"shap", "lime"} <= set(names.explainers)
    assert "rotten_tomatoes" in names.datasets
    assert "encoder" in names.models
    assert "mask" in names.removals
    assert "imdb" in names.unlabelled


def test_changes_are_described_shortly() -> None:
    old = {"config": {"a": 1, "b": 1, "c": 1, "d": 1}, "code": {"x.py": "1"}, "packages": {"torch": "2.1"}}
    new = {
        "config": {"a": 2, "b": 2, "c": 2, "e": 1},
        "code": {},
        "packages": {"torch": "2.2"},
        "inputs": {},
        "needs": {},
    }
    assert describe_changes(old, new) == (
        "config changed: a 1 -> 2, b 1 -> 2, c 1 -> 2 and 2 more; code changed: study/x.py; "
        "package changed: torch 2.1 -> 2.2"
    )


def test_differing_settings_are_listed_without_workers() -> None:
    config = parse_config(CONFIG, "CONFIG")
    other = change(config, {"explain__n_texts": 5, "runtime__workers": 9, "seeds": (0,)})
    assert compare_settings(config, other) == ["seeds: [0, 1] there, [0] now", "explain.n_texts: 100 there, 5 now"]


# display


def test_terminal_shows_a_bar_for_every_running_task_and_the_whole() -> None:
    out = StringIO()
    display = make_display(Console(file=out, force_terminal=True, width=100, color_system=None))
    assert isinstance(display, LiveDisplay)
    with display:
        display.plan({"train a": 10.0, "train b": 10.0}, 2)
        display.started("train a")
        display.progressed("train a", 3, 6, "epoch [3]")
        display.line("skip  [b]x[/b]")
        display.tick()
        time.sleep(0.3)  # drawn ten times a second
        display.finished("train a")
        display.tick()
    assert "3/6 epoch [3]" in out.getvalue()
    assert "skip  [b]x[/b]" in out.getvalue()
    assert "50% done" in out.getvalue()


def test_no_terminal_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.running.display._PLAIN_SECONDS", 0.0)
    out = StringIO()
    display = make_display(Console(file=out, width=200))
    display.plan({"train a": 10.0}, 1)
    display.started("train a")
    display.progressed("train a", 1, 2, "epochs")
    display.tick()
    assert re.search(r"50% done, about 0:\d\d left: train a 1/2 epochs", out.getvalue())


# estimates


@pytest.mark.parametrize(("seconds", "told"), [(0.2, "1 s"), (89, "89 s"), (100, "2 min"), (5400, "1 h 30 min")])
def test_seconds_are_told_roughly(seconds: float, told: str) -> None:
    assert describe_seconds(seconds) == told


def test_more_workers_take_less_time_and_nothing_takes_none() -> None:
    config = parse_config(CONFIG, "CONFIG")
    tasks = build_tasks(config, STAGES)
    assert estimate_run(tasks, config, 4) < estimate_run(tasks, config, 1)
    assert estimate_run([], config, 1) == 0.0


@pytest.mark.parametrize(
    ("method", "key"), [("shapley", "shapley_evals"), ("shap", "shap_evals"), ("lime", "lime_samples")]
)
def test_explaining_takes_longer_with_more_evaluations_of_a_method_in_use(method: str, key: str) -> None:
    config = parse_config(CONFIG, "CONFIG")
    (task, *_) = (t for t in build_tasks(config, real.STAGES) if t.stage.name == "explain")

    def seconds(methods: tuple[str, ...], evaluations: int) -> float:
        explain = config.explain.model_copy(update={"methods": methods, key: evaluations})
        return estimate_seconds(task, config.model_copy(update={"explain": explain}))

    assert seconds((method,), 5000) > 1.5 * seconds((method,), 500)
    assert seconds(("occlusion",), 5000) == seconds(("occlusion",), 500)


def test_forecast_starts_with_the_estimate_and_ends_at_nothing() -> None:
    forecast = Forecast()
    forecast.plan({"a": 30.0, "b": 30.0}, 2)
    assert forecast.left() == pytest.approx(30.0)
    forecast.advance("a", 1.0)
    assert forecast.done == pytest.approx(0.5)
    forecast.advance("b", 1.0)
    assert forecast.left() == pytest.approx(0.0, abs=1e-6)
