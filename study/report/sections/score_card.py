"""Section: who is right? Every explanation against the words and heads that are known to decide."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Bullets, Details, Figure, Heading, Paragraph, Section, Table
from study.report.figures.score_card import Panel, paint_score_card
from study.report.figures.style import draw
from study.report.inputs import RunTables, Variant, pick
from study.report.known_findings import found_counts, known_findings
from study.report.known_head_findings import span
from study.report.notes import level_text
from study.report.numbers import MISSING, listing, plural
from study.report.score_measures import (
    CANCELLING,
    DIRECT,
    DISTANCE,
    EXACT_RUNGS,
    INDIRECT,
    LATENT,
    MIN_SHARE,
    PRECISION,
    RUNGS,
    SHARE,
    SIGN,
    bounds_above,
    bounds_below,
    grid,
    judged_methods,
    label_of,
    lower_is_better,
    of_all,
    place_names,
    rungs_of,
    score_label,
    score_text,
    values,
    variants_on,
)
from study.report.sections.planted_heads import pairs_blocks, planted_blocks
from study.report.sections.verification import verification_blocks
from study.report.tables import make_table

PANELS = {
    "words": {
        PRECISION: "words that decide among the top k",
        SHARE: "of the attribution, on them",
        MIN_SHARE: "of words that count alike",
        SIGN: "words pushed to the right side",
        DISTANCE: "to the exact Shapley values",
    },
    "heads": {
        DIRECT: "AUROC of heads that write the answer",
        INDIRECT: "AUROC of heads that feed other heads",
        LATENT: "AUROC of spare heads",
        CANCELLING: "of heads that undo each other",
    },
}
_HEADS_NOTE = (
    " Direct, indirect and latent heads: AUROC against heads that do nothing; average precision is in the table."
)
ORACLE_EXACT = (
    "The oracle is the exact Shapley values of the rule; a method that is no Shapley value can pass it and is then as "
    "dark as the oracle."
)
ORACLE_WORDS = "The oracle is here the words that decide, all alike: no exact values are known."
ACROSS = {"words": 3, "heads": 4}  # panels in a row
ABOUT = (
    "Some models are set by hand to follow a rule, so the words that decide and what each head does are known; the "
    "same models turned and with noise; models trained on the same rules; and models trained on real texts with a "
    "planted shortcut. Every explanation is scored against what is known, beside chance and the oracle, which is the "
    "exact Shapley values of the rule itself. Trained models are only seen to follow the rule on full texts, and what "
    "they do with words masked is their own, so there it is scored which words decide, and neither their sides nor the "
    "distance to exact values. The four kinds of models are never put in one number, nor are tasks."
)


def build(run: RunTables) -> Section | None:
    """Checks, findings, score cards of words and heads, planted heads and pairs; None where nothing is known."""
    if run.tables["score_card"].empty:
        return None
    blocks: list[Block] = [Paragraph(ABOUT), *verification_blocks(run)]
    if found := known_findings(run):
        blocks.append(Bullets(tuple(found), ordered=True))
    for unit, title in (("words", "Which words decide"), ("heads", "Which heads act")):
        if rungs := rungs_of(run, unit):
            blocks += [Heading(title, f"score-{unit}"), *_unit_blocks(run, unit, rungs)]
    blocks += [*planted_blocks(run), *pairs_blocks(run)]
    return Section(name="score-card", title="Who is right", short="Who is right", blocks=tuple(blocks))


def _unit_blocks(run: RunTables, unit: str, rungs: list[str]) -> list[Block]:
    """The first rung in full, the others folded under their finding; every number with its interval, folded."""
    first, *others = rungs
    blocks: list[Block] = [_figure(run, unit, first), _fold(run, unit, first)]
    for rung in others:
        figure = _figure(run, unit, rung)
        blocks.append(Details(figure.title, (figure, _table(run, unit, rung))))
    return blocks


def _figure(run: RunTables, unit: str, rung: str) -> Figure:
    places = variants_on(run, unit, rung)
    methods, above = judged_methods(run, unit), bounds_above(run, unit)
    groups = [above, methods, bounds_below(run, unit)]
    rows = [m for group in groups for m in group]
    panels = [p for metric, about in PANELS[unit].items() if (p := _panel(run, unit, places, metric, about, rows))]
    names = [[label_of(unit, m) for m in group] for group in groups]
    return draw(
        f"score-{unit}-{rung}",
        lambda: paint_score_card(names, panels, ACROSS[unit]),
        title=_title(run, unit, rung),
        note=_note(run, unit, rung, places),
        source="score_card",
    )


def _panel(run: RunTables, unit: str, places: list[Variant], metric: str, about: str, rows: list[str]) -> Panel | None:
    """One score on the tasks that define it; None where none does."""
    known = [v for v in places if any(values(run, [v], unit, metric, m) for m in rows)]
    if not known:
        return None
    best = "0 is best" if lower_is_better(metric) else "1 is best"
    return Panel(
        title=score_label(metric),
        about=about,
        best=best,
        columns=tuple(place_names(run, known)),
        estimate=grid(run, known, unit, metric, rows, "estimate"),
        relative=grid(run, known, unit, metric, rows, "relative"),
    )


def _note(run: RunTables, unit: str, rung: str, places: list[Variant]) -> str:
    card = pd.concat([pick(run.of("score_card", *v), unit=unit) for v in places])
    texts, seeds = int(card["n_examples"].max()), int(card["n_seeds"].max())
    told = (
        f"n = at most {plural(texts, 'text')} × {plural(seeds, 'seed')} a task; a text on which a score is not defined "
        f"is left out. {level_text(run)} intervals over texts and seeds are in the table. Colour: from chance, "
        "what random scores get on average, to what the oracle gets; the random control is one draw. "
    )
    if unit == "words":
        oracle = ORACLE_EXACT if rung in EXACT_RUNGS else ORACLE_WORDS
        return f"{told}{oracle} k is the number of words that decide; ties count by their expectation."
    return (
        f"{told}The oracle is the roles themselves. A head is not scored in a text in which it has nothing to do, as "
        "the head of “not” in a text without it. AUROC: chance that a head of the class comes before one that does "
        "nothing. Cancelling error: the same for heads that undo each other, from 0 at a tie to 1. The crosswalks "
        "given words sum over words that decide only: no method, but a bound."
    )


def _title(run: RunTables, unit: str, rung: str) -> str:
    """The finding of a figure, and of a fold's line."""
    models = f"Models {RUNGS[rung]}"
    if unit == "words":
        counts, total = found_counts(run, rung)
        (most, best), *rest = [(n, listing([label_of("words", m) for m in same])) for n, same in _by_count(counts)]
        told = [f"{names} in {n or 'none'}" for n, names in rest]
        verb = "find" if " and " in best else "finds"
        every = f"{best} {verb} every word that decides in {of_all(most, total)}"
        return f"{models}: {', '.join([every, *told]) if most else 'no method finds every word that decides'}"
    places = variants_on(run, "heads", rung)
    mean, zero = (values(run, places, "heads", DIRECT, m) for m in ("ablation_mean", "ablation_zero"))
    feeding = values(run, places, "heads", INDIRECT, "ablation_mean")
    direct = values(run, places, "heads", INDIRECT, "direct_centred")
    parts = []
    if mean and zero:
        parts.append(f"mean ablation ranks direct heads at {span(mean)} (AUROC), zero ablation at {span(zero)}")
    if feeding and direct:
        parts.append(f"heads that feed others at {span(feeding)}, where direct contribution has {span(direct)}")
    return f"{models}: {'; '.join(parts)}" if parts else f"{models}: {plural(len(places), 'task')}"


