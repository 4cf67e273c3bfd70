"""What kind of head this is: direct, indirect, backup, cancelling, null or mixed, by stated thresholds with intervals.

Every test is a t interval of a mean over texts of one trained model: it speaks of new texts, not of new seeds. The
tests come in the order of RULES, which says them in words; the first that holds decides.

What the numbers mean. All are relative to the reference texts: an absent head is replaced by its mean there, so what it
does to any text alike is in none of them. d is what a head writes. What is lost when it alone is missing, delta,
is d plus what later layers make of it; so delta - d is its indirect part. Its Shapley value psi is another thing: it
shares the credit for what heads do together. A head whose input other heads must fetch has |psi| < |d| although
nothing of what it writes is lost, which is why psi is not held against d to tell direct from indirect. And delta
is near 0 both where heads of the same direction would do the work and where later heads take it back. The pairwise
interactions tell these apart: half of them is the credit that a head loses to its partner, which either pushes the
same way or the other way. (tests/metrics/test_verdicts.py plays each case as a small game.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.head_classes import AGAINST_SHARE, BACKUP_FACTOR, CANCELLING_FACTOR, INDIRECT_FACTOR, NULL_SHARE
from study.metrics.numbers import HeadNumbers
from study.records import FloatArray
from study.stats import Interval, crossed_interval

_UNKNOWN = "shared or taken back, not known without interactions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A head's class (a key of RULES) and why, in one sentence with its numbers.

    confirmed: of a null head, whether it was tried on fresh texts; None for other classes.
    """

    class_: str
    reason: str
    confirmed: bool | None = None


def judge_heads(numbers: HeadNumbers, level: float) -> list[Verdict]:
    """The verdict on every head, in the order of `numbers.index`."""
    same, other = numbers.lost_credit()
    return [_Judge(numbers, same[:, h], other[:, h], h, level).verdict() for h in range(len(numbers.index))]


class _Judge:
    """One head before the rules. same, other: [example], see `HeadNumbers.lost_credit`."""

    def __init__(self, numbers: HeadNumbers, same: FloatArray, other: FloatArray, head: int, level: float) -> None:
        self.head, self.level = head, level
        self.numbers, self.unit = numbers, numbers.unit
        self.least = NULL_SHARE * self.unit
        self.psi, self.written = numbers.shapley[:, head], numbers.written[:, head]
        self.left_out = numbers.left_out[:, head]
        self.same, self.other = same, other
        self.knows_pairs = len(numbers.index) == 1 or bool(np.isfinite(numbers.interactions).any())
        self.sizes = (
            f"writes {_mean(self.written):.3f}, Shapley {_mean(self.psi):.3f}, "
            f"alone missing {_mean(self.left_out):.3f} (mean sizes, U = {self.unit:.3f})"
        )

    def verdict(self) -> Verdict:
        """The first rule that holds; none is tried where a number that they weigh is missing."""
        needed = {"direct_centred": self.written, "shapley_margin": self.psi, "ablation_mean": self.left_out}
        missing = [method for method, values in needed.items() if not np.isfinite(values).any()]
        if missing:
            text = f"not judged: the run has no {', '.join(missing)} (heads.methods)"
            return Verdict(class_="mixed", reason=text)
        for rule in (self._null, self._cancelling, self._backup, self._by_share):
            found = rule()
            if found is not None:
                return found
        raise AssertionError("the last rule always decides")

    def _null(self) -> Verdict | None:
        sizes = [np.abs(values) for values in (self.written, self.psi, self.left_out)]
        if not all(self._interval(size)[2] < self.least for size in sizes):
            return None
        tried = self.numbers.trials[self.head]
        tried = tried[np.isfinite(tried)]
        if not len(tried):
            text = f"everything stays below {NULL_SHARE:.0%} of U, not tried on fresh texts: {self.sizes}"
            return Verdict(class_="null", reason=text, confirmed=False)
        if not tried.max() < self.least:
            return None
        text = (
            f"everything stays below {NULL_SHARE:.0%} of U; on fresh texts the margin changes by at most "
            f"{tried.max():.3f} without it, alone or beside a partner: {self.sizes}"
        )
        return Verdict(class_="null", reason=text, confirmed=True)

    def _cancelling(self) -> Verdict | None:
        unshared = np.abs(self.psi + np.sign(self.psi) * self.same)
        achieved = np.maximum(unshared, np.abs(self.left_out))
        if self._above(np.abs(self.written) - CANCELLING_FACTOR * achieved):
            text = f"writes more than {CANCELLING_FACTOR:g} times what it achieves"
            if not self.knows_pairs:
                return Verdict(class_="mixed", reason=f"{text}, {_UNKNOWN}: {self.sizes}")
            return Verdict(class_="cancelling", reason=f"{text}, the rest is taken back: {self.sizes}")
        if self._above(-np.sign(self.psi) * self.written - AGAINST_SHARE * np.abs(self.psi)):
            return Verdict(class_="cancelling", reason=f"writes against its own effect: {self.sizes}")
        return None

    def _backup(self) -> Verdict | None:
        if not self._above(np.abs(self.psi) - BACKUP_FACTOR * np.abs(self.left_out)):
            return None
        partner, interaction = self.numbers.strongest_partner(self.head)
        if not partner:
            return Verdict(class_="mixed", reason=f"missing alone it is hardly missed, {_UNKNOWN}: {self.sizes}")
        _, low, high = self._interval(self.same - self.other)
        most = f"{partner} most, interaction {interaction:+.3f}: {self.sizes}"
        if low > 0:
            return Verdict(class_="backup", reason=f"heads that push the same way share its work, {most}")
        if high < 0:
            return Verdict(class_="cancelling", reason=f"heads that push the other way take its work back, {most}")
        return Verdict(class_="mixed", reason=f"hardly missed alone, undecided whether shared or taken back, {most}")

    def _by_share(self) -> Verdict:
        indirect = np.abs(self.left_out - self.written)
        _, low, high = self._interval(indirect - INDIRECT_FACTOR * np.abs(self.written))
        parts = f"{_mean(indirect):.3f} through later layers: {self.sizes}"
        if low > self.least:
            return Verdict(class_="indirect", reason=f"acts mostly by what others make of it, {parts}")
        if high < -self.least:
            return Verdict(class_="direct", reason=f"acts mostly by what it writes itself, {parts}")
        small = max(abs(low), abs(high)) <= self.least
        why = "too few texts" if np.isnan(low) else "too small to tell" if small else "undecided"
        return Verdict(class_="mixed", reason=f"{why}, {parts}")

    def _interval(self, values: FloatArray) -> Interval:
        return crossed_interval(values[None], self.level)

    def _above(self, values: FloatArray) -> bool:
        """Whether the mean lies above what counts as nothing, with its interval."""
        return self._interval(values)[1] > self.least


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.abs(known).mean()) if len(known) else np.nan
