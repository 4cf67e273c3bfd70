"""Differences of two runs: closed forms, pairing, verdicts and their order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as distributions

from study.metrics.contrasts import ROUNDING, contrast_estimates
from study.stats import crossed_interval

KEYS = ["dataset", "metric"]
TEXTS = [f"t{i}" for i in range(8)]
SAME = {"d": set(TEXTS)}


def measured(values: dict[str, np.ndarray], seeds: list[int] | None = None, texts: list[str] = TEXTS) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for metric, array in values.items():
        for seed, row in zip(seeds or range(len(array)), array, strict=True):
            rows += [("d", metric, seed, text, value) for text, value in zip(texts, row, strict=True)]
    return pd.DataFrame(rows, columns=["dataset", "metric", "seed", "example_id", "value"])


def run_of(values: dict[str, np.ndarray], **places: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    estimates = [("d", metric, float(np.mean(array))) for metric, array in values.items()]
    return pd.DataFrame(estimates, columns=[*KEYS, "estimate"]), measured(values, **places)


def contrast(a: tuple[pd.DataFrame, pd.DataFrame], b: tuple[pd.DataFrame, pd.DataFrame], **more: Any) -> pd.DataFrame:
    return contrast_estimates(a, b, KEYS, more.get("same", SAME), 0.95).set_index("metric")


def draws(seed: int, n_seeds: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_seeds, len(TEXTS)))


def test_the_paired_difference_is_the_crossed_interval_of_differences_however_rows_are_ordered() -> None:
    a, b = draws(0), draws(1)
    second = run_of({"x": b})
    shuffled = (second[0], second[1].sample(frac=1, random_state=3))
    row = contrast(run_of({"x": a}), shuffled).loc["x"]
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(crossed_interval(b - a, 0.95))
    assert (row["pairing"], row["n_examples"], row["n_seeds"]) == ("same texts and seeds", 8, 3)


def test_other_texts_seeds_or_another_text_under_the_same_id_are_not_paired() -> None:
    a, b = draws(0, 1), draws(1, 1)
    upstream = distributions.ttest_ind(b[0], a[0], equal_var=False)
    others = [f"u{i}" for i in range(8)]
    for second, same in (
        (run_of({"x": b}, texts=others), {"d": set(TEXTS) | set(others)}),
        (run_of({"x": b}, seeds=[7]), SAME),
        (run_of({"x": b}), {"d": {"t0", "t1", "t2"}}),  # fewer than half stand for the same text
        (run_of({"x": b}), {}),
    ):
        row = contrast(run_of({"x": a}), second, same=same).loc["x"]
        assert row["pairing"] == "unpaired"
        assert row["p"] == pytest.approx(upstream.pvalue)
        assert (row["low"], row["high"]) == pytest.approx(tuple(upstream.confidence_interval(0.95)))


def test_only_shared_texts_and_seeds_enter_a_pair() -> None:
    a, b = draws(0), draws(1)
    second = run_of({"x": b[1:, 2:]}, seeds=[1, 2], texts=TEXTS[2:])
    row = contrast(run_of({"x": a}), second).loc["x"]
    assert row["difference"] == pytest.approx((b - a)[1:, 2:].mean())
    assert (row["n_examples"], row["n_seeds"]) == (6, 2)


def test_verdicts_their_order_and_the_family_of_tests() -> None:
    a = {name: draws(i) for i, name in enumerate(("equal", "rounding", "within", "beyond", "more", "lost"))}
    step = np.linspace(0.9, 1.1, 8)[None, :] * np.array([[1.0], [0.98], [1.02]])
    b = {
        "lost": a["lost"],
        "equal": a["equal"],
        "rounding": a["rounding"] + ROUNDING / 2,
        "within": a["within"] + draws(9),
        "beyond": a["beyond"] + step,
        "more": a["more"] + 1 + (step - 1) / 10,
    }
    a["undefined"] = b["undefined"] = np.full((3, 8), np.nan)
    first, second = run_of(a), run_of(b)
    second = (second[0], second[1][second[1]["metric"] != "lost"])
    second[0].loc[second[0]["metric"] == "lost", "estimate"] += 1.0
    table = contrast(first, second)
    assert list(table.index) == ["more", "beyond", "within", "lost", "rounding", "equal", "undefined"]
    told = {"more": "beyond", "lost": "no interval"}
    assert list(table["verdict"]) == [told.get(name, name) for name in table.index]
    assert table["units"].loc["more"] > table["units"].loc["beyond"] > 1 > table["units"].loc["within"]
    assert math.isnan(table.loc["equal", "p_adjusted"])
    assert table.loc["rounding", "p"] == 1
    tested = table["p"].dropna()
    assert len(tested) == 4
    np.testing.assert_allclose(
        table.loc[tested.index, "p_adjusted"], distributions.false_discovery_control(tested.to_numpy()), rtol=1e-12
    )
    assert table.loc["lost", "pairing"] == "estimates alone"
    assert table.loc["lost", "difference"] == 1.0
