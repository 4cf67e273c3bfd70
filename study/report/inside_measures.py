"""Quantities about what happens inside a model: layers, neurons, paths, twins and interventions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.inputs import RunTables, pick

Variant = tuple[str, str]


def layer_means(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Mean over texts by seed, true label and step: columns seed, label, order, step, lens, added."""
    rows = run.of("layers", *variant)
    texts = pick(run.of("texts", *variant), trained=True)[["seed", "example_id", "label"]]
    rows = rows.merge(texts, on=["seed", "example_id"], how="inner")
    if rows.empty:
        return pd.DataFrame(columns=["seed", "label", "order", "step", "lens", "added"])
    group = rows.groupby(["seed", "label", "order", "step"], sort=True)
    return group.agg(lens=("lens_margin", "mean"), added=("contribution", "mean")).reset_index()


def neuron_curves(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Running share of the neurons of an MLP, largest first: columns seed, layer, rank, running."""
    rows = run.of("neurons", *variant)
    rows = rows.assign(layer=rows["layer"].astype(float), share=rows["share"].astype(float))
    rows = rows.sort_values(["seed", "layer", "rank"], kind="stable")
    running = rows.groupby(["seed", "layer"])["share"].cumsum()
    return rows.assign(running=running)[["seed", "layer", "rank", "running"]].reset_index(drop=True)


def neurons_for_half(curves: pd.DataFrame) -> pd.Series:
    """By (seed, layer): how many of the largest neurons write at least half of the MLP's sizes."""
    reached = curves[curves["running"] >= 0.5]
    return reached.groupby(["seed", "layer"])["rank"].min()


def neuron_drivers(
    run: RunTables, variant: Variant, seed: str, layer: float, neuron: float, most: int = 3
) -> tuple[list[str], list[str]]:
    """The words that drive a neuron's contribution up and those that drive it down: mean effect over occurrences."""
    rows = pick(run.of("neuron_words", *variant), seed=seed)
    rows = rows[(rows["layer"].astype(float) == layer) & (rows["neuron"].astype(float) == neuron)]
    means = rows.groupby("word")["effect"].mean().dropna().reset_index()
    order = means.assign(size=means["effect"].abs()).sort_values(
        ["size", "word"], ascending=[False, True], kind="stable"
    )
    up = order[order["effect"] > 0]["word"].head(most)
    down = order[order["effect"] < 0]["word"].head(most)
    return [str(w) for w in up], [str(w) for w in down]


def path_sizes(run: RunTables, variant: Variant) -> pd.DataFrame:
    """[seed group] mean over texts of the summed sizes of the paths of a group."""
    rows = run.of("path_sums", *variant)
    return rows.pivot_table(index="seed", columns="group", values="size", aggfunc="mean")


def listed_shares(run: RunTables, variant: Variant) -> pd.Series:
    """By seed: median over texts of the share of the margin that the listed paths explain."""
    rows = run.of("path_sums", *variant)
    sums = rows.groupby(["seed", "example_id"])[["listed", "contribution"]].sum()
    share = sums["listed"] / sums["contribution"].replace(0, np.nan)
    return share.groupby("seed").median()


def patched_shares(run: RunTables, variant: Variant) -> pd.DataFrame:
    """[seed head] share of the twins' change that a head's output brings, summed over texts.

    Σ effect · sign(change) / Σ |change|: a mean weighted by the change, so that no tiny change rules it.
    """
    rows = pick(run.of("patching", *variant), place="all")
    if rows.empty:
        return pd.DataFrame()
    change = rows["twin_margin"] - rows["margin"]
    rows = rows.assign(towards=rows["effect"] * np.sign(change), change=change.abs())
    order = rows.assign(layer=rows["layer"].astype(float), head=rows["head"].astype(float))
    heads = order.sort_values(["layer", "head"], kind="stable")["component"].drop_duplicates()
    sums = rows.pivot_table(index="seed", columns="component", values=["towards", "change"], aggfunc="sum")
    return (sums["towards"] / sums["change"].replace(0, np.nan)).reindex(columns=list(heads))


def twins(run: RunTables, variant: Variant, seed: str) -> pd.DataFrame:
    """Patched texts of one seed, largest change first, with the head that brings most of it.

    Columns example_id, swapped_index, word, twin_word, margin, twin_margin, component, effect.
    """
    rows = pick(run.of("patching", *variant), seed=seed, place="all")
    columns = ["example_id", "swapped_index", "word", "twin_word", "margin", "twin_margin", "component", "effect"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    sign = np.sign(rows["twin_margin"] - rows["margin"])
    best = rows.assign(towards=rows["effect"] * sign).sort_values("towards", ascending=False, kind="stable")
    best = best.drop_duplicates("example_id")
    change = (best["twin_margin"] - best["margin"]).abs()
    return best.assign(change=change).sort_values(["change", "example_id"], ascending=[False, True])[columns]


def intervention_errors(run: RunTables, variant: Variant) -> pd.DataFrame:
    """By kind: n, the largest |predicted − frozen|, the median |predicted| and the median |predicted − live|."""
    rows = run.of("interventions", *variant)
    if rows.empty:
        return pd.DataFrame(columns=["kind", "n", "frozen", "size", "live"])
    rows = rows.assign(
        frozen_error=(rows["predicted"] - rows["frozen"]).abs(),
        live_error=(rows["predicted"] - rows["live"]).abs(),
        size=rows["predicted"].abs(),
    )
    group = rows.groupby("kind", sort=True)
    return group.agg(
        n=("predicted", "size"),
        frozen=("frozen_error", "max"),
        size=("size", "median"),
        live=("live_error", "median"),
    ).reset_index()
