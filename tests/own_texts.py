"""Sentences of our own, made from small parts, for tests that train and explain real models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

GOOD = ("splendid", "warm", "clever", "tender", "bright", "lively")
BAD = ("dreary", "clumsy", "stale", "hollow", "noisy", "bleak")
PLAIN = ("long", "short", "new", "local", "quiet", "recent")
THINGS = ("tale", "story", "picture", "comedy", "scene", "cast", "ending", "score")
MARKUP = "a <script>alert('words & heads')</script> splendid tale"


def make_rows(n_classes: int = 2) -> list[dict[str, Any]]:
    """Labelled sentences, balanced over `bad`, `good` and, for three classes, `plain`."""
    kinds = {"bad": BAD, "good": GOOD, "plain": PLAIN}
    rows = []
    for label in list(kinds)[:n_classes]:
        for i, word in enumerate(kinds[label]):
            for j, thing in enumerate(THINGS):
                ending = ("in the end", "all the same", "for once", "again , and again")[(i + j) % 4]
                rows.append({"text": f"the {word} {thing} is {kinds[label][(i + j) % 6]} {ending} .", "label": label})
    rows.append({"text": MARKUP, "label": "good"})
    return [{"id": f"own-{i:03d}", **row} for i, row in enumerate(rows)]


def write_study(folder: Path, *, n_classes: int = 2, **settings: Any) -> Path:
    """A tiny study on these sentences in `folder`; the config's path. settings replace whole sections."""
    data = folder / "own.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in make_rows(n_classes)))
    config = {
        "name": "tiny",
        "seeds": [0],
        "datasets": [
            {
                "name": "own",
                "source": "files",
                "path": str(data),
                "id_column": "id",
                "validation_size": 12,
                "test_size": 18,
            }
        ],
        "models": [{"name": "mlp", "n_heads": 2, "d_model": 8, "d_mlp": 16, "max_words": 12}],
        "training": {"max_epochs": 2, "min_steps": 0, "batch_size": 16, "learning_rate": 0.01},
        "explain": {
            "n_texts": 18,
            "exact_limit": 8,
            "shapley_evals": 64,
            "shap_evals": 64,
            "lime_samples": 60,
            "ig_steps": 8,
            "chunk_size": 32,
            "reference_size": 20,
            "untrained_texts": 3,
        },
        "heads": {"causal_texts": 6, "patching_texts": 6, "lime_samples": 60, "resample_draws": 2, "top_neurons": 4},
        "evaluate": {
            "n_texts": 3,
            "infidelity_samples": 10,
            "repeats": 2,
            "edits": 1,
            "sanity_texts": 1,
            "additivity_masks": 64,
            "fixed_evals": 96,
        },
        "report": {"n_texts": 2},
        "runtime": {"workers": 2},
        **settings,
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
