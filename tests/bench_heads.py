"""The part of `make bench` on heads: ablation of all heads of many texts, and the exact two-way crosswalk of one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from study.config import HeadsConfig
from study.crosswalk.causal import build_causal
from study.game.heads import HeadSubject
from study.game.removals import MASK_WORDS
from study.game.shapley import all_coalitions
from study.heads.ablation import ablate
from study.model.ablation import margins_replaced
from study.model.encoder import Encoder
from study.model.reference import HeadReference
from study.records import MASK_ID, TextBatch
from study.seeds import rng_of

N_TEXTS, N_WORDS, CHUNK = 100, 20, 128
LIMITS = {"ablation of all heads, speed-up over a plain loop": 3.0, "two-way evaluation / plain forward": 1 / 15}


def time_ablation(
    model: Encoder, batch: TextBatch, reference: HeadReference, fastest: Callable[..., float]
) -> dict[str, float]:
    """Every head of 100 texts replaced by its mean: all in a few passes, against a pass a head.

    The plain loop runs a forward pass a head with all texts in it; beside it, one a head and text.
    """
    rows = slice(0, N_TEXTS)
    length = int(batch.attend[rows].sum(1).max())
    token_ids, attend = torch.tensor(batch.token_ids[rows, :length]), torch.tensor(batch.attend[rows, :length])
    target = torch.ones(N_TEXTS, dtype=torch.long)
    fill = reference.mean_fill()
    n_layers, n_heads = len(model.layers), model.layers[0].attention.W_Q.shape[0]
    n = n_layers * n_heads
    kept = torch.cat([torch.ones(1, n, dtype=torch.bool), ~torch.eye(n, dtype=torch.bool)]).view(-1, n_layers, n_heads)
    outputs = torch.stack([fill.of_layer(layer, length) for layer in range(n_layers)], 1)

    def ours() -> np.ndarray:
        return np.asarray(ablate(model, token_ids, attend, target, kept, fill))

    def loop(step: int) -> np.ndarray:
        found = torch.empty(N_TEXTS, len(kept))
        with torch.no_grad():
            for s, subset in enumerate(kept):
                where = ~subset[None, :, :, None]
                for i in range(0, N_TEXTS, step):
                    some = slice(i, i + step)
                    used = slice(None) if step > 1 else slice(0, int(attend[i].sum()))
                    embeddings = model.embed(token_ids[some, used])
                    given = (embeddings, attend[some, used], target[some], outputs[:, :, :, used], where)
                    found[some, s] = margins_replaced(model, *given)
        return found.numpy()

    assert np.abs(ours() - loop(1)).max() < 1e-4, "the two timed ablations differ"
    seconds = fastest(ours)
    return {
        "ablation of all heads, speed-up over a plain loop": fastest(lambda: loop(1), 1) / seconds,
        "ablation of all heads, speed-up over a batched loop": fastest(lambda: loop(N_TEXTS)) / seconds,
        "ablation of all heads of 100 texts, seconds": seconds,
    }


def time_two_way(
    model: Encoder, batch: TextBatch, reference: HeadReference, fastest: Callable[..., float]
) -> dict[str, float]:
    """512 word coalitions x 256 head subsets of a 20-word text, against plain forward passes of as many rows."""
    row = int(np.flatnonzero(batch.attend.sum(1) == N_WORDS + 1)[0])
    token_ids = np.array(batch.token_ids[row, : N_WORDS + 1])
    subject = HeadSubject(
        example_id="bench",
        words=batch.words[row],
        n_players=N_WORDS,
        target=1,
        model=model,
        token_ids=token_ids,
        removal=MASK_WORDS,
        replacements=np.full((1, N_WORDS), MASK_ID),
        mean_fill=reference.mean_fill(),
        chunk_size=CHUNK,
    )
    present = rng_of("bench").random((512, N_WORDS)) < 0.5
    subsets = all_coalitions(subject.new_game().n_heads)
    seconds = fastest(lambda: subject.new_game().value(present, subsets))
    rows = torch.tensor(np.where(np.insert(present, 0, True, axis=1), token_ids, MASK_ID))
    attend = torch.ones(rows.shape, dtype=torch.bool)

    def plain() -> None:
        with torch.no_grad():
            for start in range(0, len(rows), CHUNK):
                model.logits(rows[start : start + CHUNK], attend[start : start + CHUNK])

    per_evaluation = seconds / (len(present) * len(subsets))
    started = time.perf_counter()
    split = build_causal(replace(subject, example_id="whole"), HeadsConfig(), rng_of("bench"))
    whole = time.perf_counter() - started
    assert len(split.words.plan.masks) == 512
    return {
        "two-way evaluation / plain forward": per_evaluation / (fastest(plain) / len(rows)),
        "two-way evaluation, microseconds": 1e6 * per_evaluation,
        "two-way crosswalk of a 20-word text, seconds": whole,
    }
