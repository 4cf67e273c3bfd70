"""Scores of a cell: hand-made tables against values by hand, and what chance is worth against many random draws."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from study.known import KnownText, oracle_of, roles_of
from study.metrics import HEAD_SCORES, WORD_SCORES
from study.metrics.truth import score_words
from study.metrics.truth_heads import score_heads
from study.scoring import CHANCE, N_CHANCE, ROW_SIZE, Chance, head_cells, score_head_methods, score_word_methods
from study.tasks import TASKS
from tests.cell_tables import (
    CELLS,
    CROSSWALK,
    HEADS,
    NAMES,
    NAN,
    SCORED,
    cell_rows,
    head_rows,
    known_text,
    values_of,
    word_rows,
)
from tests.metrics.known_texts import TEXTS
from tests.tasks.hand_built import CONFIG as CIRCUIT

KNOWN = {
    "t": known_text([0, 1, 1], [0.0, 1.5, -0.5]),
    "u": known_text([0, 1, 0], [NAN, NAN, NAN], push=-1.0),
}
AGAINST = ("oracle", "reversed", "chance")  # what methods are read against
NEED_VALUES = ("oracle_spearman_score", "oracle_distance_error")


def by_key(rows: list[dict]) -> dict[tuple, float]:
    return {tuple(v for k, v in row.items() if k != "value"): row["value"] for row in rows}


# words

FEATURES = pd.DataFrame(
    [
        *word_rows("t", "lime", [0.5, 1.5, 0.0]),
        *word_rows("t", "attention", [0.5, 1.5, 0.0]),
        *word_rows("u", "lime", [-3.0, -1.0, 0.0]),
    ]
)


def words(features: pd.DataFrame = FEATURES, crosswalk: pd.DataFrame = CROSSWALK, known=KNOWN) -> list[dict]:
    return score_word_methods(features, crosswalk, known, Chance())


def test_word_scores_by_hand() -> None:
    rows = words()
    assert {r["unit"] for r in rows} == {"words"}
    assert {(r["example_id"], r["method"]) for r in rows} == {
        *(("t", m) for m in ("lime", "attention", ROW_SIZE, *AGAINST)),
        *(("u", m) for m in ("lime", ROW_SIZE, *AGAINST)),
    }
    sizes = {
        "precision_at_truth_score": 1 / 2,
        "average_precision_score": (1 + 2 / 3) / 2,
        "attribution_share_score": 1.5 / 2,
        "min_share_score": 0.0,
    }
    signed = {
        "sign_accuracy_score": 1 / 2,
        "oracle_spearman_score": 1.0,  # 0 and 0.5 stand as -0.5 and 0 do
        "oracle_distance_error": math.sqrt(0.19),  # scaled by 0.9: (0.3, -0.1, 1/3) against (0, 1, -1/3)
    }
    assert values_of(rows, "t", "lime") == pytest.approx(sizes | signed)
    assert values_of(rows, "t", "attention") == pytest.approx(sizes | dict.fromkeys(signed, NAN), nan_ok=True)
    assert values_of(rows, "t", "oracle") == pytest.approx(
        {name: 0.0 if name.endswith("_error") else 1.0 for name in WORD_SCORES}
    )


def test_where_no_values_are_known_the_oracle_is_the_side_of_the_words() -> None:
    rows = words()
    unknown = {"min_share_score": NAN, "oracle_spearman_score": NAN, "oracle_distance_error": NAN}
    four = ("precision_at_truth_score", "average_precision_score", "attribution_share_score", "sign_accuracy_score")
    assert values_of(rows, "u", "oracle") == pytest.approx(dict.fromkeys(four, 1.0) | unknown, nan_ok=True)
    assert values_of(rows, "u", "reversed") == pytest.approx(
        dict(zip(four, (0.0, 1 / 3, 0.0, 0.0), strict=True)) | unknown, nan_ok=True
    )
    # -1 is pushed to the side that the words dictate, and comes second
    assert values_of(rows, "u", "lime") == pytest.approx(
        dict(zip(four, (0.0, 1 / 2, 1 / 4, 1.0), strict=True)) | unknown, nan_ok=True
    )


def test_of_a_trained_model_the_words_are_scored_and_neither_values_nor_sides() -> None:
    without = known_text([0, 1, 1], [0.0, 1.5, -0.5]).without_values()
    rows = words(known=KNOWN | {"t": without})
    no_sign = dict.fromkeys(("sign_accuracy_score", *NEED_VALUES), NAN)
    of_words = {
        "precision_at_truth_score": 1 / 2,
        "average_precision_score": (1 + 2 / 3) / 2,
        "attribution_share_score": 1.5 / 2,
        "min_share_score": 0.0,  # of 1.5 and 0, which are due alike
    }
    for method in ("lime", "attention"):  # whether the method has signs no longer matters
        assert values_of(rows, "t", method) == pytest.approx(of_words | no_sign, nan_ok=True)
    assert values_of(rows, "t", "oracle") == pytest.approx(dict.fromkeys(of_words, 1.0) | no_sign, nan_ok=True)
    worst = dict(zip(of_words, (1 / 2, (1 / 2 + 2 / 3) / 2, 0.0, 0.0), strict=True))  # all on the other word
    assert values_of(rows, "t", "reversed") == pytest.approx(worst | no_sign, nan_ok=True)
    some = values_of(
        words(pd.DataFrame(word_rows("t", "lime", [2.0, 1.0, -4.0])), known=KNOWN | {"t": without}), "t", "lime"
    )
    assert some["min_share_score"] == pytest.approx(1 / 4)  # by what is known of a solved text it would be 1 / 12


def test_words_beyond_the_model_count_for_nobody() -> None:
    """The last truth word has no score: neither a method nor the oracle nor chance can be asked for it."""
    rows = words(pd.DataFrame(word_rows("t", "lime", [0.5, 1.5, NAN])))
    short = {"t": known_text([0, 1], [0.0, 1.5])}
    of_two = words(pd.DataFrame(word_rows("t", "lime", [0.5, 1.5])), CROSSWALK[:0], short)
    for method in ("lime", "oracle", "reversed"):
        assert values_of(rows, "t", method) == pytest.approx(values_of(of_two, "t", method), nan_ok=True)
    assert values_of(rows, "t", "oracle")["precision_at_truth_score"] == 1.0
    assert values_of(rows, "t", CHANCE)["precision_at_truth_score"] == 1 / 2
    nothing = words(pd.DataFrame(word_rows("t", "lime", [0.5, NAN, NAN])))
    for method in ("lime", *AGAINST):
        assert np.isnan(list(values_of(nothing, "t", method).values())).all()


def test_order_of_rows_does_not_matter_to_words() -> None:
    shuffled = words(FEATURES.sample(frac=1.0, random_state=3), CROSSWALK.sample(frac=1.0, random_state=4))
    assert by_key(shuffled) == pytest.approx(by_key(words()), nan_ok=True, rel=1e-12)


def test_row_size_is_what_a_row_of_the_crosswalk_holds_whatever_cancels() -> None:
    """The literal sum over its cells, embedding included; of the word beyond the model there is none."""
    rows = words()
    for example_id, n_scored in (("t", 3), ("u", 2)):
        literal = [sum(abs(cell) for cell in row) + 50.0 for row in CELLS[example_id][:n_scored]]
        text = KNOWN[example_id]
        wanted = score_words(
            np.array(literal), text.relevant[:n_scored], text.oracle[:n_scored], signed=False, push=text.push
        )
        found = values_of(rows, example_id, ROW_SIZE)
        assert found == pytest.approx(wanted, nan_ok=True)
        assert np.isnan([found[name] for name in ("sign_accuracy_score", *NEED_VALUES)]).all()
    assert values_of(rows, "t", ROW_SIZE)["attribution_share_score"] == pytest.approx((51 + 61.75) / (54 + 51 + 61.75))
    assert values_of(rows, "u", ROW_SIZE)["attribution_share_score"] == pytest.approx(51 / (52 + 51))


def test_row_size_sees_a_word_whose_score_is_nothing() -> None:
    """Two heads undo each other on word 1: its score is 0, and its row the largest."""
    cells = [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 3.0, -3.0, 0.0, 0.0], [NAN] * 5]
    crosswalk = pd.DataFrame([row for row in cell_rows("v", cells) if row["component"] != "embed"])
    features = pd.DataFrame(word_rows("v", "shapley", [1.0, 0.0, NAN]))
    rows = words(features, crosswalk, {"v": known_text([0, 1, 1], [0.5, 1.0, 1.0])})
    assert values_of(rows, "v", "shapley")["precision_at_truth_score"] == 0.0
    assert values_of(rows, "v", ROW_SIZE)["precision_at_truth_score"] == 1.0
    assert values_of(rows, "v", ROW_SIZE)["attribution_share_score"] == pytest.approx(6 / 7)


# heads

ROLES = [row["role"] for row in HEADS]


def heads(scored: pd.DataFrame = SCORED, crosswalk: pd.DataFrame = CROSSWALK, roles_in=lambda _words: ROLES):
    return score_head_methods(scored, {"direct": crosswalk}, NAMES, roles_in, KNOWN, Chance())


def test_head_scores_by_hand() -> None:
    rows = heads()
    assert {r["unit"] for r in rows} == {"heads"}
    names = ("precision_at_acting_score", "auroc_direct_score", "cancelling_error")
    expected = {
        ("t", "ablation_mean"): (0.0, 1.0, 1.0),
        ("u", "ablation_mean"): (1.0, 1.0, 0.5),
        ("t", "lime"): (0.0, 0.0, 0.0),
        ("u", "lime"): (NAN, NAN, NAN),  # a head without a score is not left out
        ("t", "crosswalk_direct"): (0.0, 1.0, 1.0),  # Read 1.5, the pair 3 each, Bias 0.25
        ("u", "crosswalk_direct"): (1 / 3, 1.0, 1.0),  # 1 each: a tie of three
        ("t", "crosswalk_direct_truth_only"): (1.0, 1.0, 1.0),  # words 1 and 2: Read 1.5, the pair 1 each
        ("u", "crosswalk_direct_truth_only"): (1.0, 1.0, 0.0),  # word 1: Read alone
        ("t", "oracle"): (1.0, 1.0, 0.0),
        ("u", "oracle"): (1.0, 1.0, 0.0),
        ("t", "reversed"): (0.0, 0.0, 1.0),
        ("u", "reversed"): (0.0, 0.0, 1.0),
    }
    chance = {(example_id, CHANCE) for example_id in KNOWN}
    assert {(r["example_id"], r["method"]) for r in rows} == {*expected, *chance}
    for key, wanted in expected.items():
        found = values_of(rows, *key)
        assert [found[name] for name in names] == pytest.approx(wanted, nan_ok=True), key
        assert math.isnan(found["auroc_latent_score"])  # there are none
    for key in chance:  # of four heads: one of them first; of a pair both, one or none above Bias
        found = [values_of(rows, *key)[name] for name in names]
        assert found == pytest.approx((1 / 4, 1 / 2, 1 / 3), abs=0.09)  # four standard errors of 400 draws


def test_the_bound_that_uses_the_truth_says_so_in_its_name() -> None:
    crosswalks = {"direct": CROSSWALK, "causal": CROSSWALK[:0]}
    rows = score_head_methods(SCORED, crosswalks, NAMES, lambda _words: ROLES, KNOWN, Chance())
    assert {r["method"] for r in rows if "crosswalk" in r["method"]} == {
        "crosswalk_direct",
        "crosswalk_direct_truth_only",
    }


def test_cells_of_heads_are_in_the_order_of_their_names() -> None:
    part = CROSSWALK[CROSSWALK["example_id"] == "t"].sample(frac=1.0, random_state=2)
    np.testing.assert_array_equal(head_cells(part, NAMES[::-1]), np.array(CELLS["t"])[:, ::-1])


def test_pads_are_never_scored() -> None:
    """Their score 7 and cell 9 are the largest of all: another one changes nothing, not even none."""
    scored, crosswalk = SCORED.copy(), CROSSWALK.copy()
    scored.loc[scored["component"] == "L0H4", "score"] = NAN
    crosswalk.loc[(crosswalk["component"] == "L0H4") & crosswalk["value"].notna(), "value"] = -0.1
    assert by_key(heads(scored, crosswalk)) == pytest.approx(by_key(heads()), nan_ok=True)


NOT_IN_SCOPE = ("n1", "not", "n2", "n3", "bad", "n2", "n3", "n2", "n3")  # "not" is a decoy, and there is no z
IN_SCOPE = ("n1", "z", "n2", "not", "bad", "n2", "n3", "n2", "n3")


def test_idle_heads_are_never_scored_where_they_have_nothing_to_do() -> None:
    """Whatever NegScope, Negated and the cancelling pair get in a decoy text; in scope each counts."""
    task = TASKS.load("negation")
    known = {
        name: KnownText(words=text, relevant=np.isin(text, truth), oracle=oracle_of(task, text), push=push)
        for name, text, truth, push in (
            ("decoy", NOT_IN_SCOPE, ("bad",), -1.0),
            ("scope", IN_SCOPE, ("not", "bad"), 1.0),
        )
    }
    names = [f"L{layer}H{head}" for layer in (0, 1) for head in range(CIRCUIT.n_heads)]
    rng = np.random.default_rng(0)
    plain, chance = rng.permutation(np.arange(1.0, len(names) + 1)), Chance()
    plain[names.index("L1H0")] = 20.0  # All is first, so that whatever comes before it is seen

    def score(scores: np.ndarray) -> dict[str, dict[tuple, float]]:
        """By text: all rows, with the scores as a method's and as the cells of one word."""
        scored = [{"example_id": text, "component": c, "method": "m", "score": s}
                  for text in known for c, s in zip(names, scores, strict=True)]  # fmt: skip
        cells = [{"example_id": text, "word_index": 4, "component": c, "value": s}
                 for text in known for c, s in zip(names, scores, strict=True)]  # fmt: skip
        marked = {name: replace(text, relevant=text.relevant[4:5]) for name, text in known.items()}
        rows = score_head_methods(
            pd.DataFrame(scored),
            {"direct": pd.DataFrame(cells)},
            names,
            partial(roles_of, task, CIRCUIT),
            marked,
            chance,
        )
        return {name: by_key([row for row in rows if row["example_id"] == name]) for name in known}

    usual = score(plain)
    for component in ("L0H0", "L1H1", "L0H1", "L0H2"):  # NegScope, Negated, Cancel+ and Cancel-
        for value in (-1000.0, 0.0, 5.5):
            changed = score(np.where(np.array(names) == component, value, plain))
            assert changed["decoy"] == pytest.approx(usual["decoy"], nan_ok=True, abs=0), component
        changed = [
            score(np.where(np.array(names) == component, value, plain))["scope"] for value in (-1000.0, 0.0)
        ]  # for each is scored there
        assert changed[0] != pytest.approx(changed[1], nan_ok=True), component


