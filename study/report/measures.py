"""Quantities the page derives from the tables: sums, means and shares, nothing that needs a model.

Where a quantity is computed per training seed, the page prints its range over seeds; intervals come only from
the estimates and accuracy tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.records import BIAS_KINDS
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.numbers import plural

BASES = {  # direct methods, the one that says most of the texts first, and what each head's number is
    "direct_centred": "centred contribution",
    "direct_beyond_empty": "contribution beyond the empty text",
    "direct_raw": "raw contribution",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A quantity computed once a seed: least and largest, and how many seeds."""

    low: float
    high: float
    n: int


def spread(values: pd.Series) -> Spread | None:
    """The range over seeds; None where there is no finite value."""
    finite = values.astype(float).dropna()
    return None if finite.empty else Spread(low=float(finite.min()), high=float(finite.max()), n=len(finite))


def estimate(run: RunTables, variant: Variant, metric: str, a: str, b: str, subset: str = "all") -> pd.Series | None:
    """One row of the estimates table, whichever way round the pair stands; None if missing or undefined."""
    rows = pick(run.of("estimates", *variant), metric=metric, subset=subset)
    same = (rows["method_a"] == a) & (rows["method_b"] == b)
    swapped = (rows["method_a"] == b) & (rows["method_b"] == a)
    rows = rows[same | swapped]
    return None if rows.empty or not np.isfinite(rows.iloc[0]["estimate"]) else rows.iloc[0]


def rivals(rows: pd.DataFrame, first: str) -> list[str]:
    """The other methods whose interval reaches that of `first`; without an interval nothing tells two apart.

    rows: estimates of one model, indexed by method.
    """
    return [str(m) for m, row in rows.iterrows() if m != first and not row["high"] < rows.loc[first, "low"]]


def rivals_text(numbers: Sequence[int]) -> str:
    """How many others a figure's title must name beside the first. numbers: of `rivals`, one a model."""
    low, high = min(numbers), max(numbers)
    if not high:
        return ""
    if not low:
        return f"; in part of the models intervals of up to {plural(high, 'other')} reach its own"
    span = plural(high, "other") if low == high else f"{low} to {high} others, by model,"
    return f"; the interval of {span} reaches its own" if high == 1 else f"; the intervals of {span} reach its own"


def largest_cell(table: pd.DataFrame) -> tuple[str, str, float]:
    """Row, column and value of the cell largest in size; NaN cells are passed over."""
    sizes = table.abs().to_numpy(dtype=float)
    row, column = np.unravel_index(int(np.nanargmax(sizes)), sizes.shape)
    return str(table.index[row]), str(table.columns[column]), float(table.iloc[int(row), int(column)])


def accuracy_row(run: RunTables, dataset: str, kind: str, model: str | None = None) -> pd.Series | None:
    """Accuracy over seeds: a model's, or a baseline's."""
    rows = pick(run.tables["accuracy"], dataset=dataset, kind=kind)
    rows = rows if model is None else pick(rows, model=model)
    over_seeds = rows[rows["seed"] == "all"]
    rows = over_seeds if len(over_seeds) else rows
    return None if rows.empty else rows.iloc[0]


def agreement_matrix(run: RunTables, variant: Variant, metric: str, methods: list[str]) -> np.ndarray:
    """[method method] estimates over all texts: `metric` below the diagonal, `<metric>_abs` (sizes) above it.

    NaN where there is none: methods whose scores have no sign are compared by size only.
    """
    matrix = np.full((len(methods), len(methods)), np.nan)
    for i, a in enumerate(methods):
        for j, b in enumerate(methods):
            row = estimate(run, variant, metric if j < i else f"{metric}_abs", a, b) if i != j else None
            matrix[i, j] = np.nan if row is None else row["estimate"]
    return matrix


def beyond_empty(run: RunTables, variant: Variant) -> pd.DataFrame:
    """The components table with `beyond` (contribution − empty contribution) and `group` (kinds, biases as one)."""
    rows = run.of("components", *variant)
    group = rows["kind_of_component"].where(~rows["kind_of_component"].isin(BIAS_KINDS), "bias")
    layer = rows["layer"].astype(float).where(group != "bias", -1).fillna(-1).astype(int)
    return rows.assign(beyond=rows["contribution"] - rows["empty_contribution"], group=group, layer=layer)


