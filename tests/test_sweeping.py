"""Sweeps: their points, what changes along an axis, failed points, and a tiny one from data to report."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from study.cells import points
from study.cli import app
from study.config import StudyConfig
from study.config.loading import load_config
from study.errors import ConfigError
from study.ledger.manifest import hash_code
from study.ledger.markers import clear_partial
from study.report.figures import style
from study.running.estimate import estimate_seconds
from study.running.freshness import select_code, select_settings
from study.running.plan import Task, allowed_names, build_tasks
from study.running.run_folder import list_runs, read_gates
from study.stages import SWEEP_STAGES, StageContext
from study.stats import crossed_interval
from study.sweeping import point as point_stage
from study.sweeping.axes import model_families
from study.sweeping.gather import THIRDS, estimate_points, list_points
from study.sweeping.text_rows import FAITHFULNESS
from study.sweeping.trends import measure_trends
from tests.own_texts import write_study
from tests.report.conftest import UNPAINTED
from tests.sweep_tables import (
    BY_DELETE,
    N_TEXTS,
    PER_DOUBLING,
    made_up_config,
    made_up_measurements,
    n_words_of,
)

CONFIGS = Path(__file__).parents[1] / "configs"

# tasks


def test_every_cell_is_measured_under_every_operator_with_every_budget() -> None:
    config = made_up_config()
    tasks = {task.name: task for task in build_tasks(config, SWEEP_STAGES)}
    measured = [task for task in tasks.values() if task.stage.name == "measure"]
    assert len(measured) == len(points(config)) == 5 * 3 * 2 * 2
    task = tasks["measure reviews-deep-s1-delete-1024"]
    assert (task.folder, task.removal, task.budget) == ("points/reviews-deep-s1-delete-1024", "delete", 1024)
    assert task.needs == ("data reviews", "train reviews-deep-s1")
    assert set(tasks["gather"].needs) == {name for name in tasks if name.startswith(("train ", "measure "))}
    assert tasks["report"].needs == ("data reviews", "gather")
    assert not points(config.model_copy(update={"sweep": None}))


def test_a_point_depends_on_no_other_point() -> None:
    config = made_up_config()
    more = config.model_copy(update={"sweep": config.sweep.model_copy(update={"budgets": (256, 512, 1024)})})
    fewer_texts = config.model_copy(update={"sweep": config.sweep.model_copy(update={"n_texts": 8})})
    name = "measure reviews-base-s0-mask-256"

    def settings(one: StudyConfig, task: str) -> dict[str, Any]:
        return select_settings({t.name: t for t in build_tasks(one, SWEEP_STAGES)}[task], one)

    assert settings(config, name) == settings(more, name)
    assert settings(config, name) != settings(fewer_texts, name)
    assert settings(config, name) != settings(config, "measure reviews-base-s0-mask-1024")
    assert settings(config, name) != settings(config, "measure reviews-base-s0-delete-256")
    assert settings(config, "gather") != settings(more, "gather")


def test_sweep_stages_name_code_that_exists_and_have_a_cost() -> None:
    config, code = made_up_config(), hash_code()
    for task in build_tasks(config, SWEEP_STAGES):
        assert select_code(task, code)
        assert estimate_seconds(task, config) > 0
    cost = {t.name: estimate_seconds(t, config) for t in build_tasks(config, SWEEP_STAGES)}
    cheap, dear = (cost[f"measure reviews-base-s0-{asked}"] for asked in ("mask-256", "delete-1024"))
    assert dear > 2 * cheap


# axes


def test_models_form_a_family_along_an_axis_when_nothing_else_differs() -> None:
    models = made_up_config().models
    found = {axis: [m.name for m in family] for axis, family in model_families(models)}
    assert found == {
        "depth": ["shallow", "base", "deep"],
        "heads": ["base", "many-heads"],
        "width": ["narrow", "base"],
    }
    other_mlp = models[-1].model_copy(update={"d_mlp": 256})  # neither the ratio nor the width alone
    assert "width" not in {axis for axis, _ in model_families([models[0], other_mlp])}
    other_dropout = models[1].model_copy(update={"dropout": 0.1})
    assert not list(model_families([models[0], other_dropout]))


# trends


def trend(trends: pd.DataFrame, axis: str, metric: str = "spearman", **where: str) -> pd.Series:
    rows = trends[(trends["axis"] == axis) & (trends["metric"] == metric)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def test_slopes_per_doubling_are_found_exactly() -> None:
    config = made_up_config()
    trends = measure_trends(made_up_measurements(config), config)
    pooled = {"removal": "all", "budget": "all"}
    for axis, where in (("depth", pooled), ("heads", pooled), ("width", pooled), ("budget", {"models": "all"})):
        row = trend(trends, axis, **where)
        assert row["slope"] == pytest.approx(PER_DOUBLING[axis]), axis
        assert (row["low"], row["high"]) == pytest.approx((PER_DOUBLING[axis],) * 2), axis
        assert (row["n_examples"], row["n_seeds"], row["n_undefined"]) == (N_TEXTS, 3, 0)
    ends = trend(trends, "depth", **pooled)
    assert (ends["models"], ends["first"], ends["last"]) == ("shallow, base, deep", 1, 4)
    assert ends["at_last"] - ends["at_first"] == pytest.approx(2 * PER_DOUBLING["depth"])
    assert trend(trends, "removal", models="all")["slope"] == pytest.approx(BY_DELETE)
    length = trend(trends, "length", models="all")
    assert length["slope"] == pytest.approx(PER_DOUBLING["length"])
    assert (length["first"], length["last"]) == pytest.approx((n_words_of(0), n_words_of(N_TEXTS - 1)))
    assert trend(trends, "depth", "effective_heads", **pooled)["slope"] == pytest.approx(1.5, abs=0.1)


def test_single_combinations_have_rows_of_their_own() -> None:
    config = made_up_config()
    trends = measure_trends(made_up_measurements(config, noise=0.1), config)
    rows = trends[(trends["axis"] == "depth") & (trends["metric"] == "spearman")]
    assert len(rows) == 4 + 1
    single = rows[rows["removal"] != "all"]
    assert rows[rows["removal"] == "all"]["slope"].item() == pytest.approx(single["slope"].mean())


def test_a_slope_is_the_mean_of_the_slopes_of_texts_and_seeds() -> None:
    """Against a literal oracle: polyfit on every text of every seed, then the crossed interval."""
    config = made_up_config()
    measured = made_up_measurements(config, noise=0.1)
    row = trend(measure_trends(measured, config), "depth", removal="delete", budget="256")
    rungs = {"shallow": 1, "base": 2, "deep": 4}
    here = measured.query("metric == 'spearman' and removal == 'delete' and budget == 256")
    values = here.set_index(["model", "seed", "example_id"])["value"]
    slopes = np.array(
        [
            [np.polyfit(np.log2(list(rungs.values())), [values[m, s, f"t{t}"] for m in rungs], 1)[0] for t in range(9)]
            for s in range(3)
        ]
    )
    assert (row["slope"], row["low"], row["high"]) == pytest.approx(crossed_interval(slopes, 0.95))


def test_the_interval_of_a_length_slope_covers_it_and_is_not_empty() -> None:
    config = made_up_config()
    row = trend(measure_trends(made_up_measurements(config, noise=0.02), config), "length", models="all")
    assert row["low"] < PER_DOUBLING["length"] < row["high"]
    assert row["high"] - row["low"] < 0.05


def test_what_does_not_change_along_an_axis_has_no_row() -> None:
    config = made_up_config()
    trends = measure_trends(made_up_measurements(config), config)
    assert set(trends.loc[trends["metric"] == "effective_heads", "axis"]) == {"depth", "length"}


def test_accuracy_is_one_ladder_for_all_operators_and_budgets() -> None:
    config = made_up_config()
    measured = made_up_measurements(config)
    cells = measured[["dataset", "model", "seed"]].drop_duplicates()
    right = cells.merge(pd.DataFrame({"example_id": ["a", "b"], "value": [1.0, 0.0]}), how="cross")
    right["value"] *= right["model"] != "deep"
    right = right.assign(removal="", budget=0, n_words=0, metric="accuracy", method_a="", method_b="")
    trends = measure_trends(pd.concat([measured, right], ignore_index=True), config)
    row = trend(trends, "depth", "accuracy")
    assert (row["removal"], row["at_first"], row["at_last"]) == ("all", 0.5, 0.0)
    assert set(trends.loc[trends["metric"] == "accuracy", "axis"]) == {"depth"}


def test_a_failed_point_takes_only_its_seed_out_of_its_ladder() -> None:
    config = made_up_config()
    measured = made_up_measurements(config, noise=0.1)
    gone = (measured["model"] == "deep") & (measured["seed"] == 1) & (measured["removal"] == "mask")
    gone &= measured["budget"] == 256
    whole, part = (measure_trends(rows, config) for rows in (measured, measured[~gone]))
    row = trend(part, "depth", removal="mask", budget="256")
    assert (row["n_seeds"], row["n_examples"]) == (2, N_TEXTS)
    for axis, where in (("depth", {"removal": "delete", "budget": "256"}), ("heads", {"budget": "all"})):
        pd.testing.assert_series_equal(trend(part, axis, **where), trend(whole, axis, **where), check_names=False)


def test_a_rung_that_failed_everywhere_leaves_no_row_of_its_ladder() -> None:
    config = made_up_config()
    measured = made_up_measurements(config)
    part = measure_trends(measured[~((measured["model"] == "deep") & (measured["removal"] == "mask"))], config)
    rows = part[(part["axis"] == "depth") & (part["metric"] == "spearman")]
    assert set(rows["removal"]) == {"delete", "all"}


def test_undefined_texts_are_left_out_and_counted() -> None:
    config = made_up_config()
    measured = made_up_measurements(config)
    undefined = (measured["example_id"] == "t3") & (measured["model"] == "base") & (measured["metric"] == "spearman")
    measured.loc[undefined & (measured["seed"] == 0), "value"] = np.nan
    row = trend(measure_trends(measured, config), "depth", removal="all")
    assert (row["n_examples"], row["n_undefined"]) == (N_TEXTS - 1, 1)
    assert row["slope"] == pytest.approx(PER_DOUBLING["depth"])


# estimates


def test_estimates_are_of_all_texts_and_of_thirds_by_length() -> None:
    config = made_up_config()
    measured = made_up_measurements(config)
    rows = estimate_points(measured, config).query("model == 'base' and removal == 'mask' and budget == 256")
    rows = rows[rows["metric"] == "spearman"].set_index("subset")
    assert list(rows.index) == ["all", *THIRDS]
    assert rows.loc[list(THIRDS), "n_words"].tolist() == [7, 16, 25]
    same = measured.query("model == 'base' and removal == 'mask' and budget == 256 and metric == 'spearman'")
    assert rows.loc["all", "estimate"] == pytest.approx(same["value"].mean())
    assert rows.loc["long", "estimate"] == pytest.approx(same[same["n_words"] > 20]["value"].mean())
    assert (rows["high"] <= 1).all()  # a correlation
    few = measured.query("seed < 2 and metric == 'effective_heads'").copy()
    few["value"] += few["seed"] * 0.5  # so that the interval of two seeds is many heads wide
    assert (estimate_points(few, config)["low"] == 1).any()
    assert (estimate_points(few, config)["low"] >= 1).all()


def test_points_fail_with_their_own_reason_or_their_models() -> None:
    config = made_up_config()
    missing = {
        "measure reviews-base-s0-mask-256": "the disk is full",
        "train reviews-deep-s1": "its worker died",
        **{f"measure reviews-deep-s1-{asked}": "train reviews-deep-s1" for asked in ("mask-256", "mask-1024")},
    }
    states = list_points(config, missing)
    assert states["reviews-base-s0-mask-256"] == ("failed", "the disk is full")
    assert states["reviews-deep-s1-delete-256"] == ("failed", "its model was not trained: its worker died")
    assert sum(state == "failed" for state, _ in states.values()) == 1 + 4


# config and commands


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ({"removals": ["mask", "erase"]}, "sweep.removals.1: unknown removal operator 'erase'"),
        ({"removals": ["mask", "mask"]}, "'mask' is here twice"),
        ({"budgets": [128, 128]}, "'128' is here twice"),
        ({"budgets": [64, 32]}, "must be greater than or equal to 64"),
        ({"n_texts": 19}, "sweep.n_texts 19 is more than the 18 test texts of data set 'own'"),
    ],
)
def test_mistakes_in_a_sweep_are_told(tmp_path: Path, sweep: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace(".", r"\.")):
        load_config(write_study(tmp_path, sweep=sweep), [], allowed_names())


def test_a_budget_must_suffice_for_the_longest_texts(tmp_path: Path) -> None:
    models = [{"name": "long", "n_heads": 2, "d_model": 8, "max_words": 40}]
    explain = {"shapley_evals": 200, "shap_evals": 200}
    path = write_study(tmp_path, models=models, explain=explain, sweep={"budgets": [163, 164]})
    with pytest.raises(ConfigError, match=r"budgets\.0: 163 evaluations are too few for texts of 40 words .* 164$"):
        load_config(path, [], allowed_names())


def test_run_and_sweep_want_configs_of_their_own(tmp_path: Path) -> None:
    plain, swept = tmp_path / "plain", tmp_path / "swept"
    plain.mkdir()
    swept.mkdir()
    for command, folder, settings, told in (
        ("sweep", plain, {}, "has no `sweep` section"),
        ("run", swept, {"sweep": {}}, "has a `sweep` section: perform it with `study sweep"),
    ):
        found = CliRunner().invoke(app, [command, str(write_study(folder, **settings))])
        assert isinstance(found.exception, ConfigError)
        assert told in str(found.exception)


def test_the_study_that_ships_has_every_axis_and_the_smoke_is_small() -> None:
    real, smoke = (load_config(CONFIGS / f"{name}.yaml", [], allowed_names()) for name in ("sweep", "sweep_smoke"))
    assert len(points(real)) >= 24
    assert {axis for axis, _ in model_families(real.models)} == {"depth", "heads", "width"}
    assert real.sweep is not None
    assert min(len(real.sweep.budgets), len(real.sweep.removals)) > 1
    assert len(points(smoke)) <= 8


# a tiny sweep, in this process

TINY: dict[str, Any] = {
    "models": [
        {"name": "one", "n_layers": 1, "n_heads": 2, "d_model": 8, "d_mlp": 16, "max_words": 12},
        {"name": "two", "n_layers": 2, "n_heads": 2, "d_model": 8, "d_mlp": 16, "max_words": 12},
    ],
    "sweep": {"removals": ["mask", "delete"], "budgets": [64, 128], "n_texts": 6},
}


def perform(
    config: StudyConfig, folder: Path, tasks: Iterable[Task], missing: Callable[[Task], dict[str, str]] = lambda _: {}
) -> None:
    """The stage functions of these tasks, in this process."""
    for task in tasks:
        (folder / task.folder).mkdir(parents=True, exist_ok=True)
        module, _, function = task.stage.function.partition(":")
        context = StageContext(
            config=config,
            run_folder=folder,
            folder=folder / task.folder,
            progress=lambda done, total, text: None,
            dataset=task.dataset,
            model=task.model,
            seed=task.seed,
            removal=task.removal,
            budget=task.budget,
            missing=missing(task),
        )
        written = getattr(importlib.import_module(module), function)(context)
        assert all((folder / task.folder / name).exists() for name in written)


def table_hashes(folder: Path) -> dict[str, str]:
    paths = sorted((folder / "tables").iterdir())
    assert paths
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module", autouse=True)
def _no_painting() -> Iterator[None]:
    """Figures are made of nothing: tests/report/test_sweep.py paints them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "_render", lambda *_: UNPAINTED)
        yield


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyConfig, Path, Sequence[Task]]:
    """A tiny sweep that ran undisturbed."""
    folder = tmp_path_factory.mktemp("sweep")
    config = load_config(write_study(folder, **TINY), [], allowed_names())
    tasks = build_tasks(config, SWEEP_STAGES)
    perform(config, folder / "run", tasks)
    return config, folder / "run", tasks


