"""What a model must beat: the majority class, and TF-IDF with logistic regression on the same split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from study.records import Corpus, FloatArray, IntArray


def predict_majority(corpus: Corpus) -> IntArray:
    """[example], the most frequent training class for every test text (the first one on a tie)."""
    return np.full(len(corpus.test), majority_class(corpus), dtype=np.int64)


def predict_tfidf(corpus: Corpus) -> IntArray:
    """[example], test predictions of logistic regression on sublinear TF-IDF of words and word pairs."""
    return np.asarray(_fit_tfidf(corpus).predict(list(corpus.test.text)), dtype=np.int64)


def majority_class(corpus: Corpus) -> int:
    """The most frequent training class, the first one on a tie."""
    return int(np.bincount(corpus.train.label, minlength=corpus.n_classes).argmax())


def tfidf_margin(corpus: Corpus, texts: Sequence[str]) -> FloatArray:
    """[example], log-odds of the second of two classes by the same regression, for texts from elsewhere.

    texts: cut at spaces as the corpus is, words and marks apart.

    Raises: ValueError for another number of classes.
    """
    if corpus.n_classes != 2:
        raise ValueError(f"a margin is that of two classes, not of {corpus.n_classes}")
    return np.asarray(_fit_tfidf(corpus).decision_function(list(texts)), dtype=np.float64)


def _fit_tfidf(corpus: Corpus) -> Pipeline:
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+"),  # noqa: S106 - of words, not of passwords
        LogisticRegression(C=4.0, max_iter=1000),
    )
    return pipeline.fit(list(corpus.train.text), corpus.train.label)
