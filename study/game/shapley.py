"""Shapley values as a linear map of the values of chosen coalitions: exact for few players, sampled above.

Whatever is averaged, split over components, or played by two kinds of players at once, the same map serves all,
so the sums that Shapley values promise hold for the estimates too.

Sources: Shapley 1953; odd-order regression: Fumagalli et al. 2026 (METHODS, section 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from study.config.limits import fewest_coalitions
from study.records import BoolArray, FloatArray

_RIDGES = np.logspace(-6, 4, 21)  # of the degree-3 part, in units of its largest kernel value
_ENDS_WEIGHT = 1e4  # of the pair (all, none) against the heaviest sampled pair: the fit passes through the ends
_GROUPS = 10  # of the delete-a-group jackknife
_RUNAWAY = 1e3  # times the range of v: noise stays below a hundred times, a singular solve lies beyond 1e5
_ROUNDING = 1e-6  # of the values themselves, in single precision: not a range of v


def all_coalitions(n_players: int) -> BoolArray:
    """[coalition player], all 2^n; bit i of the row number says whether player i is in."""
    return (np.arange(2**n_players)[:, None] >> np.arange(n_players)[None, :]) & 1 == 1


def exact_weights(n_players: int) -> FloatArray:
    """[player coalition] with phi = weights @ v over `all_coalitions`: w(|S|-1) with the player, -w(|S|) without.

    w(s) = s! (n-s-1)! / n!.
    """
    masks = all_coalitions(n_players)
    size = masks.sum(1)
    weight = np.array([1.0 / (n_players * math.comb(n_players - 1, s)) for s in range(n_players)])
    inside = np.where(size > 0, weight[np.maximum(size - 1, 0)], 0.0) if n_players else np.zeros(1)
    outside = np.where(size < n_players, weight[np.minimum(size, n_players - 1)], 0.0) if n_players else np.zeros(1)
    return np.where(masks.T, inside, -outside)


def interaction_weights(n_players: int) -> tuple[list[tuple[int, int]], FloatArray]:
    """The pairs of players, and [pair coalition] giving their Shapley interaction over `all_coalitions`.

    I_ij = sum over T without i, j of |T|! (n-|T|-2)! / (n-1)! (v(T+i+j) - v(T+i) - v(T+j) + v(T)): positive where
    the two do more together than each alone, negative where one can stand in for the other.
    Source: Grabisch and Roubens 1999.
    """
    masks = all_coalitions(n_players)
    pairs = [(i, j) for i in range(n_players) for j in range(i + 1, n_players)]
    weights = np.zeros((len(pairs), len(masks)))
    for row, (i, j) in enumerate(pairs):
        rest = masks.sum(1) - masks[:, i] - masks[:, j]
        weight = np.array([1.0 / ((n_players - 1) * math.comb(n_players - 2, s)) for s in range(n_players - 1)])
        weights[row] = np.where(masks[:, i] == masks[:, j], 1.0, -1.0) * weight[rest]
    return pairs, weights


def is_runaway(scores: FloatArray, low: float, high: float) -> bool:
    """Whether estimates are what a nearly singular solve leaves, for a game with values from `low` to `high`.

    A Shapley value is a mean of gains, so it cannot exceed the range of v; estimates may, but not a thousand times.
    """
    spread = max(high - low, _ROUNDING * max(abs(low), abs(high)))
    return float(np.abs(scores).max(initial=0.0)) > _RUNAWAY * spread


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapleyFit:
    """Shapley values read off a plan for one game and all that is split like it.

    weights: [player coalition], phi = weights @ v; scores: [player], of the game it was fitted to; error: [player],
    their jackknife standard errors, 0 where exact.
    """

    plan: ShapleyPlan
    weights: FloatArray
    scores: FloatArray
    error: FloatArray

    def linearity_error(self) -> float:
        """The largest |weights @ masks - identity|: a linear game's Shapley values are its own coefficients.

        So this sees a player given another one's value, which sums over players do not.
        """
        masks = self.plan.masks
        return float(np.abs(self.weights @ masks - np.eye(masks.shape[1])).max(initial=0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapleyPlan:
    """Which coalitions to evaluate, and how to read Shapley values off them.

    masks: [coalition player], none first, all last. exact: whether these are all coalitions. Sampled plans hold
    complementary pairs: row r and row -1-r exclude each other.
    """

    masks: BoolArray
    exact: bool

    def fit(self, values: FloatArray) -> ShapleyFit:
        """The Shapley values of the game with these values [coalition], and the map that gives them."""
        weights = self.weights(values)
        return ShapleyFit(plan=self, weights=weights, scores=weights @ values, error=self.standard_error(values))

    def weights(self, guide: FloatArray) -> FloatArray:
        """[player coalition] with phi = weights @ v. `guide` [coalition] is the game that the ridge is chosen on.

        One ridge for all that is split with these weights, so that sums over components carry over.
        """
        n = self.masks.shape[1]
        if self.exact:
            return exact_weights(n)
        pairs = len(self.masks) // 2
        odd = _OddRegression(self.masks[:pairs])
        by_pair = odd.weights(odd.choose_ridge(_odd_part(guide)), np.ones(pairs, dtype=bool))
        return np.concatenate([by_pair, -by_pair[:, ::-1]], axis=1) / 2

    def standard_error(self, values: FloatArray) -> FloatArray:
        """[player]: delete-a-group jackknife of the sampled estimate for values [coalition]; 0 where exact.

        Ten groups of pairs; the pair (none, all) stays in each. What another draw of coalitions would change, not
        what all coalitions together would miss.
        """
        n = self.masks.shape[1]
        if self.exact:
            return np.zeros(n)
        pairs = len(self.masks) // 2
        odd, y = _OddRegression(self.masks[:pairs]), _odd_part(values)
        ridge = odd.choose_ridge(y)
        found = []
        group = np.arange(pairs - 1) % _GROUPS
        for number in range(min(_GROUPS, pairs - 1)):
            used = np.concatenate([[True], group != number])
            found.append(odd.weights(ridge, used)[:, used] @ y[used])
        estimates = np.array(found)
        spread = ((estimates - estimates.mean(0)) ** 2).sum(0)
        return np.asarray(np.sqrt(spread * (len(found) - 1) / len(found)))


def make_plan(n_players: int, n_coalitions: int, exact_limit: int, rng: np.random.Generator) -> ShapleyPlan:
    """All coalitions up to `exact_limit` players, else `n_coalitions` in complementary pairs drawn from `rng`.

    The pairs differ, and (none, all) is always one of them. Sizes are drawn uniformly from 1..n-1, and a pair that is
    there already is drawn again: the more pairs are asked for, the sooner the few small and large coalitions run out,
    and the more of the pairs have middle sizes. Where there are no more coalitions than asked for, all are taken.

    Raises: ValueError when fewer than `fewest_coalitions` are asked for.
    """
    if n_players <= exact_limit or 2**n_players <= n_coalitions:
        return ShapleyPlan(masks=all_coalitions(n_players), exact=True)
    if n_coalitions < fewest_coalitions(n_players):
        raise ValueError(
            f"{n_coalitions} coalitions of {n_players} players: at least {fewest_coalitions(n_players)} are needed"
        )
    half = _draw_pairs(n_players, n_coalitions // 2, rng)
    while np.linalg.matrix_rank(np.where(half, 1.0, -1.0)) < n_players:  # players that no pair parts get no own value
        half = _draw_pairs(n_players, n_coalitions // 2, rng)
    return ShapleyPlan(masks=np.concatenate([half, ~half[::-1]]), exact=False)


def _draw_pairs(n_players: int, n_pairs: int, rng: np.random.Generator) -> BoolArray:
    """[pair player], one side of each of `n_pairs` different complementary pairs; the first is the empty one."""
    chosen = [np.zeros(n_players, dtype=bool)]
    known = {chosen[0].tobytes(), (~chosen[0]).tobytes()}
    while len(chosen) < n_pairs:
        mask = np.zeros(n_players, dtype=bool)
        mask[rng.permutation(n_players)[: rng.integers(1, n_players)]] = True
        if mask.tobytes() not in known:
            known |= {mask.tobytes(), (~mask).tobytes()}
            chosen.append(mask)
    return np.array(chosen)


def _odd_part(values: FloatArray) -> FloatArray:
    """[pair]: (v(S) - v(rest)) / 2 of values [coalition] in the order of a sampled plan."""
    half = len(values) // 2
    return np.asarray((values[:half] - values[::-1][:half]) / 2)


class _OddRegression:
    """Least squares on complementary pairs: degree 1 freely, degree 3 with a ridge, in the dual.

    Shapley values depend on the odd part of a game only. With x in +1, -1 and s = x.x', the products of three
    players have the kernel (s^3 - (3n - 2) s) / 6, so n players cost one solve of pairs x pairs.
    """

    def __init__(self, masks: BoolArray) -> None:
        """masks: [pair player], one side of each pair; the first is the empty coalition."""
        self.x = np.where(masks, 1.0, -1.0)
        n = self.x.shape[1]
        size = masks[1:].sum(1)
        weight = 1.0 / (size * (n - size))
        self.weight = np.concatenate([[_ENDS_WEIGHT * weight.max()], weight])
        s = self.x @ self.x.T
        self.cubic = (s**3 - (3 * n - 2) * s) / 6
        rest = self.x.sum(1, keepdims=True) - self.x
        self.triples = self.x * (rest**2 - (n - 1)) / 2  # [pair player], sum over the products that hold the player

    def _solve(self, ridge: float, used: BoolArray) -> tuple[FloatArray, FloatArray]:
        """(dual [pair pair], linear [player pair]): maps from y to the dual coefficients and to degree 1."""
        x, weight = self.x[used], self.weight[used]
        noise = ridge * np.diag(self.weight[1:].mean() / weight) * np.abs(self.cubic).max()
        inverse = np.linalg.inv(self.cubic[np.ix_(used, used)] + noise)
        inner = inverse @ x
        # A group left out may leave pairs that never part two players; the pseudo-inverse gives both the same
        linear = np.linalg.pinv(x.T @ inner, hermitian=True) @ inner.T
        return inverse - inner @ linear, linear

    def choose_ridge(self, y: FloatArray) -> float:
        """The ridge with the least weighted leave-one-out error, by its closed form; the ends are never left out.

        One eigendecomposition of the kernel, in units of the noise, serves all ridges.
        """
        scale = np.sqrt(self.weight / self.weight[1:].mean())  # one over the root of each pair's noise
        spectrum, vectors = np.linalg.eigh(self.cubic * np.outer(scale, scale))
        basis = scale[:, None] * vectors
        x, turned = basis.T @ self.x, basis.T @ y
        errors = []
        for ridge in _RIDGES:
            shrunk = 1.0 / (np.maximum(spectrum, 0.0) + ridge * np.abs(self.cubic).max())
            outer = np.linalg.pinv(x.T @ (shrunk[:, None] * x), hermitian=True)
            inner = basis @ (shrunk[:, None] * x)
            rest = basis @ (shrunk * (turned - x @ (outer @ (inner.T @ y))))  # dual @ y
            diagonal = basis**2 @ shrunk - ((inner @ outer) * inner).sum(1)  # of dual
            errors.append(float((self.weight[1:] * (rest[1:] / diagonal[1:]) ** 2).sum()))
        return float(_RIDGES[int(np.argmin(errors))])

    def weights(self, ridge: float, used: BoolArray) -> FloatArray:
        """[player pair] with phi = weights @ y, efficient: phi sums to y(all) - y(none) = -2 y of the first pair."""
        dual, linear = self._solve(ridge, used)
        phi = np.zeros((self.x.shape[1], len(self.x)))
        phi[:, used] = 2 * linear + (2 / 3) * self.triples[used].T @ dual
        gap = -phi.sum(0)
        gap[0] -= 2.0
        return phi + gap / len(phi)
