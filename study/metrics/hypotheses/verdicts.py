"""From an estimate to a verdict: supported, contradicted, inconclusive or not tested, with the reason in words.

An effect is claimed to be positive and of at least the smallest effect of interest. Supported: adjusted p below ALPHA
and the whole interval at least that effect. Contradicted: the whole interval below 0, or the whole interval within
the equivalence band, where an effect counts as none. Else inconclusive: one study may well be too small.
A claim of no effect (`is_null`) is turned round: supported with the whole interval within the band and the adjusted p
of two one-sided tests below ALPHA, contradicted with the whole interval beyond the band on one side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from study.stats import Interval, MeanEstimate, holm, mean_test

Verdict = Literal["supported", "contradicted", "inconclusive", "not tested"]
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict and why, a sentence or two."""

    verdict: Verdict
    reason: str


def equivalence_p(found: MeanEstimate, band: float) -> float:
    """p of an effect outside -band to band: the larger of two one-sided tests. Source: Schuirmann 1987."""
    return max(_one_sided_p(found.mean + band, found), _one_sided_p(band - found.mean, found))


def judge_effect(interval: Interval, p_adjusted: float, smallest: float, band: float) -> Judgement:
    """Whether an effect of at least `smallest` is there."""
    effect, low, high = interval
    if not _is_finite(interval, p_adjusted):
        return Judgement(verdict="not tested", reason="The effect or its interval is undefined.")
    shown = f"({low:.3f} to {high:.3f})"
    if low >= smallest and p_adjusted < ALPHA:
        reason = f"The whole interval {shown} is at least the smallest effect of interest, {smallest:g}."
        return Judgement(verdict="supported", reason=reason)
    if high < 0:
        return Judgement(verdict="contradicted", reason=f"The whole interval {shown} lies on the other side of 0.")
    if -band <= low and high <= band:
        reason = f"The whole interval {shown} lies within {band:g} of 0, where an effect counts as none."
        return Judgement(verdict="contradicted", reason=reason)
    if low >= smallest:
        reason = f"The interval {shown} lies beyond {smallest:g}, but p adjusted for all tests is {p_adjusted:.3f}."
    elif low > 0:
        reason = f"The effect is above 0, but its interval {shown} does not lie beyond {smallest:g}."
    elif effect < 0:
        reason = f"The estimate is below 0, but its interval {shown} holds 0 and does not lie within {band:g} of it."
    else:
        reason = f"The interval {shown} holds 0 and does not lie within {band:g} of it."
    return Judgement(verdict="inconclusive", reason=reason)


def judge_no_effect(interval: Interval, p_adjusted: float, band: float) -> Judgement:
    """Whether there is no effect but for `band`."""
    _, low, high = interval
    if not _is_finite(interval, p_adjusted):
        return Judgement(verdict="not tested", reason="The effect or its interval is undefined.")
    shown = f"({low:.3f} to {high:.3f})"
    if -band <= low and high <= band:
        if p_adjusted < ALPHA:
            reason = f"The whole interval {shown} lies within {band:g} of 0, where an effect counts as none."
            return Judgement(verdict="supported", reason=reason)
        reason = f"The interval {shown} lies within {band:g} of 0, but p adjusted for all tests is {p_adjusted:.3f}."
        return Judgement(verdict="inconclusive", reason=reason)
    if high < -band or low > band:
        reason = f"The whole interval {shown} lies farther than {band:g} from 0: there is an effect."
        return Judgement(verdict="contradicted", reason=reason)
    reason = f"The interval {shown} lies neither within {band:g} of 0 nor wholly beyond it."
    return Judgement(verdict="inconclusive", reason=reason)


def weakest_part(verdicts: Sequence[Verdict], p: Sequence[float]) -> tuple[Verdict, int]:
    """(verdict of a hypothesis that claims all its parts, the part that decides it: of several, that of the largest p).

    Contradicted where one part is; else inconclusive where one is, or where one is not tested and others are; not
    tested where none is; supported only where all are.
    """
    from_weakest: tuple[Verdict, ...] = ("contradicted", "inconclusive", "not tested", "supported")
    weakest = next(verdict for verdict in from_weakest if verdict in verdicts)
    alike = [place for place, verdict in enumerate(verdicts) if verdict == weakest]
    half_tested = weakest == "not tested" and "supported" in verdicts
    return ("inconclusive" if half_tested else weakest), max(alike, key=lambda i: -1.0 if math.isnan(p[i]) else p[i])


def adjust_over_hypotheses(p_of_parts: Sequence[Sequence[float]]) -> list[list[float]]:
    """p of every part of every hypothesis, adjusted by Holm over the hypotheses, not over their parts.

    All parts of a hypothesis must hold, so its p is the largest of its parts' (an intersection-union test), and NaN, no
    member of the family, where a part was not tested. A part is adjusted with its own p in the place of its
    hypothesis's: the part of the largest p gets what its hypothesis gets, the others less.

    Source: Berger 1982; Holm 1979.
    """
    whole = [float(np.max(p)) for p in p_of_parts]
    return [
        [float(holm([*whole[:i], of_part, *whole[i + 1 :]])[i]) for of_part in parts]
        for i, parts in enumerate(p_of_parts)
    ]


def _one_sided_p(gap: float, found: MeanEstimate) -> float:
    """p of a gap that is not positive, for a gap that varies as the estimate does."""
    two_sided = mean_test(found._replace(mean=gap))
    return two_sided / 2 if gap > 0 else 1 - two_sided / 2


def _is_finite(interval: Interval, p: float) -> bool:
    return not any(math.isnan(number) for number in (*interval, p))
