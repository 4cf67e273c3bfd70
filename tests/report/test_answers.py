"""The four answers: their numbers are those of the tables, and they say plainly what the run cannot tell."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from study.report import SECTIONS
from study.report.accuracy import accuracy_answer
from study.report.answers.ends import numbers_or_ends
from study.report.answers.heads import GAIN, LOSS, MARGIN, NONE, OPEN, head_trials, heads_answer, pair_trials
from study.report.answers.parting import opposite_shares, parting_answer, right_answer
from study.report.blocks import Details, Paragraph
from study.report.explorer.choosing import choose_seed
from study.report.inputs import RunTables, pick
from study.report.numbers import number, percent
from study.report.page import render_page
from study.report.sections.answers import QUESTIONS, build
from study.report.sections.opening import opening_blocks
from tests.report.answer_blocks import first, table_of
from tests.report.conftest import Written
from tests.report.edits import add_estimates, set_estimates, set_rows, with_rows, with_second_data_set, without_table
from tests.report.test_quotes import PRECISION, SHARE, card, own

ENCODER = ("reviews", "encoder")


def test_each_question_has_its_heading_and_answer(small: Written) -> None:
    blocks = build(small.run).blocks
    assert [(b.anchor, b.text) for b in blocks if b.kind == "heading"] == list(QUESTIONS.items())
    assert [b.lead != "" or b.tone == "muted" for b in blocks if isinstance(b, Paragraph)] == [True] * 6


def test_accuracy_comes_first_and_beside_guessing(small: Written) -> None:
    found = accuracy_answer(small.run)
    rows = pick(small.run.tables["accuracy"], kind="model", seed="all")
    for row in rows.itertuples():
        assert f"{percent(row.accuracy, 1)} [{number(100 * row.low, 1)}, {number(100 * row.high, 1)}]" in found.lead
    assert "Always naming the most frequent class gets 50.0" in found.text
    bare = with_rows(small.run, "accuracy", rows)
    assert accuracy_answer(bare).text == "No baseline was fitted to hold it against."
    assert accuracy_answer(without_table(small.run, "accuracy")).text.startswith("This run cannot say")


def test_of_many_models_the_two_ends_are_told(small: Written) -> None:
    run = with_second_data_set(small.run)
    found = {v: (float(k), f"n{k}") for k, v in zip((3, 1, 4, 2), run.variants, strict=True)}
    told = numbers_or_ends(run, found)
    assert told == "from n1 (attention-only · reviews) to n4 (encoder · films), 4 models"
    assert accuracy_answer(run).lead.endswith("4 models.")
    gains = add_estimates(run, "accuracy_gain", "model", "tfidf_logreg", (0.02, 0.01, 0.03), ("encoder",))
    assert accuracy_answer(gains).text.startswith("2 of 4 models beat the baseline. ")
    three = dict(list(found.items())[:3])
    assert numbers_or_ends(run, three).count("n") > 3
    assert "n3 (encoder · reviews), n1" in numbers_or_ends(run, three)


def test_the_shares_on_which_they_part_are_those_of_the_tables(small: Written) -> None:
    run = set_estimates(small.run, "feature_agreement_at_k1", "shapley", "lime", "all", (0.9, 0.85, 0.95))
    text = parting_answer(run).text
    assert "is another one in this share of the texts: 10.0\u202f% [5.0, 15.0] (encoder)" in text
    table = run.tables["features"].copy()
    places = (table["method"] == "lime") & table["trained"]
    shap = table[(table["method"] == "shapley") & table["trained"]]["score"].to_numpy()
    table.loc[places, "score"] = shap * np.where(table.loc[places, "word_index"] == 1, -1.0, 1.0)
    turned = opposite_shares(with_rows(run, "features", table), ENCODER)
    sizes = pick(table, method="shapley", trained=True, model="encoder", seed="0", example_id="t000")["score"].abs()
    counts = (sizes >= 0.1 * sizes.max()).to_numpy()
    assert turned.shape == (2, 6)
    assert turned[0, 0] == pytest.approx(counts[1] / counts.sum())
    assert "Opposite signs" in text


def test_the_text_on_which_they_part_most_has_a_link_into_the_explorer(small: Written) -> None:
    table = small.run.tables["features"].copy()
    shap = table[(table["example_id"] == "t002") & (table["method"] == "shapley")]["score"].to_numpy()
    table.loc[(table["example_id"] == "t002") & (table["method"] == "lime"), "score"] = -shap
    found = parting_answer(with_rows(small.run, "features", table))
    chosen = choose_seed(small.run, ENCODER)
    assert chosen is not None
    assert f"In encoder, seed {chosen.seed}, they differ most on “" in found.text
    assert found.links[-1].anchor == "text=reviews/encoder/t002"
    odd = with_second_data_set(small.run, "a/b")
    odd = dataclasses.replace(odd, config=odd.config.model_copy(update={"datasets": odd.config.datasets[::-1]}))
    assert parting_answer(odd).links[-1].anchor.startswith("text=a%2Fb/encoder%20%C2%B7%20a%2Fb/t0")


@pytest.mark.usefixtures("no_painting")
def test_links_into_the_explorer_live_only_beside_it(small: Written) -> None:
    sections = [SECTIONS.load(name)(small.run) for name in ("answers", "explorer")]
    page = render_page(small.run, opening_blocks(small.run), sections)
    (linked,) = set(re.findall(r'href="#(text=[^"]*)"', page))
    assert f'"id":"{linked.rsplit("/", 1)[1]}"' in page  # the explorer has this text
    alone = render_page(small.run, (), sections[:1])
    assert 'href="#text=' not in alone


def quoting(run: RunTables, **changes: object) -> RunTables:
    return dataclasses.replace(run, reference=card().assign(**changes))


def test_who_is_right_follows_the_score_card(small: Written) -> None:
    found = right_answer(quoting(small.run))
    assert found.lead == "Neither is right everywhere: it depends on what is asked."
    assert found.text.startswith("This run knows no answers; these are of another run")
    assert (
        "Asked which words decide: of 3 tasks LIME is ahead on 1: negation, model set by hand (LIME 0.97 [0.87, 1.07], "
        "SHAP 0.56 [0.46, 0.66]); SHAP is ahead on none."
    ) in found.text
    assert (
        "SHAP is ahead on 1: context, model set by hand (SHAP 1.00 [0.90, 1.10], LIME 0.50 [0.40, 0.60]); LIME is"
        in found.text
    )
    two = card()
    two.loc[(two["dataset"] == "single") & (two["metric"] == SHARE) & (two["method"] == "lime"), "estimate"] = 0.7
    two.loc[(two["dataset"] == "single") & (two["metric"] == SHARE) & (two["method"] == "lime"), "high"] = 0.8
    told = right_answer(dataclasses.replace(small.run, reference=two)).text
    assert "SHAP is ahead on 2, most on context, model set by hand (SHAP 1.00" in told
    mine = right_answer(own(small.run, card()))
    assert mine.text.startswith("By this run's own score card.")


def only(metric: str) -> pd.DataFrame:
    return card()[lambda t: t["metric"] == metric]


@pytest.mark.parametrize(
    ("metric", "lead"),
    [
        (PRECISION, "Where they part clearly and the answer is known, LIME is right, not SHAP."),
        (SHARE, "Where they part clearly and the answer is known, SHAP is right, not LIME."),
    ],
)
def test_one_that_is_ahead_alone_is_called_right(small: Written, metric: str, lead: str) -> None:
    assert right_answer(dataclasses.replace(small.run, reference=only(metric))).lead == lead


def test_no_one_is_right_where_intervals_meet(small: Written) -> None:
    wide = right_answer(quoting(small.run, low=0.0, high=1.0))
    assert wide.lead == "Neither is clearly ahead where the answer is known."
    assert "SHAP is ahead on none; LIME is ahead on none" in wide.text
    exact = only(PRECISION).assign(ceiling=0.56)
    text = right_answer(dataclasses.replace(small.run, reference=exact)).text
    assert "SHAP 0.56 [0.46, 0.66]; exact Shapley values get 0.56 there" in text


def test_without_a_score_card_nobody_is_right(small: Written) -> None:
    found = right_answer(small.run)
    assert found.lead == "Which of the two is right is not known here."
    assert "`make known-answers`" in found.text
    rotated = right_answer(quoting(small.run, rung="rotated"))  # the same models once more: not asked
    assert rotated.lead == found.lead


def trials(run: RunTables, alone: dict[str, tuple[float, float]], n_texts: int = 500) -> RunTables:
    """The run in which these heads lose so much accuracy and flip so many predictions alone, all others 0.1 and 0.2."""
    table = run.tables["trials"].copy()
    table[["accuracy_lost", "flipped", "n_texts"]] = (0.1, 0.2, n_texts)
    for head, numbers in alone.items():
        table.loc[(table["component"] == head) & (table["partner"] == ""), ["accuracy_lost", "flipped"]] = numbers
    return with_rows(run, "trials", table)


@pytest.mark.parametrize(
    ("numbers", "n_texts", "verdict"),
    [
        ((0.0, 0.002), 500, NONE),
        ((-0.03, 0.04), 500, GAIN),
        ((-0.005, 0.02), 500, OPEN),  # may be a gain of more than the margin
        ((0.0, 0.002), 100, OPEN),  # too few texts
        ((0.0, 0.1), 500, OPEN),
        ((0.1, 0.2), 500, LOSS),
    ],
)
def test_a_head_goes_without_loss_only_where_the_interval_says_so(
    small: Written, numbers: tuple[float, float], n_texts: int, verdict: str
) -> None:
    found = head_trials(trials(small.run, {"L1H3": numbers}, n_texts), ENCODER)
    row = found[(found["component"] == "L1H3") & (found["seed"] == "0")].iloc[0]
    assert row["verdict"] == verdict
    assert (row["low"] >= -MARGIN and row["high"] <= MARGIN) == (verdict == NONE)
    assert ((row["low"] > 0), (row["high"] < 0)) == (verdict == LOSS, verdict == GAIN)


def test_heads_are_named_with_their_numbers_and_the_rest_counted(small: Written) -> None:
    run = trials(small.run, {"L1H3": (0.0, 0.002), "L0H0": (0.0, 0.1)})
    blocks = heads_answer(run)
    found = first(blocks)
    assert found.lead == "4 of 32 heads can be removed without loss, each alone."
    row = head_trials(run, ENCODER)[lambda t: t["component"] == "L1H3"].iloc[0]
    told = f"L1H3 of seed 0 (0.0 [{number(100 * row['low'], 1)}, {number(100 * row['high'], 1)}] points, 0.2\u202f% of"
    assert told in found.text
    assert "of 16 heads, 2 without loss, 12 cost accuracy, of 2 it cannot be said" in found.text
    assert isinstance(blocks[1], Details)
    rows = table_of(blocks)
    assert len(rows) == 32
    assert {r["verdict"] for r in rows if r["head"] == "L0H0"} == {OPEN}


def test_none_and_not_known_are_said_plainly(small: Written) -> None:
    assert first(heads_answer(trials(small.run, {}))).lead == "No head can go: each of 32 heads costs accuracy."
    doubt = first(heads_answer(trials(small.run, {"L0H0": (0.0, 0.1)}))).lead
    assert doubt == "No head of 32 is shown to be removable without loss."
    few = first(heads_answer(trials(small.run, {}, n_texts=200))).text
    assert "So few texts cannot show it even of a head that changes nothing." in few
    assert "So few texts" not in first(heads_answer(trials(small.run, {}, n_texts=500))).text
    nothing = first(heads_answer(without_table(small.run, "trials")))
    assert nothing.text.startswith("This run cannot say")


def test_two_heads_lose_what_each_step_loses(small: Written) -> None:
    table = trials(small.run, {"L0H1": (0.02, 0.03)}).tables["trials"].copy()
    beside = (table["component"] == "L0H0") & (table["partner"] == "L0H1")
    table.loc[beside, ["accuracy_lost", "flipped"]] = (-0.02, 0.03)
    run = with_rows(small.run, "trials", table)
    pairs = pair_trials(run, ENCODER)
    assert len(pairs) == 2 * 28  # seeds, pairs of 8 heads
    row = pairs[(pairs["component"] == "L0H0") & (pairs["partner"] == "L0H1") & (pairs["seed"] == "0")].iloc[0]
    assert row["lost"] == pytest.approx(0.0)
    assert row["changed"] == pytest.approx(0.06)
    assert "Of 112 pairs taken out together, none is shown to be without loss" in first(heads_answer(run)).text
    calm = set_rows(run, "trials", "flipped", 0.0)
    calm = set_rows(calm, "trials", "accuracy_lost", 0.0)
    assert "112 can go without loss, surest L0H0 and L0H1" in first(heads_answer(calm)).text
    alone = with_rows(run, "trials", table[table["partner"] == ""])
    assert "No two heads were taken out together" in first(heads_answer(alone)).text
