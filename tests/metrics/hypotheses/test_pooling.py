"""Pooling: models on the same texts are averaged first, data sets are independent and count alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from study.metrics.hypotheses.evidence import make_stratum
from study.metrics.hypotheses.pooling import (
    average_strata,
    estimate_pooled,
    estimate_stratum,
    groups_of_same_texts,
    seeds_in_use,
)
from study.stats import combine_means, crossed_mean


def stratum(values, dataset="d", model="m", seeds=None, examples=None, **more):
    values = np.asarray(values, dtype=float)
    seeds = range(len(values)) if seeds is None else seeds
    examples = [f"{dataset}-{i:02d}" for i in range(values.shape[1])] if examples is None else examples
    return replace(make_stratum(dataset, model, seeds, examples, values, 0, least_texts=1), **more)


def draw(seed=0, shape=(3, 20), mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1, shape)


def test_one_stratum_is_its_crossed_mean():
    values = draw()
    for found in (estimate_pooled([stratum(values)]), estimate_stratum(stratum(values))):
        assert np.hstack(found) == pytest.approx(np.hstack(crossed_mean(values)))


def test_models_on_the_same_texts_are_averaged():
    """A model that says the same again tells nothing new: as independent its interval would shrink."""
    values = draw()
    twice = estimate_pooled([stratum(values), stratum(values, model="n")])
    assert np.allclose(np.hstack(twice), np.hstack(crossed_mean(values)))
    other = draw(1)
    both = estimate_pooled([stratum(values), stratum(other, model="n")])
    assert np.allclose(np.hstack(both), np.hstack(crossed_mean((values + other) / 2)))


def test_data_sets_are_combined_as_independent():
    a, b = draw(0), draw(1, (3, 35), 1.0)
    found = estimate_pooled([stratum(a), stratum(b, dataset="e")])
    assert np.allclose(np.hstack(found), np.hstack(combine_means([crossed_mean(a), crossed_mean(b)])))
    assert found.mean == pytest.approx((a.mean() + b.mean()) / 2)


def test_every_stratum_counts_the_same_whatever_texts_it_has():
    """Of the second model some texts are undefined: the mean is still that of the two means."""
    a, b = draw(0), draw(1, (3, 12), 2.0)
    few = [f"d-{i:02d}" for i in range(8, 20)]
    average = average_strata([stratum(a), stratum(b, model="n", examples=few)])
    assert average.shape == (3, 20)
    assert average.mean() == pytest.approx((a.mean() + b.mean()) / 2)
    wanted = average[:, 3] - average.mean()  # a text that only the first has brings its deviation there, halved
    assert wanted == pytest.approx((a[:, 3] - a.mean()) / 2)


def test_the_variance_is_right_when_models_have_other_texts():
    """Simulated: the variance that is claimed against how much the pooled mean really varies."""
    rng = np.random.default_rng(0)
    few = [f"d-{i:02d}" for i in range(10)]
    means, claimed = [], []
    for _ in range(300):
        text = rng.normal(size=20)
        a, b = (text + 0.5 * rng.normal(size=(1, 20)) for _ in range(2))
        found = estimate_pooled([stratum(a), stratum(b[:, :10], model="n", examples=few)])
        means.append(found.mean)
        claimed.append(found.variance)
    assert np.mean(claimed) == pytest.approx(np.var(means), rel=0.2)


def test_a_model_with_one_seed_stands_in_all():
    a, b = draw(0), draw(1, (1, 20), 2.0)
    average = average_strata([stratum(a), stratum(b, model="hand-built", seeds=[0])])
    assert np.allclose(average, (a + b) / 2)


def test_a_seed_that_is_undefined_in_one_model_is_used_of_none():
    """Nothing is filled in: the other models would stand alone in that seed, and it would seem to vary less."""
    a, b, c = draw(0), draw(1, (2, 20)), draw(2, (1, 20), 2.0)
    holed = stratum(b, model="n", seeds=[0, 2], undefined_seeds=(1,))
    by_hand = stratum(c, model="hand-built", seeds=[0])
    average = average_strata([stratum(a), holed, by_hand])
    assert np.allclose(average, (a[[0, 2]] + b + c) / 3)
    found = estimate_pooled([stratum(a), holed, by_hand])
    assert found.mean == pytest.approx(average.mean())
    used = {s.model: seeds for s, seeds in seeds_in_use([stratum(a), holed, by_hand])}
    assert used == {"m": (0, 2), "n": (0, 2), "hand-built": (0,)}
    late = stratum(draw(1, (2, 20)), model="n", seeds=[1, 2], undefined_seeds=(0,))
    used = {s.model: seeds for s, seeds in seeds_in_use([stratum(a), late, by_hand])}
    assert used == {"m": (1, 2), "n": (1, 2), "hand-built": (0,)}  # the only seed it has stands for the others
    assert np.allclose(average_strata([stratum(a), late, by_hand]), (a[[1, 2]] + draw(1, (2, 20)) + c) / 3)
    elsewhere = stratum(draw(3), dataset="e")  # other texts: nothing is averaged with it, all its seeds stay
    assert {s.dataset: seeds for s, seeds in seeds_in_use([holed, elsewhere])}["e"] == (0, 1, 2)


def test_models_without_a_seed_in_common_have_no_mean():
    one, two = (
        stratum(draw(s, (1, 20)), model=m, seeds=[s], undefined_seeds=(1 - s,)) for s, m in ((0, "m"), (1, "n"))
    )
    assert np.isnan(estimate_pooled([one, two]).mean)
    assert np.isnan(estimate_pooled([one, two, stratum(draw(), dataset="e")]).mean)  # not that of what is left


def test_data_sets_with_the_same_texts_go_together():
    texts = [f"t{i}" for i in range(20)]
    one, two = stratum(draw(), "clean", examples=texts), stratum(draw(), "planted", examples=texts)
    most = stratum(draw(shape=(3, 10)), "some", examples=texts[:5] + [f"x{i}" for i in range(5)])
    less = stratum(draw(shape=(3, 10)), "few", examples=texts[:4] + [f"y{i}" for i in range(6)])
    groups = [{s.dataset for s in group} for group in groups_of_same_texts([one, less, most, two])]
    assert sorted(groups, key=len) == [{"few"}, {"clean", "planted", "some"}]
    bridge = stratum(draw(shape=(3, 4)), "bridge", examples=["a", "b", "c", "d"])
    left, right = (stratum(draw(shape=(3, 2)), n, examples=e) for n, e in (("l", ["a", "b"]), ("r", ["c", "d"])))
    assert len(groups_of_same_texts([left, right, bridge])) == 1


def test_models_on_one_data_set_go_together_whatever_texts_are_left():
    texts = [f"d-{i:02d}" for i in range(20)]
    left, right = (stratum(draw(shape=(3, 10)), model=m, examples=e) for m, e in (("m", texts[:10]), ("n", texts[10:])))
    assert len(groups_of_same_texts([left, right])) == 1


def test_a_difference_is_taken_of_both_sides():
    """Two models on one data set against the same two on another: the shared side is not counted twice."""
    a, b, c, d = draw(0), draw(1), draw(2, mean=1.0), draw(3, mean=1.0)
    against = [stratum(c, "ref"), stratum(d, "ref", "n")]
    found = estimate_pooled([stratum(a, against=against[0]), stratum(b, model="n", against=against[1])])
    sides = crossed_mean((a + b) / 2), crossed_mean((c + d) / 2)
    assert found.mean == pytest.approx(sides[0].mean - sides[1].mean)
    assert found.variance == pytest.approx(sides[0].variance + sides[1].variance)
    two_tasks = [stratum(a, against=against[0]), stratum(b, "e", against=against[0])]
    found = estimate_pooled(two_tasks)
    assert found.variance == pytest.approx(
        (crossed_mean(a).variance + crossed_mean(b).variance) / 4 + crossed_mean(c).variance
    )
    one = estimate_stratum(two_tasks[0])
    assert one.mean == pytest.approx(a.mean() - c.mean())