def test_order_of_rows_does_not_matter_to_heads() -> None:
    scored, crosswalk = (table.sample(frac=1.0, random_state=1) for table in (SCORED, CROSSWALK))
    assert by_key(heads(scored, crosswalk)) == pytest.approx(by_key(heads()), nan_ok=True, abs=0)


def test_a_head_without_a_row_has_no_score() -> None:
    scored = pd.DataFrame(head_rows("t", "lime", [1.0, 0.0, 0.0, 0.0, 0.0]))[1:]
    assert np.isnan(list(values_of(heads(scored, CROSSWALK[:0]), "t", "lime").values())).all()


# chance

N_DRAWS = 2000


def truth(name: str) -> KnownText:
    relevant, oracle = TEXTS[name]
    return KnownText(words=("w",) * len(relevant), relevant=relevant, oracle=oracle, push=1.0)


SHORTCUT = known_text([1, 0, 1, 0, 0], [NAN] * 5, push=-1.0)
ALL_HERE = np.ones(9, dtype=bool)
BEYOND = np.arange(9) < 5  # one of the truth words of "order" and of three lies beyond
CHANCES = {
    "single": (truth("single"), ALL_HERE),
    "single, cut": (truth("single"), np.arange(9) < 8),
    "context": (truth("context"), ALL_HERE),
    "negation, in scope": (truth("negation, in scope"), ALL_HERE),
    "majority of five": (truth("majority of five"), ALL_HERE),
    "order, cut": (truth("order"), BEYOND),
    "trained": (truth("order").without_values(), ALL_HERE),
    "shortcut": (SHORTCUT, np.ones(5, dtype=bool)),
}