def _by_count(counts: dict[str, int]) -> list[tuple[int, list[str]]]:
    """Methods by the number of tasks they solve, most first."""
    return [(n, [m for m in counts if counts[m] == n]) for n in sorted(set(counts.values()), reverse=True)]


def _fold(run: RunTables, unit: str, rung: str) -> Details:
    return Details(f"Every score with its interval ({unit}, models {RUNGS[rung]})", (_table(run, unit, rung),))


def _table(run: RunTables, unit: str, rung: str) -> Table:
    """A row a task and method, a column a score."""
    places = variants_on(run, unit, rung)
    card = pd.concat([pick(run.of("score_card", *v), unit=unit) for v in places])
    known = dict.fromkeys(card.loc[card["estimate"].notna(), "metric"])
    metrics = [m for m in known if unit == "words" or not m.startswith("average_precision")]  # no room for twelve
    methods = [*bounds_above(run, unit), *judged_methods(run, unit), *bounds_below(run, unit)]
    found = []
    for name, variant in zip(place_names(run, places), places, strict=True):
        rows = {(r["method"], r["metric"]): r for _, r in pick(run.of("score_card", *variant), unit=unit).iterrows()}
        for method in methods:
            texts = {m: score_text(rows[method, m]) if (method, m) in rows else MISSING for m in metrics}
            cells = {score_label(m): text for m, text in texts.items()}
            found.append({"task": name, "method": label_of(unit, method), **cells})
    return make_table(
        pd.DataFrame(found),
        {},
        anchor=f"table-score-{unit}-{rung}",
        title=f"Scores of explanations of {unit}, models {RUNGS[rung]}",
        note=f"In brackets: {level_text(run)} intervals over texts and seeds, none where they have no width. "
        f"{_undefined(card)}{'' if unit == 'words' else _HEADS_NOTE}",
        source="score_card",
        left=("task", "method"),
        wide=True,
    )


def _undefined(card: pd.DataFrame) -> str:
    """How many texts at most a score left out."""
    most = int(card["n_undefined"].max())
    return f"Undefined on up to {plural(most, 'text')} of a task and left out there." if most else ""
