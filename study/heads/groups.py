"""Heads ablated together: every pair, every layer, all heads, and the groups that the config names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from study.config import HeadsConfig
from study.errors import ConfigError
from study.heads.ablation import ABLATIONS, effects
from study.heads.batch import HeadBatch
from study.model.ablation import head_place
from study.model.encoder import Encoder
from study.records import FloatArray

Group = tuple[str, tuple[int, ...]]  # its name, and its heads by number, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEffects:
    """What the groups of heads do to the margin under one ablation (`zero`, `mean` or `resample`).

    groups: names, "L0H0+L1H2", "layer 0" or "all heads"; n_heads: [group]; effect: [example group], logits,
    m(all heads) - m(without the group), positive where the group pushes towards the target class.
    """

    ablation: str
    groups: tuple[str, ...]
    n_heads: tuple[int, ...]
    effect: FloatArray


def group_effects(batch: HeadBatch, config: HeadsConfig) -> list[GroupEffects]:
    """Effects of layers, all heads and the config's groups under every ablation; of all pairs by zero and by the mean.

    Pairs by both: the mean of a head may keep its backup asleep, and zero takes constant writes for effects. Resampled
    pairs would cost `resample_draws` times as much and show nothing else.

    Raises: UnknownNameError or ConfigError for a group of the config that the model cannot have.
    """
    shared = [*_layers_and_all(batch.model), *named_groups(batch.model, config)]
    by_ablation = {name: ([] if name == "resample" else _pairs(batch.model)) + shared for name in ABLATIONS}
    return [_measure(batch, config, ablation, groups) for ablation, groups in by_ablation.items()]


def named_groups(model: Encoder, config: HeadsConfig) -> list[Group]:
    """The groups of `heads.groups`, their heads in the order of the model.

    Raises: UnknownNameError for a head that the model does not have, ConfigError for an empty group or one that names
    a head twice.
    """
    names, found = _names(model), []
    for group in config.groups:
        for head in group:
            head_place(model, head)  # its error says which heads there are
        twice = sorted({head for head in group if group.count(head) > 1})
        if twice or not group:
            wrong = f"names {' and '.join(twice)} more than once" if twice else "is empty"
            raise ConfigError(f"heads.groups: the group [{', '.join(group)}] {wrong}; list each of its heads once")
        found.append(_named(names, [names.index(head) for head in group]))
    return found


def _layers_and_all(model: Encoder) -> list[Group]:
    layer = np.array(model.index.layer)[model.index.where("head")]
    by_layer = [(f"layer {number}", tuple(np.flatnonzero(layer == number).tolist())) for number in np.unique(layer)]
    return [*by_layer, ("all heads", tuple(range(len(layer))))]


def _pairs(model: Encoder) -> list[Group]:
    names = _names(model)
    return [_named(names, (i, j)) for i in range(len(names)) for j in range(i + 1, len(names))]


def _names(model: Encoder) -> list[str]:
    return [model.index.names[k] for k in model.index.where("head")]


def _named(names: list[str], heads: Iterable[int]) -> Group:
    ordered = tuple(sorted(heads))
    return "+".join(names[i] for i in ordered), ordered


def _measure(batch: HeadBatch, config: HeadsConfig, ablation: str, groups: list[Group]) -> GroupEffects:
    distinct = dict(groups)  # a group of the config may be a pair, or stand there twice
    removed = np.zeros((len(distinct), len(_names(batch.model))), dtype=bool)
    for row, heads in enumerate(distinct.values()):
        removed[row, list(heads)] = True
    return GroupEffects(
        ablation=ablation,
        groups=tuple(distinct),
        n_heads=tuple(len(heads) for heads in distinct.values()),
        effect=effects(batch, config, ablation, removed),
    )
