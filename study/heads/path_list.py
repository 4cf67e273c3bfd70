"""Paths by name: the largest of a text, one by its name, and how much every kind of path gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.errors import UnknownNameError
from study.heads.paths import Paths
from study.records import ComponentIndex, FloatArray

GROUPS = ("embed", "word > head", "word > head > head", "MLP > head", "MLP", "bias")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPath:
    """One path and what it contributes, logits.

    path: the components passed, "L0H1 > L1H2", "L1H2", "L0.mlp > L1H2" or "L1.mlp"; first and second: the same one by
    one, second "" where there is one only; hops: how many. word_index: where it starts, -1 for CLS: the word that
    the first head attends to, or the position that an MLP sits at; word: the word there, "[CLS]" for CLS.
    group: one of `GROUPS`. rank: 1 for the largest.
    """

    path: str
    group: str
    first: str
    second: str
    hops: int
    word_index: int
    word: str
    contribution: float
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathGroup:
    """All paths of one kind: their sum, and the sum of their sizes (larger where they cancel), logits."""

    group: str
    contribution: float
    size: float


@dataclass(frozen=True, slots=True)
class _Family:
    """Paths of one group. values: [pos node] or [pos node node], NaN where there is no such path; nodes: names."""

    group: str
    values: FloatArray
    nodes: tuple[tuple[str, ...], ...]


def list_paths(paths: Paths, words: tuple[str, ...], index: ComponentIndex, top: int) -> list[ListedPath]:
    """The `top` paths by size, the largest first; fewer where there are no more. Leaves out embed and biases.

    words: of the text; more than it has positions where it was cut. index: the model's components.
    """
    families = _families(paths, index)
    size = np.concatenate([np.abs(family.values).ravel() for family in families])
    start = np.cumsum([0] + [family.values.size for family in families])
    order = np.argsort(-size, kind="stable")[: min(top, int(np.isfinite(size).sum()))]  # NaN is sorted last
    found = []
    for rank, place in enumerate(order, 1):
        number = int(np.searchsorted(start, place, side="right")) - 1
        family = families[number]
        pos, *at = (int(i) for i in np.unravel_index(place - start[number], family.values.shape))
        nodes = [names[i] for names, i in zip(family.nodes, at, strict=True)]
        found.append(
            ListedPath(
                path=" > ".join(nodes),
                group=family.group,
                first=nodes[0],
                second=nodes[1] if len(nodes) > 1 else "",
                hops=len(nodes),
                word_index=pos - 1,
                word=words[pos - 1] if pos else "[CLS]",
                contribution=float(family.values[(pos, *at)]),
                rank=rank,
            )
        )
    return found


def path_term(paths: Paths, index: ComponentIndex, path: str, word_index: int) -> float:
    """The contribution of one path, by its name in the list and the word it starts at (-1 for CLS).

    Raises: UnknownNameError for a path that the model does not have, or a word that the text does not have.
    """
    wanted = path.split(" > ")
    for family in _families(paths, index):
        if len(wanted) != len(family.nodes) or any(w not in n for w, n in zip(wanted, family.nodes, strict=True)):
            continue
        place = tuple(n.index(w) for w, n in zip(wanted, family.nodes, strict=True))
        values = np.moveaxis(family.values, 0, -1)[place]  # [pos]
        if np.isnan(values).any():  # no such path: the second component comes first
            break
        if not 0 <= word_index + 1 < len(values):
            last = len(values) - 2
            raise UnknownNameError(f"unknown start {word_index} of path '{path}': -1 (CLS) to {last} in this text")
        return float(values[word_index + 1])
    names = ", ".join(name for name, kind in zip(index.names, index.kind, strict=True) if kind in ("head", "mlp"))
    raise UnknownNameError(
        f"unknown path '{path}': a path is one of {names}, or one of them, ' > ' and a head of a later layer"
    )


def path_groups(paths: Paths) -> list[PathGroup]:
    """Every group of `GROUPS`, in that order; their contributions sum to the margin."""
    parts = (
        np.array([paths.embed]),
        paths.one_hop,
        paths.two_hop,
        paths.mlp_to_head,
        paths.mlp,
        np.append(paths.bias_to_head, paths.bias),
    )
    return [
        PathGroup(group=group, contribution=float(part.sum()), size=float(np.abs(part).sum()))
        for group, part in zip(GROUPS, parts, strict=True)
    ]


def _families(paths: Paths, index: ComponentIndex) -> list[_Family]:
    """All paths that pass a component."""
    heads = tuple(index.names[k] for k in index.where("head"))
    mlps = tuple(index.names[k] for k in index.where("mlp"))
    head_layer = np.array([index.layer[k] for k in index.where("head")])
    later = head_layer[:, None] < head_layer
    after = np.arange(len(mlps))[:, None] < head_layer
    return [
        _Family(GROUPS[1], paths.one_hop, (heads,)),
        _Family(GROUPS[2], np.where(later, paths.two_hop, np.nan), (heads, heads)),
        _Family(GROUPS[3], np.where(after, paths.mlp_to_head.transpose(1, 0, 2), np.nan), (mlps, heads)),
        _Family(GROUPS[4], paths.mlp[None], (mlps,)),  # at CLS only: the last layers' writes elsewhere are not read
    ]
