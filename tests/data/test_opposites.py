"""Words and their opposites: polarity in closed form, pairs on texts made for them, twins, and the file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.config import VocabularyConfig
from study.data.likeness import likeness, neighbour_profiles, unit_rows
from study.data.opposites import Opposites, Twin, WordPair, count_texts, find_opposites, make_twin, word_polarity
from study.data.vocabulary import Vocabulary, build_vocabulary
from study.errors import DataError
from study.records import SPECIAL_TOKENS, LabelledTexts

GOOD = ["a good film", "we loved it", "the best of films ever"]
BAD = ["a bad film", "we hated it", "the worst of films ever"]


def labelled(*classes):
    pairs = [(text, label) for label, texts in enumerate(classes) for text in texts]
    return LabelledTexts(
        example_id=tuple(f"e{i}" for i in range(len(pairs))),
        text=tuple(text for text, _ in pairs),
        label=np.array([label for _, label in pairs], dtype=np.int64),
    )


def made(*classes):
    texts = labelled(*classes)
    return texts, build_vocabulary(texts.text, None, VocabularyConfig(min_count=1))


def made_with(*classes):
    """(texts, number of classes, vocabulary)."""
    texts, vocabulary = made(*classes)
    return texts, len(classes), vocabulary


def found(opposites, class_):
    return {pair.word: pair.opposite for pair in opposites.pairs[class_]}


SIX = {"good": "bad", "loved": "hated", "best": "worst", "bad": "good", "hated": "loved", "worst": "best"}


def test_opposites_stand_between_the_same_words():
    texts, vocabulary = made(24 * BAD, 24 * GOOD)
    assert found(find_opposites(texts, 2, vocabulary), 1) == SIX


def test_numbers_and_marks_tell_nothing():
    good, bad = ([f"{text} {mark}" for text in texts * 24] for texts, mark in ((GOOD, "90 !"), (BAD, "60 ?")))
    opposites = find_opposites(*made_with(good, bad))
    assert {"good", "bad"} <= set(found(opposites, 0))
    assert not {"90", "60", "!", "?"} & set(found(opposites, 0))


def test_word_vectors_decide_where_neighbours_do_not():
    """All words alone in their texts: vectors pair them, and another set of vectors pairs them otherwise."""
    texts, vocabulary = made(24 * ["bad", "hated"], 24 * ["good", "loved"])
    for pairs in ([("bad", "good"), ("hated", "loved")], [("bad", "loved"), ("hated", "good")]):
        vectors = np.zeros((len(vocabulary), 2))
        for axis, pair in enumerate(pairs):
            vectors[vocabulary.encode(pair), axis] = 1.0
        opposites = found(find_opposites(texts, 2, vocabulary, vectors), 1)
        assert opposites == dict(pairs) | {b: a for a, b in pairs}


def test_word_vectors_count_from_their_mean():
    """Seen from zero, "bad" points to "good" (21 degrees apart, 23 from "loved"); about their mean, away from it."""
    texts, vocabulary = made(24 * ["bad"], 24 * ["good", "loved"])
    vectors = np.zeros((len(vocabulary), 2))
    vectors[vocabulary.encode(["bad", "good", "loved"])] = [[1.0, 5.0], [3.2, 5.0], [-1.0, 5.0]]
    assert find_opposites(texts, 2, vocabulary, vectors).of("bad", 1).opposite == "loved"


def test_the_other_class_has_the_same_pairs_with_the_sign_turned():
    texts, vocabulary = made(24 * BAD, 24 * GOOD)
    opposites = find_opposites(texts, 2, vocabulary)
    assert found(opposites, 0) == found(opposites, 1)
    for word in SIX:
        assert opposites.of(word, 0).polarity == -opposites.of(word, 1).polarity
    assert opposites.of("good", 1).polarity > 0 > opposites.of("bad", 1).polarity
    assert opposites.of("film", 1) is None  # in as many texts of both classes
    with pytest.raises(ValueError, match="class 2: these opposites are of 2 classes"):
        opposites.of("good", 2)


def test_more_classes_are_each_against_the_rest():
    texts, vocabulary = made(30 * ["a red hat"], 30 * ["a blue hat"], 30 * ["a green hat"])
    opposites = find_opposites(texts, 3, vocabulary)
    assert opposites.of("red", 0).opposite == "blue"  # as alike as green: the alphabet decides
    assert opposites.of("blue", 1).opposite == "green"
    assert opposites.of("green", 0).opposite == "red"
    assert opposites.of("green", 0).polarity < 0 < opposites.of("green", 2).polarity


def test_order_of_texts_does_not_matter():
    texts, vocabulary = made(24 * BAD, 24 * GOOD)
    rows = np.random.default_rng(0).permutation(len(texts))
    assert find_opposites(texts.take(rows), 2, vocabulary) == find_opposites(texts, 2, vocabulary)


@pytest.mark.parametrize(
    "classes",
    [
        pytest.param(([], 24 * GOOD), id="only the second class in training"),
        pytest.param((24 * BAD, []), id="only the first class in training"),
        pytest.param(([], [*395 * ["film"], *5 * ["film rare"]]), id="one class, with frequent and rare words"),
        pytest.param((BAD, GOOD), id="too few texts"),
        pytest.param((8 * BAD, 8 * GOOD), id="telling words, |z| 2.17, but none sure enough to be an opposite"),
        pytest.param((24 * GOOD, 24 * GOOD), id="no word tells the classes apart"),
        pytest.param((20 * ["a film"], 20 * ["a good film"]), id="telling words on one side only"),
    ],
)
def test_nothing_to_pair_is_no_error(classes):
    texts, vocabulary = made(*classes)
    opposites = find_opposites(texts, 2, vocabulary)
    assert opposites.pairs == ((), ())
    assert make_twin(("good", "film"), 2, 1, opposites) is None


def test_words_unknown_to_the_vocabulary_are_no_opposites():
    texts, _ = made(24 * BAD, 24 * GOOD)
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "film", "good", "worst"))
    assert found(find_opposites(texts, 2, vocabulary), 1) == {"good": "worst", "worst": "good"}
    assert count_texts(texts, 2, vocabulary).tolist() == [[0, 0, 0, 0, 24, 0, 24], [0, 0, 0, 0, 24, 24, 0]]


def test_polarity_in_closed_form():
    """9 of 10 texts against 1 of 20, half a text added to every cell."""
    polarity, z = word_polarity(np.array([9]), 10, np.array([1]), 20)
    odds = math.log(9.5 / 1.5) - math.log(1.5 / 19.5)
    assert polarity[0] == pytest.approx(odds, abs=1e-6)
    assert z[0] == pytest.approx(odds / math.sqrt(1 / 9.5 + 1 / 1.5 + 1 / 1.5 + 1 / 19.5), abs=1e-6)


def test_the_standard_error_is_that_of_drawn_texts():
    """A word in 30 % of the texts of both classes: |z| > 1.96 in about 5 % of drawn corpora."""
    rng = np.random.default_rng(0)
    inside, outside = rng.binomial(200, 0.3, 20_000), rng.binomial(300, 0.3, 20_000)
    _, z = word_polarity(inside, 200, outside, 300)
    assert np.mean(abs(z) > 1.96) == pytest.approx(0.05, abs=0.006)
    assert z.std() == pytest.approx(1.0, abs=0.02)


def test_likeness_is_the_literal_sum_and_takes_off_hubs():
    rng = np.random.default_rng(0)
    words, others = (unit_rows(rng.normal(size=(n, 4)), centred=False) for n in (13, 12))
    got = likeness(words, others)
    for i in range(13):
        for j in range(12):
            near_i = np.mean(sorted(words[i] @ o for o in others)[-10:])
            near_j = np.mean(sorted(w @ others[j] for w in words)[-10:])
            assert got[i, j] == pytest.approx(2 * words[i] @ others[j] - near_i - near_j)
    holes = likeness(np.vstack([words[:2], np.zeros(4)]), np.vstack([others[:3], np.zeros(4)]))
    assert np.allclose(holes[:2, 3], holes[:2, :3].mean(1))
    assert not holes[2].any()
    assert not likeness(np.zeros((2, 4)), others).any()


def test_profiles_are_about_the_average_neighbour():
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "a", "b", "c"))
    profile = neighbour_profiles(["a b", "c"], vocabulary, np.array([5]))  # b: after a, at the end of its text
    average = np.array([[2, 1, 1, 3], [1, 2, 1, 3]]) / 7  # before, after: one of a, b, c, other; one added to each
    shares = (np.array([[1, 0, 0, 0], [0, 0, 0, 1]]) + 20 * average) / 21
    assert np.allclose(profile, (np.sqrt(shares) - np.sqrt(average)).ravel())


def pair(word, opposite, polarity):
    return WordPair(word=word, opposite=opposite, polarity=polarity, z=3.0)


OPPOSITES = Opposites(
    pairs=((), (pair("bad", "good", -1.5), pair("best", "worst", 2.0), pair("good", "bad", 1.0), pair("x", "y", -2.0)))
)


def test_the_twin_swaps_the_first_of_the_strongest_words():
    words = ("good", "bad", "film", "bad", "x", "best")
    assert make_twin(words, 4, 1, OPPOSITES) == Twin(index=1, word="bad", twin_word="good")  # x has no position
    assert make_twin(words, 6, 1, OPPOSITES) == Twin(index=5, word="best", twin_word="worst")  # x ties: the alphabet
    assert make_twin(words, 1, 1, OPPOSITES) == Twin(index=0, word="good", twin_word="bad")
    assert make_twin(words, 6, 0, OPPOSITES) is None
    assert make_twin(words, 0, 1, OPPOSITES) is None
    assert make_twin((), 0, 1, OPPOSITES) is None


def test_a_word_twice_and_vectors_of_another_vocabulary_are_refused():
    with pytest.raises(ValueError, match="stands twice among the pairs of class 0"):
        Opposites(pairs=((pair("a", "b", 1.0), pair("a", "c", 1.0)),))
    texts, vocabulary = made(BAD, GOOD)
    with pytest.raises(ValueError, match=r"vectors have shape \(3, 2\), wanted \(18, d_model\)"):
        find_opposites(texts, 2, vocabulary, np.ones((3, 2)))


WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
PAIRS = st.builds(WordPair, word=WORDS, opposite=WORDS, polarity=NUMBERS, z=NUMBERS)


@given(st.lists(st.lists(PAIRS, max_size=3, unique_by=lambda p: p.word).map(tuple), max_size=3).map(tuple))
def test_json_round_trip(pairs):
    opposites = Opposites(pairs=pairs)
    again = Opposites.from_json(opposites.to_json(), "x")
    assert again == opposites
    assert again.to_json() == opposites.to_json()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda v: "", "Expecting value"),
        (lambda v: v[: len(v) // 2], "Expecting|delimiter|Unterminated"),
        (lambda v: "[" * 100_000, "recursion"),
        (lambda v: json.dumps(["tea"]), "wanted an object with the keys schema and classes"),
        (lambda v: v.replace('"schema": 1', '"schema": 9'), "schema 9, this version reads 1"),
        (lambda v: v.replace("[[]", "[7"), "classes must be a list of lists"),
        (lambda v: v.replace('"best"', '"bad"'), "stands twice"),
        (lambda v: v.replace('"best"', '""'), "a pair must be"),
        (lambda v: v.replace("2.0, 3.0", "2.0"), "a pair must be"),
        (lambda v: v.replace("-1.5", "NaN"), "a pair must be"),
        (lambda v: v.replace("-1.5", '"much"'), "a pair must be"),
    ],
)
def test_a_file_it_did_not_write_is_refused(damage, message):
    text = OPPOSITES.to_json()
    assert damage(text) != text
    with pytest.raises(
        DataError, match=rf"(?s)^run/opposites.json: not a file of opposites .*({message}).*run the data"
    ):
        Opposites.from_json(damage(text), "run/opposites.json")
