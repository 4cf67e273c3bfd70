"""One estimate from the strata of a hypothesis: those with the same texts are averaged, then data sets count alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from study.metrics.hypotheses.evidence import Stratum
from study.records import FloatArray
from study.stats import MeanEstimate, combine_means, crossed_mean, difference_of_means

SAME_TEXTS = 0.5  # of the smaller of two data sets: with so many texts in common they are not independent


def estimate_stratum(stratum: Stratum) -> MeanEstimate:
    """The effect in one data set and model, by difference where it is measured against another."""
    found = crossed_mean(stratum.values)
    return found if stratum.against is None else difference_of_means(crossed_mean(stratum.against.values), found)


def estimate_pooled(strata: Sequence[Stratum]) -> MeanEstimate:
    """The mean effect over data sets, each by the mean over its models; for new seeds and texts of these data sets.

    Always by two-way variance components, also from ten seeds on: intervals of data sets are combined by their
    variances, which no bootstrap gives. Differences are taken of what is pooled on both sides.
    """
    found = combine_means([_estimate_group(group) for group in groups_of_same_texts(strata)])
    against = [stratum.against for stratum in strata if stratum.against is not None]
    return difference_of_means(estimate_pooled(_distinct(against)), found) if against else found


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
    """[seed example] over all texts and seeds of the strata, whose mean is the mean of the strata's means.

    A text brings to it what it brings to the strata that have it: its deviation from their means, times how much more
    it weighs there. With the same texts throughout this is the plain average. A stratum with fewer seeds than others (a
    model set by hand has one) stands with its mean over seeds in those that it lacks.
    """
    seeds = sorted({seed for stratum in strata for seed in stratum.seeds})
    examples = sorted({example for stratum in strata for example in stratum.examples})
    place = {example: i for i, example in enumerate(examples)}
    total = np.full((len(seeds), len(examples)), float(np.mean([stratum.values.mean() for stratum in strata])))
    for stratum in strata:
        rows = dict(zip(stratum.seeds, stratum.values, strict=True))
        own = np.array([rows.get(seed, stratum.values.mean(axis=0)) for seed in seeds])
        columns = [place[example] for example in stratum.examples]
        weight = len(examples) / len(stratum.examples) / len(strata)
        total[:, columns] += weight * (own - stratum.values.mean())
    return total


def _estimate_group(group: Sequence[Stratum]) -> MeanEstimate:
    return crossed_mean(average_strata(group))


def _shares_texts(stratum: Stratum, own: set[str], other: Stratum) -> bool:
    if stratum.dataset == other.dataset:
        return True
    return len(own & set(other.examples)) >= SAME_TEXTS * min(len(own), len(other.examples))


def _distinct(strata: Iterable[Stratum]) -> list[Stratum]:
    return list({(stratum.dataset, stratum.model): stratum for stratum in strata}.values())