def kind_shares(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Share of Σ abs(beyond) by kind and layer: one row a seed, columns (group, layer) in the order of the model."""
    rows = beyond_empty(run, variant)
    if rows.empty:
        return pd.DataFrame()
    order = list(dict.fromkeys(zip(rows["group"], rows["layer"], strict=True)))
    order = [g for g in order if g[0] != "bias"] + [g for g in order if g[0] == "bias"]
    size = rows.assign(size=rows["beyond"].abs())
    table = size.pivot_table(index="seed", columns=["group", "layer"], values="size", aggfunc="sum")
    table = table.reindex(columns=pd.MultiIndex.from_tuples(order))
    return table.div(table.sum(axis=1), axis=0)


def head_sizes(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Per seed and head: mean absolute direct contribution over texts, and its share of all heads'.

    Columns seed, component, layer, head, those of BASES (NaN for a method that the run lacks), share (of the sizes
    named by `basis_of`; NaN where all are 0), rank within the seed.
    """
    place = ["seed", "component", "layer", "head"]
    rows = run.of("heads", *variant)
    rows = rows[rows["method"].isin(list(BASES)) & rows["score"].notna()]
    if rows.empty:
        return pd.DataFrame(columns=[*place, *BASES, "share", "rank"])
    rows = rows.assign(size=rows["score"].abs())
    table = rows.pivot_table(index=place, columns="method", values="size")
    table = table.reindex(columns=list(BASES)).reset_index()
    sizes = table[basis_of(table)]
    table["share"] = sizes / sizes.groupby(table["seed"]).transform("sum").replace(0, np.nan)
    rank = table.groupby("seed")["share"].rank(ascending=False, method="first", na_option="bottom")
    return table.assign(rank=rank.astype(int)).sort_values(["seed", "rank"]).reset_index(drop=True)


def basis_of(sizes: pd.DataFrame) -> str:
    """The direct method of which `head_sizes` takes the shares: the first of BASES that the run has."""
    return next((method for method in BASES if sizes[method].notna().any()), next(iter(BASES)))


def row_sizes(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Per seed, text and word of the SHAP crosswalk, logits: `written` (Σ of cell sizes), `score` (size of row sum)."""
    cells = pick(run.of("crosswalk", *variant), method=run.shap, kind="direct")
    cells = cells[cells["value"].notna()].assign(written=cells["value"].abs())
    keys = ["seed", "example_id", "word_index"]
    rows = cells.groupby(keys).agg(word=("word", "first"), written=("written", "sum"), score=("value", "sum"))
    return rows.assign(score=rows["score"].abs()).reset_index()


def hidden_by_seed(run: RunTables, variant: Variant) -> pd.Series:
    """Per seed: the share of what the components write for words that other components cancel (SHAP crosswalk)."""
    rows = row_sizes(run, variant)
    total = rows.groupby("seed")[["written", "score"]].sum()
    return 1 - total["score"] / total["written"].replace(0, np.nan)


def global_words(run: RunTables, variant: Variant, most: int = 12) -> tuple[pd.DataFrame, int]:
    """Mean SHAP and LIME score of the words that count most, and in how many texts a word must stand.

    A text counts once per word, with the mean over its occurrences; every text and seed counts alike. Indexed by
    word, columns the methods, `n_texts` last; the `most` largest on either side, most negative first.
    """
    rows = pick(run.of("features", *variant), trained=True)
    rows = rows[rows["method"].isin([run.shap, LIME]) & rows["score"].notna()]
    if rows.empty:
        return pd.DataFrame(), 0
    per_text = rows.groupby(["word", "method", "seed", "example_id"])["score"].mean().reset_index()
    table = per_text.pivot_table(index="word", columns="method", values="score", aggfunc="mean")
    table = table[[m for m in (run.shap, LIME) if m in table]]
    table["n_texts"] = rows.groupby("word")["example_id"].nunique()
    least = least_texts(table["n_texts"], most)
    table = table[table["n_texts"] >= least]
    order = (
        table.assign(key=table.iloc[:, 0]).reset_index().sort_values(["key", "word"], kind="stable").set_index("word")
    )
    ends = order[order["key"] < 0].head(most), order[order["key"] > 0].tail(most)
    return pd.concat(ends).drop(columns="key"), least


def least_texts(n_texts: pd.Series, most: int = 12) -> int:
    """In how many texts a word must stand to be ranked over all: up to 5, so far as 6 times `most` words are left."""
    return next((n for n in (5, 4, 3, 2) if (n_texts >= n).sum() >= 6 * most), 1)


def head_profiles(run: RunTables, variant: Variant, words: list[str]) -> dict[str, pd.DataFrame]:
    """By seed: [word head] mean cell of the SHAP crosswalk over the word's occurrences."""
    rows = pick(run.of("crosswalk", *variant), method=run.shap, kind="direct")
    heads = list(dict.fromkeys(run.of("heads", *variant)["component"]))
    rows = rows[rows["component"].isin(heads) & rows["word"].isin(words)]
    found = {}
    for seed, part in rows.groupby("seed", sort=True):
        table = part.pivot_table(index="word", columns="component", values="value", aggfunc="mean")
        found[str(seed)] = table.reindex(index=words, columns=heads)
    return found


def agreement_by_text(run: RunTables, variant: Variant, metric: str = "spearman") -> pd.DataFrame:
    """One row a text: SHAP–LIME agreement, mean over seeds, with n_words and exact (was SHAP; NaN if not known)."""
    rows = pick(run.of("measurements", *variant), metric=metric)
    pair = rows["method_a"].isin([run.shap, LIME]) & rows["method_b"].isin([run.shap, LIME])
    rows = rows[pair & rows["value"].notna()]
    texts = pick(run.of("texts", *variant), trained=True).drop_duplicates("example_id").set_index("example_id")
    means = rows.groupby("example_id")["value"].mean().rename("value").reset_index()
    means["n_words"] = means["example_id"].map(texts["n_words"]).astype(float)
    shap = pick(run.of("features", *variant), trained=True, method=run.shap)
    means["exact"] = means["example_id"].map((shap["estimator"] == "exact").groupby(shap["example_id"]).all())
    return means.dropna(subset=["n_words"]).sort_values(["n_words", "example_id"]).reset_index(drop=True)


def confusion(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Explained texts by label and prediction: n (texts × seeds), abs_margin, and mean SHAP–LIME Spearman."""
    texts = pick(run.of("texts", *variant), trained=True)
    if texts.empty:
        return pd.DataFrame()
    rows = pick(run.of("measurements", *variant), metric="spearman")
    pair = rows["method_a"].isin([run.shap, LIME]) & rows["method_b"].isin([run.shap, LIME])
    value = rows[pair][["seed", "example_id", "value"]]
    merged = texts.merge(value, on=["seed", "example_id"], how="left").assign(
        abs_margin=texts["margin"].abs().to_numpy()
    )
    group = merged.groupby(["label", "predicted"], sort=True)
    return group.agg(
        n=("example_id", "size"), abs_margin=("abs_margin", "mean"), agreement=("value", "mean")
    ).reset_index()
