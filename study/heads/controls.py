"""Controls: head scores that know nothing. A measure on which they do well measures something else."""

from __future__ import annotations

import time

from study.config import HeadsConfig
from study.heads.batch import HeadBatch, even_seconds, make_attributions
from study.records import HeadAttribution
from study.seeds import rng_of


def attribute_random(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Independent standard normal scores, no logits: what chance agreement looks like. No evaluations."""
    started = time.perf_counter()
    rngs = [rng_of(batch.seed, subject.example_id, "random") for subject in batch.subjects]
    scores = [rng.standard_normal(batch.shape) for rng in rngs]
    seconds = even_seconds(batch, started)
    return make_attributions(batch, "random", "other", scores, n_evals=[0] * len(batch), seconds=seconds)
