"""The batch that head methods are given, and the records they make."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import torch

from study.heads.batch import even_seconds, make_attributions, rows_of_like_length
from study.records import HeadAttribution
from tests.heads.batches import head_batch
from tests.tiny import TINY, VARIANTS, tiny_model

BATCH = head_batch(tiny_model())


@pytest.mark.parametrize("field", ["token_ids", "attend", "target", "margin", "contributions", "empty", "plays"])
def test_one_entry_a_text(field):
    with pytest.raises(ValueError, match=rf"3 texts has \{{'{field}': 2\}}"):
        dataclasses.replace(BATCH, **{field: getattr(BATCH, field)[:2]})


def test_shape_is_layers_by_heads():
    assert BATCH.shape == (2, 2)
    assert head_batch(tiny_model(VARIANTS["four wide heads"])).shape == (2, 4)
    assert head_batch(tiny_model(TINY.model_copy(update={"n_layers": 3, "n_heads": 1}))).shape == (3, 1)


def test_records_put_heads_layer_by_layer():
    scores = [np.arange(4.0), np.arange(4.0, 8.0), np.full(4, np.nan)]
    errors = [None, np.ones(4), None]
    found = make_attributions(
        BATCH, "some", "other", scores, ablation="mean", errors=errors, n_evals=[1, 2, 3], seconds=[0.1, 0.2, 0.3]
    )
    assert [r.example_id for r in found] == ["t0", "t1", "t2"]
    assert found[1].scores.tolist() == [[4.0, 5.0], [6.0, 7.0]]
    assert found[1].error.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert found[0].error is None
    assert [(r.method, r.kind, r.ablation, r.n_evals, r.seconds) for r in found[1:]] == [
        ("some", "other", "mean", 2, 0.2),
        ("some", "other", "mean", 3, 0.3),
    ]
    plain = make_attributions(BATCH, "some", "direct", scores, n_evals=[1, 1, 1], seconds=[0.0, 0.0, 0.0])
    assert [(r.error, r.ablation) for r in plain] == [(None, None)] * 3


def test_an_error_has_the_shape_of_the_scores_and_cannot_be_written():
    fields = {"example_id": "a", "scores": np.ones((2, 3)), "method": "shapley", "kind": "causal", "ablation": "mean"}
    record = HeadAttribution(**fields, n_evals=1, seconds=0.0, error=np.full((2, 3), 0.5))
    assert record.error.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        record.error[0, 0] = 1.0
    with pytest.raises(ValueError, match=r"error has shape \(2, 2\), wanted \(2, 3\)"):
        HeadAttribution(**fields, n_evals=1, seconds=0.0, error=np.ones((2, 2)))
    assert HeadAttribution(**fields, n_evals=1, seconds=0.0).error is None


def test_records_are_made_for_every_text_or_for_none():
    with pytest.raises(ValueError, match="zip"):
        make_attributions(BATCH, "some", "other", [np.zeros(4)] * 2, n_evals=[1] * 3, seconds=[0.0] * 3)


def test_seconds_are_shared_evenly():
    shares = even_seconds(BATCH, time.perf_counter() - 3.0)
    assert len(set(shares)) == 1
    assert sum(shares) == pytest.approx(3.0, abs=0.5)


def test_rows_of_like_length_are_all_rows_shortest_first():
    attend = torch.arange(6)[None] < torch.tensor([5, 1, 3, 1, 6])[:, None]
    chunks = [rows.tolist() for rows in rows_of_like_length(attend, 2)]
    assert chunks == [[1, 3], [2, 0], [4]]
    assert list(rows_of_like_length(attend[:0], 2)) == []
