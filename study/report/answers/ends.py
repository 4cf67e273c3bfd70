"""One number a model as text; of many models the least and the largest."""

from __future__ import annotations

from collections.abc import Mapping

from study.report.inputs import RunTables, Variant
from study.report.numbers import listing, plural

MOST_TOLD = 3  # models that a sentence tells one by one


def numbers_or_ends(run: RunTables, found: Mapping[Variant, tuple[float, str]]) -> str:
    """ "0.93 [0.92, 0.94] (encoder) and ..."; of more than MOST_TOLD models the two ends. Empty for none.

    found: by variant, the number and how it is printed.
    """
    if not found:
        return ""
    if len(run.variants) == 1:
        return next(iter(found.values()))[1]
    if len(found) <= MOST_TOLD:
        return listing([f"{text} ({run.label(*variant)})" for variant, (_, text) in found.items()])
    order = sorted(found, key=lambda variant: found[variant][0])
    least, most = (f"{found[v][1]} ({run.label(*v)})" for v in (order[0], order[-1]))
    return f"from {least} to {most}, {plural(len(found), 'model')}"
