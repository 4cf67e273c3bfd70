"""How alike words are in their use: between which words they stand, and where their word vectors point."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.records import SPECIAL_TOKENS, FloatArray, IntArray

_FREQUENT = 150  # words of the vocabulary, by training frequency, that are told apart as neighbours
_PRIOR = 20.0  # neighbours of an average word added to every word's own, so that rare words stay near the average
_NEAREST = 10  # of the other side: their mean cosine is taken off


def neighbour_profiles(texts: Iterable[str], vocabulary: Vocabulary, tokens: IntArray) -> FloatArray:
    """[row feature]: which frequent words stand right before and right after each word of `tokens`, about the average.

    Roots of frequencies (the Hellinger distance), so that rare neighbours count too. Words of one kind are alike here
    whatever they say: "dull" and "moving" both stand after "a" and before "and".
    """
    n_frequent = min(_FREQUENT, len(vocabulary) - len(SPECIAL_TOKENS))
    feature = np.full(len(vocabulary), n_frequent)  # one feature for all other words and for the text's edge
    feature[len(SPECIAL_TOKENS) : len(SPECIAL_TOKENS) + n_frequent] = np.arange(n_frequent)
    row_of = np.full(len(vocabulary), -1)
    row_of[tokens] = np.arange(len(tokens))
    counts = np.zeros((len(tokens), 2, n_frequent + 1))
    average = np.ones((2, n_frequent + 1))
    for text in texts:
        ids = vocabulary.encode(split_words(text))
        features = feature[np.array([0, *ids, 0])]  # ids of special tokens stand for the edge
        around = np.stack([features[:-2], features[2:]], 1)
        rows = row_of[np.array(ids, dtype=np.int64)]
        for side in (0, 1):
            np.add.at(average[side], around[:, side], 1.0)
            np.add.at(counts[:, side], (rows[rows >= 0], around[rows >= 0, side]), 1.0)
    average /= average.sum(1, keepdims=True)
    shares = (counts + _PRIOR * average) / (counts.sum(2, keepdims=True) + _PRIOR)
    return np.asarray((np.sqrt(shares) - np.sqrt(average)).reshape(len(tokens), average.size))


def unit_rows(vectors: FloatArray, *, centred: bool) -> FloatArray:
    """[row d]: every row at length one, about the mean of the rows that are not zero if `centred`; zero rows stay."""
    units = np.array(vectors, dtype=np.float64)
    known = units.any(1)
    if centred and known.any():
        units[known] -= units[known].mean(0)  # what all words share tells no two of them apart
    length = np.linalg.norm(units, axis=1, keepdims=True)
    return np.divide(units, length, out=np.zeros_like(units), where=length > 1e-9)


def likeness(words: FloatArray, others: FloatArray) -> FloatArray:
    """[word other]: twice the cosine, minus both words' mean cosine to their nearest words of the other side.

    words: [word d], others: [other d], rows of length one. A zero row knows nothing: a word without one is equally
    like all others, and an other without one is as like a word as the others are on average.
    Plain cosine makes a few words, near to everything, the nearest of many.

    Source: Conneau et al. (2018), Word translation without parallel data, section 2.3 (CSLS).
    """
    result = np.zeros((len(words), len(others)))
    known, known_others = words.any(1), others.any(1)
    if known.any() and known_others.any():
        cosine = np.einsum("wd,od->wo", words[known], others[known_others])
        of_word = np.sort(cosine, 1)[:, -_NEAREST:].mean(1, keepdims=True)
        of_other = np.sort(cosine, 0)[-_NEAREST:].mean(0)
        found = 2.0 * cosine - of_word - of_other
        rows = np.repeat(found.mean(1, keepdims=True), len(others), 1)
        rows[:, known_others] = found
        result[known] = rows
    return result
