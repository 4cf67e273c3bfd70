"""The answer about words: the five of largest mean size, and the heads that carry them."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest

from study.report.answers.word_scores import Carrier, strongest_words
from study.report.answers.words import CAUSAL, DIRECT, _head_clause, words_answer
from study.report.blocks import Bullets, Details, Table, walk
from study.report.explorer.choosing import choose_seed
from study.report.inputs import RunTables, pick
from study.report.measures import least_texts
from study.report.numbers import number
from study.report.sections.opening import opening_blocks
from tests.report.answer_blocks import first, table_of
from tests.report.conftest import Written
from tests.report.edits import with_rows, without_table

ENCODER = ("reviews", "encoder")


def test_the_five_words_are_those_of_largest_mean_size(small: Written) -> None:
    rows = pick(small.run.of("features", *ENCODER), method="shapley", trained=True).dropna(subset="score")
    per_text = rows.groupby(["word", "seed", "example_id"])["score"].mean().reset_index()
    n_texts = rows.groupby("word")["example_id"].nunique()
    size = per_text.assign(score=per_text["score"].abs()).groupby("word")["score"].mean()
    words, least = strongest_words(small.run, ENCODER)
    assert least == least_texts(n_texts)
    expected = size[n_texts >= least].sort_values(ascending=False).head(5)
    assert [w.size for w in words] == pytest.approx(expected.tolist())
    mean = per_text.groupby("word")["score"].mean()
    assert [w.mean for w in words] == pytest.approx([mean[w.word] for w in words])
    shown = table_of(words_answer(small.run))
    assert [row["word"] for row in shown] == [w.word for w in words]
    for row, word in zip(shown, words, strict=True):
        assert row["mean |SHAP|"] == number(word.size)
        assert f"[{number(word.low)}, {number(word.high)}]" in row["mean SHAP"]
        assert row["pushes"] in ("towards positive", "towards negative", "not certain")


def test_words_that_do_nothing_are_not_among_the_five(small: Written) -> None:
    run, word = loud(small.run)
    table = run.tables["features"].copy()
    table.loc[(table["method"] == "shapley") & (table["word"] != word), "score"] = 0.001
    quiet = with_rows(run, "features", table)
    assert [w.word for w in strongest_words(quiet, ENCODER)[0]] == [word]
    assert "In encoder the means are +5.00 [5.00, 5.00] (“masterpiece”)." in first(words_answer(quiet)).text


@pytest.mark.parametrize(("counts", "least"), [([5] * 72, 5), ([5] * 71 + [4], 4), ([2] * 72, 2), ([9] * 3, 1)])
def test_in_how_many_texts_a_word_must_stand(counts: list[int], least: int) -> None:
    assert least_texts(pd.Series(counts)) == least


def loud(run: RunTables, word: str = "masterpiece") -> tuple[RunTables, str]:
    """The run with a word in every text that scores 5, or −5 in every other text; and the word."""
    table = run.tables["features"].copy()
    places = (table["method"] == "shapley") & (table["word_index"] == 0)
    table.loc[places, ["word", "score"]] = (word, 5.0)
    return with_rows(run, "features", table), word


def test_a_word_that_pushes_either_way_is_said_to_be_uncertain(small: Written) -> None:
    run, word = loud(small.run)
    sure = strongest_words(run, ENCODER)[0][0]
    assert (sure.word, sure.mean, sure.is_clear) == (word, 5.0, True)
    table = run.tables["features"].copy()
    places = (table["word"] == word) & table["example_id"].isin(["t001", "t003", "t005"])
    table.loc[places, "score"] = -5.0
    torn = with_rows(run, "features", table)
    word_ = strongest_words(torn, ENCODER)[0][0]
    assert (word_.word, word_.size, word_.is_clear) == (word, 5.0, False)
    assert table_of(words_answer(torn))[0]["pushes"] == "not certain"
    assert re.search(rf"Which way [^.]*“{word}”[^.]* push(es)? stays open", first(words_answer(torn)).text)
    assert not re.search(rf"Which way [^.]*“{word}”", first(words_answer(run)).text)


def carried(run: RunTables, word: str, cells: dict[str, float], method: str, kind: str) -> RunTables:
    """The run in which every text has the word as its first and the components these cells for it, others 0."""
    table = run.tables["crosswalk"].copy()
    places = (table["method"] == method) & (table["kind"] == kind) & (table["word_index"] == 0)
    table.loc[places, "word"] = word
    table.loc[places, "value"] = table.loc[places, "component"].map(cells).fillna(0.0)
    return with_rows(run, "crosswalk", table)


def test_the_heads_that_carry_a_word_are_named_by_both_tables(small: Written) -> None:
    run, word = loud(small.run)
    run = carried(run, word, {"L1H2": 2.5, "L0H1": -9.0, "L0H3": 1.0}, "shapley", "direct")
    run = carried(run, word, {"L0H1": 3.25, "L1H2": 1.0}, "two_way_shapley", "causal")
    row = table_of(words_answer(run))[0]
    assert row[DIRECT] == "L1H2 +2.50"
    assert row[CAUSAL] == "L0H1 +3.25 (6 texts)"
    beside = carried(run, word, {"L1H2": 2.5, "L0.mlp": 4.0}, "shapley", "direct")
    assert table_of(words_answer(beside))[0][DIRECT] == "L1H2 +2.50; L0.mlp +4.00 more"
    against = carried(run, word, {"L1H2": -2.5}, "shapley", "direct")
    assert table_of(words_answer(against))[0][DIRECT] == "–"  # no head writes the way the word goes


def test_heads_that_are_not_told_apart_are_named_together(small: Written) -> None:
    run, word = loud(small.run)
    run = carried(run, word, {"L1H2": 2.5, "L1H0": 2.0}, "shapley", "direct")
    assert table_of(words_answer(run))[0][DIRECT] == "L1H2 +2.50"
    table = run.tables["crosswalk"].copy()
    table.loc[(table["word"] == word) & (table["component"] == "L1H0") & (table["example_id"] < "t003"), "value"] = 2.9
    assert table_of(words_answer(with_rows(run, "crosswalk", table)))[0][DIRECT] == "L1H2 or L1H0 +2.50"


def test_one_text_tells_no_heads_apart(small: Written) -> None:
    """The cells by which two texts or more do tell the heads apart."""
    run, word = loud(small.run)
    run = carried(run, word, {"L1H2": 2.5, "L1H0": 2.0}, "shapley", "direct")
    table = run.tables["crosswalk"]
    alone = with_rows(run, "crosswalk", table[table["example_id"] == "t000"])
    assert table_of(words_answer(alone))[0][DIRECT] == "L1H2 or L1H0 +2.50"
    assert "on one text only: " in first(words_answer(alone)).text
    assert "on one text only: " not in first(words_answer(only_loud(run, word))).text


def only_loud(run: RunTables, word: str) -> RunTables:
    """The run in which no other word scores, so that the answer is about this one, which is in every text."""
    table = run.tables["features"]
    return with_rows(run, "features", table[table["word"] == word])


def test_the_head_that_carries_most_words_is_named_with_its_doubts() -> None:
    def carrier(head: str, rival: str = "", n_texts: int = 2, more: str = "") -> Carrier:
        return Carrier(head=head, value=1.0, n_texts=n_texts, rival=rival, more=more)

    told = _head_clause([carrier("L1H0"), carrier("L1H0", "L0H1"), carrier("L0H0"), None], "direct")
    assert told == (
        "of the heads, L1H0 writes the largest part of 2 of the 3 words that have such a table (not told apart from "
        "another head: 1)"
    )
    assert _head_clause([carrier("L1H0"), carrier("L1H0")], "causal") == "L1H0 is needed most for each of the 2 words"
    assert _head_clause([carrier("L1H0")], "causal") == "L1H0 is needed most for the 1 word"
    apart = [carrier("L1H0", "L0H0", n_texts=1), carrier("L0H0")]
    assert _head_clause(apart, "causal") == (
        "a different head is needed most for each of the 2 words (not told apart from another head: 1; on one text "
        "only: 1)"
    )
    beside = [carrier("L1H0", more="L0.mlp +4.00"), carrier("L1H0", more="L0.mlp +2.00"), carrier("L0H0", n_texts=1)]
    assert _head_clause(beside, "direct").endswith("of 2 of the 3 words (L0.mlp writes more: 2)")


def test_words_without_a_causal_table_or_without_scores_say_so(small: Written) -> None:
    table = small.run.tables["crosswalk"]
    run = with_rows(small.run, "crosswalk", table[table["kind"] != "causal"])
    text = first(words_answer(run)).text
    assert "no causal table has them, so which heads they need is not known" in text
    assert "no table says which heads write them" not in text
    assert {row[CAUSAL] for row in table_of(words_answer(run))} == {"–"}
    none = without_table(small.run, "crosswalk")
    assert "no table says which heads write them" in first(words_answer(none)).text
    scoreless = without_table(small.run, "features")
    assert first(words_answer(scoreless)).text == "This run cannot say: it has no SHAP scores of words."


def test_the_heads_are_those_of_the_median_seed(small: Written) -> None:
    chosen = choose_seed(small.run, ENCODER)
    assert chosen is not None
    run, word = loud(small.run)
    run = carried(run, word, {"L1H2": 2.5}, "shapley", "direct")
    other = run.tables["crosswalk"].copy()
    other.loc[(other["seed"] != chosen.seed) & (other["word"] == word) & (other["component"] == "L0H0"), "value"] = 9.0
    assert table_of(words_answer(with_rows(run, "crosswalk", other)))[0][DIRECT] == "L1H2 +2.50"


def test_the_classes_are_those_of_the_data_not_those_that_the_texts_happen_to_have(small: Written) -> None:
    run, _ = loud(small.run)
    three = dataclasses.replace(run, cards={"reviews": {"class_names": ["negative", "neutral", "positive"]}})
    assert table_of(words_answer(three))[0]["pushes"] == "towards the predicted class"
    table = run.tables["texts"]
    glad = with_rows(run, "texts", table.assign(label="positive", predicted="positive"))
    two = dataclasses.replace(glad, cards={"reviews": {"class_names": ["negative", "positive"]}})
    table = two.tables["features"].copy()
    table.loc[table["word"] == "masterpiece", "score"] = -5.0
    assert table_of(words_answer(with_rows(two, "features", table)))[0]["pushes"] == "towards negative"


def test_causal_is_said_to_be_averaged_over_sets_of_heads(small: Written) -> None:
    (table, *_) = (b for b in walk(tuple(words_answer(small.run))) if isinstance(b, Table))
    assert "loses without the head, averaged over all sets of the other heads" in table.note
    (folded,) = [b for b in opening_blocks(small.run) if isinstance(b, Details) and "read" in b.summary]
    terms = [p.text for b in walk((folded,)) if isinstance(b, Bullets) for p in b.items]
    assert any("lost without the head, averaged over all sets of the other heads" in text for text in terms)


@pytest.mark.parametrize("target", [("positive", "towards positive"), (None, "towards the predicted class")])
def test_sides_are_named_where_there_are_two(small: Written, target: tuple[str | None, str]) -> None:
    run, _ = loud(small.run)
    if target[0] is None:
        table = run.tables["texts"].copy()
        run = with_rows(run, "texts", table.assign(target=table["predicted"]))
    assert table_of(words_answer(run))[0]["pushes"] == target[1]
