"""Head batches of tiny models: everything a head method is given, built without the stages of a run."""

from __future__ import annotations

import numpy as np
import torch

from study.config import HeadsConfig
from study.game.heads import HeadSubject
from study.game.removals import MASK_WORDS, Removal, draw_replacements
from study.heads.batch import HeadBatch
from study.heads.direct import mean_contributions
from study.heads.players import play_heads
from study.model.protocol import margins, target_classes
from study.model.reference import gather_reference
from study.records import TextBatch
from study.seeds import rng_of
from tests.tiny import tensors, tiny_batch

TEXTS = tiny_batch(9, 1, 4)
REFERENCE = tiny_batch(6, 3, 8, 2, 5, seed=50)
CONFIG = HeadsConfig(lime_samples=64, resample_draws=3)


def head_batch(
    model,
    texts: TextBatch = TEXTS,
    *,
    reference: TextBatch = REFERENCE,
    config: HeadsConfig = CONFIG,
    removal: Removal = MASK_WORDS,
    seed: int = 0,
    data_seed: int = 0,
) -> HeadBatch:
    """The texts as a batch; targets as in a run, replacements drawn from the reference's words."""
    token_ids, attend = tensors(texts)
    gathered = gather_reference(model, reference)
    target = target_classes(model.logits(token_ids, attend))
    subjects = tuple(
        _subject(model, texts, row, int(target[row]), removal, reference, gathered.mean_fill())
        for row in range(len(texts))
    )
    ids, seen = tensors(reference)
    by_class = [model.contributions(ids, seen, torch.full((len(ids),), c)).numpy() for c in range(model.n_classes)]
    return HeadBatch(
        model=model,
        subjects=subjects,
        token_ids=token_ids,
        attend=attend,
        target=target,
        margin=margins(model.logits(token_ids, attend), target).numpy(),
        contributions=model.contributions(token_ids, attend, target).numpy(),
        empty=np.concatenate([_empty_contributions(model, subject) for subject in subjects]),
        reference_contributions=mean_contributions(np.stack(by_class)),
        reference=gathered,
        plays=tuple(play_heads(s, config, rng_of(seed, s.example_id, "head subsets")) for s in subjects),
        seed=seed,
        data_seed=data_seed,
    )


def _subject(model, texts, row, target, removal, reference, fill) -> HeadSubject:
    n_words = int(texts.attend[row].sum()) - 1
    tokens = reference.token_ids[:, 1:][reference.attend[:, 1:]]
    return HeadSubject(
        example_id=texts.example_id[row],
        words=texts.words[row],
        n_players=n_words,
        target=target,
        model=model,
        token_ids=texts.token_ids[row, : n_words + 1],
        removal=removal,
        replacements=draw_replacements(removal, n_words, tokens, np.random.default_rng(row)),
        mean_fill=fill,
        chunk_size=16,
    )


def _empty_contributions(model, subject) -> np.ndarray:
    """v_k(no word) under masking: CLS and mask tokens."""
    ids = torch.tensor(np.concatenate([subject.token_ids[:1], subject.replacements[0]])[None])
    return model.contributions(ids, torch.ones_like(ids, dtype=torch.bool), torch.tensor([subject.target])).numpy()
