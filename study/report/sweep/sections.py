"""The sections with figures: agreement, faithfulness and heads along every axis of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from study.report.blocks import Block, Figure, Paragraph, Section
from study.report.figures.palette import ACCENT, head_method_colour, method_colour
from study.report.figures.style import draw
from study.report.figures.sweep import PanelRow, paint_sweep
from study.report.numbers import count, plural
from study.report.sweep.findings import strongest
from study.report.sweep.inputs import (
    AGREEMENT,
    FAITHFUL,
    HEADS_NEEDED,
    HEADS_PER_WORD,
    HEADS_WRITE,
    TOP_WORDS,
    Outcome,
    SweepTables,
)
from study.report.sweep.series import Series, panel_row

_REMOVAL_COLOURS = (ACCENT, "#b3541e", "#6b7a2e", "#8c6bb1")
_OWN_COLOURS = {"shapley": method_colour("shapley"), "lime": method_colour("lime")}
_AGREEMENT = (
    "SHAP and LIME explain the same texts with the same number of evaluations each. SHAP is exact where all coalitions "
    "fit the budget. Agreement on the top three words is the share in common beyond what chance gives at that length."
)
_FAITHFUL = (
    "Comprehensiveness: the margin lost when the top 10 to 50 % of the words are removed, between the least (0) and "
    "the most (1) that any order of the text's words reaches, so that models and lengths compare. Tested by the "
    "operator that the explanation asked about, and by another one: mask, or delete where the own one is mask."
)
_HEADS = (
    "Effective number of heads: as many equally large heads would spread the text as much (exp of the entropy of "
    "their shares). Direct: what heads write, beyond their mean on the reference texts. Head Shapley: what the words "
    "need the heads for, others mean-ablated. More heads can spread more: read the numbers beside how many there are."
)
_BY_DATASET = Callable[[SweepTables, str], Figure | None]


def agreement_section(sweep: SweepTables) -> Section | None:
    """Spearman and the top three words, by removal operator and budget."""
    return _section(sweep, "agreement", "Agreement of SHAP and LIME", "Agreement", _AGREEMENT, _agreement)


def faithfulness_section(sweep: SweepTables) -> Section | None:
    """Normalised comprehensiveness of both methods, by removal operator."""
    return _section(sweep, "faithfulness", "Faithfulness", "Faithfulness", _FAITHFUL, _faithfulness)


def heads_section(sweep: SweepTables) -> Section | None:
    """Over how many heads a text spreads."""
    config = sweep.config.heads
    exact = (
        f" Head Shapley values are exact up to {config.exact_limit} heads; of models with more they are estimated from "
        f"{count(config.head_coalitions)} subsets."
    )
    return _section(sweep, "heads", "How many heads carry a text", "Heads", _HEADS + exact, _heads)


def _section(
    sweep: SweepTables, name: str, title: str, short: str, about: str, draw_one: _BY_DATASET
) -> Section | None:
    figures = [f for d in sweep.config.datasets if (f := draw_one(sweep, d.name)) is not None]
    blocks: tuple[Block, ...] = (Paragraph(about), *figures)
    return Section(name=name, title=title, short=short, blocks=blocks) if figures else None


def _agreement(sweep: SweepTables, dataset: str) -> Figure | None:
    removals, budgets = _asked(sweep)
    least = [budgets[0]] if len(budgets) > 1 else []

    def series(outcome: Outcome) -> list[Series]:
        return [
            Series(
                outcome=outcome,
                label=f"{removal}, {budget:,} evaluations",
                colour=_REMOVAL_COLOURS[i % len(_REMOVAL_COLOURS)],
                strong=budget == budgets[-1],
                removal=removal,
                budget=budget,
            )
            for i, removal in enumerate(removals)
            for budget in [budgets[-1], *least]
        ]

    rows = [panel_row(sweep, dataset, o.axis_label, series(o)) for o in (AGREEMENT, TOP_WORDS)]
    return _figure(sweep, dataset, "sweep-agreement", AGREEMENT, "Agreement of SHAP and LIME (Spearman)", rows)


def _faithfulness(sweep: SweepTables, dataset: str) -> Figure | None:
    removals, budgets = _asked(sweep)
    rows = [
        panel_row(
            sweep,
            dataset,
            f"explained under {removal}",
            [
                Series(
                    outcome=outcome,
                    label=outcome.axis_label,
                    colour=_OWN_COLOURS[outcome.method_a],
                    strong=outcome.metric.endswith("_own"),
                    removal=removal,
                    budget=budgets[-1],
                )
                for outcome in FAITHFUL
            ],
        )
        for removal in removals
    ]
    title = "Faithfulness of SHAP (normalised comprehensiveness)"
    return _figure(sweep, dataset, "sweep-faithfulness", FAITHFUL[0], title, rows)


def _heads(sweep: SweepTables, dataset: str) -> Figure | None:
    removals, budgets = _asked(sweep)
    colours = (head_method_colour("direct_centred"), head_method_colour("ablation_mean"), ACCENT)
    series = [
        Series(
            outcome=outcome,
            label=outcome.axis_label,
            colour=colour,
            strong=outcome is not HEADS_PER_WORD,
            removal=removals[0],
            budget=budgets[-1],
        )
        for outcome, colour in zip((HEADS_WRITE, HEADS_NEEDED, HEADS_PER_WORD), colours, strict=True)
    ]
    rows = [panel_row(sweep, dataset, "effective heads", series)]
    return _figure(sweep, dataset, "sweep-heads", HEADS_NEEDED, "The heads that a text needs (head Shapley)", rows)


def _figure(
    sweep: SweepTables, dataset: str, name: str, outcome: Outcome, what: str, rows: Sequence[PanelRow | None]
) -> Figure | None:
    drawn = [row for row in rows if row is not None]
    if not drawn:
        return None
    several = len(sweep.config.datasets) > 1
    return draw(
        f"{name}-{dataset}" if several else name,
        lambda: paint_sweep(drawn),
        title=strongest(sweep, dataset, outcome, what + (f" on {dataset}" if several else "")),
        note=_note(sweep, dataset),
        source="tables/sweep_estimates.csv",
    )


def _note(sweep: SweepTables, dataset: str) -> str:
    n_texts = sweep.config.sweep.n_texts if sweep.config.sweep is not None else 0
    over = "texts and seeds" if len(sweep.config.seeds) > 1 else "texts (one seed)"
    _, budgets = _asked(sweep)
    return (
        f"Means with {sweep.level} intervals over {over}; n = {plural(n_texts, 'text')} × "
        f"{plural(len(sweep.config.seeds), 'seed')} a point. Budget and length are those of the model "
        f"{sweep.base[dataset]}; where the budget is not named it is {budgets[-1]:,} evaluations; lengths are "
        "thirds of the texts at their mean length. Lines are set a little apart so that intervals can be seen; those "
        "that leave a panel are cut at its edge."
    )


def _asked(sweep: SweepTables) -> tuple[tuple[str, ...], list[int]]:
    """The removal operators in the config's order, and the budgets, rising."""
    asked = sweep.config.sweep
    return (asked.removals, sorted(asked.budgets)) if asked is not None else ((), [0])
