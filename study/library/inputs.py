"""What people hand to a TextClassifier, checked: texts, labels, parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from study.config import ModelConfig, RuntimeConfig, Section, StudyConfig, TrainingConfig, VocabularyConfig
from study.data.words import split_words
from study.errors import InputError
from study.records import IntArray

NAME = "classifier"  # of a fitted model and its data set, as an explanation names them
_SHOWN = 40  # characters of a value quoted in a message


def read_texts(texts: Any) -> tuple[str, ...]:
    """The texts, in order. Texts without words are texts: explainers ask what a model says when all words are gone.

    Raises: InputError for one string, a table, a matrix, a mapping, something that is no sequence, no text at all, or
    an entry that is no string.
    """
    if isinstance(texts, str | bytes):
        raise InputError(f"X is one text, {_quoted(texts)}; a list of texts is wanted: write [text]")
    if isinstance(texts, np.ndarray) and texts.ndim == 0:
        raise InputError(f"X is a single value, {_quoted(texts)}; a list of texts is wanted")
    n_dimensions = getattr(texts, "ndim", 1)  # of arrays, tables and sparse matrices
    if n_dimensions != 1:
        raise InputError(
            f"X has {n_dimensions} dimensions; one is wanted, a text an entry: hand over one column of a table, "
            "table['text']"
        )
    if isinstance(texts, Mapping) or not isinstance(texts, Iterable):
        raise InputError(f"X is of type {type(texts).__name__}; a list of texts is wanted")
    entries = list(texts)
    if not entries:
        raise InputError("X has 0 texts; 1 or more are wanted")
    wrong = [(i, entry) for i, entry in enumerate(entries) if not isinstance(entry, str)]
    if wrong:
        place, entry = wrong[0]
        raise InputError(
            f"{len(wrong)} of {len(entries)} texts are no strings, the first at place {place}: {_quoted(entry)} of "
            f"type {type(entry).__name__}; every entry of X must be a string"
        )
    return tuple(str(entry) for entry in entries)


def check_words(texts: tuple[str, ...]) -> None:
    """Raises: InputError when a text to learn from has no word."""
    empty = [i for i, text in enumerate(texts) if not split_words(text)]
    if empty:
        raise InputError(
            f"{len(empty)} of {len(texts)} texts have no word, the first at place {empty[0]}: "
            f"{_quoted(texts[empty[0]])}; leave them out, with their labels"
        )


def read_labels(y: Any, n_texts: int) -> tuple[np.ndarray, IntArray]:
    """(classes [class_], label [example] as places in classes); classes in ascending order, of any type of label.

    Raises: InputError for no labels, labels of unlike types, another number than texts, or fewer than two classes;
    ValueError by scikit-learn for labels that are none (real numbers, missing values, several a text).
    """
    if y is None:
        raise InputError("TextClassifier requires y to be passed, but the target y is None: hand over a label a text")
    labels = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    if len(labels) != n_texts:
        raise InputError(f"X has {n_texts} texts and y {len(labels)} labels; one label a text is wanted")
    try:
        classes, label = np.unique(labels, return_inverse=True)
    except TypeError:
        types = ", ".join(sorted({type(label).__name__ for label in labels}))
        raise InputError(f"labels of unlike types cannot be put in order ({types}); use one type for all") from None
    check_classification_targets(labels)
    if len(classes) < 2:
        raise InputError(f"y has 1 class ({_quoted(classes[0])}); 2 or more are wanted to learn a difference")
    return classes, label


def read_parameters(given: Mapping[str, Any]) -> StudyConfig:
    """The parameters of a TextClassifier as the config of a study of one model.

    Raises: InputError naming all that do not fit.
    """
    given = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
    share = given["validation_fraction"]
    mistakes = []
    if not isinstance(share, int | float) or not 0 <= share < 1:
        mistakes.append(f"validation_fraction is {share!r}: a number from 0 to below 1 is wanted")
    try:
        config = StudyConfig.model_validate(
            {
                "name": NAME,
                "seeds": (0,),
                "datasets": ({"name": NAME, "source": "fit", "vocabulary": _fields(VocabularyConfig, given)},),
                "models": ({"name": NAME, **_fields(ModelConfig, given)},),
                "training": _fields(TrainingConfig, given),
                "runtime": _fields(RuntimeConfig, given),
            }
        )
    except ValidationError as error:
        found = error.errors()
        told = [one for one in found if one["type"] != "too_short"]  # of the list that lacks the wrong model
        mistakes += [_mistake(one) for one in told or found]
    if mistakes:
        raise InputError("parameters of TextClassifier: " + "; ".join(mistakes))
    return config


def _fields(section: type[Section], given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that are fields of a section of the config."""
    return {name: given[name] for name in section.model_fields if name in given}


def _mistake(found: Mapping[str, Any]) -> str:
    """What pydantic found, in one line: the parameter, its value, what is wanted."""
    message = str(found["msg"]).removeprefix("Value error, ")
    name = found["loc"][-1]
    return f"{name} is {found['input']!r}: {message}" if isinstance(name, str) else message


def _quoted(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
