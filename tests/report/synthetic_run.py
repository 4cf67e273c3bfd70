"""A run folder with invented numbers that obey the identities of a real one."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pandas as pd
import yaml

from study.config import StudyConfig
from tests.report.synthetic_rows import Writer
from tests.report.synthetic_shape import Shape, make_config


def write_synthetic_run(folder: Path, shape: Shape | None = None) -> StudyConfig:
    """Writes a whole run folder and returns its config."""
    shape = shape or Shape()
    config = make_config(shape)
    writer = Writer(shape)
    for (model, d_mlp), seed in itertools.product(shape.models, shape.seeds):
        writer.cell(model, d_mlp, seed)
    writer.estimates()
    writer.summaries()
    writer.walkthrough()
    (folder / "tables").mkdir(parents=True)
    for name, rows in writer.rows.items():
        frame = pd.DataFrame(rows)
        frame.to_parquet(folder / "tables" / f"{name}.parquet", index=False)
        frame.to_csv(folder / "tables" / f"{name}.csv", index=False)
    pd.DataFrame(writer.cost).to_csv(folder / "cost.csv", index=False)
    (folder / "config.resolved.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    write_json_files(folder, shape)
    return config


def write_json_files(folder: Path, shape: Shape) -> None:
    names = ("attention views", "components sum to margin", "fast game", "shap efficiency", "crosswalk rows", "padding")
    gates = [
        {
            "name": n,
            "value": 3e-6 * (k + 1),
            "tolerance": 1e-4,
            "passed": True,
            "where": "t003",
            "cell": f"reviews-{m}-s0",
        }
        for k, n in enumerate(names)
        for m, _ in shape.models
    ]
    if shape.broken_gate:
        gates[0].update(value=0.2, passed=False)
    manifest = {
        "schema_version": 1,
        "config_hash": "0123456789abcdef0123",
        "code_digest": "fedcba9876543210",
        "git_revision": "89abcdef0123",
        "git_dirty": True,
        "packages": {"torch": "2.13.0", "shap": "0.51.0"},
        "machine": {"platform": "Linux", "cpus": 2},
        "wall_seconds": 512.0,
    }
    card = {"source": "synthetic sentences", "licence": "our own", "train": 6530, "test": 1000, "sha256": "ab" * 32}
    (folder / "gates.json").write_text(json.dumps(gates))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "data" / "reviews").mkdir(parents=True)
    (folder / "data" / "reviews" / "card.json").write_text(json.dumps(card))