Swept = tuple[StudyConfig, Path, Sequence[Task]]


def test_a_sweep_leaves_its_tables_its_gates_and_its_report(swept: Swept) -> None:
    config, run, _ = swept
    found = pd.read_parquet(run / "tables" / "points.parquet")
    assert len(found) == 8
    assert set(found["state"]) == {"done"}
    assert found["accuracy"].between(0, 1).all()
    gates = read_gates(run, config)
    assert {gate["cell"] for gate in gates} == set(points(config))
    assert all(gate["passed"] for gate in gates)
    assert {p.name for p in run.glob("report.*")} == {"report.html", "report.md"}
    assert len(list((run / "figures").glob("*.svg"))) == 3
    columns = {c for p in (run / "tables").glob("*.parquet") for c in pd.read_parquet(p).columns}
    assert "seconds" not in columns  # equal sweeps have equal tables


def test_every_point_asks_the_same_texts_and_keeps_to_its_budget(swept: Swept) -> None:
    _, run, _ = swept
    measured = pd.read_parquet(run / "tables" / "sweep_measurements.parquet")
    place = ["model", "removal", "budget"]
    texts = measured.groupby(place)["example_id"].agg(lambda ids: tuple(sorted(set(ids))))
    assert len(set(texts)) == 1
    assert len(texts.iloc[0]) == 6
    wanted = {"spearman", "effective_heads", "margin", *(f"{m}_{t}" for m in FAITHFULNESS for t in ("own", "other"))}
    assert wanted <= set(measured["metric"])
    for point in (run / "points").iterdir():
        cost = pd.read_parquet(point / "cost.parquet").query("method != 'heads'")
        assert (cost["n_evals"] <= int(point.name.rsplit("-", 1)[1])).all()


