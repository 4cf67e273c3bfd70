"""Small tables of explanations, as the pipeline writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

METHODS = ("shap", "lime", "attention")


def make_features(n_texts: int = 3, n_words: int = 6, seeds: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    """Random scores of three methods, trained and untrained; the last word of every text has none."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "dataset": "d", "model": "m", "seed": seed, "trained": trained, "example_id": f"e{text}",
            "word_index": word, "word": f"w{word}", "unknown": False, "method": method, "estimator": "x",
            "score": np.nan if word == n_words - 1 else rng.normal(), "n_evals": 1,
        }
        for seed in seeds
        for trained in (True, False)
        for text in range(n_texts)
        for method in METHODS
        for word in range(n_words)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def make_texts(predicted: dict[tuple[int, str], str]) -> pd.DataFrame:
    """The texts table with label "pos" everywhere; predicted by (seed, example_id)."""
    rows = [
        {"dataset": "d", "model": "m", "seed": seed, "trained": True, "example_id": example_id,
         "label": "pos", "predicted": answer}
        for (seed, example_id), answer in predicted.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def make_measurements(values: dict[tuple[int, str], float], metric: str = "spearman") -> pd.DataFrame:
    """One metric of one pair, by (seed, example_id)."""
    rows = [
        {"dataset": "d", "model": "m", "seed": seed, "example_id": example_id, "metric": metric,
         "method_a": "shap", "method_b": "lime", "value": value}
        for (seed, example_id), value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def make_crosswalk(cells: np.ndarray, words: list[str], seed: int = 0, example_id: str = "e0") -> pd.DataFrame:
    """The crosswalk table of one text by SHAP; cells [word component]."""
    rows = [
        {"dataset": "d", "model": "m", "seed": seed, "example_id": example_id, "word_index": i, "word": word,
         "component": f"L0H{k}", "method": "shap", "kind": "direct", "value": cells[i, k]}
        for i, word in enumerate(words)
        for k in range(cells.shape[1])
    ]  # fmt: skip
    return pd.DataFrame(rows)
