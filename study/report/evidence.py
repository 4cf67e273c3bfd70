"""What the numbers of a rung say of a piece of advice: better, no difference, or worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from study.report.known_head_findings import Rows
from study.report.score_measures import APART

CLEARLY = 0.15  # of a score: one method is better than another


class Outcome(Enum):
    """What the numbers of a rung say of advice."""

    BETTER = "the same"  # clearly better somewhere, nowhere worse
    EVEN = "no difference"
    WORSE = "not so"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one rung says: its outcome, and the numbers."""

    outcome: Outcome
    text: str


def compare(good: Rows, bad: Rows, *, clearly: float = CLEARLY, lower: bool = False) -> Outcome:
    """What the tasks say that both have: worse anywhere by APART, else clearly better somewhere, else no difference.

    lower: small numbers are good.
    """
    sign = -1 if lower else 1
    gaps = [sign * float(good[v]["estimate"] - bad[v]["estimate"]) for v in good if v in bad]
    if any(gap < -APART for gap in gaps):
        return Outcome.WORSE
    return Outcome.BETTER if any(gap >= clearly for gap in gaps) else Outcome.EVEN


def weakest(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of several comparisons that must all be better."""
    return max(outcomes, key=list(Outcome).index)
