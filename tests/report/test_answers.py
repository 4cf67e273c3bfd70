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
from study.report.answers.parting import opposite_shares, parting_answer
from study.report.answers.right import right_answer
from study.report.blocks import Block, Details, Paragraph, Table, walk
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


def said(block: Block) -> str:
    """All paragraphs in a block."""
    return " ".join(b.text for found in walk((block,)) for b in [found] if isinstance(b, Paragraph))


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
    text = first(parting_answer(run)).text
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
    folded = parting_answer(with_rows(run, "features", table))[1]
    assert isinstance(folded, Details)
    assert f"largest score): {number(100 * np.nanmean(turned), 1)}\u202f%" in said(folded)


def test_the_text_on_which_they_part_most_has_a_link_into_the_explorer(small: Written) -> None:
    table = small.run.tables["features"].copy()
    shap = table[(table["example_id"] == "t002") & (table["method"] == "shapley")]["score"].to_numpy()
    table.loc[(table["example_id"] == "t002") & (table["method"] == "lime"), "score"] = -shap
    found = first(parting_answer(with_rows(small.run, "features", table)))
    chosen = choose_seed(small.run, ENCODER)
    assert chosen is not None
    assert f"In encoder, seed {chosen.seed}, they differ most on “" in found.text
    assert found.text.endswith("their scores differ by 100\u202f%, each scaled to the same total size.")
    assert found.links[-1].anchor == "text=reviews/encoder/t002"
    odd = with_second_data_set(small.run, "a/b")
    odd = dataclasses.replace(odd, config=odd.config.model_copy(update={"datasets": odd.config.datasets[::-1]}))
    assert first(parting_answer(odd)).links[-1].anchor.startswith("text=a%2Fb/encoder%20%C2%B7%20a%2Fb/t0")


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


def test_who_is_ahead_follows_the_score_card(small: Written) -> None:
    found = first(right_answer(quoting(small.run)))
    assert found.lead == (
        "Mostly neither is clearly ahead where the truth is known: asked which words decide, LIME is ahead on 1 of 3 "
        "tasks, SHAP on none, neither clearly on 2; asked how much of the scores these words get, SHAP is ahead on 1 "
        "of 3 tasks, LIME on none, neither clearly on 2."
    )
    assert found.text == (
        "Farthest ahead: LIME on negation, model set by hand (LIME 0.97 [0.87, 1.07], SHAP 0.56 [0.46, 0.66]); SHAP "
        "on context, model set by hand (SHAP 1.00 [0.90, 1.10], LIME 0.50 [0.40, 0.60]); where neither is clearly "
        "ahead they are alike, or their intervals meet. This run knows no answers; these are of another run, on "
        "made-up rules and planted shortcuts (`make known-answers`)."
    )
    rows = table_of(right_answer(quoting(small.run)))
    assert [(r["task"].split(",")[0], r["clearly ahead"]) for r in rows] == [
        *(("single", "neither"), ("negation", "LIME"), ("context", "neither")),
        *(("single", "neither"), ("negation", "neither"), ("context", "SHAP")),
    ]
    assert (rows[1]["SHAP"], rows[1]["LIME"]) == ("0.56 [0.46, 0.66]", "0.97 [0.87, 1.07]")
    assert first(right_answer(own(small.run, card()))).text.endswith("By this run's own score card.")


def only(metric: str, **lime: float) -> pd.DataFrame:
    """The score card of one score; lime: by task, what LIME gets there."""
    found = card()[lambda t: t["metric"] == metric].reset_index(drop=True)
    for task, value in lime.items():
        rows = (found["dataset"] == task) & (found["method"] == "lime")
        found.loc[rows, ["estimate", "low", "high"]] = (value, value - 0.1, value + 0.1)
    return found


def test_ahead_on_one_task_makes_nobody_right(small: Written) -> None:
    for metric, ahead, other in ((PRECISION, "LIME", "SHAP"), (SHARE, "SHAP", "LIME")):
        found = first(right_answer(dataclasses.replace(small.run, reference=only(metric))))
        assert found.lead.startswith("Mostly neither is clearly ahead")
        assert found.lead.endswith(f"{ahead} is ahead on 1 of 3 tasks, {other} on none, neither clearly on 2.")
        assert "right" not in f"{found.lead} {found.text}"


def test_each_is_told_where_it_is_farthest_ahead_and_the_rest_only_where_there_is_one(small: Written) -> None:
    two = first(right_answer(dataclasses.replace(small.run, reference=only(SHARE, single=0.7))))
    assert two.lead.startswith("Where the truth is known: asked how much")
    assert "SHAP is ahead on 2 of 3 tasks" in two.lead
    assert "SHAP on context" in two.text
    assert "on single" not in two.text
    assert "where neither is clearly ahead" in two.text
    every = first(right_answer(dataclasses.replace(small.run, reference=only(SHARE, single=0.7, negation=0.6))))
    assert every.lead.endswith("SHAP is ahead on 3 of 3 tasks, LIME on none.")
    assert "where neither" not in every.text
    mixed = first(right_answer(dataclasses.replace(small.run, reference=only(SHARE, negation=0.6, single=1.3))))
    assert mixed.lead.endswith("SHAP is ahead on 2 of 3 tasks, LIME on 1.")
    assert "LIME on single" in mixed.text


