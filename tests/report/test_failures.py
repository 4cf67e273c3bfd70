"""Where the score misses words that decide: how often, why by rule, and examples."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from study.report.blocks import Bullets, Details, Paragraph, Section, Table
from study.report.inputs import RunTables
from study.report.missed_words import explain, is_hidden, mark_word, missed_words, noise_share
from study.report.numbers import THIN
from study.report.sections.failures import build
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows, without_table
from tests.report.synthetic_negation import negation_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    return negation_run(tmp_path_factory.mktemp("failures") / "known")


def section(run: RunTables) -> Section:
    found = build(run)
    assert found is not None
    return found


def table(run: RunTables, anchor: str) -> Table:
    (found,) = [b for b in section(run).blocks if isinstance(b, Table) and b.anchor == anchor]
    return found


def told(run: RunTables) -> str:
    return " ".join(b.text for b in section(run).blocks if isinstance(b, Paragraph)).replace(THIN, " ")


def cells(table: Table, row: int) -> dict[str, str]:
    values = [cell.replace(THIN, " ") for cell in table.rows[row]]
    return dict(zip([c.name for c in table.columns], values, strict=True))


def test_no_section_where_nothing_is_known(run: RunTables, small: Written) -> None:
    assert build(small.run) is None
    assert build(without_table(run, "failure_rates")) is None


def test_rates_by_task_model_and_method_with_intervals(run: RunTables) -> None:
    rates = table(run, "table-failure-rates")
    assert len(rates.rows) == 3
    first = cells(rates, 0)
    assert (first["data set"], first["model"], first["texts"], first["seeds"]) == ("turned", "hand-built", "2", "1")
    assert first["SHAP: words missed"] == "33 % [10 to 80 %]"
    assert first["SHAP: texts"] == "50 % [10 to 90 %]"
    assert first["SHAP: cancel"] == "1 of 1"
    assert first["LIME: words missed"] == "0 % [10 to 80 %]"
    assert first["LIME: cancel"] == ""
    assert "SHAP misses words on 3 of 3 models: 33 % on turned, hand-built" in told(run)
    assert "LIME misses words on 0 of 3 models" in told(run)


def test_models_that_are_not_verified_are_named_and_not_counted(tmp_path: Path) -> None:
    partly = negation_run(tmp_path / "partly", verified=("hand-built",))
    assert [row[1] for row in table(partly, "table-failure-rates").rows] == ["hand-built"]
    assert [row[0] for row in table(partly, "table-missed").rows] == ["hand-built · turned"]
    assert "Not verified, and so not counted: rotated · turned" not in told(partly)  # one data set: no data set named
    assert "Not verified, and so not counted: rotated and trained." in told(partly)
    assert "SHAP misses words on 1 of 1 model" in told(partly)


def test_an_example_names_heads_and_says_why(run: RunTables) -> None:
    row = cells(table(run, "table-missed"), 0)
    assert row["text"] == "n1 not [bad] z"
    assert (row["score"], row["largest"], row["|row|"]) == ("0.00", "2.00", "4.00")
    assert row["largest cells"] == "L1H1 Negated +2.00, L1H0 All −2.00"
    assert row["interacts with"] == "not +4.00"
    (bullets,) = [b for b in section(run).blocks if isinstance(b, Bullets)]
    text = bullets.items[0].text
    assert "adds up 4.00 logits that cancel: L1H1 Negated +2.00 and L1H0 All −2.00" in text
    assert "interacts with “not” by +4.00" in text
    trained = cells(table(run, "table-missed"), 2)
    assert trained["largest cells"] == "L1H1 +2.00, L1H0 −2.00"  # its heads have no names
    assert trained["interacts with"] == "not"  # by how much is known in the logits of models set by hand
    learned = next(m for m in missed_words(run, run.tables["failures"]) if m.model == "trained")
    assert "In the rule it interacts with “not”: neither word" in explain(learned)


def test_a_word_for_which_little_is_written_does_not_hide(run: RunTables) -> None:
    little = set_rows(run, "failures", "size", 0.1, model="hand-built")
    little = set_rows(little, "failures", "components", "", model="hand-built")
    little = set_rows(little, "failures", "partner", "", model="hand-built")
    first = missed_words(little, little.tables["failures"])[0]
    assert not is_hidden(first)
    assert explain(first) == "Its row hides little: 0.10 against a largest score of 2.00."
    assert "In 2 of them components write much" in told(little)
    assert "in 1 little is written at all" in told(little)
    assert cells(table(little, "table-failure-rates"), 0)["SHAP: cancel"] == "0 of 1"


def test_sizes_of_rows_are_said_to_rank_no_words_with_the_numbers(run: RunTables) -> None:
    assert "look at the word's row" in told(run)
    assert "row sizes" not in told(run)  # nobody scored them
    card = run.tables["score_card"]
    sizes = card.assign(method="crosswalk_row_size", estimate=0.2)
    scored = with_rows(run, "score_card", pd.concat([card, sizes], ignore_index=True))
    assert "But row sizes do not rank words (precision at k: turned 0.20 against 0.50 of SHAP)." in told(scored)
    good = with_rows(run, "score_card", pd.concat([card, sizes.assign(estimate=0.5)], ignore_index=True))
    assert "row sizes" not in told(good)


def test_a_row_that_its_own_score_explains_does_not_hide(run: RunTables) -> None:
    shown = set_rows(set_rows(run, "failures", "score", 0.9), "failures", "size", 1.0)
    assert not any(is_hidden(m) for m in missed_words(shown, shown.tables["failures"]))


def test_noise_words_with_rows_as_large_are_counted(run: RunTables) -> None:
    found = missed_words(run, run.tables["failures"])
    assert "in 3 of 3 such texts by SHAP" in noise_share(run, found)  # the noise word's row is 12
    small = run
    for component in ("L0H1", "L0H2"):
        small = set_rows(small, "crosswalk", "value", 1.9, component=component, word="z", model="rotated")
    assert "in 2 of 3 such texts by SHAP" in noise_share(small, found)


def test_examples_beyond_the_first_are_folded_away(run: RunTables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.report.sections.failures.MOST", 2)
    assert len(table(run, "table-missed").rows) == 2
    (fold,) = [b for b in section(run).blocks if isinstance(b, Details)]
    assert len(fold.blocks[0].rows) == 1  # type: ignore[union-attr]


def test_the_largest_row_is_the_example(run: RunTables) -> None:
    failures = run.tables["failures"]
    other = failures[failures["model"] == "hand-built"].assign(example_id="t0", size=5.0)
    more = with_rows(run, "failures", pd.concat([failures, other], ignore_index=True))
    assert cells(table(more, "table-missed"), 0)["text"] == "not n1 [bad] n2"


def test_long_texts_are_cut_around_the_word() -> None:
    words = [str(i) for i in range(30)]
    assert mark_word(words, 12) == "… 4 5 6 7 8 9 10 11 [12] 13 14 15 16 17 18 19 20 …"
    assert mark_word(words[:3], 0) == "[0] 1 2"
    assert mark_word(words, 29) == "… 21 22 23 24 25 26 27 28 [29]"


def test_nothing_missed_leaves_the_rates(run: RunTables) -> None:
    none = with_rows(run, "failures", run.tables["failures"].iloc[:0])
    assert "table-missed" not in {b.anchor for b in section(none).blocks if isinstance(b, Table)}
