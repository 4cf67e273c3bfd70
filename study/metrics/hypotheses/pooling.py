"""One estimate from the strata of a hypothesis: those with the same texts are averaged, then data sets count alike.

Assumed: data sets are independent, their training seeds too. The same seed number on two data sets starts from the same
numbers but sees other texts, words and often other shapes, so what it does to one says nothing of the other. Where this
fails, a part of the variance over seeds is counted as averaged out that is not, and intervals are too short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from study.metrics.hypotheses.evidence import Stratum
from study.records import FloatArray
from study.stats import MeanEstimate, combine_means, crossed_mean, difference_of_means

SAME_TEXTS = 0.5  # of the smaller of two data sets: with so many texts in common they are not independent


def estimate_stratum(stratum: Stratum) -> MeanEstimate:
    """The effect in one data set and model, by difference where it is measured against another."""
    found = _estimate_group([stratum])
    return found if stratum.against is None else difference_of_means(_estimate_group([stratum.against]), found)


def estimate_pooled(strata: Sequence[Stratum]) -> MeanEstimate:
    """The mean effect over data sets, each by the mean over its models; for new seeds and texts of these data sets.

    Always by two-way variance components, also from ten seeds on: intervals of data sets are combined by their
    variances, which no bootstrap gives. Differences are taken of what is pooled on both sides. All NaN where some
    strata with the same texts have no seed in common.
    """
    groups = [_estimate_group(group) for group in groups_of_same_texts(strata)]
    found = combine_means([] if any(math.isnan(group.mean) for group in groups) else groups)
    against = _sides_against(strata)
    return difference_of_means(estimate_pooled(against), found) if against else found


def seeds_in_use(strata: Sequence[Stratum]) -> list[tuple[Stratum, tuple[int, ...]]]:
    """Every stratum that the pooled estimate rests on, on both sides of a difference, and its seeds that enter it."""
    found = []
    for side in (strata, _sides_against(strata)):
        for group in groups_of_same_texts(side):
            shared = shared_seeds(group)
            found += [(s, tuple(seed for seed in s.seeds if seed in shared) or s.seeds) for s in group]
    return found


def shared_seeds(strata: Sequence[Stratum]) -> list[int]:
    """The seeds in which no stratum is undefined; one that by design does not run on a seed stands in no one's way."""
    undefined = {seed for stratum in strata for seed in stratum.undefined_seeds}
    return sorted({seed for stratum in strata for seed in stratum.seeds} - undefined)


def groups_of_same_texts(strata: Sequence[Stratum]) -> list[list[Stratum]]:
    """Strata of one data set, and of data sets that have SAME_TEXTS or more of their texts in common, go together."""
    groups: list[list[Stratum]] = []
    for stratum in strata:
        own = set(stratum.examples)
        akin = [group for group in groups if any(_shares_texts(stratum, own, other) for other in group)]
        groups = [group for group in groups if not any(group is other for other in akin)]
        groups.append([*(member for group in akin for member in group), stratum])
    return groups


def average_strata(strata: Sequence[Stratum]) -> FloatArray:
    """[seed example] over all texts and the shared seeds of the strata, whose mean is the mean of the strata's means.

    A text brings to it what it brings to the strata that have it: its deviation from their means, times how much more
    it weighs there. With the same texts throughout this is the plain average. A stratum that by design has fewer seeds
    than others (a model set by hand has one) stands with its mean over seeds in those that it lacks. Nothing else is
    filled in: a seed that is undefined in one stratum is used of none.
    """
    seeds = shared_seeds(strata)
    examples = sorted({example for stratum in strata for example in stratum.examples})
    place = {example: i for i, example in enumerate(examples)}
    total = np.zeros((len(seeds), len(examples)))
    if not seeds:
        return total
    for stratum in strata:
        own = _in_seeds(stratum.values, stratum.seeds, seeds)
        columns = [place[example] for example in stratum.examples]
        weight = len(examples) / len(stratum.examples) / len(strata)
        total += own.mean() / len(strata)
        total[:, columns] += weight * (own - own.mean())
    return total


def _estimate_group(group: Sequence[Stratum]) -> MeanEstimate:
    """Its mean is that of the effects; average_strata gives the variance."""
    seeds = shared_seeds(group)
    effects = [_in_seeds(stratum.effects, stratum.seeds, seeds).mean() for stratum in group if seeds]
    return crossed_mean(average_strata(group))._replace(mean=float(np.mean(effects)) if effects else math.nan)


def _in_seeds(numbers: FloatArray, own: Sequence[int], seeds: Sequence[int]) -> FloatArray:
    """[seed ...] for `seeds` from the numbers of the stratum's own seeds; their mean where it has none."""
    rows = dict(zip(own, numbers, strict=True))
    return np.array([rows.get(seed, numbers.mean(axis=0)) for seed in seeds])


def _shares_texts(stratum: Stratum, own: set[str], other: Stratum) -> bool:
    if stratum.dataset == other.dataset:
        return True
    return len(own & set(other.examples)) >= SAME_TEXTS * min(len(own), len(other.examples))


def _sides_against(strata: Sequence[Stratum]) -> list[Stratum]:
    """What the strata are measured from, each once."""
    sides = [stratum.against for stratum in strata if stratum.against is not None]
    return list({(side.dataset, side.model): side for side in sides}.values())
