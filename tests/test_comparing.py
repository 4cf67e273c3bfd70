"""Accuracy over the seeds that each model has, beside baselines that have none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from study.comparing import accuracy_gains, accuracy_of
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.ledger import write_frame
from study.stats import crossed_interval, wilson_interval

LABEL = [0, 1, 1, 0]
PREDICTED = {  # of each cell; no other is there
    ("one", 5): [0, 1, 1, 1],
    ("two", 5): [0, 1, 1, 0],
    ("two", 2): [1, 1, 0, 0],
}
DATASETS = (DatasetConfig(name="d", source="x"), DatasetConfig(name="e", source="x", models=("one",)))
CONFIG = StudyConfig(
    name="x",
    seeds=(5, 2),
    datasets=DATASETS,
    models=(ModelConfig(name="one", n_seeds=1), ModelConfig(name="two")),
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for dataset in "de":
        baselines = {"label": LABEL, "majority": [0, 0, 0, 0], "tfidf_logreg": [0, 1, 0, 1]}
        write_frame(tmp_path / "data" / dataset / "baselines.parquet", pd.DataFrame(baselines))
        for (model, seed), predicted in PREDICTED.items():
            if dataset == "d" or model == "one":
                frame = pd.DataFrame({"label": LABEL, "predicted": predicted})
                write_frame(tmp_path / "cells" / f"{dataset}-{model}-s{seed}" / "predictions.parquet", frame)
    return tmp_path


def test_accuracy_of_models_with_different_numbers_of_seeds(run: Path) -> None:
    rows = accuracy_of(run, CONFIG, DATASETS[0]).set_index(["kind", "model", "seed"])
    assert rows[["accuracy", "n_seeds"]].to_numpy().tolist() == [
        [0.5, 1],  # majority
        [0.5, 1],  # TF-IDF
        [0.75, 1],  # one, seed 5
        [0.75, 1],  # one, all
        [1.0, 1],  # two, seed 5
        [0.5, 1],  # two, seed 2
        [0.75, 2],  # two, all
    ]
    assert [key[1:] for key in rows.index[2:]] == [
        *(("one", "5"), ("one", "all"), ("two", "5"), ("two", "2"), ("two", "all"))
    ]
    bounds = rows[["low", "high"]]
    assert bounds.loc["model", "one", "all"].tolist() == pytest.approx(wilson_interval(3, 4, 0.95)[1:])
    both = pd.DataFrame([[1.0, 1, 1, 1], [0, 1, 0, 1]]).to_numpy()
    _, low, high = crossed_interval(both, 0.95)
    assert low < 0
    assert high > 1
    assert bounds.loc["model", "two", "all"].tolist() == [0.0, 1.0]  # no share is beyond


def test_gains_are_paired_over_the_seeds_that_there_are(run: Path) -> None:
    rows = accuracy_gains(run, CONFIG)
    assert rows[["dataset", "model", "estimate", "n_seeds", "n_examples"]].to_numpy().tolist() == [
        ["d", "one", 0.25, 1, 4],
        ["d", "two", 0.25, 2, 4],
        ["e", "one", 0.25, 1, 4],
    ]
