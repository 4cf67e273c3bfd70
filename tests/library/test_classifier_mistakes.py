"""The messages of the classifier of texts: what cannot be used, where it stands, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError

from study.errors import DataError, InputError
from study.library.classifier import TextClassifier
from tests.library.test_classifier import METHODS, TINY, X, Y


@pytest.fixture(scope="module")
def fitted() -> TextClassifier:
    return TextClassifier(**TINY).fit(X, Y)


WRONG_TEXTS = {
    "one text": ("a warm tale", r"X is one text, 'a warm tale'.*write \[text\]"),
    "numbers": ([1.5, 2.0], r"2 of 2 texts are no strings, the first at place 0: 1.5 of type float"),
    "a missing one": (["warm", None], r"1 of 2 texts are no strings, the first at place 1: None"),
    "a table": (pd.DataFrame({"text": X}), r"X has 2 dimensions.*table\['text'\]"),
    "a column vector": (np.array(X)[:, None], r"X has 2 dimensions"),
    "a sparse matrix": (scipy.sparse.eye(3), r"X has 2 dimensions"),
    "a scalar": (np.array("warm"), r"X is a single value"),
    "nothing": ([], r"X has 0 texts"),
    "a mapping": ({"warm": 1}, r"X is of type dict"),
    "no sequence": (3, r"X is of type int"),
}


@pytest.mark.parametrize("case", WRONG_TEXTS)
def test_texts_that_are_none(case: str, fitted: TextClassifier) -> None:
    texts, message = WRONG_TEXTS[case]
    with pytest.raises(InputError, match=message):
        fitted.predict(texts)
    with pytest.raises(InputError, match=message):
        TextClassifier().fit(texts, [0, 1])


WRONG_LABELS = {
    "none": (None, "requires y to be passed, but the target y is None"),
    "too few": (Y[:-1], "X has 20 texts and y 19 labels"),
    "one class": (["good"] * 20, r"y has 1 class \('good'\)"),
    "unlike types": (np.array([1, "good"] * 10, dtype=object), "unlike types"),
    "real numbers": (np.linspace(0, 1, 20), "Unknown label type: continuous"),
    "missing": ([0.0, np.nan] * 10, "y contains NaN"),
    "several a text": (np.ones((20, 2)), "1d array"),
}


@pytest.mark.parametrize("case", WRONG_LABELS)
def test_labels_that_are_none(case: str) -> None:
    labels, message = WRONG_LABELS[case]
    with pytest.raises(ValueError, match=message):
        TextClassifier(**TINY).fit(X, labels)


def test_a_text_to_learn_from_needs_a_word() -> None:
    with pytest.raises(InputError, match=r"2 of 22 texts have no word, the first at place 20: '  '; leave them out"):
        TextClassifier().fit([*X, "  ", ""], [*Y, "bad", "bad"])
    with pytest.raises(DataError, match="lower min_count"):
        TextClassifier(min_count=99).fit(X, Y)
    with pytest.raises(InputError, match=r"no class of y has two texts.*validation_fraction=0"):
        TextClassifier().fit(X[:2], [0, 1])


@pytest.mark.parametrize("method", METHODS)
def test_asked_before_it_learned(method: str) -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(TextClassifier(), method)(X)


WRONG_PARAMETERS = [
    ({"n_layers": 0, "dropout": 2}, r"n_layers is 0: .*; dropout is 2: "),  # all of them at once
    ({"d_model": 9}, r"d_model 9 does not divide by n_heads 4: choose a multiple or set d_head$"),
    ({"learning_rate": "fast"}, r"learning_rate is 'fast'"),
    ({"min_count": 0}, r"min_count is 0"),
    ({"dtype": "float16"}, r"dtype is 'float16'.*'float32' or 'float64'"),
    ({"validation_fraction": 1.0}, r"validation_fraction is 1.0: a number from 0 to below 1"),
]


@pytest.mark.parametrize(("parameters", "message"), WRONG_PARAMETERS)
def test_parameters_that_do_not_fit(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TextClassifier(**parameters).fit(X, Y)
