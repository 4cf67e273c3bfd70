"""Small finished run folders to be compared: real files, made-up numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study import ledger
from study.config import StudyConfig
from study.config.loading import deciding_settings, dump_config, parse_config
from study.ledger.manifest import SCHEMA_VERSION
from study.ledger.markers import Marker, write_marker
from study.metrics.estimates import crossed_estimate, crossed_groups
from study.seeds import rng_of

CONFIG = """\
name: {name}
seeds: [0, 1, 2]
datasets: [{{name: {dataset}, source: rotten_tomatoes, split_seed: {split_seed}}}]
models: [{{name: {model}}}]
explain: {{lime_samples: {lime_samples}}}
"""
PAIRS = (("shapley", "lime"), ("shapley", "occlusion"))
KEYS = ["dataset", "model", "metric", "method_a", "method_b"]
COLUMNS = ["estimate", "low", "high", "level", "n_examples", "n_seeds", "n_undefined"]


def write_run(results: Path, name: str, **changes: Any) -> tuple[Path, StudyConfig]:
    """A finished run of 3 seeds and 12 texts; changes: of settings, `lime` and `noise` (added to values), manifest."""
    settings = {"dataset": "reviews", "model": "mlp", "split_seed": 0, "lime_samples": 512}
    settings |= {key: changes[key] for key in settings if key in changes}
    config = parse_config(CONFIG.format(name=name, **settings), "CONFIG")
    folder, dataset, model = results / name, str(settings["dataset"]), str(settings["model"])
    texts = [f"t{i}" for i in range(12)]
    text_prefix = changes.get("text_prefix", "text")
    frame = pd.DataFrame(
        {"split": "test", "example_id": texts, "text": [f"{text_prefix} {t}" for t in texts], "label": 0}
    )
    ledger.write_frame(folder / "data" / dataset / "texts.parquet", frame)
    rows: list[tuple[Any, ...]] = []
    for seed in (0, 1, 2):
        rng = rng_of("predictions", seed)
        predicted = rng.integers(0, 2, len(texts)) if "right" not in changes else np.zeros(len(texts), dtype=int)
        cell = folder / "cells" / f"{dataset}-{model}-s{seed}"
        ledger.write_frame(
            cell / "predictions.parquet", pd.DataFrame({"example_id": texts, "label": 0, "predicted": predicted})
        )
        for a, b in PAIRS:
            values = 0.6 + 0.05 * rng_of("values", seed, a, b).normal(size=len(texts))
            noise = changes.get("noise", 0.0) * rng_of(name, seed, b).normal(size=len(texts))
            values = values + noise + (changes.get("lime", 0.0) if b == "lime" else 0.0)
            rows += [(dataset, model, seed, t, "spearman", a, b, v) for t, v in zip(texts, values, strict=True)]
    measured = pd.DataFrame(
        rows, columns=["dataset", "model", "seed", "example_id", "metric", "method_a", "method_b", "value"]
    )
    estimates = [
        (*key, "all", *crossed_estimate(values, 0.95, np.random.default_rng(0)))
        for key, _, _, values in crossed_groups(measured, KEYS)
    ]
    ledger.write_frame(folder / "tables" / "measurements.parquet", measured)
    ledger.write_frame(
        folder / "tables" / "estimates.parquet", pd.DataFrame(estimates, columns=[*KEYS, "subset", *COLUMNS])
    )
    mark_tables(folder)
    ledger.write_text(folder / ledger.CONFIG_FILE, dump_config(config))
    manifest = {"schema_version": SCHEMA_VERSION, "state": "finished", "config": deciding_settings(config)}
    manifest |= {"seeds": [0, 1, 2], "packages": {"numpy": "2"}, "data": {}, "machine": {}}
    ledger.write_json(folder / ledger.MANIFEST_FILE, manifest | changes.get("manifest", {}))
    return folder, config


def mark_tables(folder: Path, **ingredients: Any) -> None:
    """Leaves the marker of the stage that wrote the tables as they are now."""
    tables = sorted((folder / "tables").iterdir())
    outputs = {path.relative_to(folder).as_posix(): ledger.sha256_of(path) for path in tables}
    write_marker(folder, "compare", Marker(state="done", key="k", ingredients=ingredients, outputs=outputs))
