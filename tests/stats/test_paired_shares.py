"""The interval of right answers lost between two looks at the same texts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from study.stats.paired_shares import paired_share_interval


def test_by_hand() -> None:
    """Of 98 examples 9 are lost and 3 gained: shares 0.1 and 0.04 of 100 after one is added to each."""
    lost, low, high = paired_share_interval(6 / 98, 12 / 98, 98, 0.95)
    half = 1.959964 * math.sqrt((0.14 - 0.06**2) / 100)
    assert lost == 6 / 98
    assert (low, high) == pytest.approx((0.06 - half, 0.06 + half), abs=1e-6)


def test_no_change_is_no_certainty() -> None:
    _, low, high = paired_share_interval(0.0, 0.0, 100, 0.95)
    assert low == -high
    assert high == pytest.approx(1.959964 * math.sqrt(2 / 102) / math.sqrt(102), abs=1e-6)
    assert paired_share_interval(0.0, 0.0, 500, 0.95)[2] < high


def test_more_change_and_a_higher_level_are_wider() -> None:
    calm, restless = (paired_share_interval(0.01, changed, 500, 0.95) for changed in (0.01, 0.2))
    assert restless[2] - restless[1] > 2 * (calm[2] - calm[1])
    assert paired_share_interval(0.01, 0.2, 500, 0.99)[2] > restless[2]


def test_bounds_stay_within_what_a_share_can_be() -> None:
    assert paired_share_interval(1.0, 1.0, 1, 0.99)[2] == 1.0
    assert paired_share_interval(-1.0, 1.0, 1, 0.99)[1] == -1.0
    assert all(math.isnan(v) for v in paired_share_interval(0.0, 0.0, 0, 0.95))


@pytest.mark.parametrize(  # where almost nothing changes it is too wide, and may be
    ("loses", "gains", "n", "most"), [(0.01, 0.005, 500, 0.985), (0.05, 0.05, 200, 0.97), (0.002, 0.0, 500, 1.0)]
)
def test_it_holds_the_truth_about_as_often_as_it_says(loses: float, gains: float, n: int, most: float) -> None:
    draws = np.random.default_rng(3).multinomial(n, (loses, gains, 1 - loses - gains), size=2000) / n
    found = [paired_share_interval(a - b, a + b, n, 0.95) for a, b, _ in draws]
    held = np.mean([low <= loses - gains <= high for _, low, high in found])
    assert 0.94 <= held <= most