def check_mean(found: dict[str, float], draws: list[dict[str, float]], exact: dict[str, float]) -> None:
    """Against the mean of the draws, within five standard errors of both; where it is known, exact."""
    assert set(found) == set(draws[0])
    for metric, value in found.items():
        values = np.array([draw[metric] for draw in draws])
        error = values.std() * math.sqrt(1 / len(draws) + (0 if metric in exact else 1 / N_CHANCE))
        assert value == pytest.approx(values.mean(), abs=5 * error + 1e-12, nan_ok=True), metric
        if metric in exact and not math.isnan(value):
            assert value == pytest.approx(exact[metric], abs=1e-15), metric


@pytest.mark.parametrize("name", CHANCES)
def test_chance_is_the_mean_of_random_explanations_of_words(name: str) -> None:
    text, here = CHANCES[name]
    rng = np.random.default_rng(1)
    draws = [
        score_words(
            np.where(here, rng.standard_normal(len(here)), NAN), text.relevant, text.oracle, signed=True, push=text.push
        )
        for _ in range(N_DRAWS)
    ]
    share = text.relevant[here].sum() / here.sum()
    exact = {"precision_at_truth_score": share, "attribution_share_score": share}
    exact |= {"sign_accuracy_score": 0.5, "oracle_spearman_score": 0.0}
    found = Chance().of_words(text, here)
    check_mean(found, draws, exact)
    assert {metric for metric in exact if math.isnan(found[metric])} == {
        "trained": {"sign_accuracy_score", "oracle_spearman_score"},
        "shortcut": {"oracle_spearman_score"},
    }.get(name, set())


