"""A small finished run on sentences of our own, made in this process: data, models, explanations, heads; no report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from study import ledger, pipeline, tables
from study.config.loading import dump_config, load_config
from study.ledger.markers import Marker, write_marker
from study.running.plan import allowed_names, build_tasks
from study.stages import STAGES, StageContext
from tests.own_texts import write_study

METHODS = ("shapley", "lime", "occlusion", "gradient_x_input", "rollout", "random")  # not shap: slow to import
MADE = ("data", "train", "explain", "dissect")
SETTINGS: dict[str, Any] = {
    "models": [
        {"name": "mlp", "n_heads": 2, "d_model": 8, "d_mlp": 16, "max_words": 12},
        {"name": "short", "n_heads": 2, "d_model": 8, "d_mlp": 0, "max_words": 7, "n_seeds": 1},
    ],
    "seeds": [0, 1, 2],
    "evaluate": {"measures": []},
}
SURE = {"n_test": 18, "low": 0.1, "high": 0.9, "level": 0.95, "n_seeds": 1}  # of every accuracy
ACCURACY = {0: 0.9, 1: 0.5, 2: 0.7}  # by seed: seed 2 is the median


def make_run(
    folder: Path, accuracy: dict[int, float] = ACCURACY, *, overrides: Sequence[str] = (), **settings: Any
) -> Path:
    """The folder of a finished run `tiny` in `folder`/results; settings replace sections, overrides single keys."""
    wanted = (
        f"explain.methods=[{', '.join(METHODS)}]",
        "explain.n_texts=4",
        "explain.untrained_texts=2",
        "heads.causal_texts=3",
        *overrides,
    )
    config = load_config(write_study(folder, **(SETTINGS | settings)), wanted, allowed_names())
    run = folder / "results" / "tiny"
    for task in build_tasks(config, [stage for stage in STAGES if stage.name in MADE]):
        context = StageContext(
            config=config,
            run_folder=run,
            folder=run / task.folder,
            progress=lambda done, total, text: None,
            dataset=task.dataset,
            model=task.model,
            seed=task.seed,
        )
        written = getattr(pipeline, task.stage.function.partition(":")[2])(context)
        outputs = {name: ledger.sha256_of(context.folder / name) for name in written}
        write_marker(context.folder, task.stage.name, Marker(state="done", key="", ingredients={}, outputs=outputs))
    for name, frame in tables.join_cells(run, config).items():
        ledger.write_frame(run / "tables" / f"{name}.parquet", frame)
    rows = [
        {"dataset": "own", "model": model.name, "seed": str(seed), "kind": "model", "accuracy": value}
        for model in config.models
        for seed, value in [*accuracy.items(), ("all", 0.99)]
    ]
    ledger.write_frame(run / "tables" / "accuracy.csv", pd.DataFrame(rows).assign(**SURE))
    ledger.write_text(run / ledger.CONFIG_FILE, dump_config(config))
    ledger.write_json(run / ledger.MANIFEST_FILE, {"state": "finished"})
    return run
