"""Path data in few characters: relative steps, rounded; and a circle where eight curves make one."""

from __future__ import annotations

import math
import re

_STEP = re.compile(r"([MLQCz])([^MLQCz]*)")
_CURVES = 8  # of matplotlib's circle
_REACH = math.hypot(1, 4 / 3 * math.tan(math.pi / 2 / _CURVES))  # radii from its centre to what steers the curves
_NEAR = 0.03  # points: hundredths are as far as matplotlib's numbers go
Point = tuple[int, int]


def shorten_number(value: float, digits: int) -> str:
    """The number rounded to `digits` decimals, without the zeros that say nothing: "-.5" for -0.500."""
    text = f"{value:.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    if text.startswith(("0.", "-0.")):
        text = text.replace("0.", ".", 1)
    return "0" if text == "-0" else text


def join_numbers(numbers: list[str]) -> str:
    """Apart by a space, or by the minus of the next."""
    return " ".join(numbers).replace(" -", "-")


def shorten(data: str, digits: int) -> str:
    """Relative commands with numbers of at most `digits` decimals; what is lost by rounding does not add up.

    data: M, L, Q, C and z in absolute numbers, as matplotlib writes them. A path back to its start is closed.
    """
    steps = [(letter, _points(numbers, 10**digits)) for letter, numbers in _STEP.findall(data)]
    text, before, drawn = "", "", 0
    here: Point = (0, 0)
    start = here
    for k, (letter, places) in enumerate(steps):
        following = steps[k + 1][0] if k + 1 < len(steps) else "M"
        drawn = 0 if letter == "M" else drawn + 1
        if letter == "L" and drawn > 1 and places[0] == start and following in "Mz":
            if following == "z":
                continue  # z goes there
            letter, places = "z", []
        name, numbers = _relative(letter, places, here)
        joined = join_numbers([shorten_number(n / 10**digits, digits) for n in numbers])
        repeated = name == before and name not in "mz"
        text += joined if repeated and joined.startswith("-") else (" " if repeated else name) + joined
        before = "l" if name == "m" else name  # numbers after those of an m are those of an l
        here = places[-1] if places else start
        start = here if letter == "M" else start
    return text


def circle(data: str) -> tuple[float, float, float] | None:
    """Centre and radius of the circle that `data` draws; None where it draws something else."""
    letters, numbers = zip(*_STEP.findall(data), strict=True) if data else ((), ())
    if "".join(letters) != "M" + "C" * _CURVES + "z":
        return None
    points = [tuple(map(float, pair)) for text in numbers for pair in _pairs(text)]
    corners = points[::3]
    x, y = (sum(c[k] for c in corners[1:]) / _CURVES for k in (0, 1))
    radius = max(abs(c[0] - x) for c in corners)
    for place, point in enumerate(points):
        wanted = radius * (_REACH if place % 3 else 1.0)
        if abs(math.dist(point, (x, y)) - wanted) > _NEAR:
            return None
    return x, y, radius


def _pairs(numbers: str) -> list[tuple[str, str]]:
    words = numbers.split()
    return list(zip(words[::2], words[1::2], strict=True))


def _points(numbers: str, scale: int) -> list[Point]:
    """In whole steps of the last decimal kept."""
    return [(round(float(x) * scale), round(float(y) * scale)) for x, y in _pairs(numbers)]


def _relative(letter: str, places: list[Point], here: Point) -> tuple[str, list[int]]:
    """The command as seen from `here`; lines along an axis have one number."""
    numbers = [value - origin for place in places for value, origin in zip(place, here, strict=True)]
    if letter == "L" and numbers[1] == 0:
        return "h", numbers[:1]
    if letter == "L" and numbers[0] == 0:
        return "v", numbers[1:]
    return letter.lower(), numbers
