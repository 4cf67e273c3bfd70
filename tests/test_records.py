"""Records: read-only copies, shapes checked on creation, everything frozen and by keyword."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from study.records import (
    SPECIAL_TOKENS,
    ComponentIndex,
    Contributions,
    Corpus,
    Crosswalk,
    FeatureAttribution,
    Gate,
    HeadAttribution,
    LabelledTexts,
    TextBatch,
    read_only,
)

INDEX = ComponentIndex(
    names=("embed", "L0H0", "L0H1"), kind=("embed", "head", "head"), layer=(-1, 0, 0), head=(-1, 0, 1)
)


def texts(**changes):
    fields = {"example_id": ("a", "b", "c"), "text": ("x", "y", "z"), "label": [0, 1, 0]}
    return LabelledTexts(**(fields | changes))


def batch(**changes):
    fields = {
        "example_id": ("a", "b"),
        "text": ("x y", "z"),
        "words": (("x", "y"), ("z",)),
        "token_ids": [[1, 4, 5], [1, 6, 0]],
        "attend": [[1, 1, 1], [1, 1, 0]],
        "word_of_token": [[-1, 0, 1], [-1, 0, -1]],
        "label": [0, 1],
    }
    return TextBatch(**(fields | changes))


def attribution(**changes):
    fields = {
        "example_id": "a",
        "method": "shap",
        "estimator": "exact",
        "scores": [1.0, 2.0],
        "by_component": np.ones((2, 3)),
        "base": 0.0,
        "output": 3.0,
        "base_by_component": np.zeros(3),
        "output_by_component": np.ones(3),
        "seed": None,
        "n_evals": 4,
        "seconds": 0.1,
    }
    return FeatureAttribution(**(fields | changes))


def crosswalk(**changes):
    fields = {
        "example_id": "a",
        "method": "shap",
        "kind": "direct",
        "index": INDEX,
        "cells": np.ones((2, 3)),
        "row_residual": np.zeros(2),
        "column_residual": np.zeros(3),
    }
    return Crosswalk(**(fields | changes))


def contributions(**changes):
    fields = {"index": INDEX, "values": np.ones((2, 3)), "margin": [3.0, 3.0], "target": [1, 0]}
    return Contributions(**(fields | changes))


def heads(scores):
    return HeadAttribution(
        example_id="a", scores=scores, method="m", kind="direct", ablation=None, n_evals=1, seconds=0.0
    )


def test_read_only_is_a_copy_that_nobody_can_write():
    mine = np.zeros(3)
    theirs = read_only(mine, shape=(3,), name="it")
    mine[0] = 5.0
    assert theirs[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        theirs[0] = 1.0
    assert read_only([1, 2], dtype=np.float64, shape=(None,), name="it").dtype == np.float64


@pytest.mark.parametrize(("shape", "wanted"), [((3,), (4,)), ((3, 1), (3,)), ((), (None,)), ((2, 3), (2, None, 1))])
def test_a_wrong_shape_is_named(shape, wanted):
    with pytest.raises(ValueError, match="it has shape"):
        read_only(np.zeros(shape), shape=wanted, name="it")


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (texts, "label"),
        (batch, "token_ids"),
        (batch, "attend"),
        (batch, "word_of_token"),
        (batch, "label"),
        (attribution, "scores"),
        (attribution, "by_component"),
        (attribution, "base_by_component"),
        (attribution, "output_by_component"),
        (crosswalk, "cells"),
        (crosswalk, "row_residual"),
        (crosswalk, "column_residual"),
        (contributions, "values"),
        (contributions, "margin"),
        (contributions, "target"),
    ],
)
def test_arrays_are_read_only_and_their_shapes_checked(record, field):
    array = getattr(record(), field)
    with pytest.raises(ValueError, match="read-only"):
        array[...] = 0
    one_more = np.zeros([n + 1 for n in array.shape])
    with pytest.raises(ValueError, match=r"has shape .*, wanted"):
        record(**{field: one_more})
    with pytest.raises(ValueError, match=r"has shape .*, wanted"):
        record(**{field: array[..., None]})


@pytest.mark.parametrize(
    ("record", "field"),
    [(texts, "text"), (batch, "label"), (attribution, "scores"), (crosswalk, "kind"), (contributions, "margin")],
)
def test_records_are_frozen(record, field):
    with pytest.raises(FrozenInstanceError):
        setattr(record(), field, None)


def test_records_take_keywords_only():
    with pytest.raises(TypeError):
        Gate("name", 0.0, 1.0, True, "here")


def test_texts_and_their_rows():
    three = texts()
    assert len(three) == 3
    two = three.take([2, 0])
    assert (two.example_id, two.text, two.label.tolist()) == (("c", "a"), ("z", "x"), [0, 0])
    assert len(three.take([])) == 0
    with pytest.raises(ValueError, match="ids must differ"):
        texts(example_id=("a", "b", "a"))
    with pytest.raises(ValueError, match="2 texts for 3 ids"):
        texts(text=("x", "y"))


def test_what_is_known_of_texts_goes_with_their_rows():
    three = texts(relevant=((True,), (False,), (True, False)), own_label=[1, 1, 0])
    two = three.take([2, 1])
    assert two.relevant == ((True, False), (False,))
    assert two.own_label.tolist() == [0, 1]
    assert two.own_label.dtype == np.int64
    assert (texts().take([0]).relevant, texts().take([0]).own_label) == (None, None)
    assert three.take([]).relevant == ()
    with pytest.raises(ValueError, match="truth words of 2 texts for 3 ids"):
        texts(relevant=((True,), (True,)))
    with pytest.raises(ValueError, match=r"own_label has shape \(2,\), wanted \(3,\)"):
        texts(own_label=[0, 1])
    with pytest.raises(ValueError, match="read-only"):
        three.own_label[0] = 0


def test_a_batch_has_one_entry_an_example():
    assert len(batch()) == 2
    with pytest.raises(ValueError, match="words has 1 entries for 2 ids"):
        batch(words=(("x",),))
    with pytest.raises(ValueError, match="text has 3 entries for 2 ids"):
        batch(text=("x", "y", "z"))
    assert batch(relevant=((True, False), (True,))).relevant == ((True, False), (True,))
    with pytest.raises(ValueError, match="relevant has 1 entries for 2 ids"):
        batch(relevant=((True, False),))


def test_component_index():
    assert len(INDEX) == 3
    assert INDEX.where("head").tolist() == [1, 2]
    assert INDEX.where("mlp").tolist() == []
    with pytest.raises(ValueError, match="one length"):
        ComponentIndex(names=("a",), kind=("head", "head"), layer=(0,), head=(0,))
    with pytest.raises(ValueError, match="must differ"):
        ComponentIndex(names=("a", "a"), kind=("head",) * 2, layer=(0, 0), head=(0, 1))


def test_an_attribution_may_do_without_components():
    assert attribution(by_component=None).by_component is None
    assert np.isnan(attribution(scores=[1.0, np.nan]).scores[1])  # a word that does not fit the model


def test_head_scores_are_layer_by_head():
    assert heads([[1, 2]]).scores.dtype == np.float64
    with pytest.raises(ValueError, match="scores has shape"):
        heads([1.0, 2.0])


def test_a_corpus_counts_its_classes():
    corpus = Corpus(name="x", class_names=("a", "b", "c"), train=texts(), validation=texts(), test=texts())
    assert corpus.n_classes == 3
    assert corpus.card == {}


def test_special_tokens_come_in_the_order_of_their_ids():
    assert SPECIAL_TOKENS == ("[PAD]", "[CLS]", "[MASK]", "[UNK]")
