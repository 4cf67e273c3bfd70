"""Does the model do what the explanation says? One explanation of one text against margins of the perturbed text.

Every margin here is in logits and towards the predicted class, never a probability: positive for the full text. Words
are removed or put in from most to least support for that class (`study.support`), by one removal operator. Ties go in
the order of the text. Undefined is NaN: a margin of 0, which predicts nothing; a text without words; a word without a
score; of metrics that need an order, scores all equal over several words, which say none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from study.metrics import FAITHFULNESS
from study.metrics.faithfulness_limits import Limits, MarginsOf, counted_sizes, find_limits
from study.records import UNSIGNED_METHODS, BoolArray, FloatArray, IntArray
from study.support import order_by_support, support_of

SAME = 1e-9  # logits, relative from 1 on: smaller differences are none. Far above rounding, far below any effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one explanation says about the predicted class.

    is_defined: False without a predicted class, without words, or where a word has no score. support: [word], higher
    for more. order: [word], from most to least support; None where it says none. in_logits: whether support claims to
    be logits; False for scores without a sign, which compare words and nothing else.
    """

    is_defined: bool
    support: FloatArray
    order: IntArray | None
    in_logits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbed:
    """A claim beside what the model does.

    deletion: [n_removed], margins after removing the first words of the order, none to all; insertion: [n_kept], with
    only these left; both empty without an order. removed: [sample word], random removals; lost: [sample], the margin
    each of them costs. limits: None where unknown.
    """

    claim: Claim
    deletion: FloatArray
    insertion: FloatArray
    removed: BoolArray
    lost: FloatArray
    limits: Limits | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaithfulnessMetric:
    """A metric of one explanation of one text under one removal operator, and how to read it.

    compute: NaN where undefined. needs_order: undefined for a claim without an order; such a claim is not computed.
    bounds: lowest and highest possible value. means: what it says in one line.
    """

    name: str
    compute: Callable[[Perturbed], float]
    needs_order: bool
    direction: Literal["higher", "lower"]
    bounds: tuple[float, float]
    means: str
    source: str


def make_claim(scores: FloatArray, method: str, margin: float) -> Claim:
    """The claim of scores [word] of the margin by one method, for the class that the margin predicts."""
    scores = np.asarray(scores, dtype=np.float64)
    support = support_of(scores, method, margin)
    defined = len(scores) > 0 and margin != 0 and bool(np.isfinite(scores).all())
    says_order = defined and (len(scores) == 1 or np.ptp(support) > SAME * max(1.0, np.abs(support).max()))
    return Claim(
        is_defined=defined,
        support=support,
        order=np.array(order_by_support(scores, method, margin)) if says_order else None,
        in_logits=method not in UNSIGNED_METHODS,
    )


def draw_removals(n_words: int, n_samples: int, rng: np.random.Generator) -> BoolArray:
    """[sample word], True where removed: how many words is uniform on 1..n, which ones is uniform too."""
    if n_words == 0:
        return np.zeros((n_samples, 0), dtype=bool)
    place = rng.random((n_samples, n_words)).argsort(axis=1).argsort(axis=1)
    return place < rng.integers(1, n_words + 1, n_samples)[:, None]


def perturb(claims: Sequence[Claim], removed: BoolArray, margins_of: MarginsOf) -> list[Perturbed]:
    """Every claim with the margins that test it; all masks in one call, then those that the limits ask for.

    removed: [sample word], the same for all claims. margins_of: present [coalition word] -> [coalition]. The limits
    are shared, and no narrower than what the claims themselves reach.
    """
    n_words = removed.shape[1]
    orders = {i: claim.order for i, claim in enumerate(claims) if claim.order is not None}
    place = np.array([np.argsort(order) for order in orders.values()]).reshape(len(orders), 1, n_words)
    first = place < np.arange(n_words + 1)[:, None]  # [claim size word]: among the first of the order
    present = np.concatenate([np.ones((1, n_words), dtype=bool), ~removed, *~first, *first])
    margins = margins_of(present)
    full, lost = margins[0], margins[0] - margins[1 : 1 + len(removed)]
    curves = margins[1 + len(removed) :].reshape(2, len(orders), n_words + 1)
    limits = None
    if orders:
        dropped = full - curves[:, :, counted_sizes(n_words)].mean(axis=-1)
        limits = find_limits(margins_of, n_words).widened(*dropped)
    by_claim = dict(zip(orders, zip(*curves, strict=True), strict=True))
    nothing = np.zeros(0), np.zeros(0)
    return [
        Perturbed(claim=claim, deletion=deletion, insertion=insertion, removed=removed, lost=lost, limits=limits)
        for i, claim in enumerate(claims)
        for deletion, insertion in [by_claim.get(i, nothing)]
    ]


def measure(perturbed: Perturbed) -> dict[str, float]:
    """Every metric in FAITHFULNESS; NaN where the claim is undefined, or says no order and the metric needs one."""
    metrics: dict[str, FaithfulnessMetric] = {name: FAITHFULNESS.load(name) for name in FAITHFULNESS}
    claim = perturbed.claim
    return {
        name: metric.compute(perturbed)
        if claim.is_defined and (claim.order is not None or not metric.needs_order)
        else math.nan
        for name, metric in metrics.items()
    }


