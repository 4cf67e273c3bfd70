"""What a reader must know before the first number: a model that only guesses, a run that is too small to tell."""

from __future__ import annotations

from study.report.accuracy import percent_text
from study.report.blocks import Paragraph
from study.report.inputs import RunTables, Variant, pick
from study.report.measures import accuracy_row
from study.report.numbers import listing, percent, plural

A_STUDY = 20  # explained texts per variant from which a run is more than a check of the software


def warning_blocks(run: RunTables) -> tuple[Paragraph, ...]:
    """One box a model that does not beat guessing, and one where few texts are explained; often none."""
    guessing = [box for variant in run.variants if (box := _guessing(run, variant))]
    small = _too_small(run)
    return (*guessing, small) if small else tuple(guessing)


def _guessing(run: RunTables, variant: Variant) -> Paragraph | None:
    """Set where the model's interval over seeds reaches down to the majority class's accuracy.

    Red, but for a model of which every training seed beats guessing by its own interval over texts: there it is only
    the number of seeds that is too small to speak of new ones.
    """
    table = pick(run.of("accuracy", *variant), kind="model")
    rows, seeds = pick(table, seed="all"), table[table["seed"] != "all"]
    majority = accuracy_row(run, variant[0], "majority")
    if rows.empty or majority is None:
        return None
    row, guess = rows.iloc[0], float(majority["accuracy"])
    # Without an interval (NaN compares false) the accuracy itself decides.
    if not (row["low"] <= guess or row["accuracy"] <= guess):
        return None
    name, numbers = run.label(*variant), f"({percent_text(row)} against {percent(guess, 1)})"
    if row["accuracy"] <= guess:
        return Paragraph(f"{numbers}: what follows explains noise.", tone="bad", lead=f"{name} does not beat guessing")
    if len(seeds) and (seeds["low"] > guess).all():
        text = (
            f"{numbers}, as few seeds leave it wide. Each of the {plural(len(seeds), 'seed')} beats guessing by its "
            "own interval over texts: read this page as speaking of these seeds."
        )
        return Paragraph(text, tone="warn", lead=f"The interval of {name} over training seeds reaches guessing")
    return Paragraph(
        f"{numbers}: what follows may explain noise.", tone="bad", lead=f"{name} is not shown to beat guessing"
    )


def _too_small(run: RunTables) -> Paragraph | None:
    """Set where some variant has fewer explained texts than a study needs."""
    counts = {v: pick(run.of("texts", *v), trained=True)["example_id"].nunique() for v in run.variants}
    few = {v: n for v, n in counts.items() if 0 < n < A_STUDY}
    if not few:
        return None
    which = "" if len(few) == sum(n > 0 for n in counts.values()) else f" in {listing([run.label(*v) for v in few])}"
    least = "" if len(set(few.values())) == 1 else "as few as "
    return Paragraph(
        f"{least}{plural(min(few.values()), 'text')}{which}: a check that everything works, not a study.",
        tone="warn",
        lead="Small run:",
    )
