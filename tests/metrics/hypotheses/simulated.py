"""Joined tables of a run in which a hypothesis is true, false or undecided, by a number: the strength of its effect."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.config import DatasetConfig, HypothesisConfig, ModelConfig, StudyConfig
from study.crosswalk.rows import cancellation
from study.metrics.compare import COLUMNS as MEASUREMENT
from study.metrics.hypotheses.judge import judge_hypotheses

SEEDS = (0, 1, 2)
SMALLEST = {"H1": 0.3, "H2": 0.1, "H3": 0.3, "H4": 0.1, "H5": 0.3, "H6": 0.02}
BAND = {name: 0.01 if name == "H6" else 0.1 for name in SMALLEST}


def make_config(*hypotheses, datasets=("reviews",), tasks=(), models=("m",)):
    """datasets: without a task; tasks: planted ones of that name."""
    wanted = [HypothesisConfig(name=h, smallest_effect=SMALLEST[h], equivalence_band=BAND[h]) for h in hypotheses]
    return StudyConfig(
        name="simulated",
        seeds=SEEDS,
        datasets=(
            *(DatasetConfig(name=name, source="x") for name in datasets),
            *(DatasetConfig(name=name, source="planted", task=name) for name in tasks),
        ),
        models=tuple(ModelConfig(name=name) for name in models),
        hypotheses=tuple(wanted),
    )


def confirmatory(name, tables, **config):
    """Rows by part of the pooled hypothesis; "" is the hypothesis itself."""
    found = judge_hypotheses(tables, make_config(name, **config), cancellation)
    pooled = found[(found["dataset"] == "") & (found["model"] == "")]
    return pooled.set_index("part")


def make_cells(n_texts, datasets=("reviews",), models=("m",), seeds=SEEDS):
    """[dataset model seed example_id], one row a text and seed; the text is the same in every model and seed."""
    return pd.DataFrame(
        [
            {"dataset": d, "model": m, "seed": s, "example_id": f"{d}-{i:04d}", "number": i}
            for d in datasets
            for m in models
            for s in seeds
            for i in range(n_texts)
        ]
    )


def per_text(cells, rng):
    """[row]: a standard normal number for each text, the same in all its rows."""
    codes, texts = pd.factorize(cells["example_id"])
    return rng.normal(size=len(texts))[codes]


def mixed(x, strength, rng):
    """[row]: correlated with x (both standard normal) by `strength`."""
    return strength * x + np.sqrt(1 - strength**2) * rng.normal(size=np.shape(x))


def measured(cells, metric, method_a, method_b, value):
    return cells.assign(metric=metric, method_a=method_a, method_b=method_b, value=value)[MEASUREMENT]


def of_texts(cells, **columns):
    return cells.drop(columns="number").assign(**columns)


def additivity_tables(strength, rng, n_texts=60, **where):
    """H1, first part."""
    cells = make_cells(n_texts, **where)
    x = per_text(cells, rng)
    return {
        "measurements": measured(cells, "spearman", "shapley", "lime", mixed(x, strength, rng)),
        "additivity": of_texts(cells, n_words=9, additive_share=x, n_masks=500),
    }


def correctness_tables(strength, rng, n_texts=500, tasks=("single", "order")):
    """H1 on planted tasks: agreement follows additivity, and correctness follows agreement by `strength`."""
    tables = additivity_tables(0.8, rng, n_texts, datasets=tasks)
    cells = make_cells(n_texts, datasets=tasks)
    share = mixed(tables["measurements"]["value"].to_numpy(), strength, rng)
    scores = [
        of_texts(cells, unit="words", method=method, metric="attribution_share_score", value=share)
        for method in ("shapley", "lime")
    ]
    return {**tables, "truth_scores": pd.concat(scores), "verification": verified(cells)}


def verified(cells, *, passed=True):
    where = cells[["dataset", "model", "seed"]].drop_duplicates()
    return where.assign(check="accuracy", value=1.0, low=0.99, high=1.0, passed=passed)


def null_word_tables(on_null, rng, n_texts=30, n_words=10, n_truth=None):
    """H2: the share on_null[task] of what parts SHAP and LIME is on null words; 2 words decide, or n_truth[task].

    Both have half their size on either kind of word, moved about within a kind, so that normalising changes nothing.
    """
    parts, truth = [], []
    for task, share in on_null.items():
        cells, k = make_cells(n_texts, datasets=(task,)), (n_truth or {}).get(task, 2)
        shap = np.concatenate([np.full(k, 0.5 / k), np.full(n_words - k, 0.5 / (n_words - k))])
        here = np.clip(share + rng.normal(0, 0.03, len(cells)), 0.01, 0.99)[:, None]
        moved = np.concatenate([(1 - here) / k * np.ones(k), here / (n_words - k) * np.ones(n_words - k)], axis=1)
        turns = np.where(np.arange(n_words) % 2, 1, -1)
        lime = (shap + 0.05 * moved * turns) * rng.uniform(0.5, 3, (len(cells), 1))  # scales do not matter
        parts += [of_words(cells, n_words, method="shapley", score=np.tile(shap, (len(cells), 1)))]
        parts += [of_words(cells, n_words, method="lime", score=lime)]
        here = of_words(cells[cells["seed"] == SEEDS[0]], n_words)[["dataset", "example_id", "word_index", "word"]]
        truth.append(here.assign(relevant=here["word_index"] < k, oracle=0.0))
    everywhere = make_cells(1, datasets=tuple(on_null))
    features = pd.concat(parts, ignore_index=True)
    return {"features": features, "truth_words": pd.concat(truth), "verification": verified(everywhere)}


def of_words(cells, n_words, *, method=None, **columns):
    """One row a word of every text; columns: [text word]."""
    rows = cells.drop(columns="number", errors="ignore")
    rows = rows.loc[rows.index.repeat(n_words)].assign(trained=True, word_index=list(range(n_words)) * len(cells))
    rows = rows.assign(word="w" + rows["word_index"].astype(str), method=method)
    return rows.assign(**{name: np.asarray(values).ravel() for name, values in columns.items()})


def indirectness_tables(strength, rng, n_texts=40, n_heads=8):
    """H3: the gap of a head follows its share through later layers, by `strength` in ranks."""
    cells = make_cells(n_texts)
    heads = cells.loc[cells.index.repeat(n_heads)].assign(
        component=[f"L{h // 4}H{h % 4}" for h in range(n_heads)] * len(cells)
    )
    latent = rng.normal(size=len(heads))
    share = 1 / (1 + np.exp(-latent))
    gap = 1 / (1 + np.exp(-mixed(latent, strength, rng)))
    size = rng.uniform(1, 3, len(heads))
    direct = of_texts(heads, method="direct_centred", score=size * (1 - gap))  # |a - d| / (a + d) = gap
    ablation = of_texts(heads, method="ablation_mean", score=size * (1 + gap))
    return {
        "heads": pd.concat([direct, ablation]),
        "head_paths": of_texts(heads, direct_weight=1 - share, through_later=share),
        "texts": of_texts(cells, trained=True, margin=1.0, empty_margin=0.0),
    }


def cancellation_tables(strength, rng, n_texts=40, n_words=10):
    """H4: of words with sizes of their own, LIME's deviation and its sign follow the cancellation by `strength`.

    Cells of a word: (score + spread) / 2 and (score - spread) / 2, so kappa is spread / |score| where that is larger.
    """
    cells = make_cells(n_texts)
    shape = (len(cells), n_words)
    score = rng.choice([-1, 1], shape) * np.exp(rng.normal(size=shape))
    latent = rng.normal(size=shape)
    spread = np.abs(score) * (1 + np.exp(latent))
    crosswalk = [
        of_words(cells, n_words, method="shapley", value=(score + side * spread) / 2).assign(kind="direct", component=k)
        for k, side in (("L0H0", 1), ("L0H1", -1))
    ]
    flip = np.where(mixed(latent, strength, rng) > 0.5, -1, 1)
    features = [of_words(cells, n_words, method=m, score=s) for m, s in (("shapley", score), ("lime", score * flip))]
    steady = of_words(cells, n_words, method="lime", score_sd=np.exp(mixed(latent, strength, rng)))
    other = crosswalk[0].assign(kind="causal", value=rng.normal(size=len(crosswalk[0])))  # not what is asked for
    return {
        "crosswalk": pd.concat([*crosswalk, other], ignore_index=True),
        "features": pd.concat(features, ignore_index=True),
        "word_stability": steady.drop(columns="trained").reset_index(drop=True),
        "texts": of_texts(cells, trained=True, margin=1.0, empty_margin=0.0),
    }


def redundancy_tables(strength, rng, n_texts=60, **where):
    """H5: the three ablations differ the more, the larger the interactions."""
    cells = make_cells(n_texts, **where)
    x = per_text(cells, rng)
    differ, turn = mixed(x, strength, rng), rng.choice([-1, 1], len(cells))
    names = ("ablation_zero", "ablation_mean", "ablation_resample")
    pairs = ((0, 1), (0, 2), (2, 1))  # the last in the other order
    agree = [
        measured(cells, "head_spearman", names[a], names[b], -differ + shift)
        for (a, b), shift in zip(pairs, (0.1, -0.1, 0.0), strict=True)
    ]
    interactions = [  # of either sign, so that their mean says nothing of their size
        of_texts(cells, component_a="L0H0", component_b=f"L1H{i}", value=0.0, margin_value=side * turn * np.exp(x))
        for i, side in enumerate((1, -0.5, -0.2))
    ]
    return {"measurements": pd.concat(agree), "interactions": pd.concat(interactions)}


def budget_tables(strength, rng, n_texts=60, noise=0.02):
    """H6: the fixed budget loses `strength` of agreement with every ten words, the growing one nothing."""
    cells = make_cells(n_texts)
    n_words = (8 + cells["number"] % 20).astype(int)
    fixed = 0.9 - strength * n_words / 10 + rng.normal(0, noise, len(cells))
    growing = 0.9 + rng.normal(0, noise, len(cells))
    parts = [
        of_texts(cells, n_words=n_words, rule=rule, n_evals=512, metric="spearman", value=value)
        for rule, value in (("fixed", fixed), ("per word", growing))
    ]
    return {"budgets": pd.concat(parts, ignore_index=True)}
