"""Every rule that writes a sentence: without its tables it says so, without certainty it claims nothing, and its
numbers with intervals are those of the tables."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.report.accuracy import accuracy_answer
from study.report.answers.heads import heads_answer
from study.report.answers.parting import parting_answer
from study.report.answers.right import right_answer
from study.report.answers.words import words_answer
from study.report.blocks import Block, Paragraph, walk
from study.report.inputs import RunTables, read_run
from study.report.numbers import with_interval
from study.report.sections.findings import rules_of
from tests.report.edits import not_evaluated, set_rows, with_rows, without_table
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape
from tests.report.test_quotes import card

Rule = Callable[[RunTables], Paragraph | list[Block]]
ANSWERS: tuple[Rule, ...] = (accuracy_answer, words_answer, parting_answer, right_answer, heads_answer)
EVIDENCE = {  # by rule, the tables without which it has nothing to say
    "accuracy_answer": ("accuracy",),
    "words_answer": ("features",),
    "parting_answer": ("estimates",),
    "right_answer": ("score_card",),
    "heads_answer": ("trials",),
    "least_agreeing_finding": ("estimates",),
    "correctness_finding": ("estimates",),
    "faithfulness_finding": ("estimates",),
    "carriers_finding": ("estimates",),
    "writers_finding": ("components", "heads"),
    "causal_finding": ("profiles", "estimates"),
    "removal_finding": ("estimates",),
    "stability_finding": ("estimates",),
    "sanity_finding": ("estimates",),
    "untrained_finding": ("estimates",),
}
NO_INTERVALS = ("writers_finding",)  # ranges over seeds: a description
NO_BOUNDS = ("too few texts", "was not tested")
MISSING = ("This run has no evidence.", "This run cannot say", "is not known here")
OPEN = re.compile(
    r"stays? open|not certain|[Nn]o clear|undecided|cannot be told|is shown to be|Neither is clearly|may or may not"
)
TRIPLE = re.compile(r"([−\d.,]+)(?:\u202f%)? \[([−\d.,]+), ([−\d.,]+)\]")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    folder: Path = tmp_path_factory.mktemp("rules") / "run"
    methods = ("shapley", "lime", "occlusion", "attention", "random")
    config = write_synthetic_run(folder, Shape(seeds=(0, 1), n_texts=6, shown_texts=1, methods=methods))
    rows = pd.DataFrame(
        {"dataset": "reviews", "model": model, "metric": "accuracy_gain", "method_a": "model"}
        | {"method_b": "tfidf_logreg", "subset": "all", "estimate": 0.03, "low": 0.01, "high": 0.05, "level": 0.95}
        for model in ("encoder", "attention-only")
    )
    found = read_run(folder, config)
    found = with_rows(found, "estimates", pd.concat([found.tables["estimates"], rows], ignore_index=True))
    found = set_rows(found, "estimates", "n_examples", 40.0)  # enough to say something
    return dataclasses.replace(found, reference=card())


def rules(run: RunTables) -> dict[str, Rule]:
    """Every rule that a page may ask, by name."""
    return {rule.__name__: rule for rule in (*ANSWERS, *rules_of(run), *rules_of(not_evaluated(run)))}


def said(found: Paragraph | list[Block]) -> str:
    """The sentences of a rule, folded ones too, without its tables."""
    blocks = walk(tuple(found) if isinstance(found, list) else (found,))
    paragraphs = [b for b in blocks if isinstance(b, Paragraph)]
    return " ".join(f"{p.lead} {p.text}" for p in paragraphs)


def test_every_rule_is_asked_here(run: RunTables) -> None:
    assert set(rules(run)) == set(EVIDENCE)


@pytest.mark.parametrize("name", EVIDENCE)
def test_without_its_tables_a_rule_says_that_evidence_is_missing(name: str, run: RunTables) -> None:
    rule = rules(run)[name]
    assert not any(words in said(rule(run)) for words in MISSING)
    bare = run
    for table in EVIDENCE[name]:
        bare = without_table(bare, table)
    if name == "right_answer":
        bare = dataclasses.replace(bare, reference=card().iloc[:0])
    assert any(words in said(rule(bare)) for words in MISSING)


def uncertain(run: RunTables) -> RunTables:
    """The run with every interval so wide that it holds zero and the threshold of every claim."""
    for name, column in (("estimates", "estimate"), ("comparisons", "difference")):
        table = run.tables[name]
        run = with_rows(run, name, table.assign(low=table[column] - 90, high=table[column] + 90))
    run = set_rows(run, "comparisons", "p_adjusted", 0.9)
    run = set_rows(run, "profiles", "class_", "mixed")
    run = set_rows(run, "trials", "n_texts", 2.0)
    scores = run.tables["features"]
    sign = np.where(scores["example_id"].isin(["t000", "t002", "t004"]), 1.0, -1.0)
    run = with_rows(run, "features", scores.assign(word="film", score=scores["score"].abs() * sign))
    return dataclasses.replace(run, reference=card().assign(low=0.0, high=1.0))


@pytest.mark.parametrize("name", [name for name in EVIDENCE if name not in NO_INTERVALS])
def test_with_intervals_over_zero_a_rule_claims_nothing(name: str, run: RunTables) -> None:
    rule = rules(run)[name]
    told = said(rule(uncertain(run)))
    assert OPEN.search(told), told
    assert "is ahead on" not in told
    assert "nan" not in told.lower()


@pytest.fixture(scope="module")
def boundless(run: RunTables) -> RunTables:
    """The run with no interval anywhere: bounds that are NaN, and of what is computed here one text or none."""
    for name in ("estimates", "comparisons", "accuracy", "profiles"):
        bounds = [c for c in run.tables[name] if re.fullmatch(r"(.*_)?(low|high)", c)]
        run = with_rows(run, name, run.tables[name].assign(**dict.fromkeys(bounds, np.nan)))
    run = set_rows(run, "comparisons", "p_adjusted", np.nan)
    run = set_rows(run, "trials", "n_texts", 0)
    for name in ("features", "crosswalk"):
        rows = run.tables[name]
        run = with_rows(run, name, rows[(rows["example_id"] == "t000") & (rows["seed"] == "0")])
    return dataclasses.replace(run, reference=card().assign(low=np.nan, high=np.nan))


@pytest.mark.parametrize("name", EVIDENCE)
def test_bounds_that_are_not_known_are_no_interval(name: str, run: RunTables, boundless: RunTables) -> None:
    told = said(rules(run)[name](boundless))
    assert "nan" not in told.lower()
    assert not TRIPLE.findall(told), told
    if name not in NO_INTERVALS:
        assert OPEN.search(told) or any(words in told for words in (*MISSING, *NO_BOUNDS)), told
    assert "is ahead on" not in told


def triples(run: RunTables) -> Iterator[str]:
    """Every number of the tables that has an interval, as it may be printed; shares also of what is left of 1."""
    frames = [(run.tables["estimates"], "estimate"), (run.tables["accuracy"], "accuracy")]
    frames += [(run.tables["comparisons"], "difference"), (run.reference, "estimate")]
    for table, column in frames:
        for value, low, high in table[[column, "low", "high"]].astype(float).itertuples(index=False):
            for sign, scale, decimals in itertools.product((1, -1), (1, 100), (0, 1, 2, 3)):
                ends = sorted((sign * low * scale, sign * high * scale))
                yield with_interval(sign * value * scale, ends[0], ends[1], decimals)
            left = 100 * (1 - value), max(0.0, 100 * (1 - high)), min(100.0, 100 * (1 - low))
            yield with_interval(*left, 1)


COMPUTED = ("words_answer", "heads_answer", "writers_finding", "untrained_finding")  # by tests of their own


@pytest.mark.parametrize("name", [name for name in EVIDENCE if name not in COMPUTED])
def test_numbers_with_intervals_are_those_of_the_tables(name: str, run: RunTables) -> None:
    text = said(rules(run)[name](run)).split("Among words that count by both")[0]
    found = [f"{value} [{low}, {high}]" for value, low, high in TRIPLE.findall(text)]
    assert found or name == "faithfulness_finding"
    assert not set(found) - set(triples(run))


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_sentence_leads_to_its_evidence(name: str, run: RunTables) -> None:
    found = rules(run)[name](run)
    for paragraph in found if isinstance(found, list) else [found]:
        if isinstance(paragraph, Paragraph):
            assert paragraph.links
