"""A sweep of made-up measurements whose trends are known, and its config."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.cells import points
from study.config import StudyConfig
from study.config.loading import parse_config

CONFIG = """
name: made-up
seeds: [0, 1, 2]
datasets: [{name: reviews, source: rotten_tomatoes}]
models:
  - {name: base, n_layers: 2, n_heads: 4, d_model: 64, d_mlp: 256}
  - {name: shallow, n_layers: 1, n_heads: 4, d_model: 64, d_mlp: 256}
  - {name: deep, n_layers: 4, n_heads: 4, d_model: 64, d_mlp: 256}
  - {name: many-heads, n_layers: 2, n_heads: 8, d_model: 64, d_mlp: 256}
  - {name: narrow, n_layers: 2, n_heads: 4, d_model: 32, d_mlp: 128}
sweep: {removals: [mask, delete], budgets: [256, 1024], n_texts: 9}
"""
N_TEXTS = 9
COLUMNS = [
    *("dataset", "model", "seed", "removal", "budget", "example_id", "n_words", "metric", "method_a", "method_b"),
    "value",
]
PER_DOUBLING = {"depth": -0.05, "heads": 0.03, "width": 0.01, "budget": 0.02, "length": -0.07}
BY_DELETE = -0.1
AGREEMENT = ("spearman", "shapley", "lime")


def made_up_config(text: str = CONFIG) -> StudyConfig:
    return parse_config(text, "CONFIG")


def n_words_of(text: int) -> int:
    return 4 + 3 * text


def made_up_measurements(config: StudyConfig, *, noise: float = 0.0) -> pd.DataFrame:
    """Spearman with the slopes of PER_DOUBLING, seed and text effects; heads that only depth changes; faithfulness.

    noise: standard deviation of what is left over, the same for the same key.
    """
    rng = np.random.default_rng(0)
    rows = []
    for point in points(config).values():
        model = point.model
        size = {
            "depth": model.n_layers,
            "heads": model.n_heads,
            "width": model.d_model,
            "budget": point.budget,
        }
        for text in range(N_TEXTS):
            n_words = n_words_of(text)
            value = 0.9 + 0.002 * point.seed + BY_DELETE * (point.removal == "delete")
            value += sum(PER_DOUBLING[axis] * np.log2(at) for axis, at in (size | {"length": n_words}).items())
            key = (point.dataset.name, model.name, point.seed, point.removal, point.budget, f"t{text}", n_words)
            rows.append((*key, *AGREEMENT, value + noise * rng.normal()))
            rows.append((*key, "effective_heads", "head_shapley", "", float(model.n_layers)))
            for method in ("shapley", "lime"):
                faithful = 0.8 + noise * rng.normal()
                rows.append((*key, "comprehensiveness_normalised_score_own", method, "", faithful))
    return pd.DataFrame(rows, columns=COLUMNS)
