"""Direct logit attribution of heads: what each head itself writes to the margin, raw and centred.

Source: Elhage et al. 2021; METHODS, section 2. A head that acts through later layers only has a direct
contribution of zero, and a head that writes the same for every text has a raw one that explains nothing;
centring subtracts the head's mean over the reference set, taken for the same class's margin.
"""

from __future__ import annotations

import numpy as np

from study.records import Contributions, FloatArray, HeadAttribution


def mean_contributions(values: FloatArray) -> FloatArray:
    """[class_ component], mean direct contribution to each class's margin over the reference set.

    values: [class_ example component], the contributions of every reference text to every class's margin.
    """
    return np.asarray(values, dtype=np.float64).mean(axis=1)


def attribute_raw(
    contributions: Contributions,
    reference: FloatArray,  # noqa: ARG001 - all head methods take the same arguments
    example_id: str,
    row: int,
) -> HeadAttribution:
    """Every head's direct contribution to the margin of one text, logits. `reference` is not used."""
    return _by_head(contributions, contributions.values[row], example_id, "direct_raw")


def attribute_centred(
    contributions: Contributions, reference: FloatArray, example_id: str, row: int
) -> HeadAttribution:
    """Every head's direct contribution minus its reference mean, logits.

    reference: [class_ component] from `mean_contributions`; the row of the text's own target class is used.
    """
    centred = contributions.values[row] - reference[int(contributions.target[row])]
    return _by_head(contributions, centred, example_id, "direct_centred")


def _by_head(contributions: Contributions, values: FloatArray, example_id: str, method: str) -> HeadAttribution:
    index = contributions.index
    places = index.where("head")
    scores = np.full((max(index.layer) + 1, max(index.head) + 1), np.nan)
    for place in places:
        scores[index.layer[place], index.head[place]] = values[place]
    return HeadAttribution(
        example_id=example_id, scores=scores, method=method, kind="direct", ablation=None, n_evals=1, seconds=0.0
    )
