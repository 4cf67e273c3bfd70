"""Quantities about heads that the page derives from the tables: classes, removals, trials, pairs.

Heads are named per seed; over seeds only counts, ranges and what does not depend on a head's number is pooled.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from study.report.figures.style import CLASS_COLOURS
from study.report.inputs import RunTables, pick
from study.report.measures import estimate

Variant = tuple[str, str]
PARTING = ("indirect", "backup", "cancelling")  # classes of heads of which direct contributions alone mislead
MAIN_PAIR = ("direct_beyond_empty", "shapley")  # what a head writes, and what is lost without it, on one scale
_LOST = re.compile(r"margin_lost_at_([\d.]+)$")


def profiles_of(run: RunTables, variant: Variant) -> pd.DataFrame:
    """The profiles of one variant, in the order of seeds and heads."""
    rows = run.of("profiles", *variant)
    return rows.assign(layer=rows["layer"].astype(float), head=rows["head"].astype(float)).sort_values(
        ["seed", "layer", "head"], kind="stable"
    )


def class_counts(run: RunTables, variant: Variant) -> pd.DataFrame:
    """[seed class] number of heads; classes in the order of the figures, other names behind."""
    rows = run.of("profiles", *variant)
    if rows.empty:
        return pd.DataFrame()
    counts = pd.crosstab(rows["seed"], rows["class_"])
    order = [c for c in CLASS_COLOURS if c in counts] + [c for c in counts if c not in CLASS_COLOURS]
    return counts[order]


def head_methods(run: RunTables) -> list[str]:
    """Head methods with scores, in the config's order; those that it does not name behind."""
    known = list(dict.fromkeys(run.tables["heads"]["method"]))
    named = [m for m in run.config.heads.methods if m in known]
    return [*named, *[m for m in known if m not in named]]


def head_agreement(run: RunTables, variant: Variant, a: str, b: str, *, sizes: bool = False) -> pd.Series | None:
    """Estimate of the rank correlation of two head methods over the heads of a text; sizes: of their sizes."""
    return estimate(run, variant, "head_spearman_abs" if sizes else "head_spearman", a, b)


def head_agreements(run: RunTables, variant: Variant) -> dict[tuple[str, str, bool], pd.Series]:
    """All that `head_agreement` finds in a variant, either way round, by (method, method, sizes): read once."""
    rows = pick(run.of("estimates", *variant), subset="all")
    rows = rows[rows["metric"].isin(["head_spearman", "head_spearman_abs"])]
    rows = rows[np.isfinite(rows["estimate"].astype(float))]
    found = {}
    for _, row in rows.iterrows():
        sizes = row["metric"] == "head_spearman_abs"
        found[row["method_a"], row["method_b"], sizes] = found[row["method_b"], row["method_a"], sizes] = row
    return found


def removal_lines(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Margin lost by removal: columns unit, method, percent, estimate, low, high; a row a method and step.

    Raises nothing on foreign metrics: only names of the form margin_lost_at_<percent> are read.
    """
    rows = pick(run.of("estimates", *variant), subset="all")
    found = rows["metric"].astype(str).str.extract(_LOST)[0].astype(float)
    rows = rows.assign(percent=found)[found.notna()]
    parts = rows["method_a"].astype(str).str.split(":", n=1)
    rows = rows.assign(unit=parts.str[0], method=parts.str[1])
    rows = rows[rows["unit"].isin(["words", "heads"]) & np.isfinite(rows["estimate"].astype(float))]
    return rows[["unit", "method", "percent", "estimate", "low", "high"]].sort_values(
        ["unit", "method", "percent"], kind="stable"
    )


def removal_at(run: RunTables, variant: Variant, unit: str, method: str, percent: float) -> pd.Series | None:
    """One step of one line; None where it is missing."""
    rows = pick(removal_lines(run, variant), unit=unit, method=method, percent=percent)
    return None if rows.empty else rows.iloc[0]


def removal_name(run: RunTables, variant: Variant) -> str:
    """The name of the figure of one variant."""
    return f"removal-{variant[1]}" if len(run.config.datasets) == 1 else f"removal-{variant[0]}-{variant[1]}"


def words_effect(run: RunTables, variant: Variant) -> float:
    """Mean over texts and seeds of what all words give towards the predicted class: sign(m) (m − m of no words)."""
    texts = pick(run.of("texts", *variant), trained=True)
    return float((np.sign(texts["margin"]) * (texts["margin"] - texts["empty_margin"])).mean())


def worst_partners(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Null heads tried on fresh texts, alone and beside the partner with which they change the margin most.

    Columns seed, component, direct_size, causal_size, confirmed, n_texts, alone (with low, high), partner, beside
    (with beside_low, beside_high); NaN where it was not tried.
    """
    nulls = pick(profiles_of(run, variant), class_="null")
    trials = run.of("trials", *variant)
    keys = ["seed", "component"]
    alone = pick(trials, partner="").rename(columns={"mean_abs_change": "alone"})
    beside = trials[(trials["partner"] != "") & trials["mean_abs_change"].notna()]
    beside = beside.sort_values("mean_abs_change", ascending=False, kind="stable").drop_duplicates(keys)
    beside = beside.rename(columns={"mean_abs_change": "beside", "low": "beside_low", "high": "beside_high"})
    table = nulls[[*keys, "direct_size", "causal_size", "confirmed"]]
    table = table.merge(alone[[*keys, "n_texts", "alone", "low", "high"]], on=keys, how="left")
    return table.merge(
        beside[[*keys, "partner", "beside", "beside_low", "beside_high"]].rename(columns={"partner": "worst"}),
        on=keys,
        how="left",
    )


def pair_matrix(run: RunTables, variant: Variant, seed: str) -> pd.DataFrame:
    """[head head] mean Shapley interaction towards the words' effect, symmetric, NaN on the diagonal.

    Each text's value is multiplied by the sign of what its words change, v(all) − v(empty), or values of positive and
    negative texts would cancel: + is more together than alone, − less (they repeat each other or stand in). Empty
    without pairs.
    """
    texts = pick(run.of("texts", *variant), seed=seed, trained=True)
    sign = np.sign((texts["margin"] - texts["empty_margin"]).set_axis(texts["example_id"]))
    rows = pick(run.of("interactions", *variant), seed=seed)
    rows = rows.assign(value=rows["value"] * rows["example_id"].map(sign))
    if rows["value"].isna().all():
        return pd.DataFrame()
    both = pd.concat(
        [rows, rows.rename(columns={"component_a": "component_b", "component_b": "component_a"})], ignore_index=True
    )
    heads = list(dict.fromkeys([*rows["component_a"], *rows["component_b"]]))
    table = both.pivot_table(index="component_a", columns="component_b", values="value", aggfunc="mean")
    return table.reindex(index=heads, columns=heads)


def match_quality(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Matched heads by pair of seeds: cosine (mean over heads of the matched pair) and others (of wrong matches)."""
    rows = run.of("head_matches", *variant)
    group = rows.groupby(["seed_a", "seed_b"], sort=True)
    return group.agg(n=("head_a", "size"), cosine=("cosine", "mean"), others=("cosine_others", "mean")).reset_index()


def top_words(run: RunTables, variant: Variant, seed: str, component: str, side: str, most: int = 4) -> list[str]:
    """The words that a head carries most on one side ("+" or "-"), strongest first."""
    rows = pick(run.of("profile_words", *variant), seed=seed, component=component, side=side)
    return [str(word) for word in rows.sort_values("rank", kind="stable")["word"].head(most)]
