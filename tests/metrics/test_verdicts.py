"""The class of a head: planted in small games of heads that are played out, and found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.head_classes import RULES
from study.metrics.numbers import gather_numbers
from study.metrics.verdicts import Verdict, judge_heads
from tests.metrics.head_games import (
    AGAINST,
    CONSTANT,
    DIRECT,
    ERASED_BY_HEAD,
    ERASED_BY_MLP,
    FAINT_WITH_BACKUP,
    FED,
    INDIRECT,
    NULL,
    SHARED_TASK,
    UNDECIDED,
    WITH_BACKUPS,
    Part,
    make_tables,
)


def judge(tables: dict[str, pd.DataFrame]) -> list[Verdict]:
    return judge_heads(gather_numbers(*(tables[t] for t in ("components", "heads", "interactions", "trials"))), 0.95)


def without(tables: dict[str, pd.DataFrame], **gone: str) -> dict[str, pd.DataFrame]:
    """The tables without the rows of a method, or without all rows of a table (value "")."""
    return tables | {
        name: tables[name].iloc[:0] if method == "" else tables[name].query(f"method != '{method}'")
        for name, method in gone.items()
    }


CASES = {
    "direct": (DIRECT, ["direct"]),
    "indirect": (INDIRECT, ["indirect"]),
    "null": (NULL, ["null"]),
    "constant write, real effect": (CONSTANT, ["direct"]),
    "erased by an MLP": (ERASED_BY_MLP, ["cancelling"]),
    "against its own effect": (AGAINST, ["cancelling"]),
    "undecided": (UNDECIDED, ["mixed"]),
    "fed by two heads": (FED, ["indirect", "indirect", "direct"]),
    "a head and its backups": (WITH_BACKUPS, ["backup", "backup", "backup"]),
    "two that need each other": (SHARED_TASK, ["indirect", "direct"]),
    "erased but for a part with a backup": (FAINT_WITH_BACKUP, ["cancelling", "backup"]),
    "erased by a head": (ERASED_BY_HEAD, ["cancelling", "direct"]),
}


@pytest.mark.parametrize(("part", "classes"), CASES.values(), ids=CASES.keys())
def test_a_planted_class_is_found_beside_another_head(part: Part, classes: list[str]) -> None:
    verdicts = judge(make_tables([part, DIRECT]))
    assert [v.class_ for v in verdicts] == [*classes, "direct"]


def test_all_classes_are_found_at_once() -> None:
    verdicts = judge(make_tables([part for part, _ in CASES.values()]))
    assert [v.class_ for v in verdicts] == [kind for _, classes in CASES.values() for kind in classes]
    assert {v.class_ for v in verdicts} == set(RULES)
    assert [v.confirmed for v in verdicts] == [True if v.class_ == "null" else None for v in verdicts]


def test_reasons_are_sentences_with_the_numbers_of_the_head() -> None:
    tables = make_tables([WITH_BACKUPS, DIRECT])
    reason = judge(tables)[0].reason
    written = tables["heads"].query("method == 'direct_centred' and component == 'L0H0'")["score"].abs().mean()
    assert f"writes {written:.3f}" in reason
    assert reason.startswith("heads that push the same way share its work, L0H1 most, interaction ")
    assert "\n" not in reason


def test_a_head_that_matters_beside_one_partner_is_not_null() -> None:
    tables = make_tables([NULL, DIRECT])
    beside = (tables["trials"]["component"] == "L0H0") & (tables["trials"]["partner"] == "L0H1")
    assert beside.sum() == 1
    tables["trials"].loc[beside, "high"] = 0.5
    assert judge(tables)[0].class_ != "null"


def test_a_null_head_that_was_not_tried_is_not_confirmed() -> None:
    verdict = judge(without(make_tables([NULL, DIRECT]), trials=""))[0]
    assert (verdict.class_, verdict.confirmed) == ("null", False)
    assert "not tried on fresh texts" in verdict.reason


@pytest.mark.parametrize("method", ["shapley_margin", "ablation_mean", "direct_centred"])
def test_a_head_with_one_large_number_is_not_null(method: str) -> None:
    tables = make_tables([NULL, DIRECT])
    rows = (tables["heads"]["component"] == "L0H0") & (tables["heads"]["method"] == method)
    tables["heads"].loc[rows, "score"] = 0.2
    assert judge(tables)[0].class_ != "null"


@pytest.mark.parametrize(("part", "head"), [(WITH_BACKUPS, 2), (ERASED_BY_HEAD, 0)])
def test_without_interactions_a_backup_is_not_told_from_an_erased_head(part: Part, head: int) -> None:
    verdict = judge(without(make_tables([part, DIRECT]), interactions=""))[head]
    assert verdict.class_ == "mixed"
    assert "hardly missed, shared or taken back, not known without interactions" in verdict.reason


def test_without_interactions_heads_of_which_one_suffices_are_not_called_cancelling() -> None:
    any_of_four = Part((0.9, 0.9, 0.9, 0.9), lambda team: 0.9 * (len(team) > 0))
    tables = make_tables([any_of_four])
    assert {verdict.class_ for verdict in judge(tables)} == {"backup"}
    verdicts = judge(without(tables, interactions=""))
    assert {verdict.class_ for verdict in verdicts} == {"mixed"}
    assert "writes more than 2 times what it achieves, shared or taken back" in verdicts[0].reason


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_neither_direct_nor_indirect(seed: int) -> None:
    """A null head that one trial keeps from being called null has no class: what is left of it is noise."""
    tables = make_tables([NULL, DIRECT], seeds=(seed,))
    beside = (tables["trials"]["component"] == "L0H0") & (tables["trials"]["partner"] == "L0H1")
    tables["trials"].loc[beside, "high"] = 0.5
    verdict = judge(tables)[0]
    assert verdict.class_ == "mixed"
    assert verdict.reason.startswith("too small to tell")


@pytest.mark.parametrize("method", ["direct_centred", "shapley_margin", "ablation_mean"])
def test_without_a_number_that_the_rules_weigh_nothing_is_decided(method: str) -> None:
    tables = without(make_tables([DIRECT, INDIRECT, ERASED_BY_MLP, NULL]), heads=method)
    reason = f"not judged: the run has no {method} (heads.methods)"
    assert {(v.class_, v.reason) for v in judge(tables)} == {("mixed", reason)}


def test_one_text_decides_nothing() -> None:
    verdicts = judge(make_tables([DIRECT, INDIRECT], n_texts=1))
    assert [v.class_ for v in verdicts] == ["mixed", "mixed"]
    assert verdicts[0].reason.startswith("too few texts")


def test_one_text_unlike_the_others_does_not_decide() -> None:
    tables = make_tables([DIRECT, WITH_BACKUPS], n_texts=6)
    heads = tables["heads"]
    odd = (heads["component"] == "L0H0") & (heads["example_id"] == "e0") & (heads["method"] == "shapley_margin")
    heads.loc[odd, "score"] *= 30  # the mean of |psi| is far above twice the loss alone, its interval is not
    assert heads.query("component == 'L0H0' and method == 'shapley_margin'")["score"].abs().mean() > 4
    assert judge(tables)[0].class_ == "direct"


def test_a_model_with_one_head_is_judged() -> None:
    assert [v.class_ for v in judge(without(make_tables([INDIRECT]), interactions=""))] == ["indirect"]


def test_lost_credit_is_what_the_shapley_value_shares_in_a_game_of_pairs() -> None:
    tables = make_tables([WITH_BACKUPS, ERASED_BY_HEAD])
    numbers = gather_numbers(*(tables[t] for t in ("components", "heads", "interactions", "trials")))
    same, other = numbers.lost_credit()
    size = np.abs(numbers.shapley[:, 3])
    np.testing.assert_allclose(other[:, 3], size, atol=0.02)  # W keeps half of its write, the other half is taken back
    np.testing.assert_allclose(same[:, 3], 0, atol=1e-12)
    np.testing.assert_allclose(other[:, :3], 0, atol=1e-12)
    np.testing.assert_allclose(same[:, 0], 1.5 * np.abs(numbers.shapley[:, 0]), atol=0.02)  # two partners, I = -1/2


def test_texts_with_words_of_no_effect_decide_nothing() -> None:
    tables = make_tables([DIRECT, INDIRECT], n_texts=5)
    zero = {name: tables[name].assign(score=0.0) if name == "heads" else tables[name] for name in tables}
    zero["components"] = tables["components"].assign(contribution=1.0, empty_contribution=1.0)
    assert [v.class_ for v in judge(zero)] == ["mixed", "mixed"]
