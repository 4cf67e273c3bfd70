"""Gradient methods on the word embeddings: gradient x (input - baseline) and integrated gradients.

The baseline has the mask token at every word and the same positions; CLS is unchanged, so the readout
position carries no difference. Both explain the margin in logits and split over no components.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from study.config import ExplainConfig
from study.features.assemble import attribute_positions
from study.game.subject import Subject
from study.records import FeatureAttribution


def explain_gradient_x_input(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """Gradient of the margin at the text, times (embedding - mask embedding), summed over d_model; nothing is drawn.

    The first-order guess of what masking the word would change. Evaluations: one forward and backward
    pass, and the game's two ends. Source: Shrikumar et al. 2016 (with a baseline).
    """
    started = time.perf_counter()
    box = subject.white_box
    inputs = box.embeddings().detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(box.margin(inputs[None]).sum(), inputs)
    change = inputs.detach() - box.baseline_embeddings().detach()
    return _attribute(subject, started, "gradient_x_input", "autograd", gradient * change, n_passes=1)


def explain_integrated_gradients(
    subject: Subject,
    config: ExplainConfig,
    rng: np.random.Generator,
) -> FeatureAttribution:
    """Integrated gradients from the mask embeddings to the text's, by captum; nothing is drawn.

    Gauss-Legendre with `ig_steps` points on the straight line. The completeness error, sum of scores minus
    (output - base), is the quadrature's, plus the difference between the baseline's margin and v(empty)
    under removal operators other than `mask`. Evaluations: ig_steps forward and backward passes, and the
    game's two ends. Source: Sundararajan, Taly and Yan 2017.
    """
    from captum.attr import IntegratedGradients

    started = time.perf_counter()
    box = subject.white_box
    attribution = IntegratedGradients(box.margin).attribute(
        box.embeddings().detach()[None],
        baselines=box.baseline_embeddings().detach()[None],
        n_steps=config.ig_steps,
        method="gausslegendre",
        internal_batch_size=config.chunk_size,  # bounds the memory of many steps
    )
    return _attribute(
        subject,
        started,
        "integrated_gradients",
        "captum IntegratedGradients",
        attribution[0].detach(),
        n_passes=config.ig_steps,
    )


def _attribute(
    subject: Subject, started: float, method: str, estimator: str, by_dimension: torch.Tensor, *, n_passes: int
) -> FeatureAttribution:
    """The record from attributions [pos d_model]."""
    by_position = by_dimension.sum(dim=-1).double().cpu().numpy()
    return attribute_positions(subject, started, method, estimator, by_position, n_passes=n_passes)
