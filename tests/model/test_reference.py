"""What stands in for a head: means and draws from the reference texts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.errors import StudyError
from study.model.ablation import head_outputs
from study.model.reference import gather_reference
from tests.tiny import VARIANTS, largest, tensors, tiny_batch, tiny_model

MODEL = tiny_model(VARIANTS["three layers"])
TEXTS = tiny_batch(5, 1, 9, 3)


def test_means_are_over_readout_and_over_words_without_padding():
    fill = gather_reference(MODEL, TEXTS).mean_fill()
    outputs = head_outputs(MODEL, MODEL.embed(torch.tensor(TEXTS.token_ids)), torch.tensor(TEXTS.attend))
    words = [outputs[i, :, :, 1 + j] for i, n in enumerate((5, 1, 9, 3)) for j in range(n)]
    assert largest(fill.readout[0] - outputs[:, :, :, 0].mean(0)) < 1e-12
    assert largest(fill.words[0, :, :, 0] - torch.stack(words).mean(0)) < 1e-12
    assert largest(fill.readout[0] - fill.words[0, :, :, 0]) > 1e-2  # two kinds of position, two means


def test_chunks_do_not_matter(monkeypatch):
    whole = gather_reference(MODEL, TEXTS)
    monkeypatch.setattr("study.model.reference._CHUNK", 1)
    pieces = gather_reference(MODEL, TEXTS)
    assert largest(whole.readout - pieces.readout) < 1e-12
    assert largest(whole.words - pieces.words) < 1e-12


def test_a_draw_is_one_reference_text_for_all_heads_and_positions():
    reference = gather_reference(MODEL, TEXTS)
    fill = reference.resample_fill(40, 6, np.random.default_rng(0))
    seen = set()
    for row in range(40):
        (text,) = [i for i in range(4) if torch.equal(fill.readout[row], reference.readout[i])]
        seen.add(text)
        own = reference.words[reference.start[text] : reference.start[text + 1]]
        for word in range(6):
            assert any(torch.equal(fill.words[row, :, :, word], candidate) for candidate in own)
    assert seen == {0, 1, 2, 3}
    again = reference.resample_fill(40, 6, np.random.default_rng(0))
    assert torch.equal(fill.words, again.words)


def test_a_fill_lays_readout_and_words_out_in_order():
    fill = gather_reference(MODEL, TEXTS).mean_fill()
    laid = fill.of_layer(1, 4)
    assert torch.equal(laid[0, :, 0], fill.readout[0, 1])
    for pos in (1, 2, 3):
        assert torch.equal(laid[0, :, pos], fill.words[0, 1, :, 0])


@pytest.mark.parametrize("texts", [(), (0, 0)], ids=["no text", "texts without words"])
def test_an_empty_reference_set_is_an_error(texts):
    batch = tiny_batch(0, 0) if texts else None
    if batch is None:
        full = tiny_batch(3)
        batch = type(full)(
            example_id=(), text=(), words=(), token_ids=full.token_ids[:0], attend=full.attend[:0],
            word_of_token=full.word_of_token[:0], label=full.label[:0],
        )  # fmt: skip
    with pytest.raises(StudyError, match=r"none with a word.*raise explain.reference_size"):
        gather_reference(MODEL, batch)


def test_texts_without_words_are_left_out():
    with_empty = gather_reference(MODEL, tiny_batch(5, 0, 3))
    assert len(with_empty.readout) == 2
    assert tensors(tiny_batch(5, 0, 3))[1].sum() == 5 + 3 + 3