def test_measurements_are_what_the_rooms_say(swept: Swept) -> None:
    """As many effective heads as there are at most, normalised faithfulness within its bounds, and nothing constant."""
    _, run, _ = swept
    measured = pd.read_parquet(run / "tables" / "sweep_measurements.parquet")
    heads = measured[measured["metric"] == "effective_heads"]
    assert heads["value"].between(1, 4).all()
    assert (heads[heads["model"] == "one"]["value"] <= 2).all()
    normalised = measured[measured["metric"].str.startswith("comprehensiveness_normalised")]["value"].dropna()
    assert normalised.between(0, 1).all()
    assert len(normalised) > 100
    direct = heads[heads["method_a"] == "direct_centred"].groupby(["model", "example_id"])["value"]
    assert all(len(set(values)) == 1 for _, values in direct)  # the text's own, whatever is asked
    needed = heads[heads["method_a"] == "head_shapley"].groupby(["model", "removal", "example_id"])["value"]
    assert all(len(set(values)) == 1 for _, values in needed)  # depends on the empty text, so on the operator
    assert needed.first().groupby(["model", "example_id"]).nunique().max() == 2
    by_operator = measured.query("metric == 'comprehensiveness_score_own' and method_a == 'shapley'")
    assert by_operator.groupby(["model", "budget", "example_id"])["value"].nunique().max() == 2


