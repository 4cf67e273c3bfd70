"""H4: cancellation within a text against LIME's deviation and opposite signs; no part for sizes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.crosswalk.rows import cancellation
from study.metrics.hypotheses.correlation import partial_spearman
from study.metrics.hypotheses.evidence import Run
from study.metrics.hypotheses.h4 import flips, instability
from tests.metrics.hypotheses import simulated as sim
from tests.metrics.hypotheses.simulated import confirmatory


def rng(seed=0):
    return np.random.default_rng(seed)


def test_h4_holds_the_size_of_the_score_fixed():
    """kappa and LIME's deviation both fall with |phi| and have nothing else in common."""
    tables = sim.cancellation_tables(0.0, rng(), n_words=25)
    size = np.abs(tables["features"].query("method == 'shapley'")["score"].to_numpy())
    crosswalk = tables["crosswalk"]
    lost = crosswalk["value"].abs() ** 0.5  # cells of small words cancel more
    tables["crosswalk"] = crosswalk.assign(
        value=crosswalk["value"] + np.where(crosswalk["component"] == "L0H0", lost, -lost)
    )
    tables["word_stability"] = tables["word_stability"].assign(score_sd=lambda t: t["score_sd"] * 0.1 / size)
    row = confirmatory("H4", tables).loc["instability"]
    assert abs(row["effect"]) < 0.1
    assert row["verdict"] != "supported"


def test_h4_is_not_supported_by_texts_of_other_scales():
    """All numbers of a text share a factor, and within a text nothing follows anything: pooled, the words would."""
    tables, random = sim.cancellation_tables(0.0, rng()), rng(1)
    cells = sim.make_cells(40)
    scale = np.exp(0.5 * sim.per_text(cells, random))[:, None]
    steady = scale * np.exp(0.5 * random.normal(size=(len(cells), 10)))
    split = [
        sim.of_words(cells, 10, method="shapley", value=scale * random.normal(size=(len(cells), 10))) for _ in range(8)
    ]
    tables["crosswalk"] = pd.concat([part.assign(kind="direct", component=k) for k, part in enumerate(split)])
    tables["word_stability"] = sim.of_words(cells, 10, method="lime", score_sd=steady).drop(columns="trained")
    row = confirmatory("H4", tables).loc["instability"]
    assert abs(row["effect"]) < 0.05
    assert row["low"] < 0 < row["high"]
    values = tables["crosswalk"]["value"].to_numpy().reshape(8, -1)
    size = np.abs(values.sum(axis=0))
    pooled = np.column_stack([steady.ravel(), np.abs(values).sum(axis=0) / (size + 0.01), size])
    assert partial_spearman(pooled) > 0.3


def h4_run(tables):
    return Run(tables=tables, config=sim.make_config("H4"), cancellation=cancellation)


def test_h4_a_text_says_what_its_words_say():
    tables = sim.cancellation_tables(0.5, rng(), n_texts=12)
    (stratum,) = instability(h4_run(tables))
    cell = tables["crosswalk"].query("kind == 'direct' and seed == 1 and example_id == 'reviews-0004'")
    grid = cell.pivot(index="word_index", columns="component", values="value").to_numpy()  # noqa: PD010
    sd = tables["word_stability"].query("seed == 1 and example_id == 'reviews-0004'")["score_sd"].to_numpy()
    wanted = partial_spearman(np.column_stack([sd, cancellation(grid, 0.0, 1.0), np.abs(grid.sum(axis=1))]))
    assert stratum.values[1, 4] == pytest.approx(wanted)


def test_h4_counts_texts_of_too_few_words_or_a_constant():
    tables = sim.cancellation_tables(0.5, rng(), n_texts=14)
    steady = tables["word_stability"]
    few = steady[(steady["example_id"] != "reviews-0001") | (steady["word_index"] < 3)]
    few = few.assign(score_sd=few["score_sd"].mask(few["example_id"] == "reviews-0002", 0.0))
    (stratum,) = instability(h4_run(tables | {"word_stability": few}))
    assert stratum.n_undefined == 2
    assert len(stratum.examples) == 12


def test_h4_flips_are_opposite_signs_of_scores_that_count():
    """Margins of 100 and 80 apart by 20: below 0.2 a score has no sign. Zeros and rounding are no flips."""
    tables = sim.cancellation_tables(0.5, rng(), n_texts=12)
    tables["texts"] = tables["texts"].assign(margin=100.0, empty_margin=80.0)
    text = (tables["features"]["seed"] == 0) & (tables["features"]["example_id"] == "reviews-0000")
    pairs = {  # (SHAP, LIME): whether it is a flip; NaN: left out
        (1.0, -1.0): 1, (-0.3, 0.3): 1, (1.0, 2.0): 0, (-1.0, -0.25): 0, (0.5, -0.3): 1,
        (0.0, 1.0): np.nan, (1.0, 0.0): np.nan, (0.1, -1.0): np.nan, (1.0, -0.19): np.nan, (1e-9, 1e-9): np.nan,
    }  # fmt: skip
    features = tables["features"].copy()
    for i, method in enumerate(("shapley", "lime")):
        features.loc[text & (features["method"] == method), "score"] = [pair[i] for pair in pairs]
    found = flips(h4_run(tables | {"features": features}))
    here = found[(found["seed"] == 0) & (found["example_id"] == "reviews-0000")].sort_values("word_index")
    assert here["flipped"].tolist() == pytest.approx(list(pairs.values()), nan_ok=True)
