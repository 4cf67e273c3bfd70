"""The direct crosswalk: every word's SHAP value or LIME coefficient, split over the components that write it."""

from __future__ import annotations

import numpy as np

from study.config.limits import SHAPLEY_METHODS
from study.records import ComponentIndex, Crosswalk, FeatureAttribution

EFFICIENT = frozenset(SHAPLEY_METHODS)  # methods whose columns must sum to v_k(all words) - v_k(empty)


def build_direct(attribution: FeatureAttribution, index: ComponentIndex) -> Crosswalk:
    """cells[word component] = the method's score of the word for component k alone, logits.

    Free of charge: the explainer explained all components from the same evaluations. Who *writes* the
    effect, not who needs the word: a head that only feeds later layers has an empty column.
    Rows sum to the scores because the explainer is linear; columns sum to v_k(all) - v_k(empty) for SHAP,
    which is efficient; the others' column residual is NaN. Rows of words beyond the model's length are NaN.

    Raises: ValueError for a method that does not split over components.
    """
    if attribution.by_component is None:
        raise ValueError(f"'{attribution.method}' does not split over components: use shapley, shap, lime or occlusion")
    cells = attribution.by_component
    change = attribution.output_by_component - attribution.base_by_component
    if attribution.method in EFFICIENT:
        column_residual = change - np.nansum(cells, axis=0)
    else:
        column_residual = np.full_like(change, np.nan)
    return Crosswalk(
        example_id=attribution.example_id,
        method=attribution.method,
        kind="direct",
        index=index,
        cells=cells,
        row_residual=attribution.scores - cells.sum(axis=1),
        column_residual=column_residual,
    )
