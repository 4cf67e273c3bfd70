"""Quantities about heads that the page derives from the tables: classes, removals, trials, pairs.

Heads are named per seed; over seeds only counts, ranges and what does not depend on a head's number is pooled.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from study.report.blocks import anchor_of
from study.report.figures.palette import CLASS_COLOURS
from study.report.inputs import RunTables, Variant, pick
from study.report.measures import estimate

PARTING = ("indirect", "backup", "cancelling")  # classes of heads of which direct contributions alone mislead
MAIN_PAIR = ("direct_centred", "shapley_margin")  # what a head writes, and what is lost without it, on one scale
UNDECIDED = "mixed"  # the class of heads of which no interval decides, or that lack the numbers to judge them
SAME_WAY = 0.9
_LOST = re.compile(r"margin_lost_at_([\d.]+)$")


def profiles_of(run: RunTables, variant: Variant) -> pd.DataFrame:
    """The profiles of one variant, in the order of seeds and heads."""
    rows = run.of("profiles", *variant)
    return rows.assign(layer=rows["layer"].astype(float), head=rows["head"].astype(float)).sort_values(
        ["seed", "layer", "head"], kind="stable"
    )


def class_counts(run: RunTables, variant: Variant) -> pd.DataFrame:
    """[(layer, seed) class] number of heads; classes in the order of the figures, other names behind."""
    rows = profiles_of(run, variant)
    if rows.empty:
        return pd.DataFrame()
    counts = pd.crosstab([rows["layer"].astype(int), rows["seed"]], rows["class_"])
    order = [c for c in CLASS_COLOURS if c in counts] + [c for c in counts if c not in CLASS_COLOURS]
    return counts[order]


def one_way(profiles: pd.DataFrame) -> pd.Series:
    """Whether a head's Shapley value has the same sign in nearly every text: |mean ψ| above SAME_WAY of mean |ψ|.

    ψ is beyond the empty text, which is the same for all: what a head does to it then stands in every text's value.
    """
    return profiles["words_causal_mean"].abs() > SAME_WAY * profiles["words_causal_size"]


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
    return anchor_of("removal", run.label(*variant))


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
    """[head head] Shapley interaction in the margin, mean over texts, symmetric, NaN on the diagonal.

    Each text's counts towards what the two heads push to, by the sign of the sum of their Shapley values, as in the
    profiles' `interaction`: + where together they push further than each adds alone, − where they share work. Empty
    without pairs or without those values.
    """
    rows = pick(run.of("interactions", *variant), seed=seed)
    psi = pick(run.of("heads", *variant), seed=seed, method=MAIN_PAIR[1]).set_index(["example_id", "component"])[
        "score"
    ]
    if rows["margin_value"].isna().all() or psi.empty:
        return pd.DataFrame()
    both = [
        psi.reindex(pd.MultiIndex.from_frame(rows[["example_id", f"component_{side}"]])).to_numpy() for side in "ab"
    ]
    rows = rows.assign(toward=rows["margin_value"] * np.sign(both[0] + both[1]))
    mirrored = rows.rename(columns={"component_a": "component_b", "component_b": "component_a"})
    heads = list(dict.fromkeys([*rows["component_a"], *rows["component_b"]]))
    table = pd.concat([rows, mirrored], ignore_index=True).pivot_table(
        index="component_a", columns="component_b", values="toward", aggfunc="mean"
    )
    return table.reindex(index=heads, columns=heads)


def match_quality(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Matched heads by layer and pair of seeds: layer, seed_a, seed_b, cosine and others, means over its heads.

    cosine: of the matched heads; others: of a head with those it was not matched to.
    """
    rows = run.of("head_matches", *variant)
    rows = rows.assign(layer=rows["layer"].astype(float))
    group = rows.groupby(["layer", "seed_a", "seed_b"], sort=True)
    return group.agg(cosine=("cosine", "mean"), others=("cosine_others", "mean")).reset_index()


def causal_texts(run: RunTables, variant: Variant, seed: str) -> int:
    """How many texts of one trained model have causal cells."""
    return int(pick(run.of("causal", *variant), seed=seed)["example_id"].nunique())


def top_words(
    run: RunTables, variant: Variant, seed: str, component: str, side: str, most: int = 4
) -> list[tuple[str, int]]:
    """The words that a head carries most on one side ("+" or "-"), strongest first, each with its number of texts."""
    rows = pick(run.of("profile_words", *variant), seed=seed, component=component, side=side)
    rows = rows.sort_values("rank", kind="stable").head(most)
    return [(str(word), int(n)) for word, n in zip(rows["word"], rows["n_texts"], strict=True)]
