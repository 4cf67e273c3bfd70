"""Quantities about what happens inside a model: layers, neurons, paths, twins and interventions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from study.report.inputs import RunTables, Variant, pick


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
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Words that drive a neuron's contribution up and down, each with the number of texts it stands in.

    By mean effect over occurrences, the largest first; words of two or more texts before those of one, whose effect
    is the text's as much as the word's.
    """
    rows = pick(run.of("neuron_words", *variant), seed=seed)
    rows = rows[(rows["layer"].astype(float) == layer) & (rows["neuron"].astype(float) == neuron)]
    rows = rows[rows["effect"].notna()]
    words = rows.groupby("word").agg(effect=("effect", "mean"), n=("example_id", "nunique")).reset_index()
    words = words.assign(once=words["n"] < 2, size=words["effect"].abs())
    order = words.sort_values(["once", "size", "word"], ascending=[True, False, True], kind="stable")
    up, down = (order[sign * order["effect"] > 0].head(most) for sign in (1, -1))
    return _counted(up), _counted(down)


def _counted(words: pd.DataFrame) -> list[tuple[str, int]]:
    return [(str(word), int(n)) for word, n in zip(words["word"], words["n"], strict=True)]


def path_sizes(run: RunTables, variant: Variant) -> pd.DataFrame:
    """[seed group] mean over texts of the summed sizes of the paths of a group."""
    rows = run.of("path_sums", *variant)
    return rows.pivot_table(index="seed", columns="group", values="size", aggfunc="mean")


def listed_shares(run: RunTables, variant: Variant) -> pd.DataFrame:
    """By seed, what the listed terms are of a text's margin, medians over texts, with MLP → margin and without.

    Columns net, net_paths (Σ listed / margin), negative, negative_paths (share of texts in which that is below 0),
    size, size_paths (Σ |listed| / Σ |all terms|). *_paths: without the terms that go from an MLP straight to the
    margin, which are no paths through heads; they stay in what is divided by.
    """
    keys = ["seed", "example_id"]
    listed = run.of("paths", *variant)
    terms = listed.assign(contribution=listed["contribution"].astype(float), straight=is_straight(listed))
    terms = terms.assign(size=terms["contribution"].abs())
    whole = run.of("path_sums", *variant).groupby(keys)[["contribution", "size"]].sum().astype(float)
    whole = whole.replace(0, np.nan)
    if terms.empty or whole.empty:
        return pd.DataFrame(columns=["net", "net_paths", "negative", "negative_paths", "size", "size_paths"])
    found = {}
    for suffix, part in (("", terms), ("_paths", terms[~terms["straight"]])):
        sums = part.groupby(keys)[["contribution", "size"]].sum().reindex(whole.index, fill_value=0.0)
        net = sums["contribution"] / whole["contribution"]
        found[f"net{suffix}"] = net.groupby("seed").median()
        found[f"negative{suffix}"] = (net[net.notna()] < 0).groupby("seed").mean()
        found[f"size{suffix}"] = (sums["size"] / whole["size"]).groupby("seed").median()
    return pd.DataFrame(found)


def is_straight(paths: pd.DataFrame) -> pd.Series:
    """Which rows of the table of paths go from an MLP to the margin, through no head."""
    return paths["first"].astype(str).str.endswith(".mlp") & (paths["second"].astype(str) == "")


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


def twin_changes(run: RunTables, variant: Variant) -> pd.DataFrame:
    """A row a twin: seed, example_id, flips (the margin changes its sign), expected.

    expected: 1.0 where the margin moves away from the class that the swapped word leans to in the training texts,
    0.0 where it does not, NaN where the run's data folder does not tell the leaning.
    """
    keys = ["seed", "example_id"]
    rows = pick(run.of("patching", *variant), place="all").drop_duplicates(keys)
    texts = pick(run.of("texts", *variant), trained=True)[[*keys, "target"]]
    rows = rows.merge(texts, on=keys, how="left")
    known = leanings(run, variant[0])
    lean = np.array([known.get(pair, np.nan) for pair in zip(rows["target"], rows["word"], strict=True)], dtype=float)
    change = np.sign((rows["twin_margin"] - rows["margin"]).to_numpy(dtype=float))
    expected = np.where(np.isfinite(lean), (change == -np.sign(lean)).astype(float), np.nan)
    flips = np.sign(rows["margin"]) != np.sign(rows["twin_margin"])
    return rows[keys].assign(flips=flips, expected=expected)


def leanings(run: RunTables, dataset: str) -> dict[tuple[str, str], float]:
    """By (class, word): log odds ratio of the word in the training texts of the class; empty where it is not known."""
    path = run.folder / "data" / dataset / "opposites.json"
    names = run.cards.get(dataset, {}).get("class_names", [])
    if not names or not path.exists():
        return {}
    classes = json.loads(path.read_text(encoding="utf-8"))["classes"]
    return {
        (str(name), str(word)): float(polarity)
        for name, pairs in zip(names, classes, strict=False)
        for word, _, polarity, _ in pairs
    }


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
