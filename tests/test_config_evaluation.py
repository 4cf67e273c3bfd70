"""The settings of `evaluate`: names, repetitions, and what must fit other sections; mistakes at their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.config import EvaluateConfig
from study.config.loading import dump_config, parse_config
from tests.test_config import GOOD, load, mistakes


def evaluate(tmp_path: Path, lines: str, explain: str = "") -> str:
    return mistakes(tmp_path, f"{GOOD}evaluate:\n  {lines}\n{explain}")


def test_settings_are_read_and_written_back(tmp_path: Path) -> None:
    config = load(tmp_path, f"{GOOD}evaluate:\n  measures: [sanity, stability]\n  repeats: 3\n  removals: [delete]\n")
    assert config.evaluate == EvaluateConfig(measures=("sanity", "stability"), repeats=3, removals=("delete",))
    assert parse_config(dump_config(config), "config.resolved.yaml") == config


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "removals: [mask, delet]",
            "study.yaml:10:20: evaluate.removals.1: unknown removal operator 'delet'; did you mean 'delete'? "
            "(allowed: mask, delete, attend, resample)",
        ),
        (
            "explained_under: [masc]",
            "study.yaml:10:21: evaluate.explained_under.0: unknown removal operator 'masc'; did you mean 'mask'? "
            "(allowed: mask, delete, attend, resample)",
        ),
        (
            "removals: [mask, delete, mask]",
            "study.yaml:10:28: evaluate.removals.2: 'mask' is here twice, first at study.yaml:10:14",
        ),
        (
            "explained_under: [delete, delete]",
            "study.yaml:10:29: evaluate.explained_under.1: 'delete' is here twice, first at study.yaml:10:21",
        ),
        (
            "measures: [sanity, sanity]",
            "study.yaml:10:22: evaluate.measures.1: 'sanity' is here twice, first at study.yaml:10:14",
        ),
        ("repeats: 1", "study.yaml:10:12: evaluate.repeats: must be greater than or equal to 2, got 1"),
        ("fixed_evals: 63", "study.yaml:10:16: evaluate.fixed_evals: must be greater than or equal to 64, got 63"),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path: Path, lines: str, expected: str) -> None:
    assert evaluate(tmp_path, lines) == expected


def test_unknown_measures_name_those_there_are(tmp_path: Path) -> None:
    told = evaluate(tmp_path, "measures: [sanitty]")
    assert told.startswith("study.yaml:10:14: evaluate.measures.0: must be 'faithfulness', 'stability', 'sanity'")


@pytest.mark.parametrize(("removal", "other"), [("mask", "delete"), ("delete", "mask")])
def test_faithfulness_needs_an_operator_that_is_not_the_explainers_own(
    tmp_path: Path, removal: str, other: str
) -> None:
    explain = f"explain:\n  removal: {removal}\n"
    assert evaluate(tmp_path, f"removals: [{removal}]", explain) == (
        f"study.yaml:10:3: evaluate.removals: '{removal}' alone is what texts are explained under (explain.removal): "
        "name another operator as well, or what explainers asked about is all they are tested by"
    )
    for fine in (f"removals: [{removal}, {other}]", f"removals: [{other}]", f"removals: [{removal}]\n  measures: []"):
        load(tmp_path, f"{GOOD}evaluate:\n  {fine}\n{explain}")


@pytest.mark.parametrize(("max_words", "fits"), [(15, True), (16, False)])
def test_fixed_budgets_suffice_for_the_longest_text(tmp_path: Path, max_words: int, fits: bool) -> None:
    text = f"{GOOD}    max_words: {max_words}\nevaluate:\n  fixed_evals: 64\n"
    if fits:
        load(tmp_path, text)
        return
    assert mistakes(tmp_path, text) == (
        "study.yaml:11:16: evaluate.fixed_evals 64 is too few for texts of 16 words (models.max_words): at least 68"
    )
    load(tmp_path, text + "  measures: [sanity]\n")  # nobody asks for the budget
