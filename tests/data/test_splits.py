"""The split: exact sizes, shares of the labels, seeded, and numbers in every refusal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.config import DatasetConfig
from study.data.splits import _shares, split_texts, splits_card
from study.errors import DataError
from study.records import LabelledTexts


def texts_with(*n_in_class):
    label = np.repeat(np.arange(len(n_in_class)), n_in_class)
    ids = tuple(f"t{i}" for i in range(len(label)))
    return LabelledTexts(example_id=ids, text=ids, label=label)


def config(validation_size, test_size, **more):
    return DatasetConfig(name="teas", source="files", validation_size=validation_size, test_size=test_size, **more)


def split(n_in_class, *args, **more):
    names = [f"class {i}" for i in range(len(n_in_class))]
    return split_texts(texts_with(*n_in_class), names, config(*args, **more))


def test_sizes_and_shares():
    train, validation, test = split([60, 40], 10, 20)
    assert [np.bincount(part.label).tolist() for part in (train, validation, test)] == [[42, 28], [6, 4], [12, 8]]
    assert splits_card(["a", "b"], train, validation, test) == {
        "class_names": ["a", "b"],
        "splits": {"train": {"a": 42, "b": 28}, "validation": {"a": 6, "b": 4}, "test": {"a": 12, "b": 8}},
    }


def test_largest_remainder_and_at_least_one():
    assert _shares(np.array([50, 30, 20]), 7).tolist() == [4, 2, 1]  # exact 3.5, 2.1, 1.4
    assert _shares(np.array([97, 2, 1]), 5).tolist() == [3, 1, 1]


def test_the_seed_decides_and_order_is_mixed():
    first, again, other = (split([50, 50], 10, 10, split_seed=seed)[0] for seed in (0, 0, 1))
    assert first.example_id == again.example_id
    assert sorted(first.example_id) != sorted(other.example_id)
    assert 0 < first.label[:40].mean() < 1  # the input is sorted by label


def test_max_train_keeps_test_and_the_shares():
    full, small = split([80, 20], 10, 10), split([80, 20], 10, 10, max_train=10)
    assert small[2].example_id == full[2].example_id
    assert small[1].example_id == full[1].example_id
    assert np.bincount(small[0].label).tolist() == [8, 2]
    assert set(small[0].example_id) <= set(full[0].example_id)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=4), st.integers(1, 12), st.integers(1, 12), st.integers(0, 3))
def test_a_split_is_exact_or_refused(n_in_class, validation_size, test_size, seed):
    n_in_class = [n + 1 for n in n_in_class]
    n_classes, n_texts = len(n_in_class), sum(n_in_class)
    try:
        parts = split(n_in_class, validation_size, test_size, split_seed=seed)
    except DataError:
        parts = None
    if parts is None:  # then rounding up could not have left every class one text to train on, either
        room = [n - 1 - sum(max(1, -(-n * s // n_texts)) for s in (validation_size, test_size)) for n in n_in_class]
        assert min(validation_size, test_size) < n_classes or min(room) < 0
        return
    assert (len(parts[1]), len(parts[2])) == (validation_size, test_size)
    together = [i for part in parts for i in part.example_id]
    assert len(together) == len(set(together)) == n_texts  # disjoint and complete
    for part in parts:
        assert set(part.label) == set(range(n_classes))


def test_too_few_texts_names_sizes_that_fit():
    with pytest.raises(DataError, match=r"'teas' has 50 usable texts: too few .*Sizes that fit: .*: 5, test_size: 5"):
        split([25, 25], 1000, 1000)
    with pytest.raises(DataError, match="2 classes need 6 texts at the very least"):
        split([2, 2], 2, 2)


def test_sizes_that_fit_do_fit():
    train, *_ = split([25, 25], 5, 5)
    assert len(train) == 40


def test_a_class_too_small_for_three_splits_is_named():
    with pytest.raises(DataError, match=r"label not in training: .* 'class 2' \(2 of 3 texts\); add texts"):
        split([50, 50, 2], 10, 10)
    assert [len(part) for part in split([50, 50, 3], 10, 10)] == [83, 10, 10]


def test_a_split_smaller_than_the_number_of_classes():
    for sizes, key in (((2, 10), "validation_size 2"), ((10, 2), "test_size 2")):
        with pytest.raises(DataError, match=f"{key} cannot hold a text of each of the 3 classes"):
            split([50, 50, 50], *sizes)
    with pytest.raises(DataError, match="max_train 1 cannot hold"):
        split([50, 50], 10, 10, max_train=1)
