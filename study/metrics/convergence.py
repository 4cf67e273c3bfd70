"""How many evaluations a sampler needs for a given error, and how that compares with the best library sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from study.records import FloatArray

ERRORS = (0.05, 0.02, 0.01)
OURS = "odd_order"
_GAME = ["dataset", "model", "n_words"]
COLUMNS = (
    *_GAME,
    *("target", "sampler", "error", "evaluations", "at_fewest", "ratio", "ratio_at_most"),
)


def measure_needs(convergence: pd.DataFrame) -> pd.DataFrame:
    """The table `convergence_needs` from `convergence`: one row per game, target, sampler and error of ERRORS.

    The error of a sampler at a number of evaluations is the arithmetic mean of its relative errors over texts, seeds
    and repeats. evaluations: where that mean falls below the error for good, by a straight line between logarithms;
    NaN where it does not within those measured. at_fewest: it is below already at the fewest measured, so that
    `evaluations`, which is that number, is an upper bound. ratio: to the fewest that a library sampler of the same
    target needs; NaN without one, or where either number is a bound. ratio_at_most: a bound on the ratio from above
    where it follows: the ratio itself, else with our own bound, else against the most evaluations that every library
    sampler of the target was measured at, where none gets there; NaN without a library sampler.
    """
    rows: list[dict[str, Any]] = []
    for (*game, target), of_game in convergence.groupby([*_GAME, "target"], sort=False):
        curves = {str(name): _curve(rows_) for name, rows_ in of_game.groupby("sampler", sort=False)}
        ends = [float(curve[0][-1]) for name, curve in curves.items() if name != OURS and len(curve[0])]
        most = min(ends, default=float("nan"))
        for error in ERRORS:
            needs = {name: evaluations_for(error, *curve) for name, curve in curves.items()}
            best = min(
                (need for name, need in needs.items() if name != OURS and target == "shapley" and need[0] == need[0]),
                default=(float("nan"), False),
            )
            for name, need in needs.items():
                ratio, at_most = _ratios(need, best, most) if target == "shapley" else (float("nan"), float("nan"))
                rows.append(
                    dict(zip(_GAME, game, strict=True))
                    | {"target": target, "sampler": name, "error": error}
                    | {"evaluations": need[0], "at_fewest": need[1], "ratio": ratio, "ratio_at_most": at_most}
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _curve(rows: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """(evaluations, mean error), both [step], evaluations growing; steps without a defined error left out."""
    mean = rows.groupby("evaluations", sort=True)["error"].mean().dropna()
    return mean.index.to_numpy(dtype=np.float64), mean.to_numpy(dtype=np.float64)


def evaluations_for(error: float, evaluations: FloatArray, errors: FloatArray) -> tuple[float, bool]:
    """(evaluations from which the curve stays below `error`, whether that is so from the first step on).

    The crossing of the last step above and the next, on logarithms of both; (NaN, False) where the last step is
    not below. evaluations, errors: [step], evaluations growing.
    """
    above = np.flatnonzero(~(errors < error))
    if not len(errors) or (len(above) and above[-1] == len(errors) - 1):
        return float("nan"), False
    if not len(above):
        return float(evaluations[0]), True
    k = int(above[-1])
    low = max(float(errors[k + 1]), np.finfo(np.float64).tiny)  # an error of exactly 0 has no logarithm
    share = np.log(errors[k] / error) / np.log(errors[k] / low)
    return float(evaluations[k] * (evaluations[k + 1] / evaluations[k]) ** share), False


def _ratios(need: tuple[float, bool], best: tuple[float, bool], most: float) -> tuple[float, float]:
    """(ratio, bound on it from above) of one sampler's need to the best library sampler's; see `measure_needs`.

    most: NaN without a library sampler.
    """
    evaluations, at_fewest = need
    if np.isnan(best[0]):
        return float("nan"), evaluations / most
    if best[1]:
        return float("nan"), float("nan")
    ratio = evaluations / best[0]
    return (float("nan") if at_fewest else ratio), ratio
