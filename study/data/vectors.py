"""Word vectors from unlabelled text: factors of the positive pointwise mutual information of words and contexts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

from study.config import WordVectorsConfig
from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.errors import DataError
from study.records import SPECIAL_TOKENS, UNKNOWN_ID, IntArray

_CHUNK_WORDS = 1_000_000  # words counted at a time: bounds the memory
_POWER_ITERATIONS = 7  # with 4, a linear classifier on these vectors was 0.8 points worse on rotten_tomatoes
_CONTEXT_POWER = 0.75  # damps the preference of mutual information for rare contexts (Levy et al. 2015)


def learn_word_vectors(
    texts: Sequence[str], vocabulary: Vocabulary, d_model: int, config: WordVectorsConfig
) -> NDArray[np.float32]:
    """[vocab d_model] a vector for every word that `texts` shows beside another word of the vocabulary.

    Symmetric window of `config.window` words, weighted 1/distance; positive pointwise mutual information with
    context counts to the power 0.75; d_model leading left singular vectors times the root of their singular values;
    all entries scaled to standard deviation `config.scale`. Special tokens, and words without a neighbour in `texts`,
    have the zero vector: the model starts them as it starts any weight. Words outside the vocabulary keep their
    place in the window. Same texts, same vocabulary, same bytes, whatever the number of threads.

    Source: Levy and Goldberg (2014), Neural word embedding as implicit matrix factorization.

    Raises: DataError when d_model is more than the words that have a neighbour.
    """
    information = positive_information(count_pairs(texts, vocabulary, config.window))
    linked = np.flatnonzero(np.diff(information.indptr))  # words with a row that is not all zero
    if len(linked) < d_model:
        raise DataError(
            f"{len(linked)} words of the vocabulary have a neighbour in the unlabelled text '{config.source}', too few "
            f"for word vectors of d_model {d_model}: use more text, lower d_model, or leave out word_vectors"
        )
    with threadpool_limits(limits=1):  # the number of threads changes the last bits of a matrix product
        left, singular, _ = randomized_svd(
            information[linked][:, linked], n_components=d_model, n_iter=_POWER_ITERATIONS, random_state=config.seed
        )
    learned = left * np.sqrt(singular)
    vectors = np.zeros((len(vocabulary), d_model), dtype=np.float32)
    vectors[linked] = learned * (config.scale / learned.std())
    return vectors


def count_pairs(texts: Sequence[str], vocabulary: Vocabulary, window: int) -> sparse.csr_array:
    """[vocab vocab] sum of 1/distance over all pairs of words at most `window` places apart in one text; symmetric.

    Rows and columns of special tokens are empty: words outside the vocabulary are no one's neighbour.
    """
    n = len(vocabulary)
    total = sparse.csr_array((n, n), dtype=np.float64)
    for ids in _chunks(texts, vocabulary, window):
        firsts, seconds, weights = [], [], []
        for distance in range(1, window + 1):
            first, second = ids[:-distance], ids[distance:]
            both = (first >= len(SPECIAL_TOKENS)) & (second >= len(SPECIAL_TOKENS))
            firsts.append(first[both])
            seconds.append(second[both])
            weights.append(np.full(int(both.sum()), 1.0 / distance))
        pairs = (np.concatenate(weights), (np.concatenate(firsts), np.concatenate(seconds)))
        total = total + sparse.coo_array(pairs, shape=(n, n)).tocsr()
    return total + total.T.tocsr()


def _chunks(texts: Sequence[str], vocabulary: Vocabulary, window: int) -> Iterator[NDArray[np.int32]]:
    """The texts as word ids, many texts to an array, with gaps of `window` unknown words between two texts."""
    gap = [UNKNOWN_ID] * window
    ids: list[int] = []
    for text in texts:
        ids += vocabulary.encode(split_words(text))
        ids += gap
        if len(ids) >= _CHUNK_WORDS:
            yield np.array(ids, dtype=np.int32)
            ids = []
    yield np.array(ids, dtype=np.int32)


def positive_information(counts: Any) -> sparse.csr_array:
    """[word context] max(0, log(p(w, c) / (p(w) p'(c)))), p'(c) in proportion to the count of c to the power 0.75."""
    pairs = counts.tocoo()
    word_count: IntArray = np.asarray(counts.sum(axis=1)).ravel()
    context_count = np.asarray(counts.sum(axis=0)).ravel() ** _CONTEXT_POWER
    # p(w, c) / p(w) is count / word_count: the total cancels
    ratio = pairs.data / word_count[pairs.row] * (context_count.sum() / context_count[pairs.col])
    kept = ratio > 1.0
    cells = (np.log(ratio[kept]), (pairs.row[kept], pairs.col[kept]))
    return sparse.coo_array(cells, shape=counts.shape).tocsr()
