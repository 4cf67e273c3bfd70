"""What figures and tables say about themselves: how many texts and seeds, and what their intervals are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.report.figures.palette import method_label
from study.report.inputs import RunTables, Variant, pick
from study.report.numbers import count, plural

_TWO_ESTIMATES = (
    "{ours} and {package} estimate the same Shapley values: exactly, both alike, for texts of up to {limit}; for "
    "longer ones {ours} by odd-order regression on at most {ours_evals}, exactly where there are no more, and "
    "{package} by the KernelExplainer of the shap package on {package_evals}. What parts the two is sampling error. "
    "Only {ours} is split over components."
)


def level_text(run: RunTables) -> str:
    """ "95 %", or "97.5 %"."""
    return f"{100 * run.config.compare.level:g} %"


def interval_note(run: RunTables) -> str:
    """The interval of a mean over all texts; one seed says nothing of new ones."""
    over = "texts and seeds" if len(run.config.seeds) > 1 else "texts (one seed)"
    return f"{level_text(run)} interval over {over}"


def answers_note(run: RunTables) -> str:
    """What the brackets of the answers are: a baseline and a single head belong to one seed or none."""
    level = f"In brackets: {level_text(run)} intervals"
    if len(run.config.seeds) == 1:
        return f"{level} over texts, for this one training seed: they say nothing of new ones."
    return f"{level} over texts and training seeds; of baselines and of single heads over texts only."


def findings_note(run: RunTables) -> str:
    """What the brackets and the other ranges of the findings are, and the p values where there are any."""
    level = f"In brackets: {level_text(run)} intervals"
    compared = "faithfulness" in run.config.evaluate.measures
    p = (
        " p: sign-flip test for new texts and these seeds, adjusted over all comparisons of the run."
        if compared
        else ""
    )
    if len(run.config.seeds) == 1:
        return f"{level} over texts, for this one training seed: they say nothing of new ones.{p}"
    outcomes = (
        "right against wrong predictions (given these seeds, since a text can be right in one and wrong in another)"
    )
    only = "" if compared else f"; over texts only: {outcomes}"
    return (
        f"{level} over texts and training seeds, which are crossed{only}. Other ranges are the least and the largest "
        f"value over seeds, and no intervals.{p}"
    )


def size_note(run: RunTables, variants: Sequence[Variant] | None = None) -> str:
    """n as every figure states it: explained texts × seeds of each model."""
    texts = {v: pick(run.of("texts", *v), trained=True) for v in variants or run.variants}
    return _count_note(run, texts)


def estimates_size_note(run: RunTables, metrics: Sequence[str]) -> str:
    """n of the estimates of these metrics, over all models: "n = 38 to 40 texts × 3 seeds per model"."""
    rows = pick(run.tables["estimates"], subset="all")
    rows = rows[rows["metric"].isin(list(metrics)) & rows["estimate"].notna()]
    if rows.empty:
        return f"n not known; {plural(len(run.config.seeds), 'seed')}"
    return f"n = {range_text(rows['n_examples'], 'text')} × {range_text(rows['n_seeds'], 'seed')} per model"


def range_text(values: pd.Series, noun: str) -> str:
    """ "40 texts", or "38 to 40 texts" where the rows differ."""
    low, high = int(values.min()), int(values.max())
    return plural(high, noun) if low == high else f"{low} to {plural(high, noun)}"


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


def two_estimates(run: RunTables) -> str:
    """How SHAP and the shap package's answer were computed; empty where the run has only one of them."""
    if not set(SHAPLEY_METHODS) <= set(run.methods()):
        return ""
    explain, (ours, package) = run.config.explain, map(method_label, SHAPLEY_METHODS)
    return " " + _TWO_ESTIMATES.format(
        ours=ours,
        package=package,
        limit=plural(explain.exact_limit, "word"),
        ours_evals=plural(explain.shapley_evals, "coalition"),
        package_evals=count(explain.shap_evals),
    )


def passed_over(methods: list[str]) -> str:
    """The pair that the title passes over."""
    if not set(SHAPLEY_METHODS) <= set(methods):
        return ""
    ours, package = map(method_label, SHAPLEY_METHODS)
    return f"The title passes over {ours} and {package}, two estimates of the same values. "
