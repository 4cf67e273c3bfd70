"""Direct logit attribution of heads: what each head itself writes to the margin; raw, centred, beyond the empty text.

Source: Elhage et al. 2021; METHODS, section 2. A head that acts through later layers only has a direct
contribution of zero, and a head that writes the same for every text has a raw one that explains nothing;
centring subtracts the head's mean over the reference set, taken for the same class's margin. What it writes beyond
the empty text is what the words make it write, on the scale of the crosswalk's direct columns.
"""

from __future__ import annotations

import numpy as np

from study.config import HeadsConfig
from study.heads.batch import HeadBatch, make_attributions
from study.records import FloatArray, HeadAttribution


def mean_contributions(values: FloatArray) -> FloatArray:
    """[class_ component], mean direct contribution to each class's margin over the reference set.

    values: [class_ example component], the contributions of every reference text to every class's margin.
    """
    return np.asarray(values, dtype=np.float64).mean(axis=1)


def attribute_raw(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Every head's direct contribution to the margin, logits."""
    return _by_head(batch, batch.contributions, "direct_raw", n_evals=1)


def attribute_centred(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Every head's direct contribution minus its reference mean for the text's own target class, logits."""
    targets = batch.target.cpu().numpy()
    return _by_head(batch, batch.contributions - batch.reference_contributions[targets], "direct_centred", n_evals=1)


def attribute_beyond_empty(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """v_h(all words) - v_h(no word): every head's direct contribution beyond the one with all words removed, logits.

    Evaluations: the two ends of the word game.
    """
    return _by_head(batch, batch.contributions - batch.empty, "direct_beyond_empty", n_evals=2)


def _by_head(batch: HeadBatch, values: FloatArray, method: str, *, n_evals: int) -> list[HeadAttribution]:
    """values: [example component]. Nothing is run here: the evaluations were made with the batch, seconds are 0."""
    scores = values[:, batch.model.index.where("head")]  # components stand in the order of the heads' numbers
    n = len(batch)
    return make_attributions(batch, method, "direct", list(scores), n_evals=[n_evals] * n, seconds=[0.0] * n)
