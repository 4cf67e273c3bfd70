"""The fixed split: seeded, stratified by label, the same for every model and training seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from study.config import DatasetConfig
from study.errors import DataError
from study.records import IntArray, LabelledTexts

Splits = tuple[LabelledTexts, LabelledTexts, LabelledTexts]


def split_texts(texts: LabelledTexts, class_names: Sequence[str], config: DatasetConfig) -> Splits:
    """(train, validation, test): disjoint, of the sizes of `config`, each with the label shares of the whole.

    A class's share of validation and of test is its share of the data, rounded so that the sizes come out
    exactly, and at least one; so is its share of training after `max_train`. Texts are in random order.
    The caller has removed duplicates: what occurs twice could land on both sides.

    Raises: DataError when the texts, or those of one class, are too few for the three parts.
    """
    _check_sizes(texts, class_names, config)
    rng = np.random.default_rng(config.split_seed)
    order: IntArray = rng.permutation(len(texts))
    n_in_class = np.bincount(texts.label, minlength=len(class_names))
    test = _take(order, texts.label, _shares(n_in_class, config.test_size))
    order = order[~np.isin(order, test)]
    validation = _take(order, texts.label, _shares(n_in_class, config.validation_size))
    train = order[~np.isin(order, validation)]
    if config.max_train is not None and config.max_train < len(train):
        n_left = np.bincount(texts.label[train], minlength=len(class_names))
        train = _take(train, texts.label, _shares(n_left, config.max_train))
    return texts.take(train), texts.take(validation), texts.take(test)


def splits_card(
    class_names: Sequence[str], train: LabelledTexts, validation: LabelledTexts, test: LabelledTexts
) -> dict[str, Any]:
    """The part of a data card that tells how many texts of every class each split holds."""
    parts = {"train": train, "validation": validation, "test": test}
    counts = {name: np.bincount(part.label, minlength=len(class_names)).tolist() for name, part in parts.items()}
    return {
        "class_names": list(class_names),
        "splits": {name: dict(zip(class_names, count, strict=True)) for name, count in counts.items()},
    }


def _take(order: IntArray, label: IntArray, n_of_class: IntArray) -> IntArray:
    """The first n_of_class[c] rows of every class c, in the order given."""
    rank = np.zeros(len(order), dtype=np.int64)  # how many rows of the same class come before
    for class_ in range(len(n_of_class)):
        here = label[order] == class_
        rank[here] = np.arange(here.sum())
    return order[rank < n_of_class[label[order]]]


def _shares(n_in_class: IntArray, size: int) -> IntArray:
    """`size` places shared among the classes: proportional, by largest remainder, at least one each."""
    exact = n_in_class * size / n_in_class.sum()
    places = np.maximum(np.floor(exact).astype(np.int64), 1)
    while places.sum() < size:  # ties go to the first class: argmax is deterministic
        places[np.argmax(np.where(places < n_in_class, exact - places, -np.inf))] += 1
    while places.sum() > size:
        places[np.argmax(np.where(places > 1, places - exact, -np.inf))] -= 1
    return places


def _check_sizes(texts: LabelledTexts, class_names: Sequence[str], config: DatasetConfig) -> None:
    """Raises: DataError, with numbers, when the split asked for cannot be made."""
    n_classes, n_texts = len(class_names), len(texts)
    for key, size in (
        ("validation_size", config.validation_size),
        ("test_size", config.test_size),
        ("max_train", config.max_train),
    ):
        if size is not None and size < n_classes:
            raise DataError(
                f"data set '{config.name}': {key} {size} cannot hold a text of each of the {n_classes} classes: "
                f"set {key} to {n_classes} or more"
            )
    if n_texts < config.validation_size + config.test_size + n_classes:
        raise DataError(
            f"data set '{config.name}' has {n_texts} usable texts: too few for validation_size "
            f"{config.validation_size}, test_size {config.test_size} and at least {n_classes} texts to train on"
            + _sizes_that_fit(n_texts, n_classes)
        )
    count = np.bincount(texts.label, minlength=n_classes)
    wanted = _shares(count, config.test_size) + _shares(count, config.validation_size) + 1
    small = [f"'{class_names[c]}' ({count[c]} of {wanted[c]} texts)" for c in range(n_classes) if count[c] < wanted[c]]
    if small:
        raise DataError(
            f"data set '{config.name}': label not in training: too few texts to have one in training, validation "
            f"and test for {', '.join(small[:10])}{' ...' if len(small) > 10 else ''}; add texts of these classes, "
            f"merge or remove the classes, or make validation_size and test_size smaller"
        )


def _sizes_that_fit(n_texts: int, n_classes: int) -> str:
    """The tail of the error: sizes to try, or that no sizes will do."""
    size = max(n_texts // 10, n_classes)
    if n_texts < 3 * n_classes:
        return f". {n_classes} classes need {3 * n_classes} texts at the very least: add texts"
    return f". Sizes that fit: validation_size: {size}, test_size: {size}"
