"""The score card that other reports quote: what is kept, where, and that a report is written anew when it changes."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))  # the workers import the fake stages by name

from fake_stages import STAGES, make_package

from study import ledger
from study.cli import app
from study.config.loading import parse_config
from study.errors import LedgerError
from study.ledger.manifest import hash_code
from study.reference import CARD_COLUMNS, card_path, keep_score_card, read_card
from study.running.freshness import Inspector
from study.running.plan import build_tasks

CONFIG = """\
name: fake
seeds: [0]
datasets: [{name: reviews, source: rotten_tomatoes}]
models: [{name: a}]
"""
KNOWN = CONFIG.replace("source: rotten_tomatoes", "source: planted, task: negation")


def card_row(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {"dataset": "single", "model": "hand-built", "rung": "hand-built", "unit": "words"}
    row |= {"metric": "precision_at_truth_score", "method": "shapley", "estimate": 1 / 3, "low": 0.1, "high": 0.5}
    row |= {"level": 0.95, "floor": 0.2, "ceiling": 1.0, "relative": 0.5, "n_examples": 60, "n_seeds": 2}
    return row | {"n_undefined": 0, "verified": True} | changes


def finished_run(results: Path, *rows: dict[str, object]) -> Path:
    folder = results / "known_answers"
    ledger.write_text(folder / ledger.CONFIG_FILE, KNOWN)
    ledger.write_frame(folder / "tables" / "score_card.parquet", pd.DataFrame(rows))
    return folder


def test_verified_numbers_are_kept_and_read_back(tmp_path: Path) -> None:
    rows = [card_row(), card_row(method="lime", verified=False), card_row(method="shap", estimate=math.nan)]
    rows += [card_row(method=method) for method in ("random", "chance", "oracle", "reversed")]
    folder = finished_run(tmp_path, *rows)
    path = keep_score_card(folder)
    assert path == tmp_path / "reference" / "score_card.csv"
    assert path.read_text().splitlines() == [
        ",".join(CARD_COLUMNS),
        "single,hand-built,hand-built,words,precision_at_truth_score,shapley,0.3333,0.1,0.5,0.2,1.0,60,2",
    ]
    other = tmp_path / "experiment"
    assert read_card(other).to_dict("records")[0]["estimate"] == 0.3333
    assert list(path.parent.iterdir()) == [path]


def test_a_run_without_a_card_or_with_nothing_verified_keeps_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "experiment"
    with pytest.raises(LedgerError, match=r"experiment has no score card.*make known-answers"):
        keep_score_card(empty)
    with pytest.raises(LedgerError, match=r"nothing is verified.*verification\.csv"):
        keep_score_card(finished_run(tmp_path, card_row(verified=False)))
    assert not card_path(empty).exists()


def test_the_command_keeps_the_card(tmp_path: Path) -> None:
    finished_run(tmp_path, card_row())
    done = CliRunner().invoke(app, ["keep-score-card", "known_answers", "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "reference/score_card.csv" in done.output.replace("\n", "")
    assert card_path(tmp_path / "any").is_file()


def inputs_of(text: str, stage: str, results: Path) -> dict[str, str]:
    config = parse_config(text, "CONFIG")
    tasks = {task.name: task for task in build_tasks(config, STAGES)}
    code = hash_code(make_package(results / "package"))
    inspector = Inspector(config=config, run_folder=results / "fake", tasks=tasks, code=code, packages={})
    (task,) = [task for name, task in tasks.items() if name.split()[0] == stage]
    found: dict[str, str] = inspector.find_ingredients(task, {})["inputs"]
    return found


def test_the_card_is_an_input_of_the_report_alone(tmp_path: Path) -> None:
    quoted = {"reference/score_card.csv": "missing", "reference/coverage.csv": "missing"}
    assert inputs_of(CONFIG, "report", tmp_path) == quoted
    ledger.write_text(card_path(tmp_path / "fake"), "one")
    first = inputs_of(CONFIG, "report", tmp_path)
    ledger.write_text(card_path(tmp_path / "fake"), "two")
    second = inputs_of(CONFIG, "report", tmp_path)
    assert len({*first.values(), *second.values(), "missing"}) == 3
    for stage in ("data", "train", "compare"):
        assert inputs_of(CONFIG, stage, tmp_path) == {}


def test_a_run_that_has_its_own_card_does_not_depend_on_the_kept_one(tmp_path: Path) -> None:
    assert inputs_of(KNOWN, "report", tmp_path) == {"reference/coverage.csv": "missing"}
    planted = "rotten_tomatoes, shortcut: {rule: single_token}"
    assert inputs_of(CONFIG.replace("rotten_tomatoes", planted), "report", tmp_path) == {
        "reference/coverage.csv": "missing"
    }