def test_no_one_is_ahead_where_intervals_meet(small: Written) -> None:
    wide = first(right_answer(quoting(small.run, low=0.0, high=1.0)))
    assert wide.lead == (
        "Neither is clearly ahead where the truth is known, on 3 tasks asked which words decide and on 3 tasks asked "
        "how much of the scores these words get."
    )
    assert wide.text.startswith("This run knows no answers;")
    half = card()
    half.loc[half["metric"] == SHARE, ["low", "high"]] = (0.0, 1.0)
    lead = first(right_answer(dataclasses.replace(small.run, reference=half))).lead
    assert lead.endswith("asked how much of the scores these words get, neither is clearly ahead on any of 3 tasks.")
    exact = only(PRECISION).assign(ceiling=0.56)
    text = first(right_answer(dataclasses.replace(small.run, reference=exact))).text
    assert "SHAP 0.56 [0.46, 0.66]; exact Shapley values get 0.56 there" in text


def test_bounds_that_are_not_known_claim_nothing(small: Written) -> None:
    found = right_answer(quoting(small.run, low=np.nan, high=np.nan))
    assert first(found).lead.startswith("Neither is clearly ahead")
    assert table_of(found)[1]["SHAP"] == "0.56"
    nan = (0.9, np.nan, np.nan)
    run = set_estimates(small.run, "feature_agreement_at_k1", "shapley", "lime", "all", nan)
    assert "in this share of the texts: 10.0\u202f% (encoder)" in first(parting_answer(run)).text


def test_without_a_score_card_nobody_is_right(small: Written) -> None:
    found = first(right_answer(small.run))
    assert found.lead == "Which of the two is right is not known here."
    assert "`make known-answers`" in found.text
    rotated = first(right_answer(quoting(small.run, rung="rotated")))  # the same models once more: not asked
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
        ((-0.005, 0.02), 500, NONE),  # however much may be gained
        ((0.005, 0.02), 500, OPEN),  # may be a loss of more than the margin
        ((0.006, 0.006), 20000, NONE),  # some loss is certain, and so is that it is small
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
    assert (row["high"] <= MARGIN) == (verdict in (NONE, GAIN))
    assert (row["high"] < 0) == (verdict == GAIN)
    assert (row["low"] > 0 and row["high"] > MARGIN) == (verdict == LOSS)


def test_heads_are_named_with_their_numbers_and_the_rest_counted(small: Written) -> None:
    run = trials(small.run, {"L1H3": (0.0, 0.002), "L0H0": (0.0, 0.1)})
    blocks = heads_answer(run)
    found = first(blocks)
    assert (
        found.lead == "4 of 32 heads can be removed without loss, each alone; 24 cost accuracy, of 4 it cannot be said."
    )
    assert "95 % interval of the accuracy lost lies wholly below 1\u202f%-point, on 500 fresh" in found.text
    row = head_trials(run, ENCODER)[lambda t: t["component"] == "L1H3"].iloc[0]
    numbers = f"(0.0 [{number(100 * row['low'], 1)}, {number(100 * row['high'], 1)}] points)"
    assert f"The surest of the 4 are L1H3 of encoder, seed 0 {numbers}, L1H3 of" in found.text
    assert isinstance(blocks[1], Details)
    assert "encoder: of 16 heads, 2 without loss, 12 cost accuracy, of 2 it cannot be said." in said(blocks[1])
    rows = table_of(blocks)
    assert len(rows) == 32
    assert {r["verdict"] for r in rows if r["head"] == "L0H0"} == {OPEN}


def test_a_head_that_gains_is_counted_with_those_without_loss_everywhere(small: Written) -> None:
    blocks = heads_answer(trials(small.run, {"L1H3": (0.0, 0.002), "L0H0": (-0.03, 0.04)}))
    assert first(blocks).lead == "8 of 32 heads can be removed without loss, each alone; 24 cost accuracy."
    assert "L0H0 of encoder, seed 0 (−3.0 [" in first(blocks).text
    assert "of 16 heads, 4 without loss (2 of them gain accuracy), 12 cost accuracy." in said(blocks[1])
    assert sum(r["verdict"].startswith("without loss") for r in table_of(blocks)) == 8
    assert isinstance(blocks[1], Details)
    (table,) = (b for b in blocks[1].blocks if isinstance(b, Table))
    assert table.title == "32 heads taken out alone: 8 without loss (4 of them gain accuracy), 24 cost accuracy"


def test_none_and_not_known_are_said_plainly(small: Written) -> None:
    assert first(heads_answer(trials(small.run, {}))).lead == "No head can go: each of 32 heads costs accuracy."
    doubt = first(heads_answer(trials(small.run, {"L0H0": (0.0, 0.1)}))).lead
    assert doubt == "No head of 32 is shown to be removable without loss: 28 cost accuracy, of 4 it cannot be said."
    few = first(heads_answer(trials(small.run, {}, n_texts=200))).text
    assert "so few texts cannot show it even of a head that changes nothing. " in few
    assert "so few texts" not in first(heads_answer(trials(small.run, {}, n_texts=500))).text
    none = first(heads_answer(trials(small.run, {}, n_texts=0)))  # no interval at all
    assert none.lead == "No head of 32 is shown to be removable without loss: of 32 it cannot be said."
    assert "so few texts" in none.text
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
    assert "Of 112 pairs taken out together, none is shown to be without loss." in first(heads_answer(run)).text
    calm = set_rows(run, "trials", "flipped", 0.0)
    calm = set_rows(calm, "trials", "accuracy_lost", 0.0)
    assert (
        "of 112 pairs taken out together, 112 can go without loss, and the surest is named: L0H0 and L0H1 ("
        in first(heads_answer(calm)).text
    )
    alone = with_rows(run, "trials", table[table["partner"] == ""])
    assert "No two heads were taken out together." in first(heads_answer(alone)).text
