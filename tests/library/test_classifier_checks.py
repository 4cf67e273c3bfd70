"""scikit-learn's own checks of estimators, on the classifier of texts.

The classifier says that it takes strings, so `check_estimator` stops after cloning: its data are tables of numbers.
They run here all the same: those that need no data on the classifier itself, and all of them on a `_Written` one, which
writes every number of a table as a word. What a table has and texts have not (a number of features, complex or missing
numbers, sparse matrices) is answered by `_Written` and says nothing about the classifier; the same questions about
texts, and the checks of outputs once more on texts of our own, are in test_classifier.py and
test_classifier_mistakes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import validate_data

from study.library.classifier import TextClassifier

TINY = {"n_layers": 1, "n_heads": 1, "d_model": 4, "d_mlp": 0, "max_epochs": 1, "min_steps": 0, "min_count": 1}


class _Written(TextClassifier):
    """Takes tables of numbers: a row is a text, a number its column and its nearest half."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = False
        tags.input_tags.two_d_array = True
        tags.classifier_tags.poor_score = True  # one epoch of a tiny model; that it learns is tested on texts
        return tags

    def fit(self, X: Any, y: Any) -> _Written:
        return super().fit(_write(validate_data(self, X)), y)

    def _logits(self, X: Any) -> Any:
        table = validate_data(self, X, reset=False) if hasattr(self, "n_features_in_") else X
        return super()._logits(_write(table) if hasattr(self, "n_features_in_") else X)


def _write(table: np.ndarray) -> list[str]:
    return [" ".join(f"c{j}v{round(2 * x)}".replace("-", "m") for j, x in enumerate(row)) for row in table]


@parametrize_with_checks([_Written(**TINY)])
def test_checks_of_scikit_learn_on_tables_written_as_texts(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


WITHOUT_DATA = (
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_estimators_unfitted",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
)


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_checks_of_scikit_learn_that_need_no_data(name: str) -> None:
    getattr(estimator_checks, name)("TextClassifier", TextClassifier())


def test_what_scikit_learn_itself_runs_on_a_classifier_of_strings() -> None:
    with pytest.warns(SkipTestWarning, match="string=True"):
        (only,) = check_estimator(TextClassifier())
    assert (only["check_name"], only["status"]) == ("check_estimator_cloneable", "passed")
