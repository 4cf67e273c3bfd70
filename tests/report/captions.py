"""What the note of a figure must say."""

from __future__ import annotations

import re

from study.report.blocks import Figure

WANTED = {
    "n": r"\bn = (?:at most )?\d",
    "seeds": r"\bseeds? \d|\d seeds?\b",
    "interval": r"\bintervals?\b",
}


def lacking(figure: Figure) -> list[str]:
    return [what for what, pattern in WANTED.items() if not re.search(pattern, figure.note)]
