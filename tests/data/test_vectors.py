"""Word vectors: counts and mutual information by hand and by literal loop, factors by dense algebra."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from study.config import WordVectorsConfig
from study.data import vectors as vectors_module
from study.data.vectors import count_pairs, learn_word_vectors, positive_information
from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.errors import DataError
from study.records import SPECIAL_TOKENS

NAMES = ("cold", "tea", "cake", "warm", "sweet", "salt")
VOCABULARY = Vocabulary((*SPECIAL_TOKENS, *NAMES))
COLD, TEA, CAKE, WARM, SWEET, SALT = range(4, 10)


def random_texts(n, seed=0):
    """Two topics, so that mutual information is not zero."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(NAMES[:3] if i % 2 else NAMES[2:], size=8)) for i in range(n)]


def literal_counts(texts, vocabulary, window):
    counts = np.zeros((len(vocabulary), len(vocabulary)))
    for text in texts:
        ids = vocabulary.encode(split_words(text))
        for i, first in enumerate(ids):
            for j, second in enumerate(ids):
                if 0 < abs(i - j) <= window and first >= 4 and second >= 4:
                    counts[first, second] += 1 / abs(i - j)
    return counts


def literal_information(counts):
    context = counts.sum(axis=0) ** 0.75
    cells = np.zeros_like(counts)
    for w, c in np.argwhere(counts):
        p_both = counts[w, c] / counts.sum()
        p_word, p_context = counts[w].sum() / counts.sum(), context[c] / context.sum()
        cells[w, c] = max(0.0, math.log(p_both / (p_word * p_context)))
    return cells


def test_counts_by_hand():
    # the unknown "soup" keeps its place: cold and cake are three apart; no pair across texts
    counts = count_pairs(["cold tea soup cake", "warm cold"], VOCABULARY, window=3).toarray()
    assert counts[COLD, TEA] == counts[TEA, COLD] == 1
    assert counts[COLD, CAKE] == pytest.approx(1 / 3)
    assert counts[TEA, CAKE] == 1 / 2
    assert counts[WARM, COLD] == 1
    assert counts[CAKE, WARM] == 0
    assert counts.sum() == pytest.approx(2 * (1 + 1 / 3 + 1 / 2 + 1))
    assert not counts[: len(SPECIAL_TOKENS)].any()


def test_a_word_beside_itself_counts_for_both_sides():
    assert count_pairs(["tea tea"], VOCABULARY, window=5).toarray()[TEA, TEA] == 2


def test_information_by_hand():
    # one pair each way: counts 1 for (cold, tea) and (tea, cold); both contexts have probability 1/2
    cells = positive_information(count_pairs(["cold tea"], VOCABULARY, window=5)).toarray()
    assert cells[COLD, TEA] == cells[TEA, COLD] == pytest.approx(math.log(2))
    assert np.count_nonzero(cells) == 2


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.lists(st.sampled_from([*NAMES, "soup"]), max_size=8).map(" ".join), max_size=6),
    st.integers(1, 9),
    st.integers(3, 40),
)
def test_counts_and_information_equal_the_literal_loops(texts, window, chunk):
    whole = vectors_module._CHUNK_WORDS
    vectors_module._CHUNK_WORDS = chunk
    try:
        counts = count_pairs(texts, VOCABULARY, window)
    finally:
        vectors_module._CHUNK_WORDS = whole
    expected = literal_counts(texts, VOCABULARY, window)
    np.testing.assert_allclose(counts.toarray(), expected, atol=1e-12)
    np.testing.assert_allclose(positive_information(counts).toarray(), literal_information(expected), atol=1e-12)


def test_vectors_are_the_leading_factors():
    texts = random_texts(60)
    config = WordVectorsConfig(window=2, scale=0.3)
    found = learn_word_vectors(texts, VOCABULARY, 3, config)
    assert found.shape == (10, 3)
    assert found.dtype == np.float32
    left, singular, _ = np.linalg.svd(literal_information(literal_counts(texts, VOCABULARY, 2))[4:, 4:])
    expected = left[:, :3] * np.sqrt(singular[:3])
    expected *= 0.3 / expected.std()
    np.testing.assert_allclose(found[4:] @ found[4:].T, expected @ expected.T, atol=1e-5)  # the sign of an axis is free


def test_scale_special_tokens_and_words_without_a_neighbour():
    vocabulary = Vocabulary((*VOCABULARY.words, "lonely", "absent"))
    found = learn_word_vectors([*random_texts(60), "lonely"], vocabulary, 3, WordVectorsConfig(scale=0.7))
    assert not found[:4].any()
    assert not found[10:].any()
    assert found[4:10].std() == pytest.approx(0.7, rel=1e-5)


def test_same_bytes_whatever_the_threads_and_numpys_global_state():
    texts = random_texts(60)
    first = learn_word_vectors(texts, VOCABULARY, 3, WordVectorsConfig())
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with threadpool_limits(limits=2):
        second = learn_word_vectors(texts, VOCABULARY, 3, WordVectorsConfig())
    assert first.tobytes() == second.tobytes()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_too_little_text_for_the_width():
    with pytest.raises(DataError, match=r"2 words of the vocabulary have a neighbour .* 'imdb', too few .*d_model 3"):
        learn_word_vectors(["cold tea", "cake"], VOCABULARY, 3, WordVectorsConfig())
    with pytest.raises(DataError, match="0 words of the vocabulary"):
        learn_word_vectors([], VOCABULARY, 3, WordVectorsConfig())
