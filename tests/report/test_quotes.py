"""What reports quote of a score card: its numbers, where it comes from, and what stands there without one."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pandas as pd
import pytest

from study.errors import LedgerError
from study.reference import card_path
from study.report.blocks import Paragraph, Section, walk
from study.report.inputs import RunTables, read_run
from study.report.quotes import LEAD, MISSING, head_method_quote, head_quote, word_quote
from study.report.sections import features, head_methods, heads
from tests.report.conftest import Written
from tests.report.edits import with_rows

PRECISION, SHARE, ACTING = "precision_at_truth_score", "attribution_share_score", "precision_at_acting_score"
WORDS = {  # by task: SHAP and LIME
    PRECISION: {"single": (1.0, 1.0), "negation": (0.56, 0.97), "context": (0.9, 0.8)},
    SHARE: {"single": (1.0, 0.9), "negation": (0.95, 0.85), "context": (1.0, 0.5)},
}
HEADS = {
    "auroc_direct_score": {"single": (1.0, 0.99), "negation": (1.0, 1.0)},
    "auroc_indirect_score": {"negation": (0.5, 0.88), "context": (0.45, 0.75)},
    ACTING: {"single": (0.6, 0.9), "negation": (0.5, 0.8)},
}


def row(
    dataset: str, unit: str, metric: str, method: str, estimate: float, rung: str = "hand-built"
) -> dict[str, object]:
    found = {"dataset": dataset, "model": rung, "rung": rung, "unit": unit, "metric": metric, "method": method}
    ends = {"low": estimate - 0.1, "high": estimate + 0.1, "floor": 0.25, "ceiling": 0.75}
    return found | {"estimate": estimate} | ends | {"n_examples": 60.0, "n_seeds": 2.0}


def card() -> pd.DataFrame:
    words = [
        row(task, "words", metric, method, value)
        for metric, tasks in WORDS.items()
        for task, values in tasks.items()
        for method, value in zip(("shapley", "lime"), values, strict=True)
    ]
    found = [
        row(task, "heads", metric, method, value)
        for metric, tasks in HEADS.items()
        for task, values in tasks.items()
        for method, value in zip(("direct_centred", "ablation_mean"), values, strict=True)
    ]
    others = {
        "attention_norm": (0.0, 0.1),
        "random": (0.0, 0.0),
        "chance": (0.0, 0.0),
        "oracle": (1.0, 1.0),
        "crosswalk_causal_truth_only": (1.0, 1.0),
    }
    found += [
        row(task, "heads", ACTING, method, value)
        for method, values in others.items()
        for task, value in zip(("single", "negation"), values, strict=True)
    ]
    return pd.DataFrame(words + found)


@pytest.fixture
def quoting(small: Written) -> RunTables:
    return dataclasses.replace(small.run, reference=card())


def own(run: RunTables, frame: pd.DataFrame, *, verified: bool = True) -> RunTables:
    return with_rows(run, "score_card", frame.assign(level=0.95, n_undefined=0.0, relative=0.5, verified=verified))


def text(found: Paragraph | None) -> str:
    assert found is not None
    return found.text


def test_without_a_card_one_muted_sentence_says_how_to_get_one(small: Written) -> None:
    quote = word_quote(small.run)
    assert (quote.text, quote.tone) == (MISSING, "muted")
    assert "`make known-answers`" in MISSING
    assert "`make score-card`" in MISSING
    assert head_quote(small.run) is None
    assert head_method_quote(small.run) is None


def test_words_say_where_shap_and_lime_part_most(quoting: RunTables) -> None:
    told = text(word_quote(quoting))
    assert told.startswith("Quoted from another run, on other models (`make known-answers`). On models set by hand: ")
    assert "those named first: SHAP 0.56 to 1.00 and LIME 0.80 to 1.00 over 3 tasks" in told
    assert "they part most on negation, LIME 0.97 [0.87, 1.07] against SHAP 0.56 [0.46, 0.66]" in told
    assert "(chance 0.25, exact values 0.75)" in told
    assert "they part most on context, SHAP 1.00 [0.90, 1.10] against LIME 0.50 [0.40, 0.60]" in told


def test_methods_that_are_alike_are_said_to_be(quoting: RunTables) -> None:
    frame = card()
    frame.loc[frame["metric"] == PRECISION, "estimate"] = 1.0
    assert "SHAP 1.00 and LIME 1.00 over 3 tasks, alike on each." in text(
        word_quote(dataclasses.replace(quoting, reference=frame))
    )


def test_a_small_gap_names_no_task(quoting: RunTables) -> None:
    frame = card()
    precision = frame["metric"] == PRECISION
    frame.loc[precision, "estimate"] = 1.0
    frame.loc[precision & (frame["method"] == "lime"), "estimate"] = 0.96
    told = text(word_quote(dataclasses.replace(quoting, reference=frame)))
    assert "SHAP 1.00 and LIME 0.96 over 3 tasks; nowhere 0.05 or more apart" in told
    assert "part most" in told  # by the other score


def test_rungs_are_told_apart(quoting: RunTables) -> None:
    planted = [
        row("films", "words", PRECISION, method, value, "shortcut") | {"model": model}
        for model, (method, value) in itertools.product(("mlp", "attention"), (("shapley", 0.99), ("lime", 0.7)))
    ]
    frame = pd.concat([card(), pd.DataFrame(planted)], ignore_index=True)
    frame.loc[(frame["model"] == "attention") & (frame["method"] == "lime"), "estimate"] = 0.6
    told = text(word_quote(dataclasses.replace(quoting, reference=frame)))
    by_hand, real = told.split("On real text with planted shortcuts: ")
    assert "over 3 tasks" in by_hand
    assert "SHAP 0.99 and LIME 0.60 to 0.70 over 2 tasks; they part most on films · attention, SHAP 0.99" in real


def test_heads_are_told_by_both_kinds_of_evidence(quoting: RunTables) -> None:
    told = text(head_quote(quoting))
    assert (
        "heads that write the answer are told from idle ones with an AUROC of 1.00 by direct (centred) and 0.99 to 1.00"
        in told
    )
    assert (
        "Heads that only feed others are told from idle ones with an AUROC of 0.45 to 0.50 by direct (centred) and "
        "0.75 to 0.88 by mean ablation (negation and context)" in told
    )


def test_head_methods_best_and_worst_leave_out_controls_and_bounds(quoting: RunTables) -> None:
    told = text(head_method_quote(quoting))
    assert "most reliably by mean ablation (0.80 to 0.90), least by attention norm (0.00 to 0.10)" in told
    assert "of 2 tasks; chance 0.25" in told


def test_a_run_with_its_own_card_quotes_that(quoting: RunTables) -> None:
    mine = card()
    mine.loc[mine["metric"] == PRECISION, "estimate"] = 0.33
    quote = word_quote(own(quoting, mine))
    assert quote.text.startswith("From this run's score card. ")
    assert "SHAP 0.33 and LIME 0.33" in quote.text
    assert [link.anchor for link in quote.links] == ["score-card"]
    unverified = word_quote(own(quoting, mine, verified=False))
    assert unverified.text.startswith("Quoted from another run")
    assert unverified.links == ()


@pytest.mark.usefixtures("no_painting")
def test_the_sections_that_interpret_real_texts_quote(quoting: RunTables, small: Written) -> None:
    for section, quote in ((features, word_quote), (heads, head_quote), (head_methods, head_method_quote)):
        found = section.build(quoting)
        assert quote(quoting) in paragraphs(found)
        assert LEAD not in [p.lead for p in paragraphs(section.build(small.run))]
    assert MISSING in [p.text for p in paragraphs(features.build(small.run))]


def paragraphs(section: Section | None) -> list[Paragraph]:
    assert section is not None
    return [b for b in walk(section.blocks) if isinstance(b, Paragraph)]


def test_the_kept_card_is_read_from_beside_the_run(small: Written, tmp_path: Path) -> None:
    folder = tmp_path / "results" / "synthetic"
    (folder / "tables").mkdir(parents=True)
    assert read_run(folder, small.config).reference.empty
    path = card_path(folder)
    path.parent.mkdir()
    card().to_csv(path, index=False)
    read = read_run(folder, small.config)
    assert word_quote(read).text == word_quote(dataclasses.replace(small.run, reference=card())).text
    known = small.config.datasets[0].model_copy(update={"task": "negation"})
    planted = small.config.model_copy(update={"datasets": (known,)})
    assert read_run(folder, planted).reference.empty  # it has its own


@pytest.mark.parametrize(("content", "expected"), [("a,b\n1,2\n", "lacks the column"), ("", "is no table")])
def test_a_damaged_card_is_named(small: Written, tmp_path: Path, content: str, expected: str) -> None:
    folder = tmp_path / "results" / "synthetic"
    folder.mkdir(parents=True)
    card_path(folder).parent.mkdir()
    card_path(folder).write_text(content)
    with pytest.raises(LedgerError, match=rf"score_card\.csv {expected}"):
        read_run(folder, small.config)


def test_exact_values_are_told_only_where_they_are_known(quoting: RunTables) -> None:
    learned = card().assign(rung="trained", model="trained")
    quoted = word_quote(dataclasses.replace(quoting, reference=learned)).text
    assert "chance 0.25)" in quoted
    assert "exact values" not in quoted
    assert "(chance 0.25, exact values 0.75)" in word_quote(quoting).text
