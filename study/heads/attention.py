"""How sharply a head looks at words: attention taken for importance, to be compared with what heads do."""

from __future__ import annotations

import time

import numpy as np
import torch

from study.config import HeadsConfig
from study.heads.batch import HeadBatch, even_seconds, make_attributions, rows_of_like_length
from study.records import HeadAttribution

_CHUNK = 64  # texts in one forward pass


def attribute_confidence(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Every head's largest attention weight from the readout position to a word.

    Unsigned, in [0, 1] and no logits: what is looked at may be written nowhere. What a head pays to the readout
    position itself (CLS) is left out; 0 in a text without words, for it looks at none. Evaluations: one forward pass.
    Source: Voita et al. 2019, section 4, a head's *confidence*: theirs leaves out the end of the sentence, and
    averages over positions and texts; here it is of the one position that is read, and of one text.
    """
    started = time.perf_counter()
    largest = np.zeros((len(batch), *batch.shape))
    with torch.no_grad():
        for rows in rows_of_like_length(batch.attend, _CHUNK):
            attend = batch.attend[rows]
            attend = attend[:, : int(attend.sum(1).max())]
            pattern = batch.model.attention_patterns(batch.token_ids[rows, : attend.shape[1]], attend)
            to_words = pattern[:, :, :, 0, 1:]
            if to_words.shape[-1]:  # else no text of this chunk has a word
                largest[rows.cpu().numpy()] = to_words.amax(-1).double().cpu().numpy()
    seconds = even_seconds(batch, started)
    return make_attributions(
        batch, "attention_confidence", "other", list(largest), n_evals=[1] * len(batch), seconds=seconds
    )
