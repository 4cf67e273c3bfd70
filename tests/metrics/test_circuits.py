"""CPR and CMD from curves: closed forms, the data set's mean margins, what is undefined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.metrics.circuits import DISTANCE, NEGLIGIBLE, PERFORMANCE, areas, measure_circuits
from study.metrics.compare import COLUMNS
from study.stats import crossed_interval


def make_curves(margins, model="m", seed=0):
    """margins: by (text, method, order), [size]."""
    rows = [
        {"dataset": "d", "model": model, "seed": seed, "example_id": text, "method": method, "order": order}
        | {"n_kept": k, "n_heads": len(values) - 1, "fraction": k / (len(values) - 1), "margin": value}
        for (text, method, order), values in margins.items()
        for k, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def values_of(curves):
    found = measure_circuits(curves)
    assert list(found.columns) == COLUMNS
    return found.set_index(["metric", "method_a", "example_id"])["value"].sort_index()


def test_areas_by_hand():
    gained, distant = areas(np.array([[1.0, 3.0, 5.0], [0.0, 4.0, 2.0], [2.0, 2.0, 2.0]]))
    assert gained.tolist() == [2.0, 2.5, 0.0]
    assert distant.tolist() == [2.0, 1.5, 0.0]


def test_one_text_is_the_area_under_its_faithfulness():
    values = np.array([1.0, 2.0, 6.0, 5.0])
    found = values_of(make_curves({("a", "shapley", "support"): values, ("a", "shapley", "size"): values}))
    f = (values - 1) / 4
    assert found[PERFORMANCE, "shapley", "a"] == pytest.approx(np.trapezoid(f, dx=1 / 3))
    assert found[DISTANCE, "shapley", "a"] == pytest.approx(np.trapezoid(np.abs(1 - f), dx=1 / 3))


def test_the_mean_is_that_of_the_mean_margins_and_no_text_blows_up():
    """One text whose heads hardly move the margin: its own ratio would be in the hundreds."""
    rng = np.random.default_rng(0)
    ends = {"a": (0.5, 3.0), "b": (-0.2, 2.0), "c": (1.0, 1.001)}
    curves = {
        (text, method, order): np.concatenate([[low], rng.normal(1, 1, 4), [high]])
        for text, (low, high) in ends.items()
        for method in ("shapley", "direct_centred")
        for order in ("support", "size")
    }
    found = values_of(make_curves(curves))
    for method in ("shapley", "direct_centred"):
        mean = np.mean([curves[text, method, "support"] for text in ends], axis=0)
        f = (mean - mean[0]) / (mean[-1] - mean[0])
        assert found[PERFORMANCE, method].mean() == pytest.approx(np.trapezoid(f, dx=0.2))
        mean = np.mean([curves[text, method, "size"] for text in ends], axis=0)
        f = (mean - mean[0]) / (mean[-1] - mean[0])
        assert found[DISTANCE, method].mean() >= np.trapezoid(np.abs(1 - f), dx=0.2)
        assert found[PERFORMANCE, method].abs().max() < 3


def test_a_text_is_the_ratio_linearised_by_hand():
    """Two texts, the heads move 1 and 3; areas 0.5 and 2.5, so R = 1.5 / 2; distances 0.5 and 1, so R = 0.375."""
    curves = {("a", "lime", "support"): [0.0, 0.5, 1.0], ("b", "lime", "support"): [0.0, 3.5, 3.0]}
    curves |= {("a", "lime", "size"): [0.0, 0.5, 1.0], ("b", "lime", "size"): [0.0, 2.5, 3.0]}
    found = values_of(make_curves(curves))
    assert found[PERFORMANCE, "lime"].tolist() == pytest.approx([0.75 + (0.5 - 0.75) / 2, 0.75 + (2.5 - 2.25) / 2])
    assert found[DISTANCE, "lime"].tolist() == pytest.approx([0.375 + (0.5 - 0.375) / 2, 0.375 + (1 - 1.125) / 2])


def test_texts_with_the_same_ratio_have_the_same_value_however_large_their_margins():
    shape = np.array([0.0, 0.9, 0.4, 1.0])
    curves = {(text, "lime", "support"): size * shape for text, size in (("a", 0.1), ("b", 1.0), ("c", 30.0))}
    found = values_of(make_curves(curves))[PERFORMANCE, "lime"]
    assert found.tolist() == pytest.approx([np.trapezoid(shape, dx=1 / 3)] * 3)


def test_the_interval_is_as_wide_as_the_ratio_varies():
    """CPR 0.8, margins of texts that differ much, three seeds, sixty texts: it holds 0.8, and not by being too wide."""
    n_studies, n_seeds, n_texts = 100, 3, 60
    rng = np.random.default_rng(0)
    moved = np.exp(rng.normal(1, 0.7, (n_studies, 1, n_texts)) + 0.2 * rng.normal(size=(n_studies, n_seeds, n_texts)))
    ratio = 0.8 + 0.01 * rng.normal(size=(n_studies, n_seeds, 1)) + 0.05 * rng.normal(size=(n_studies, 1, n_texts))
    area = (ratio + 0.05 * rng.normal(size=moved.shape)) * moved + 0.1 * rng.normal(size=moved.shape)
    margin = np.stack([0 * moved, 2 * area - moved / 2, moved], axis=-1)  # of three sizes, so that the area is `area`
    study, seed, text, size = np.indices(margin.shape).reshape(4, -1)
    keys = {"dataset": "d", "model": study, "seed": seed, "example_id": text, "method": "lime", "order": "support"}
    curves = pd.DataFrame(keys | {"n_kept": size, "n_heads": 2, "fraction": size / 2, "margin": margin.ravel()})
    values = measure_circuits(curves).sort_values(["model", "seed", "example_id"])["value"].to_numpy()
    found = np.array([crossed_interval(v, 0.95) for v in values.reshape(n_studies, n_seeds, n_texts)])
    estimate, low, high = found.T
    assert estimate.mean() == pytest.approx(0.8, abs=0.003)
    assert np.mean((low <= 0.8) & (high >= 0.8)) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / n_studies)
    assert 3 < np.mean(high - low) / estimate.std() < 8  # 3.9 if all were known; areas over the mean alone give 29


def test_cells_are_apart_whatever_the_order_of_rows_and_the_number_of_heads():
    small = make_curves({("a", "lime", "support"): [0.0, 1.0, 2.0]})
    large = make_curves({("a", "lime", "support"): [0.0, 8.0, 8.0, 8.0]}, model="n")
    curves = pd.concat([small, large]).sample(frac=1, random_state=0)
    found = measure_circuits(curves).set_index("model")["value"]
    assert found.to_dict() == pytest.approx({"m": 0.5, "n": 5 / 6})


def test_undefined_without_an_effect_of_the_heads():
    for low, high, known in ((0.0, NEGLIGIBLE * 0.9, False), (0.0, 0.02, True), (9.0, 9.05, False), (3.0, 1.0, False)):
        curve = {("a", "lime", "support"): [low, 5.0, high]}
        assert np.isfinite(values_of(make_curves(curve))).all() == known, (low, high)
    nan = [np.nan] * 3  # no class is predicted
    found = values_of(make_curves({("a", "lime", "support"): [0, 1, 2.0], ("b", "lime", "support"): nan}))
    assert found[PERFORMANCE, "lime"].isna().tolist() == [False, True]
    assert values_of(make_curves({("b", "lime", "support"): nan})).isna().all()


def test_a_size_missing_or_twice_is_an_error():
    curves = make_curves({("a", "lime", "support"): [0.0, 1.0, 2.0], ("b", "lime", "support"): [0.0, 1.0, 2.0]})
    for broken in (curves.drop(index=1), pd.concat([curves, curves.iloc[:1]])):
        with pytest.raises(ValueError, match="has not one margin for each of its 3 sizes"):
            measure_circuits(broken)
    assert measure_circuits(curves.iloc[:0]).empty
