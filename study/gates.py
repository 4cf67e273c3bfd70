"""Exactness gates: identities that must hold on every run, measured on the real numbers, or the run fails.

An error is measured in units of max(1, scale), where scale is the larger of |v(all words)| and |v(empty)| of
the text: logits of a sum carry rounding in proportion to what is summed. NaN never passes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from study.records import Crosswalk, FeatureAttribution, FloatArray, Gate

ATTENTION_VIEWS = "concatenation view = sum view"
COMPONENTS = "components sum to margin"
FAST_GAME = "fast game = plain forward"
GAME_SUM = "game components sum to margin"
SHAP_EFFICIENCY = "SHAP efficiency"
ROWS = "crosswalk rows = word scores ({method})"
COLUMNS = "crosswalk columns = component effects (SHAP)"
PADDING = "padding does not change a margin"
HEAD_GAME = "game with heads replaced = plain forward with heads replaced"
HEAD_EFFICIENCY = "head Shapley efficiency"
SHAPLEY_WEIGHTS = "Shapley weights give linear games their own values"
CAUSAL_ROWS = "causal crosswalk rows = SHAP of the same coalitions"
CAUSAL_COLUMNS = "causal crosswalk columns = head Shapley"
STEPS = "layers sum to margin"
NEURONS = "neurons sum to their MLP"
PATHS = "paths, MLP terms and biases sum to margin"
FROZEN = "the largest writes, removed, change the frozen model as predicted"

# One projection and a sum of a few terms differ by single roundings of numbers of order one ...
_VIEW_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
# ... one write of a frozen model, removed, is a difference of two margins of order one ...
_FROZEN_TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
# ... the other identities add up thousands of evaluations, each itself a sum over width and words.
_SUM_TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def tolerance_of(name: str, dtype: str) -> float:
    """The largest error that the gate `name` allows in this dtype."""
    return {ATTENTION_VIEWS: _VIEW_TOLERANCE, FROZEN: _FROZEN_TOLERANCE}.get(name, _SUM_TOLERANCE)[dtype]


def make_gate(name: str, error: FloatArray | float, where: str, *, dtype: str, scale: float = 1.0) -> Gate:
    """The gate of one place: the largest |error| / max(1, scale) against the tolerance.

    Raises: ValueError for an empty error array, since nothing would have been checked.
    """
    absolute = np.abs(np.asarray(error, dtype=np.float64))
    if not absolute.size:
        raise ValueError(f"gate '{name}' got nothing to check at {where}")
    unit = max(1.0, scale) if np.isfinite(scale) else np.nan  # an infinite unit would hide any error
    value = float(absolute.max()) / unit  # max passes NaN on
    tolerance = tolerance_of(name, dtype)
    return Gate(name=name, value=value, tolerance=tolerance, passed=bool(value <= tolerance), where=where)


def worst_of(gates: Iterable[Gate]) -> list[Gate]:
    """One gate per name, the worst of its places, in the order in which the names first come."""
    worst: dict[str, Gate] = {}
    for gate in gates:
        known = worst.get(gate.name)
        if known is None or not gate.value <= known.value:
            worst[gate.name] = gate if known is None or not np.isnan(known.value) else known
    return list(worst.values())


def attribution_gates(
    attribution: FeatureAttribution, crosswalk: Crosswalk, where: str, *, n_players: int, dtype: str, efficient: bool
) -> list[Gate]:
    """The gates of one crosswalk and the scores it splits, for the words that fit the model, the first n_players.

    Rows: each word's score is the sum of its cells. With `efficient` (Shapley values, not LIME) also: scores
    sum to v(all) - v(empty), and every column to its component's v_k(all) - v_k(empty).
    """
    scale = max(abs(attribution.output), abs(attribution.base))
    seen = slice(n_players)  # not "where the score is a number": a lost score must fail
    gates = [
        make_gate(
            ROWS.format(method=attribution.method),
            crosswalk.row_residual[seen] if n_players else 0.0,
            where,
            dtype=dtype,
            scale=scale,
        )
    ]
    if efficient:
        gap = attribution.output - attribution.base - attribution.scores[seen].sum()
        gates.append(make_gate(SHAP_EFFICIENCY, gap, where, dtype=dtype, scale=scale))
        gates.append(make_gate(COLUMNS, crosswalk.column_residual, where, dtype=dtype, scale=scale))
    return gates
