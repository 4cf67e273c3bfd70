"""Occlusion, gradients, attention and the random control against closed forms and literal computations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from study.config import ExplainConfig
from study.features.attention import explain_attention, explain_rollout, roll_out
from study.features.controls import explain_random
from study.features.gradients import explain_gradient_x_input, explain_integrated_gradients
from study.features.occlusion import explain_occlusion
from tests.features.synthetic import SmallBox, make_subject

CONFIG = ExplainConfig()
RNG = np.random.default_rng(0)


def test_occlusion_is_the_loss_of_one_word():
    subject = make_subject(6)
    attribution = explain_occlusion(subject, CONFIG, RNG)
    game = subject.new_game()
    for word in range(6):
        without = np.arange(6) != word
        loss = game.value(np.ones((1, 6), dtype=bool))[0] - game.value(without[None])[0]
        assert attribution.by_component[word] == pytest.approx(loss, abs=1e-12)
        assert attribution.scores[word] == pytest.approx(loss.sum(), abs=1e-12)
    assert attribution.n_evals == 8


def test_gradients_on_a_linear_margin_are_exact():
    box = SmallBox(5, linear=True)
    subject = replace(make_subject(5), white_box=box)
    wanted = ((box.embeddings() - box.baseline_embeddings()) @ box.direction).numpy()[1:]
    assert explain_gradient_x_input(subject, CONFIG, RNG).scores == pytest.approx(wanted, abs=1e-12)
    # captum keeps its quadrature weights in float32
    assert explain_integrated_gradients(subject, CONFIG, RNG).scores == pytest.approx(wanted, rel=1e-7)


def test_gradient_x_input_is_the_derivative_towards_the_baseline():
    subject = make_subject(5)
    box = subject.white_box
    scores = explain_gradient_x_input(subject, CONFIG, RNG).scores
    change = box.embeddings() - box.baseline_embeddings()
    for word in range(5):
        step = torch.zeros_like(change)
        step[word + 1] = 1e-6 * change[word + 1]
        rise = box.margin((box.embeddings() + step)[None]) - box.margin((box.embeddings() - step)[None])
        assert scores[word] == pytest.approx(rise.item() / 2e-6, abs=1e-6)


def test_integrated_gradients_are_complete_and_equal_a_fine_sum():
    subject = make_subject(5)
    box = subject.white_box
    scores = explain_integrated_gradients(subject, CONFIG, RNG).scores
    start, end = box.baseline_embeddings(), box.embeddings()
    whole = box.margin(end[None]) - box.margin(start[None])
    assert scores.sum() == pytest.approx(whole.item(), abs=1e-6)  # quadrature with 32 points on a smooth margin

    points = [(start + (j + 0.5) / 2000 * (end - start)).requires_grad_(True) for j in range(2000)]
    gradients = [torch.autograd.grad(box.margin(point[None]).sum(), point)[0] for point in points]
    literal = ((end - start) * torch.stack(gradients).mean(0)).sum(-1).numpy()[1:]
    assert scores == pytest.approx(literal, abs=1e-5)  # the midpoint sum's own error


@pytest.mark.parametrize(("explain", "n_passes"), [(explain_gradient_x_input, 1), (explain_integrated_gradients, 12)])
def test_gradients_count_their_passes(explain, n_passes):
    box = SmallBox(5)
    subject = replace(make_subject(5), white_box=box)
    attribution = explain(subject, ExplainConfig(ig_steps=12, chunk_size=5), RNG)
    assert box.n_passes == n_passes
    assert attribution.n_evals == n_passes + 2


@pytest.mark.parametrize("chunk_size", [5, 12, 64])
def test_integrated_gradients_fill_chunks_and_no_more(chunk_size):
    box = SmallBox(5)
    subject = replace(make_subject(5), white_box=box)
    explain_integrated_gradients(subject, ExplainConfig(ig_steps=12, chunk_size=chunk_size), RNG)
    assert box.largest_batch == min(chunk_size, 12)


def test_integrated_gradients_do_not_depend_on_the_chunk():
    scores = [
        explain_integrated_gradients(make_subject(5), ExplainConfig(chunk_size=size), RNG).scores for size in (1, 7, 64)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-12)
    assert scores[0] == pytest.approx(scores[2], abs=1e-12)


def test_attention_is_the_last_layers_readout_row():
    subject = make_subject(4)
    weights = subject.white_box.attention()
    scores = explain_attention(subject, CONFIG, RNG).scores
    for word in range(4):
        assert scores[word] == pytest.approx(sum(weights[1, head, 0, word + 1] for head in range(3)) / 3)
    assert scores.sum() == pytest.approx(1 - weights[1, :, 0, 0].mean())


def test_rollout_multiplies_layers_from_first_to_last():
    subject = make_subject(4)
    first, last = (0.5 * layer.mean(axis=0) + 0.5 * np.eye(5) for layer in subject.white_box.attention())
    assert explain_rollout(subject, CONFIG, RNG).scores == pytest.approx((last @ first)[0, 1:], abs=1e-12)
    assert np.abs((last @ first) - (first @ last)).max() > 1e-3


def test_rollout_rows_sum_to_one_whatever_the_rows_of_attention():
    flow = roll_out(np.random.default_rng(0).random((3, 2, 6, 6)))
    assert flow.sum(axis=-1) == pytest.approx(np.ones(6))
    assert np.array_equal(roll_out(np.tile(np.eye(4), (2, 3, 1, 1))), np.eye(4))


def test_a_word_of_two_positions_gets_both():
    box = SmallBox(4)
    box.word_of_position = np.array([-1, 0, 0, 1, 2])
    subject = replace(make_subject(3), white_box=box)
    scores = explain_attention(subject, CONFIG, RNG).scores
    row = box.attention()[-1].mean(axis=0)[0]
    assert scores == pytest.approx([row[1] + row[2], row[3], row[4]])


def test_random_scores_are_standard_normal():
    scores = np.concatenate(
        [explain_random(make_subject(50), CONFIG, np.random.default_rng(seed)).scores for seed in range(40)]
    )
    assert scores.mean() == pytest.approx(0, abs=0.1)  # 2,000 draws: four standard errors
    assert scores.std() == pytest.approx(1, abs=0.07)
