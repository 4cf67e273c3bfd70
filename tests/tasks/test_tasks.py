"""The rules, texts and closed forms of the known-answer tasks, against literal implementations of their own."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from study.errors import DataError, UnknownNameError
from study.game.shapley import exact_weights
from study.tasks import TASKS
from study.tasks.language import N_WORDS, NOISE, Task, label_of, place_words, rule_values
from tests.tasks.hand_built import NAMES, draw_texts, interpret


def literal_single(words):
    places = [i for i, word in enumerate(words) if word in ("plus", "minus")]
    return (1 if "plus" in words else -1 if "minus" in words else 0), places


def literal_context(words):
    ab = [i for i, word in enumerate(words) if word in ("a", "b")]
    ef = [i for i, word in enumerate(words) if word in ("e", "f")]
    c = [i for i, word in enumerate(words) if word == "c"]
    if c and ab:
        return (1 if words[ab[0]] == "a" else -1), [*ab, *c]
    return (0 if not ef else 1 if words[ef[0]] == "e" else -1), ef


def literal_order(words):
    places = sorted(words.index(word) for word in ("x", "y") if word in words)
    return (0 if not places else 1 if words[places[0]] == "x" else -1), places


def literal_negation(words):
    places = [i for i, word in enumerate(words) if word in ("good", "bad")]
    if not places:
        return 0, []
    (place,) = places
    sign = 1 if words[place] == "good" else -1
    if place and words[place - 1] == "not":
        return -sign, [place - 1, place]
    return sign, [place]


def literal_majority(words):
    places = [i for i, word in enumerate(words) if word in ("p", "q")]
    return words.count("p") - words.count("q"), places


def literal_induction(words):
    key = words[8]
    earlier = [i for i in range(8) if words[i] == key and key is not None]
    if not earlier:
        return 0, []
    after = words[earlier[0] + 1]
    return {"plus": 1, "minus": -1}.get(after, 0), [earlier[0], earlier[0] + 1, 8]


LITERAL = {
    "single": literal_single,
    "context": literal_context,
    "order": literal_order,
    "negation": literal_negation,
    "majority": literal_majority,
    "induction": literal_induction,
}


def absent(words, mask):
    return [word if here else None for word, here in zip(words, mask, strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_label_and_truth_words_of_every_text(name: str) -> None:
    task: Task = TASKS.load(name)
    for text in draw_texts(task, 300):
        margin, places = LITERAL[name](list(text.words))
        assert len(text.words) == len(text.relevant) == N_WORDS
        assert set(text.words) <= set(task.words)
        assert label_of(task, text.words) == (margin > 0)
        assert [i for i, known in enumerate(text.relevant) if known] == sorted(places)


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_balanced_and_truth_words_stand_everywhere(name: str) -> None:
    task: Task = TASKS.load(name)
    texts = draw_texts(task, 600)
    labels = [label_of(task, text.words) for text in texts]
    assert abs(np.mean(labels) - 0.5) < 0.08  # four standard errors
    where = np.mean([text.relevant for text in texts], axis=0)
    assert (where > 0).sum() >= N_WORDS - (name == "induction")  # its eighth word only ever is between
    noise = [word for text in texts for word, known in zip(text.words, text.relevant, strict=True) if not known]
    assert set(NOISE) <= set(noise)


def test_negation_is_in_scope_in_half_of_the_texts_and_a_decoy_in_a_quarter() -> None:
    texts = draw_texts(TASKS.load("negation"), 600)
    scope = [sum(text.relevant) == 2 for text in texts]
    decoy = ["not" in text.words and sum(text.relevant) == 1 for text in texts]
    assert (np.mean(scope), np.mean(decoy)) == (pytest.approx(0.5, abs=0.08), pytest.approx(0.25, abs=0.08))
    places = {text.relevant.index(True) for text, here in zip(texts, scope, strict=True) if here}
    assert places == set(range(N_WORDS - 1))


@pytest.mark.parametrize("name", NAMES)
def test_rule_of_any_coalition(name: str) -> None:
    task: Task = TASKS.load(name)
    rng = np.random.default_rng(1)
    for text in draw_texts(task, 60):
        for mask in rng.random((8, N_WORDS)) < 0.6:
            words = absent(text.words, mask)
            assert task.rule(words) == LITERAL[name](words)[0], words


@pytest.mark.parametrize("name", NAMES)
def test_closed_form_is_the_shapley_value_of_the_rule(name: str) -> None:
    task: Task = TASKS.load(name)
    weights = exact_weights(N_WORDS)
    for text in draw_texts(task, 40):  # context: texts that are not telling too
        assert np.abs(weights @ rule_values(task, text.words) - task.shapley(text.words)).max() < 1e-12


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [  # the table of KNOWN_ANSWERS, typed once more
        ("single", "n1 z plus n2 n3 n1 z z n1", {2: 1}),
        ("context", "a z f c n1 n1 n1 n1 n1", {0: 5 / 6, 2: -2 / 3, 3: 5 / 6}),
        ("context", "b z e c n1 n1 n1 n1 n1", {0: -5 / 6, 2: 2 / 3, 3: -5 / 6}),
        ("context", "a z f n1 n1 n1 n1 n1 n1", {2: -1}),
        ("context", "a z e c n1 n1 n1 n1 n1", {0: 1 / 6, 2: 2 / 3, 3: 1 / 6}),
        ("order", "z y n1 n1 x z z z z", {1: -1.5, 4: 0.5}),
        ("negation", "z not good z z z z z z", {1: -1}),
        ("negation", "z good not z z z z z z", {1: 1}),
        ("majority", "p q p z z z z z z", {0: 1, 1: -1, 2: 1}),
        ("induction", "k1 minus z k2 plus z z z k1", {0: -1 / 3, 1: -1 / 3, 8: -1 / 3}),
    ],
)
def test_closed_form_by_hand(name: str, text: str, expected: dict[int, float]) -> None:
    values = [expected.get(i, 0.0) for i in range(N_WORDS)]
    assert TASKS.load(name).shapley(tuple(text.split())) == pytest.approx(values)


def test_rule_values_are_in_the_order_of_coalitions() -> None:
    task: Task = TASKS.load("order")
    words = ("x", "z", "y")
    found = rule_values(task, words)
    for members in itertools.product((0, 1), repeat=3):
        row = sum(bit << i for i, bit in enumerate(members))
        assert found[row] == task.rule(absent(words, members))
    assert (found[1], found[4]) == (1, -1)  # x alone, y alone: not a palindrome by chance


@pytest.mark.parametrize("name", NAMES)
def test_heads_as_they_are_written_follow_the_rule(name: str) -> None:
    """A literal interpreter of the heads, no tensors: hard attention, and what is written arrives."""
    task: Task = TASKS.load(name)
    rng = np.random.default_rng(2)
    for text in draw_texts(task, 12):
        for mask in [np.ones(N_WORDS, dtype=bool), *(rng.random((4, N_WORDS)) < 0.6)]:
            words = absent(text.words, mask)
            out, scores, _ = interpret(task, words)
            assert out - 2.0 == pytest.approx(task.rule(words)), words
            for head, of_head in scores.items():
                for row in of_head:
                    behind = row[row < row.max()]
                    assert behind.max(initial=-math.inf) <= row.max() - 14, (head, words)  # leaks e^-14 < 1e-6


def test_only_context_has_texts_that_are_not_telling() -> None:
    for name in NAMES:
        task: Task = TASKS.load(name)
        told = {task.telling(text.words) for text in draw_texts(task, 60)}
        assert told == ({True, False} if name == "context" else {True})
    told = TASKS.load("context").telling
    assert [told(list(text)) for text in ("afczzzzzz", "bezzzzzzz", "aeczzzzzz", "bfzzzzzzz")] == [
        True,
        True,
        False,
        False,
    ]


def test_draws_are_decided_by_the_generator() -> None:
    for name in NAMES:
        task: Task = TASKS.load(name)
        assert draw_texts(task, 5, seed=3) == draw_texts(task, 5, seed=3) != draw_texts(task, 5, seed=4)


@pytest.mark.parametrize(("placed", "relevant", "told"), [({9: "x"}, [], "[9]"), ({0: "x"}, [0, -1], "[-1]")])
def test_place_outside_the_text(placed: dict[int, str], relevant: list[int], told: str) -> None:
    with pytest.raises(DataError) as error:
        place_words(np.random.default_rng(0), placed, relevant)
    assert str(error.value) == f"places {told} lie outside a text of 9 words: allowed are 0 to 8"


def test_text_without_a_label() -> None:
    with pytest.raises(DataError) as error:
        label_of(TASKS.load("single"), ["z"] * 3)
    assert str(error.value) == (
        "task 'single': the rule gives 0 for 'z z z', which is no label: draw texts that it decides"
    )


def test_unknown_task_names_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="unknown task 'negations'; did you mean 'negation'"):
        TASKS.load("negations")