def test_other_orders_and_a_stopped_point_give_the_same_tables(
    swept: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run, tasks = swept
    other = tmp_path / "run"
    monkeypatch.setattr(point_stage, "PART_SIZE", 4)
    for part in ("data", "cells"):
        (other / part).parent.mkdir(exist_ok=True)
        (other / part).symlink_to(run / part)
    measure = [task for task in tasks if task.stage.name == "measure"][::-1]
    real, seen = point_stage.text_rows, []

    def stop_in_the_second_part(point: Any, rows: Iterable[int]) -> Any:
        rows = list(rows)
        if rows[0] > 0:
            raise KeyboardInterrupt
        return real(point, rows)

    monkeypatch.setattr(point_stage, "text_rows", stop_in_the_second_part)
    with pytest.raises(KeyboardInterrupt):
        perform(config, other, measure[:1])
    monkeypatch.setattr(point_stage, "text_rows", lambda point, rows: seen.append(list(rows)) or real(point, rows))
    perform(config, other, measure[:1])
    assert seen == [[4, 5]]  # the first part was kept
    clear_partial(other / measure[0].folder, "measure")
    for task in measure[1:]:  # the other points are as they are: copying is faster than measuring
        (other / task.folder).symlink_to(run / task.folder)
    perform(config, other, [task for task in tasks if task.stage.name == "gather"])
    assert table_hashes(other) == table_hashes(run)


def test_failed_points_are_rows_and_the_rest_is_compared(swept: Swept, tmp_path: Path) -> None:
    config, run, tasks = swept
    other = tmp_path / "run"
    other.mkdir()
    for part in ("data", "cells"):
        (other / part).symlink_to(run / part)
    gone = [name for name in points(config) if name.endswith("two-s0-delete-128")]
    for name in set(points(config)) - set(gone):
        (other / "points").mkdir(exist_ok=True)
        (other / "points" / name).symlink_to(run / "points" / name)
    message = "LedgerError: <b>no space</b> left"
    last = [task for task in tasks if task.stage.name in ("gather", "report")]
    perform(config, other, last, lambda task: {f"measure {name}": message for name in gone})
    found = pd.read_csv(other / "tables" / "points.csv")
    assert found["state"].tolist() == ["done"] * 7 + ["failed"]
    assert found["message"].iloc[-1] == message
    page = (other / "report.html").read_text()
    assert "1 point of 8 failed" in page
    assert "&lt;b&gt;no space&lt;/b&gt;" in page
    assert "<b>no space" not in page
    kept = pd.read_parquet(other / "tables" / "sweep_measurements.parquet")
    whole = pd.read_parquet(run / "tables" / "sweep_measurements.parquet")
    assert len(kept) == len(whole) * 7 / 8
    assert json.loads((other / "gates.json").read_text())


def test_ls_tells_how_many_points_of_a_sweep_are_done(swept: Swept, tmp_path: Path) -> None:
    from study.config.loading import dump_config
    from study.ledger import CONFIG_FILE

    config, run, _ = swept
    (tmp_path / "tiny").symlink_to(run)
    (run / CONFIG_FILE).write_text(dump_config(config))
    (state,) = list_runs(tmp_path)
    assert state.accuracy == "8 of 8 points"
    assert state.gates.startswith("all ")


def test_a_point_needs_its_sweep() -> None:
    config = made_up_config()
    task = next(t for t in build_tasks(config, SWEEP_STAGES) if t.stage.name == "measure")
    with pytest.raises(ValueError, match="which is no earlier stage"):
        build_tasks(config, tuple(replace(s, needs=("report",)) if s == task.stage else s for s in SWEEP_STAGES))