def test_chance_is_undefined_where_every_explanation_is() -> None:
    assert math.isnan(Chance().of_words(truth("single"), ALL_HERE)["min_share_score"])
    all_truth = Chance().of_words(known_text([1, 1], [1.0, -1.0]), np.ones(2, dtype=bool))
    assert {name for name, value in all_truth.items() if math.isnan(value)} == {
        *("precision_at_truth_score", "average_precision_score", "attribution_share_score"),
    }
    for here in (np.zeros(9, dtype=bool), np.arange(9) < 1):  # no word, and none that decides
        assert np.isnan(list(Chance().of_words(truth("order"), here).values())).all()


def test_chance_is_the_same_for_texts_that_differ_in_word_order_whichever_comes_first() -> None:
    """And texts that differ in more never get each other's numbers."""
    alone = {name: Chance().of_words(text, here) for name, (text, here) in CHANCES.items()}
    back, rng = Chance(), np.random.default_rng(2)
    for name, (text, here) in reversed(CHANCES.items()):
        order = rng.permutation(len(here))
        turned = replace(text, relevant=text.relevant[order], oracle=text.oracle[order])
        assert back.of_words(turned, here[order]) == pytest.approx(alone[name], nan_ok=True, abs=0), name
    assert len({repr(found) for found in alone.values()}) == len(CHANCES)


