"""Names of lines in a figure: beside their own line, at most a text's height away, else tied to it by a leader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from study.records import FloatArray

_STEPS = 25  # places tried along the axis
_SHIFTS = (0.75, -0.75, *(side * k / 2 for k in range(3, 19) for side in (1, -1)))  # from its line, text heights


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLine:
    """A line to be named. x, y: its corners [corner], x growing; wide: its name's width in the units of x."""

    x: FloatArray
    y: FloatArray
    wide: float

    def at(self, x: FloatArray) -> FloatArray:
        return np.interp(x, self.x, self.y)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlace:
    """Where a name stands: left end, middle of its height; foot: the point of its line that it is tied to, or None."""

    x: float
    y: float
    wide: float
    foot: tuple[float, float] | None

    def over(self, other: LabelPlace, tall: float) -> bool:
        """Whether the two names share room, or the leader of one runs through the other."""
        return _meet(self, other, tall) or _struck(self, other, tall) or _struck(other, self, tall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where names may stand. tall: the height of a name in the units of y."""

    left: float
    right: float
    low: float
    high: float
    tall: float


def place_labels(lines: Sequence[NamedLine], frame: Frame) -> list[LabelPlace]:
    """A place for the name of every line, in their order: on no line and no other name, near its own line.

    A name whose own line is not within one height of a text, or not the nearest, has a leader; of such places, first
    those whose leader crosses no other line.
    """
    found: dict[int, LabelPlace] = {}
    for k in sorted(range(len(lines)), key=lambda k: _room(lines, k)):
        others = [line for j, line in enumerate(lines) if j != k]

        def cost(candidate: tuple[float, LabelPlace]) -> float:
            clash = any(candidate[1].over(other, frame.tall) for other in found.values())
            return candidate[0] + 1000.0 * clash

        found[k] = min(_candidates(lines[k], others, frame), key=cost)[1]
    return [found[k] for k in range(len(lines))]


def _room(lines: Sequence[NamedLine], k: int) -> float:
    """How far a line keeps from the others where it is farthest from them: the crowded ones are named first."""
    x = np.linspace(lines[k].x[0], lines[k].x[-1], _STEPS)
    gaps = [np.abs(line.at(x) - lines[k].at(x)) for j, line in enumerate(lines) if j != k]
    return float(np.min(gaps, axis=0).max()) if gaps else 0.0


def _candidates(mine: NamedLine, others: Sequence[NamedLine], frame: Frame) -> list[tuple[float, LabelPlace]]:
    """Places for one name and what each costs; heights are counted in texts."""
    found = []
    for start in np.linspace(frame.left, max(frame.left, frame.right - mine.wide), _STEPS):
        x = np.linspace(start, start + mine.wide, 13)
        own, rest = mine.at(x), np.array([line.at(x) for line in others]).reshape(len(others), len(x))
        for shift in _SHIFTS:
            y = float(own.max() if shift > 0 else own.min()) + shift * frame.tall
            inside = frame.low + frame.tall / 2 < y < frame.high - frame.tall / 2
            cost, beside = _judge(own, rest, y, frame.tall)
            cost += abs(shift) + 1000.0 * (not inside)
            foot = None if beside else (float(x[6]), float(own[6]))
            found.append((cost, LabelPlace(x=float(start), y=y, wide=mine.wide, foot=foot)))
    return found


def _judge(own: FloatArray, rest: FloatArray, y: float, tall: float) -> tuple[float, bool]:
    """What a name at height y costs, and whether it needs no leader. own: [point] along it, rest: [line point]."""
    near, far = np.abs(own - y), np.abs(rest - y).min(axis=1)
    covered = float(min(near.min(), far.min(initial=np.inf))) < 0.7 * tall
    beside = float(near.max()) <= 1.5 * tall and bool((far > near.max()).all())
    crossed = int(((rest[:, 6] - own[6]) * (rest[:, 6] - y) <= 0).sum())
    cost = 100.0 * covered + 0.3 * float(np.ptp(own)) / tall
    if beside:
        return cost, True
    gap = float(np.abs(rest[:, 6] - own[6]).min(initial=np.inf)) / tall  # a foot on two lines names neither
    return cost + 6.0 + 8.0 * crossed + 8.0 * max(0.0, 1.0 - gap), False


def _meet(a: LabelPlace, b: LabelPlace, tall: float) -> bool:
    return a.x < b.x + b.wide and b.x < a.x + a.wide and abs(a.y - b.y) < 1.1 * tall


def _struck(a: LabelPlace, b: LabelPlace, tall: float) -> bool:
    """Whether the leader of `a` runs through the name `b`."""
    if a.foot is None or not b.x <= a.foot[0] <= b.x + b.wide:
        return False
    low, high = sorted((a.y, a.foot[1]))
    return low - tall / 2 < b.y < high + tall / 2
