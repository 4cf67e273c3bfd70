"""Models of a few heads whose parts are known: each a small game of heads, played out literally into tables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

CELL = {"dataset": "d", "model": "m"}
HEADS_PER_LAYER = 4


@dataclass(frozen=True)
class Part:
    """Heads that work together and with no other. effect: of those at work; written: what each writes with all there.

    constant: what each writes for every text alike.
    """

    written: tuple[float, ...]
    effect: Callable[[frozenset[int]], float]
    constant: float = 0.0


def alone(written: float, effect: float, constant: float = 0.0) -> Part:
    return Part((written,), lambda team: effect * len(team), constant)


DIRECT = alone(1.0, 1.1)
INDIRECT = alone(0.1, 1.0)
NULL = alone(0.0, 0.0)
CONSTANT = alone(0.3, 0.3, constant=5.0)
ERASED_BY_MLP = alone(1.0, 0.05)
AGAINST = alone(-0.6, 0.8)
UNDECIDED = alone(1.0, 2.0)
FED = Part((0.0, 0.0, 1.0), lambda team: float(len(team) == 3))  # two heads fetch what the third writes
WITH_BACKUPS = Part((1.0, 0.0, 0.0), lambda team: float(len(team) > 0))  # the others write once the first is gone
SHARED_TASK = Part((0.4, 0.6), lambda team: float(len(team) == 2))  # neither does anything without the other
FAINT_WITH_BACKUP = Part((1.0, 0.0), lambda team: 0.2 * (len(team) > 0))  # most is erased, of the rest it has a backup
ERASED_BY_HEAD = Part((1.0, -1.0), lambda team: float(team == {0}))  # the second takes back what the first writes


def shapley(effect: Callable[[frozenset[int]], float], n: int, player: int) -> float:
    """The mean over all orders of what the player adds."""
    orders = list(itertools.permutations(range(n)))
    before = [frozenset(order[: order.index(player)]) for order in orders]
    return sum(effect(team | {player}) - effect(team) for team in before) / len(orders)


def interaction(effect: Callable[[frozenset[int]], float], n: int, a: int, b: int) -> float:
    """Shapley interaction index by its definition."""
    rest = [player for player in range(n) if player not in (a, b)]
    total = 0.0
    for size in range(len(rest) + 1):
        weight = math.factorial(size) * math.factorial(n - size - 2) / math.factorial(n - 1)
        for chosen in itertools.combinations(rest, size):
            team = frozenset(chosen)
            total += weight * (effect(team | {a, b}) - effect(team | {a}) - effect(team | {b}) + effect(team))
    return total


def make_tables(parts: Sequence[Part], n_texts: int = 40, seeds: Sequence[int] = (0,)) -> dict[str, pd.DataFrame]:
    """heads, components, interactions and trials of models made of `parts`, heads numbered part by part.

    Every text plays the games at a scale of its own, of either sign, and every number has noise of 0.002. The
    words' effect is that scale; an MLP writes what the heads do not.
    """
    rows: dict[str, list[dict[str, object]]] = {"heads": [], "components": [], "interactions": [], "trials": []}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for text in range(n_texts):
            scale = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.5)
            _add_text(rows, parts, {**CELL, "seed": seed, "example_id": f"e{text}"}, scale, rng)
        for first, part in _numbered(parts):
            for h in range(len(part.written)):
                _add_trials(rows, parts, seed, first + h, abs(_without(part, h)))
    columns = ["dataset", "model", "seed", "example_id", "component_a", "component_b", "margin_value"]
    return {name: pd.DataFrame(table, columns=None if table else columns) for name, table in rows.items()}


def name_of(head: int) -> str:
    return f"L{head // HEADS_PER_LAYER}H{head % HEADS_PER_LAYER}"


def _numbered(parts):
    return zip(np.cumsum([0, *(len(part.written) for part in parts)]), parts, strict=False)


def _without(part, head):
    team = frozenset(range(len(part.written)))
    return part.effect(team) - part.effect(team - {head})


def _add_text(rows, parts, text, scale, rng):
    left = scale
    for first, part in _numbered(parts):
        n = len(part.written)
        left -= scale * sum(part.written)
        for h in range(n):
            where = {"component": name_of(first + h), "layer": (first + h) // HEADS_PER_LAYER}
            where |= {"head": (first + h) % HEADS_PER_LAYER}
            noise = lambda: 0.002 * rng.normal()  # noqa: E731
            written = scale * part.written[h] + noise()
            scores = {
                "direct_centred": written, "shapley_margin": scale * shapley(part.effect, n, h) + noise(),
                "ablation_mean": scale * _without(part, h) + noise(),
                "shapley": 3.0 + scale * shapley(part.effect, n, h),
            }  # fmt: skip
            rows["heads"] += [{**text, **where, "method": m, "score": score} for m, score in scores.items()]
            rows["components"].append(
                {**text, **where, "kind_of_component": "head",
                 "contribution": written + part.constant, "empty_contribution": part.constant}
            )  # fmt: skip
        rows["interactions"] += [
            {**text, "component_a": name_of(first + a), "component_b": name_of(first + b),
             "margin_value": scale * interaction(part.effect, n, a, b)}
            for a, b in itertools.combinations(range(n), 2)
        ]  # fmt: skip
    rows["interactions"] += _pairs_between(parts, text)
    mlp = {"component": "L0.mlp", "kind_of_component": "mlp", "layer": 0, "head": -1}
    rows["components"].append({**text, **mlp, "contribution": left, "empty_contribution": 0.0})


def _pairs_between(parts, text):
    owner = [number for number, part in enumerate(parts) for _ in part.written]
    return [
        {**text, "component_a": name_of(a), "component_b": name_of(b), "margin_value": 0.0}
        for a, b in itertools.combinations(range(len(owner)), 2)
        if owner[a] != owner[b]
    ]


def _add_trials(rows, parts, seed, head, change):
    n_heads = sum(len(part.written) for part in parts)
    cell = {
        **CELL,
        "seed": seed,
        "component": name_of(head),
        "n_texts": 100,
        "mean_abs_change": change,
        "flipped": change / 4,
        "accuracy_lost": change / 8,
    }
    for partner in ["", *(name_of(other) for other in range(n_heads) if other != head)]:
        rows["trials"].append({**cell, "partner": partner, "low": change, "high": change + 0.001})
