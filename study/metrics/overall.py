"""From single texts to the whole data set: which words, which heads, and which words each head carries.

Heads are never averaged by index over seeds: within a layer they are exchangeable, L0H0 of one training
run is not L0H0 of another. Across seeds only sorted shares are pooled.
"""

from __future__ import annotations

import pandas as pd

from study.metrics.compare import CELL


def global_words(features: pd.DataFrame, min_texts: int = 2) -> pd.DataFrame:
    """Mean |score| and mean score of every word found in at least `min_texts` texts, by data set, model, method.

    A text counts once per word, with the mean over its occurrences, and every text and seed counts alike.
    Columns: dataset, model, method, word, mean_abs_score, mean_score, n_texts; largest |score| first.
    """
    scored = features[features["trained"].astype(bool) & features["score"].notna()]
    scored = scored.assign(abs_score=scored["score"].abs())
    text = ["dataset", "model", "method", "word"]
    per_text = scored.groupby([*text, "seed", "example_id"], sort=False)[["abs_score", "score"]].mean().reset_index()
    words = per_text.groupby(text, sort=False).agg(
        mean_abs_score=("abs_score", "mean"), mean_score=("score", "mean"), n_texts=("example_id", "nunique")
    )
    words = words[words["n_texts"] >= min_texts].reset_index()
    order = ["dataset", "model", "method", "mean_abs_score", "word"]
    return words.sort_values(order, ascending=[True, True, True, False, True], ignore_index=True)


def global_heads(heads: pd.DataFrame) -> pd.DataFrame:
    """Mean |score| and mean score of every head over texts, and its share of the heads' sum, for each seed.

    heads: the table of that name. Columns: dataset, model, seed, method, kind, ablation, component, layer,
    head, mean_abs_score, mean_score, share, n_texts. share is NaN where all heads are zero.
    """
    group = [*CELL, "method", "kind", "ablation"]
    table = heads.assign(abs_score=heads["score"].abs())
    means = (
        table.groupby([*group, "component", "layer", "head"], sort=False)
        .agg(mean_abs_score=("abs_score", "mean"), mean_score=("score", "mean"), n_texts=("example_id", "nunique"))
        .reset_index()
    )
    total = means.groupby(group)["mean_abs_score"].transform("sum")
    means["share"] = means["mean_abs_score"] / total.where(total > 0)
    order = [*group, "component", "layer", "head", "mean_abs_score", "mean_score", "share", "n_texts"]
    return means[order]


def head_concentration(global_heads_table: pd.DataFrame) -> pd.DataFrame:
    """Share of the largest head, the second, ..., over seeds: how few heads do the work, whichever they are.

    Sorted within each seed, then pooled by rank. Columns: dataset, model, method, kind, ablation, rank
    (1 the largest), mean_share, lowest_share, highest_share (over seeds, no interval), n_seeds.
    """
    group = ["dataset", "model", "method", "kind", "ablation"]
    rank = global_heads_table.groupby([*group, "seed"])["share"].rank(method="first", ascending=False)
    ranked = global_heads_table.assign(rank=rank)
    ranked = ranked[ranked["rank"].notna()].astype({"rank": int})
    return (
        ranked.groupby([*group, "rank"])
        .agg(
            mean_share=("share", "mean"),
            lowest_share=("share", "min"),
            highest_share=("share", "max"),
            n_seeds=("seed", "nunique"),
        )
        .reset_index()
    )


def head_words(crosswalk: pd.DataFrame, top: int = 10) -> pd.DataFrame:
    """The words whose effect each component writes most, for each seed: largest sum of |cell| over texts first.

    crosswalk: the table of that name; filter it to heads to see heads only. Columns: dataset, model, seed,
    method, kind, component, rank, word, total_abs_value, mean_value (signed, per occurrence), n_occurrences.
    """
    group = [*CELL, "method", "kind", "component"]
    cells = crosswalk[crosswalk["value"].notna()]
    words = (
        cells.assign(abs_value=cells["value"].abs())
        .groupby([*group, "word"], sort=False)
        .agg(total_abs_value=("abs_value", "sum"), mean_value=("value", "mean"), n_occurrences=("value", "size"))
        .reset_index()
        .sort_values([*group, "total_abs_value", "word"], ascending=[True] * len(group) + [False, True])
    )
    words["rank"] = words.groupby(group).cumcount() + 1
    columns = [*group, "rank", "word", "total_abs_value", "mean_value", "n_occurrences"]
    return words.loc[words["rank"] <= top, columns].reset_index(drop=True)
