"""Circuit curves: margins by the literal oracle, closed form for additive heads, oracle > random > reversed."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from study.game.shapley import all_coalitions, make_plan
from study.heads.circuit_size import NEGLIGIBLE, SIZE, SUPPORT, circuit_curves, faithfulness_of
from study.heads.players import HeadPlay, play_heads
from study.metrics.circuits import DISTANCE, PERFORMANCE, measure_circuits
from tests.heads.batches import CONFIG, head_batch
from tests.heads.circuits import circuit
from tests.heads.test_ablation import margin_without
from tests.tiny import VARIANTS, tiny_batch, tiny_model


def curve(points, method, order):
    found = [p for p in points if (p.method, p.order) == (method, order)]
    assert [p.n_kept for p in found] == list(range(found[0].n_heads + 1))
    assert [p.fraction for p in found] == [k / found[0].n_heads for k in range(found[0].n_heads + 1)]
    return found


def additive_play(writes, constant=0.0):
    masks = all_coalitions(len(writes))
    full = constant + masks @ np.asarray(writes, dtype=float)
    return HeadPlay(
        plan=make_plan(len(writes), 2 ** len(writes), len(writes), np.random.default_rng(0)),
        full=full,
        empty=np.zeros_like(full),
        n_evals=0,
        seconds=0.0,
    )


TEXT = SimpleNamespace(example_id="t0")


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_the_model_with_heads_replaced(seed):
    """Some texts are positive, some negative; support turns round with the side, size does not."""
    batch = head_batch(tiny_model(VARIANTS["four wide heads"], seed=seed), tiny_batch(9, 5, 3, seed=seed))
    fill, rng = batch.reference.mean_fill(), np.random.default_rng(seed)
    for row, subject in enumerate(batch.subjects):
        scores, m = rng.normal(size=(2, 4)), float(batch.margin[row])
        points = circuit_curves(subject, batch.plays[row], {"shapley": scores})
        side, flat = math.copysign(1, m), scores.ravel()
        none = margin_without(batch, row, [divmod(h, 4) for h in range(8)], fill)
        for order, key in ((SUPPORT, side * flat), (SIZE, np.abs(flat))):
            for point in curve(points, "shapley", order):
                gone = sorted(range(8), key=lambda h: -key[h])[point.n_kept :]
                wanted = margin_without(batch, row, [divmod(h, 4) for h in gone], fill)
                assert point.margin == pytest.approx(side * wanted, abs=1e-12)
                assert point.faithfulness == pytest.approx((wanted - none) / (m - none), abs=1e-9)


def test_a_sampled_table_gives_the_same_curves():
    batch = head_batch(tiny_model(VARIANTS["four wide heads"]))
    sampled = play_heads(
        batch.subjects[0],
        CONFIG.model_copy(update={"exact_limit": 4, "head_coalitions": 40}),
        np.random.default_rng(0),
    )
    assert not sampled.plan.exact
    scores = {"shapley": np.random.default_rng(1).normal(size=(2, 4)), "attention_norm": np.arange(8.0).reshape(2, 4)}
    exact, found = (circuit_curves(batch.subjects[0], play, scores) for play in (batch.plays[0], sampled))
    assert [(p.method, p.order, p.n_kept) for p in found] == [(p.method, p.order, p.n_kept) for p in exact]
    for name in ("margin", "faithfulness"):
        assert [getattr(p, name) for p in found] == pytest.approx([getattr(p, name) for p in exact], abs=1e-9)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_heads_that_add_up_are_their_shares(side):
    """f(k) is the sum of the kept shares; the head that pushes the other way comes last by support, second by size."""
    writes = side * np.array([1.0, -2.0, 4.0, 0.5])
    points = circuit_curves(TEXT, additive_play(writes, 0.1), {"shapley": writes.reshape(2, 2)})
    by_support = [p.faithfulness for p in curve(points, "shapley", SUPPORT)]
    assert by_support == pytest.approx(np.array([0, 4, 5, 5.5, 3.5]) / 3.5)
    by_size = [p.faithfulness for p in curve(points, "shapley", SIZE)]
    assert by_size == pytest.approx(np.array([0, 4, 2, 3, 3.5]) / 3.5)
    margins = [p.margin for p in curve(points, "shapley", SIZE)]
    assert margins == pytest.approx(np.array([0, 4, 2, 3, 3.5]) + side * 0.1)


def test_ties_in_order_nan_last_and_unsigned_methods_by_size():
    play = additive_play([1.0, 2.0, 4.0, 8.0])
    scores = np.array([[1.0, np.nan], [1.0, -3.0]])
    points = circuit_curves(TEXT, play, {"shapley": scores, "attention_norm": scores})
    margins = {key: [p.margin for p in curve(points, *key)] for key in {(p.method, p.order) for p in points}}
    assert margins["shapley", SUPPORT] == [0, 1, 5, 13, 15]
    assert margins["shapley", SIZE] == [0, 8, 9, 13, 15]
    assert margins["attention_norm", SUPPORT] == margins["attention_norm", SIZE] == [0, 8, 9, 13, 15]


def test_undefined_where_the_heads_move_nothing():
    small = NEGLIGIBLE * 0.99
    ends = np.array([[0.0, 5.0, small], [0.0, 5.0, NEGLIGIBLE], [300.0, 0.0, 302.0], [300.0, 0.0, 304.0]])
    known = np.isfinite(faithfulness_of(ends)).all(axis=1)
    assert known.tolist() == [False, True, False, True]
    no_side = circuit_curves(TEXT, additive_play([1.0, -1.0]), {"shapley": np.ones((1, 2))})
    assert all(math.isnan(p.margin) and math.isnan(p.faithfulness) for p in no_side)


def test_a_score_for_every_head():
    with pytest.raises(ValueError, match="lime has 3 scores for 4 heads"):
        circuit_curves(TEXT, additive_play(np.ones(4)), {"lime": np.ones(3)})
    assert circuit_curves(TEXT, additive_play(np.ones(4)), {}) == []


@pytest.mark.parametrize("task", ["single", "order", "negation"])
def test_oracle_beats_random_beats_reversed(task):
    """On circuits set by hand, the heads of the circuit first; both metrics."""
    found = circuit(task)
    acting = np.zeros(found.batch.shape)
    for spec in found.task.heads:
        if spec.role in ("direct", "indirect"):
            acting[found.place(spec.name)] = 1.0
    rng, frames = np.random.default_rng(0), []
    for i, subject in enumerate(found.batch.subjects):
        m = float(found.batch.margin[i])
        random = {f"random {k}": rng.normal(size=acting.shape) for k in range(5)}
        # reversed: the heads of the circuit have the least support, and the least size
        scores = {"oracle": np.sign(m) * acting, "reversed": np.sign(m) * (1 - 2 * acting) * (2 - acting), **random}
        points = circuit_curves(subject, found.batch.plays[i], scores)
        frames.append(pd.DataFrame([{name: getattr(p, name) for name in p.__slots__} for p in points]))
    curves = pd.concat(frames).assign(dataset=task, model="hand-built", seed=0)
    values = measure_circuits(curves)
    values["method_a"] = values["method_a"].str.replace(r" \d$", "", regex=True)
    mean = values.groupby(["metric", "method_a"])["value"].mean()
    assert mean[PERFORMANCE, "oracle"] > mean[PERFORMANCE, "random"] + 0.1
    assert mean[PERFORMANCE, "random"] > mean[PERFORMANCE, "reversed"] + 0.1
    assert mean[DISTANCE, "oracle"] < mean[DISTANCE, "random"] - 0.1
    assert mean[DISTANCE, "random"] < mean[DISTANCE, "reversed"] - 0.1
