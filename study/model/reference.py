"""What heads do on ordinary texts: their outputs on the reference set, to put in place of a head that is taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.errors import StudyError
from study.model.ablation import HeadFill, head_outputs
from study.model.encoder import Encoder
from study.model.training import batch_tensors
from study.records import IntArray, TextBatch

_CHUNK = 128  # texts in one forward pass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadReference:
    """Head outputs (what heads mix, without the value bias) on the reference texts, unmasked.

    readout: [text layer head d_head] at CLS; words: [token layer head d_head] at all words of all texts, text by
    text; start: [text+1], where each text's tokens begin in `words`.
    """

    readout: Tensor
    words: Tensor
    start: IntArray

    def mean_fill(self) -> HeadFill:
        """One mean per head over CLS, and one over all word positions of the reference set."""
        return HeadFill(readout=self.readout.mean(0)[None], words=self.words.mean(0)[None, :, :, None])

    def resample_fill(self, n_rows: int, n_words: int, rng: np.random.Generator) -> HeadFill:
        """Outputs of one reference text a row: its CLS, and words drawn from it with replacement, all heads alike."""
        text = rng.integers(len(self.readout), size=n_rows)
        length = np.diff(self.start)[text]
        drawn = self.start[text][:, None] + np.floor(rng.random((n_rows, n_words)) * length[:, None]).astype(np.int64)
        words = self.words[torch.as_tensor(drawn, device=self.words.device)]  # [row word layer head d_head]
        return HeadFill(readout=self.readout[torch.as_tensor(text)], words=words.permute(0, 2, 3, 1, 4).contiguous())


def gather_reference(model: Encoder, reference: TextBatch) -> HeadReference:
    """Runs the model on the reference texts. Texts without a word are left out.

    Raises: StudyError when there is no text with a word: nothing could stand in for a head.
    """
    lengths = reference.attend.sum(1) - 1
    rows = np.flatnonzero(lengths > 0)
    if not len(rows):
        raise StudyError(
            f"the reference set has {len(reference)} texts and none with a word, so no head can be replaced by its "
            "mean; raise explain.reference_size, or give training texts with words"
        )
    readout, words = [], []
    with torch.no_grad():
        for start in range(0, len(rows), _CHUNK):
            token_ids, attend = (t.to(model.device) for t in batch_tensors(reference, rows[start : start + _CHUNK]))
            outputs = head_outputs(model, model.embed(token_ids), attend)
            readout.append(outputs[:, :, :, 0])
            words.append(outputs[:, :, :, 1:].permute(0, 3, 1, 2, 4)[attend[:, 1:]])
    offsets = np.concatenate([[0], np.cumsum(lengths[rows])]).astype(np.int64)
    return HeadReference(readout=torch.cat(readout), words=torch.cat(words), start=offsets)
