"""Baselines: the majority class with its tie, and TF-IDF on words that separate the classes."""

from __future__ import annotations

import numpy as np

from study.model.baseline import predict_majority, predict_tfidf
from study.records import Corpus, LabelledTexts


def texts(prefix, rows):
    return LabelledTexts(
        example_id=tuple(f"{prefix}{i}" for i in range(len(rows))),
        text=tuple(text for text, _ in rows),
        label=np.array([label for _, label in rows]),
    )


def corpus(train, test, n_classes=2):
    return Corpus(
        name="toy",
        class_names=tuple(f"class {i}" for i in range(n_classes)),
        train=texts("a", train),
        validation=texts("b", train[:1]),
        test=texts("c", test),
    )


def test_majority_is_the_most_frequent_training_class_and_the_first_on_a_tie():
    test = [("x", 0), ("y", 1), ("z", 2)]
    assert predict_majority(corpus([("a", 2), ("b", 2), ("c", 0)], test, 3)).tolist() == [2, 2, 2]
    assert predict_majority(corpus([("a", 2), ("b", 1), ("c", 2), ("d", 1)], test, 3)).tolist() == [1, 1, 1]


def test_tfidf_learns_words_word_pairs_and_punctuation():
    train = [("good film", 1), ("bad film", 0), ("not good", 0), ("not bad", 1), ("dull !", 0), ("dull ?", 1)] * 4
    toy = corpus(train, [("a good film", 1), ("a bad film", 0), ("not bad", 1), ("not good", 0), ("!", 0), ("?", 1)])
    found = predict_tfidf(toy)
    assert found.dtype == np.int64
    assert found.tolist() == toy.test.label.tolist()
    assert predict_tfidf(toy).tolist() == found.tolist()


def test_tfidf_takes_more_than_two_classes_and_words_never_seen():
    train = [("red", 0), ("green", 1), ("blue", 2)] * 5
    assert predict_tfidf(corpus(train, [("blue", 2), ("red", 0), ("green", 1), ("pink", 0)], 3))[:3].tolist() == [
        2,
        0,
        1,
    ]
