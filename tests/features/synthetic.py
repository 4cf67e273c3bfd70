"""Texts without a model: a polynomial game over words with several components, and a small differentiable margin."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from study.game.subject import Subject
from study.records import BoolArray, ComponentIndex, FloatArray, IntArray


def component_names(n_components: int) -> ComponentIndex:
    return ComponentIndex(
        names=tuple(f"L0H{i}" for i in range(n_components)),
        kind=("head",) * n_components,
        layer=(0,) * n_components,
        head=tuple(range(n_components)),
    )


class PolynomialGame:
    """v_k(S) = sum over terms T inside S of coefficient[T, k]; counts like a real game, remembers the largest call.

    Shapley values in closed form: every term is shared equally among its words.
    """

    def __init__(self, n_players: int, terms: dict[tuple[int, ...], FloatArray]) -> None:
        self.n_players = n_players
        self.terms = terms
        self.index = component_names(len(next(iter(terms.values()))))
        self.n_evals = 0
        self.largest_call = 0
        self.known: set[bytes] = set()

    def value(self, masks: BoolArray) -> FloatArray:
        masks = np.asarray(masks)
        assert masks.dtype == np.bool_
        assert masks.shape[1] == self.n_players
        self.largest_call = max(self.largest_call, len(masks))
        self.known |= {row.tobytes() for row in masks}
        self.n_evals = len(self.known)
        present = {term: masks[:, list(term)].all(axis=1) for term in self.terms}
        return sum(np.outer(present[term], c) for term, c in self.terms.items()) + np.zeros((len(masks), 1))

    def closed_form(self) -> FloatArray:
        """Shapley values [word component]."""
        phi = np.zeros((self.n_players, len(self.index)))
        for term, coefficient in self.terms.items():
            for word in term:
                phi[word] += coefficient / len(term)
        return phi


def random_terms(
    n_players: int, n_components: int, rng: np.random.Generator, max_order: int = 3, n_high: int = 30
) -> dict[tuple[int, ...], FloatArray]:
    """A constant, all single words, and up to n_high random terms of two words or more."""
    terms = {(): rng.normal(size=n_components)}
    terms |= {(i,): rng.normal(size=n_components) for i in range(n_players)}
    for _ in range(n_high if n_players > 1 else 0):
        size = int(rng.integers(2, min(max_order, n_players) + 1))
        terms[tuple(sorted(int(i) for i in rng.choice(n_players, size, replace=False)))] = rng.normal(size=n_components)
    return terms


@dataclass
class SmallBox:
    """margin = sum over positions of tanh(w . embedding) x position weight; random attention."""

    n_players: int
    linear: bool = False
    d_model: int = 4
    n_passes: int = 0
    largest_batch: int = 0
    word_of_position: IntArray = field(init=False)

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(7)
        self.word_of_position = np.arange(-1, self.n_players)
        self.tokens = torch.randn(self.n_players + 1, self.d_model, generator=generator, dtype=torch.float64)
        self.mask = torch.randn(self.d_model, generator=generator, dtype=torch.float64)
        self.direction = torch.randn(self.d_model, generator=generator, dtype=torch.float64)

    def embeddings(self) -> Tensor:
        return self.tokens

    def baseline_embeddings(self) -> Tensor:
        return torch.cat([self.tokens[:1], self.mask.expand(self.n_players, -1)])

    def margin(self, embeddings: Tensor) -> Tensor:
        self.n_passes += len(embeddings)
        self.largest_batch = max(self.largest_batch, len(embeddings))
        read = embeddings @ self.direction
        return (read if self.linear else torch.tanh(read) * (1 + read.mean(-1, keepdim=True))).sum(-1)

    def attention(self) -> FloatArray:
        raw = np.random.default_rng(3).random((2, 3, self.n_players + 1, self.n_players + 1))
        return raw / raw.sum(axis=-1, keepdims=True)


def make_subject(n_players: int, *, n_cut: int = 0, n_components: int = 5, seed: int = 0, **options: int) -> Subject:
    """A text of n_players words and n_cut that do not fit, with a random polynomial game of its own."""
    terms = random_terms(n_players, n_components, np.random.default_rng(seed), **options)
    return Subject(
        example_id="text",
        words=tuple(f"w{i}" for i in range(n_players + n_cut)),
        n_players=n_players,
        target=1,
        index=component_names(n_components),
        new_game=lambda: PolynomialGame(n_players, terms),
        white_box=SmallBox(n_players),
    )


def literal_shapley(game: PolynomialGame) -> FloatArray:
    """The definition, word by word and subset by subset: [word component]."""
    n = game.n_players
    phi = np.zeros((n, len(game.index)))
    for word in range(n):
        others = [i for i in range(n) if i != word]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for members in itertools.combinations(others, size):
                without = np.isin(np.arange(n), members)
                with_word = without | (np.arange(n) == word)
                phi[word] += weight * (game.value(with_word[None])[0] - game.value(without[None])[0])
    return phi