def _comprehensiveness(p: Perturbed) -> float:
    return float(p.deletion[0] - p.deletion[counted_sizes(len(p.deletion) - 1)].mean())


def _sufficiency(p: Perturbed) -> float:
    return float(p.deletion[0] - p.insertion[counted_sizes(len(p.insertion) - 1)].mean())


def _comprehensiveness_normalised(p: Perturbed) -> float:
    return _within(_comprehensiveness(p), p.limits.comprehensiveness) if p.limits else math.nan


def _sufficiency_normalised(p: Perturbed) -> float:
    return _within(_sufficiency(p), p.limits.sufficiency) if p.limits else math.nan


def _deletion_area(p: Perturbed) -> float:
    return _area(p.deletion)


def _insertion_area(p: Perturbed) -> float:
    return _area(p.insertion)


def _infidelity(p: Perturbed) -> float:
    if not p.claim.in_logits or not len(p.lost):
        return math.nan
    return float(np.mean((p.removed @ p.claim.support - p.lost) ** 2))


def _infidelity_scaled(p: Perturbed) -> float:
    """Least over scales of 0 and more: a scale below 0 would let an explanation that points the wrong way pass.

    NaN where nothing is claimed but for rounding, which a scale would blow up.
    """
    claimed = p.removed @ p.claim.support
    size, lost = float(claimed @ claimed), float(p.lost @ p.lost)
    if math.sqrt(size) <= SAME * math.sqrt(len(claimed)) or lost == 0:
        return math.nan
    scale = max(0.0, float(claimed @ p.lost) / size)
    return min(1.0, float(np.sum((scale * claimed - p.lost) ** 2)) / lost)  # rounding apart, never above 1


def _within(value: float, limits: tuple[float, float]) -> float:
    """0 at the lowest limit, 1 at the highest; NaN where they are equal but for rounding."""
    low, high = limits
    if high - low <= SAME * max(1.0, abs(low), abs(high)):
        return math.nan
    return (value - low) / (high - low)


def _area(curve: FloatArray) -> float:
    """The trapezoid area under a curve over the share of words, 0 to 1, in equal steps."""
    return float((curve.sum() - (curve[0] + curve[-1]) / 2) / (len(curve) - 1))


_ANY = (-math.inf, math.inf)
_EDIN = "Edin et al. 2025 (NAOPC), here over 10 to 50 % of words; exact up to 10 words, else by beam search"
COMPREHENSIVENESS = FaithfulnessMetric(
    name="comprehensiveness_score",
    compute=_comprehensiveness,
    needs_order=True,
    direction="higher",
    bounds=_ANY,
    means="margin lost without the top 10, 20, 30, 40 and 50 % of words, mean, logits",
    source="DeYoung et al. 2020, section 4, on the margin",
)
SUFFICIENCY = FaithfulnessMetric(
    name="sufficiency_error",
    compute=_sufficiency,
    needs_order=True,
    direction="lower",
    bounds=_ANY,
    means="margin lost with nothing but the top 10, 20, 30, 40 and 50 % of words, mean, logits",
    source="DeYoung et al. 2020, section 4, on the margin",
)
COMPREHENSIVENESS_NORMALISED = FaithfulnessMetric(
    name="comprehensiveness_normalised_score",
    compute=_comprehensiveness_normalised,
    needs_order=True,
    direction="higher",
    bounds=(0.0, 1.0),
    means="comprehensiveness between the lowest (0) and the highest (1) that any order of this text's words reaches",
    source=_EDIN,
)
SUFFICIENCY_NORMALISED = FaithfulnessMetric(
    name="sufficiency_normalised_error",
    compute=_sufficiency_normalised,
    needs_order=True,
    direction="lower",
    bounds=(0.0, 1.0),
    means="sufficiency between the lowest (0) and the highest (1) that any order of this text's words reaches",
    source=_EDIN,
)
DELETION_AREA = FaithfulnessMetric(
    name="deletion_area_error",
    compute=_deletion_area,
    needs_order=True,
    direction="lower",
    bounds=_ANY,
    means="mean margin while words are removed one by one, most support first, logits",
    source="Petsiuk et al. 2018 (deletion), on the margin",
)
INSERTION_AREA = FaithfulnessMetric(
    name="insertion_area_score",
    compute=_insertion_area,
    needs_order=True,
    direction="higher",
    bounds=_ANY,
    means="mean margin while words are put back one by one, most support first, logits",
    source="Petsiuk et al. 2018 (insertion), on the margin",
)
INFIDELITY = FaithfulnessMetric(
    name="infidelity_error",
    compute=_infidelity,
    needs_order=False,
    direction="lower",
    bounds=(0.0, math.inf),
    means="squared difference of the support removed and the margin lost, mean over random removals, logits squared",
    source="Yeh et al. 2019, definition 2.1, perturbations that remove words; needs scores with a sign",
)
INFIDELITY_SCALED = FaithfulnessMetric(
    name="infidelity_scaled_error",
    compute=_infidelity_scaled,
    needs_order=False,
    direction="lower",
    bounds=(0.0, 1.0),
    means="infidelity after the best scaling by 0 or more, as a share of that of no explanation at all",
    source="Yeh et al. 2019, section 2.2 (optimal scaling), the scale kept from turning an explanation round",
)