def test_chance_does_not_see_what_rounding_leaves_of_equal_values() -> None:
    text, rng, chance = truth("majority of five"), np.random.default_rng(3), Chance()
    rounded = replace(text, oracle=text.oracle + 1e-13 * rng.standard_normal(9))
    first = chance.of_words(text, ALL_HERE)
    assert chance.of_words(rounded, ALL_HERE) is first
    assert Chance().of_words(rounded, ALL_HERE) == pytest.approx(first, nan_ok=True, rel=1e-9)


ROLES_OF_TEXTS = {
    "single": ("direct", "cancelling", "cancelling", "null", "latent", "null", "null", "pad", "pad"),
    "negation": ("indirect", "cancelling", "cancelling", "null", "direct", "direct", "null", "null"),
    "decoy": ("idle", "idle", "idle", "null", "direct", "idle", "null", "null"),
    "no null head": ("direct", "indirect", "cancelling", "idle"),
}


@pytest.mark.parametrize("name", ROLES_OF_TEXTS)
def test_chance_is_the_mean_of_random_explanations_of_heads(name: str) -> None:
    roles = ROLES_OF_TEXTS[name]
    rng = np.random.default_rng(1)
    draws = [score_heads(rng.standard_normal(len(roles)), roles) for _ in range(N_DRAWS)]
    exact = {f"auroc_{role}_score": 0.5 for role in ("direct", "indirect", "latent")}
    found = Chance().of_heads(roles)
    check_mean(found, draws, exact)
    defined = {role for role in ("direct", "indirect", "latent") if role in roles and "null" in roles}
    assert {f"auroc_{role}_score" for role in defined} == {m for m in exact if not math.isnan(found[m])}


def test_chance_of_heads_does_not_depend_on_their_place_or_on_what_was_asked_before() -> None:
    alone = {name: Chance().of_heads(roles) for name, roles in ROLES_OF_TEXTS.items()}
    shared = Chance()
    for name, roles in reversed(ROLES_OF_TEXTS.items()):
        assert shared.of_heads(roles[::-1]) == pytest.approx(alone[name], nan_ok=True, abs=0), name
    assert set(alone["decoy"]) == set(HEAD_SCORES)


def test_chance_is_not_drawn_anew_for_every_text() -> None:
    """One text a row of a cell, all like each other: what they are told is one number, and not by its place."""
    orders = [np.random.default_rng(i).permutation(3) for i in range(4)]
    base = known_text([0, 1, 1], [0.0, 1.5, -0.5])
    known = {f"t{i}": replace(base, relevant=base.relevant[o], oracle=base.oracle[o]) for i, o in enumerate(orders)}
    features = pd.DataFrame([row for name in known for row in word_rows(name, "lime", [1.0, 2.0, 3.0])])
    for order in (list(known), list(known)[::-1]):
        table = pd.concat([features[features["example_id"] == name] for name in order])
        rows = words(table, CROSSWALK[:0], known)
        values = [values_of(rows, name, CHANCE) for name in known]
        assert all(value == values[0] for value in values)
        assert values[0] == Chance().of_words(base, np.ones(3, dtype=bool))
