"""What figures and tables say about themselves: how many texts and seeds, and what their intervals are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from study.report.inputs import RunTables, Variant, pick
from study.report.numbers import plural


def level_text(run: RunTables) -> str:
    """ "95 %", or "97.5 %"."""
    return f"{100 * run.config.compare.level:g} %"


def interval_note(run: RunTables) -> str:
    """The interval of a mean over all texts; one seed says nothing of new ones."""
    over = "texts and seeds" if len(run.config.seeds) > 1 else "texts (one seed)"
    return f"{level_text(run)} interval over {over}"


def findings_note(run: RunTables) -> str:
    """What the brackets and the other ranges of the findings are."""
    level = f"In brackets: {level_text(run)} intervals"
    if len(run.config.seeds) == 1:
        return f"{level} over texts, for this one training seed: they say nothing of new ones."
    return (
        f"{level} over texts and training seeds, which are crossed; two are over texts only: right against wrong "
        "predictions (given these seeds, since a text can be right in one and wrong in another), and the accuracy of "
        "the baseline. Other ranges are the least and the largest value over seeds, and no intervals."
    )


def size_note(run: RunTables, variants: Sequence[Variant] | None = None) -> str:
    """n as every figure states it: explained texts × seeds of each model."""
    texts = {v: pick(run.of("texts", *v), trained=True) for v in variants or run.variants}
    return _count_note(run, texts)


def untrained_size_note(run: RunTables) -> str:
    """n of the untrained control: the texts and seeds that have a value there."""
    values = {v: run.of("measurements", *v) for v in run.variants}
    return _count_note(
        run, {v: t[t["metric"].str.endswith("_untrained") & t["value"].notna()] for v, t in values.items()}
    )


def _count_note(run: RunTables, rows: dict[Variant, pd.DataFrame]) -> str:
    """Distinct texts × seeds in the rows of each variant: once where all have the same, else one by one."""
    told = {
        run.label(*v): f"{plural(t['example_id'].nunique(), 'text')} × {plural(t['seed'].nunique(), 'seed')}"
        for v, t in rows.items()
        if len(t)
    }
    if not told:
        return f"n not known, its table is missing; {plural(len(run.config.seeds), 'seed')}"
    if len(set(told.values())) == 1:
        return f"n = {next(iter(told.values()))} per model"
    return "n = " + ", ".join(f"{count} ({name})" for name, count in told.items())
