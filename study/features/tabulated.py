"""A game whose 2^n values are all known: what samplers are measured on, and the exact values they should reach.

Rows of a table are coalitions in the order of `study.game.shapley.all_coalitions`: bit i of the row number says
whether player i is in.
"""

from __future__ import annotations

import math

import numpy as np

from study.records import BoolArray, FloatArray, IntArray


class TabulatedGame:
    """Values read off a table [2^n], counted as a library counts them: every row asked for, repeats too."""

    def __init__(self, table: FloatArray) -> None:
        """Raises: ValueError where the length is no power of two."""
        self.n_players = len(table).bit_length() - 1
        if len(table) != 2**self.n_players:
            raise ValueError(f"a table of {len(table)} values: wanted 2^n of them")
        self.table = table
        self.n_evals = 0
        self._bits = 1 << np.arange(self.n_players)

    def value(self, masks: BoolArray) -> FloatArray:
        """[coalition] for masks [coalition player]."""
        self.n_evals += len(masks)
        return np.asarray(self.table[np.asarray(masks, dtype=bool) @ self._bits], dtype=np.float64)


def shapley_of_table(table: FloatArray) -> FloatArray:
    """[player], exact Shapley values of the game with these values [2^n].

    phi_i = sum over T without i of |T|! (n-|T|-1)! / n! (v(T+i) - v(T)); one player at a time, so n 2^n steps
    in a memory of 2^n. Source: Shapley 1953.
    """
    n = len(table).bit_length() - 1
    weight = np.array([1.0 / (n * math.comb(n - 1, s)) for s in range(n)])
    sizes = _sizes(n)
    phi = np.empty(n)
    for i in range(n):
        by_player = (2 ** (n - 1 - i), 2, 2**i)  # [higher bits, bit i, lower bits]
        without, with_ = np.moveaxis(np.reshape(table, by_player), 1, 0)
        phi[i] = (weight[sizes.reshape(by_player)[:, 0]] * (with_ - without)).sum()
    return phi


def lime_of_table(table: FloatArray) -> FloatArray:
    """[player], the coefficients that LIME reaches with infinitely many samples of the game with these values [2^n].

    Its ridge penalty and its one sample with all players vanish against the rest, so this is least squares with a
    free intercept over all coalitions but the whole one, each weighed by the probability that lime draws it, which is
    1 / (n C(n, k)) for k players removed, times its kernel, exp(-d^2 / (2 25^2)) with d = 100 (1 - sqrt(1 - k/n)).
    As both depend on the size only, any two players covary alike, and the normal equations have the closed form below.
    Source: Ribeiro, Singh and Guestrin 2016; lime 0.2.0.1, LimeTextExplainer.
    """
    n = len(table).bit_length() - 1
    by_size = _lime_weights(n)
    weight = by_size[_sizes(n)]
    total = weight.sum()
    mean = float(weight @ table) / total
    present = np.empty(n)  # weighted sum of v - mean over the coalitions that hold the player
    weighted = weight * (table - mean)
    for i in range(n):
        present[i] = weighted.reshape(2 ** (n - 1 - i), 2, 2**i)[:, 1].sum()
    covariance = present / total  # with v, of every player
    counts = np.array([math.comb(n, s) for s in range(n + 1)]) * by_size / total  # share of every size
    size = np.arange(n + 1)
    one, both = counts @ (size / n), counts @ (size * (size - 1) / (n * (n - 1)) if n > 1 else 0.0 * size)
    own, shared = one - both, both - one**2  # the covariance matrix is own I + shared 1 1'
    return np.asarray((covariance - shared * covariance.sum() / (own + n * shared)) / own)


def _lime_weights(n_players: int) -> FloatArray:
    """[size], probability times kernel of one coalition of every size present."""
    removed = np.arange(n_players, -1, -1)
    chance = np.array([1.0 / (n_players * math.comb(n_players, k)) if k else 0.0 for k in removed])
    distance = 100 * (1 - np.sqrt(1 - removed / n_players))
    return np.asarray(chance * np.exp(-(distance**2) / (2 * 25**2)))


def _sizes(n_players: int) -> IntArray:
    """[2^n], how many players every coalition holds."""
    sizes = np.zeros(1, dtype=np.int64)
    for _ in range(n_players):
        sizes = np.concatenate([sizes, sizes + 1])
    return sizes
