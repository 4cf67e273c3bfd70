"""What a model must beat: the majority class, and TF-IDF with logistic regression on the same split."""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from study.records import Corpus, IntArray


def predict_majority(corpus: Corpus) -> IntArray:
    """[example], the most frequent training class for every test text (the first one on a tie)."""
    counts = np.bincount(corpus.train.label, minlength=corpus.n_classes)
    return np.full(len(corpus.test), int(counts.argmax()), dtype=np.int64)


def predict_tfidf(corpus: Corpus) -> IntArray:
    """[example], test predictions of logistic regression on sublinear TF-IDF of words and word pairs."""
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+"),  # noqa: S106 - of words, not of passwords
        LogisticRegression(C=4.0, max_iter=1000),
    )
    pipeline.fit(list(corpus.train.text), corpus.train.label)
    return np.asarray(pipeline.predict(list(corpus.test.text)), dtype=np.int64)
