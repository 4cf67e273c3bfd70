"""The causal crosswalk of hand-built models: its cells derived from the rule, with heads as switches.

In units of the readout gain g, with S the words present and T the heads at work. A head outside T writes its mean,
which no word changes, and what it would have told other heads is a mean too, too little to turn any of them. So a term
of the margin is [some heads in T] x (a game of the words), plus what depends on T alone and so on no word:

    single     s [Read] [word]                                  Backup sleeps: Read's mean still says "seen"
    context    [Gate] (ef + [Context] (rule - ef)),  2 [Writer] (1 - [Eraser]) [a word n1]
    order      [First] rule
    negation   s [All] [word] - 2 s [NegScope] [Negated] [not] [word] where "not" is in scope
    majority   [CountP] #p - [CountQ] #q
    induction  s [PrevToken] [Query] [Induction] [key] [value] [last key]
    all        3 [Cancel+] [a word z] - 3 [Cancel-] [a word z]

(ef: the game in which e or f alone decides.) The Shapley value of a product over disjoint players is shared alike:
k heads and j words of a term each get 1 / (k j) of it in a cell; 2 [Writer] (1 - [Eraser]) gives 1 and -1.
So in scope the sentiment word's row is All +s, NegScope -s/2, Negated -s/2 and sums to 0: SHAP calls it irrelevant.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from study.crosswalk.causal import build_causal
from study.game.shapley import all_coalitions
from study.tasks import TASKS
from study.tasks.language import GAIN
from tests.heads.circuits import CONFIG, Circuit, circuit, circuit_on
from tests.tiny import largest

CLOSE = 1e-4  # of the readout gain
EXACT = CONFIG.model_copy(update={"crosswalk_exact_heads": 10, "crosswalk_exact_words": 9})
TEXTS = {
    "single": ("n1 z n2 minus n1 z n3 n3 n2", "plus n1 n1 n2 n2 n3 n3 n3 z"),
    "context": ("n1 a n2 z c n1 f n3 z", "e n2 z n1 n3 c n1 n2 a", "n3 b n1 n2 e n2 n3 n3 z"),
    "order": ("n1 y z n2 x n3 z n1 n2", "z x n2 n1 n3 n3 n1 n2 y"),
    "negation": ("n1 z not good n2 z n3 n1 n1", "not bad z n1 n2 n2 n3 n1 z", "not n1 bad z n2 n3 n3 n1 n1"),
    "majority": ("p z q p n1 n2 q q z", "z p n2 n3 n1 p p n3 z"),
    "induction": ("k1 plus n1 k2 minus z n2 z k1", "z k1 plus n1 k3 minus n2 n3 k3"),
}
CASES = [(name, text) for name, texts in TEXTS.items() for text in texts]


@cache
def known(name: str) -> Circuit:
    return circuit_on(name, [tuple(text.split()) for text in TEXTS[name]], circuit(name).reference)


@cache
def cells_of(name: str, row: int) -> np.ndarray:
    """[word head]."""
    return build_causal(known(name).batch.subjects[row], EXACT, np.random.default_rng(0)).crosswalk.cells / GAIN


def shared(words, word, amount):
    """[word]: the amount, in equal parts to every copy of a word."""
    return np.array([amount / words.count(word) if w == word else 0.0 for w in words])


def derived(name, words):
    """{head: [word]}, as the docstring derives them."""
    task = TASKS.load(name)
    shap = task.shapley(words)
    found = {"Cancel+": shared(words, "z", 3), "Cancel-": shared(words, "z", -3)}
    if name == "single":
        return found | {"Read": shap}
    if name == "order":
        return found | {"First": shap}
    if name == "majority":
        return found | {"CountP": shared(words, "p", words.count("p")), "CountQ": shared(words, "q", -words.count("q"))}
    if name == "induction":
        return found | dict.fromkeys(("PrevToken", "Query", "Induction"), shap / 3)
    if name == "context":
        ef = shared(words, "e", 1) + shared(words, "f", -1)
        found |= {"Writer": shared(words, "n1", 1), "Eraser": shared(words, "n1", -1)}
        return found | {"Context": (shap - ef) / 2, "Gate": (shap + ef) / 2}
    good = shared(words, "good", 1) + shared(words, "bad", -1)
    return found | {"All": good, "NegScope": (shap - good) / 2, "Negated": (shap - good) / 2}


@pytest.mark.parametrize(("name", "text"), CASES)
def test_cells_are_those_of_the_rule_with_heads_as_switches(name, text):
    found, row = known(name), TEXTS[name].index(text)
    wanted = np.zeros_like(cells_of(name, row))
    for head, column in derived(name, tuple(text.split())).items():
        wanted[:, found.number(head)] = column
    assert cells_of(name, row) == pytest.approx(wanted, abs=CLOSE)


def test_the_row_of_a_word_that_shap_calls_irrelevant():
    """n1 z not good n2 z n3 n1 n1, written out."""
    found = known("negation")
    cells, column = cells_of("negation", 0), found.number
    heads = [column("All"), column("NegScope"), column("Negated")]
    assert cells[3, heads] == pytest.approx([1, -0.5, -0.5], abs=CLOSE)
    assert cells[2, heads] == pytest.approx([0, -0.5, -0.5], abs=CLOSE)
    assert cells.sum(1) == pytest.approx([0, 0, -1, 0, 0, 0, 0, 0, 0], abs=CLOSE)
    assert cells[:, heads].sum(0) == pytest.approx([1, -1, -1], abs=CLOSE)
    assert np.count_nonzero(np.abs(cells) > CLOSE) == 5 + 4  # and the two z of the cancelling heads


@pytest.mark.parametrize("name", TEXTS)
def test_columns_of_the_cancelling_heads_are_antiparallel(name):
    found = known(name)
    columns = np.concatenate([cells_of(name, row) for row in range(len(TEXTS[name]))])
    plus, minus = columns[:, found.number("Cancel+")], columns[:, found.number("Cancel-")]
    assert plus @ minus / np.linalg.norm(plus) / np.linalg.norm(minus) == pytest.approx(-1, abs=1e-6)
    assert np.linalg.norm(plus) == pytest.approx(np.linalg.norm(minus), rel=1e-6)


# The game itself, for negation: every coalition of words with every subset of heads, means included.

HEADS = ("NegScope", "Cancel+", "Cancel-", "Bias", "All", "Negated", "Norm", "Gazer")


def negation_by_rule(words, reference):
    """[coalition subset] of words and HEADS: v^T(S) from the rule, a head outside T replaced by its mean."""
    sign = {"good": 1.0, "bad": -1.0}
    mean_all = np.mean([sign[w] for text in reference for w in text if w in sign])
    mean_negated = np.mean([-2 * sign[w] * scope(text) for text in reference for w in text if w in sign])
    mean_z = np.mean(["z" in text for text in reference])
    place = next(i for i, w in enumerate(words) if w in sign)
    s, table = sign[words[place]], np.empty((512, 256))
    for i, here in enumerate(all_coalitions(9)):
        word, z = here[place], any(h and w == "z" for h, w in zip(here, words, strict=True))
        negated = -2 * s * word * (scope(words) and here[place - 1])
        for j, at_work in enumerate(all_coalitions(8)):
            works = dict(zip(HEADS, at_work, strict=True))
            table[i, j] = s * word if works["All"] else mean_all
            table[i, j] += (negated if works["NegScope"] else 0.0) if works["Negated"] else mean_negated
            table[i, j] += 3 * (z if works["Cancel+"] else mean_z) - 3 * (z if works["Cancel-"] else mean_z)
    return table


def scope(words):
    place = next(i for i, w in enumerate(words) if w in ("good", "bad"))
    return place > 0 and words[place - 1] == "not"


def shapley_rows(table):
    """[player ...]: Shapley values along axis 0 of table [coalition ...], by the subset formula."""
    n = int(math.log2(len(table)))
    found = np.zeros((n, *table.shape[1:]))
    for number in range(len(table)):
        size = number.bit_count()
        for player in range(n):
            if not number >> player & 1:
                weight = 1 / (n * math.comb(n - 1, size))
                found[player] += weight * (table[number | 1 << player] - table[number])
    return found


@pytest.mark.parametrize("row", range(3))
def test_the_game_and_its_shapley_values_by_brute_force(row):
    found = known("negation")
    table = negation_by_rule(found.texts[row], found.reference)
    numbers = [found.number(head) for head in HEADS]
    assert sorted(numbers) == list(range(8))
    at_work = np.zeros((256, 8), dtype=bool)
    at_work[:, numbers] = all_coalitions(8)
    game = found.batch.subjects[row].new_game()
    assert largest(game.value(all_coalitions(9), at_work) / GAIN - table) < CLOSE
    wanted = shapley_rows(shapley_rows(table).T).T
    assert largest(cells_of("negation", row)[:, numbers] - wanted) < CLOSE
