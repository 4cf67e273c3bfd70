"""What is measured on one text at one point of a sweep: agreement, faithfulness, and over how many heads it spreads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from study import gates
from study.config import HeadsConfig
from study.crosswalk.direct import EFFICIENT, build_direct
from study.crosswalk.rows import effective_components
from study.evaluation.setting import attribute, under
from study.explaining import Explained
from study.game.subject import Subject
from study.heads.players import play_heads
from study.metrics import METRICS
from study.metrics.faithfulness import draw_removals, make_claim, measure, perturb
from study.model.encoder import Encoder
from study.model.reference import HeadReference
from study.records import BoolArray, FeatureAttribution, FloatArray, Gate
from study.seeds import rng_of
from study.setting import Setting, head_subject, text_subject

Row = dict[str, Any]
COLUMNS: Mapping[str, tuple[str, ...]] = {  # of the tables of a point
    "measurements": ("example_id", "n_words", "metric", "method_a", "method_b", "value"),
    "cost": ("example_id", "method", "n_evals", "seconds"),
}
TOP_K = 3
AGREEMENTS: tuple[tuple[str, str, int | None], ...] = (  # (metric of the rows, name in METRICS, k)
    ("spearman", "spearman", None),
    (f"feature_agreement_at_k{TOP_K}", "feature_agreement", TOP_K),
    (f"feature_agreement_chance_adjusted_at_k{TOP_K}", "feature_agreement_chance_adjusted", TOP_K),
)
FAITHFULNESS = (  # names in study.metrics.FAITHFULNESS
    *("comprehensiveness_score", "sufficiency_error"),
    *("comprehensiveness_normalised_score", "sufficiency_normalised_error", "infidelity_scaled_error"),
)
N_REMOVALS = 48  # random removals of a text: behind its infidelity, and where the search for its limits starts
SHAP, LIME = "shapley", "lime"
DIRECT, SHAPLEY_OF_HEADS = "direct_centred", "head_shapley"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSetting:
    """One model, the texts of a sweep, and how one point asks about them.

    setting: its explain settings are the point's own. other_removal: the operator that tests explanations beside
    their own. reference: what heads do on the reference texts; reference_contributions: [class_ component], mean direct
    contributions there.
    """

    setting: Setting
    model: Encoder
    other_removal: str
    heads: HeadsConfig
    reference: HeadReference
    reference_contributions: FloatArray


def other_removal(removal: str) -> str:
    """The operator under which explanations made under `removal` are tested as well: delete, or mask for delete."""
    return "mask" if removal == "delete" else "delete"


def text_rows(point: PointSetting, rows: Iterable[int]) -> Explained:
    """All measurements of the texts at `rows` of the batch, what they cost, and the gates of their attributions."""
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    found: list[Gate] = []
    for row in rows:
        subject = text_subject(point.setting, row)
        made = {method: _attribute(point, subject, method) for method in (SHAP, LIME)}
        heads, cost = _head_measures(point, row, made[SHAP])
        margin = float(point.setting.contributions.margin[row])
        measured = [
            *_agreements(made, subject.n_players),
            *_faithfulness(point, row, made, margin),
            *heads,
            ("margin", "", "", abs(margin)),
        ]
        tables["measurements"] += [
            {"example_id": subject.example_id, "n_words": subject.n_players}
            | {"metric": metric, "method_a": a, "method_b": b, "value": value}
            for metric, a, b, value in measured
        ]
        spent = [(method, a.n_evals, a.seconds) for method, a in made.items()] + [cost]
        tables["cost"] += [
            {"example_id": subject.example_id, "method": method, "n_evals": n_evals, "seconds": seconds}
            for method, n_evals, seconds in spent
        ]
        found += _gates(point, subject, made)
    return Explained(tables=tables, gates=gates.worst_of(found))


Measure = tuple[str, str, str, float]  # metric, method_a, method_b, value


def _attribute(point: PointSetting, subject: Subject, method: str) -> FeatureAttribution:
    """One method on one text. The key leaves the removal operator out, so that operators are compared on like draws."""
    rng = rng_of(point.setting.seed, subject.example_id, method, "sweep")
    return attribute(subject, method, point.setting.config, rng)


def _agreements(made: Mapping[str, FeatureAttribution], n_words: int) -> list[Measure]:
    shap, lime = (made[method].scores[:n_words] for method in (SHAP, LIME))
    return [(metric, SHAP, LIME, METRICS.load(name).compute(shap, lime, k)) for metric, name, k in AGREEMENTS]


def _faithfulness(
    point: PointSetting, row: int, made: Mapping[str, FeatureAttribution], margin: float
) -> list[Measure]:
    """FAITHFULNESS of both methods, words removed by the point's own operator and by the other one.

    The random removals behind it are the same in every point of the data set.
    """
    found: list[Measure] = []
    for place, removal in (("own", point.setting.config.removal), ("other", point.other_removal)):
        subject = text_subject(under(point.setting, removal=removal), row)
        rng = rng_of(point.setting.data_seed, subject.example_id, "removals of a sweep")
        removed = draw_removals(subject.n_players, N_REMOVALS, rng)
        claims = [make_claim(a.scores[: subject.n_players], method, margin) for method, a in made.items()]
        for method, perturbed in zip(made, perturb(claims, removed, _margins_of(subject, margin)), strict=True):
            values = measure(perturbed)
            found += [(f"{metric}_{place}", method, "", values[metric]) for metric in FAITHFULNESS]
    return found


def _margins_of(subject: Subject, margin: float) -> Callable[[BoolArray], FloatArray]:
    """The margin towards the predicted class, by coalition; one game, so that nothing is evaluated twice."""
    game, sign = subject.new_game(), np.sign(margin)
    return lambda present: np.asarray(sign * game.value(present).sum(axis=1))


def _head_measures(
    point: PointSetting, row: int, shap: FeatureAttribution
) -> tuple[list[Measure], tuple[str, int, float]]:
    """Effective numbers of heads: of the text by two accounts, and of its words, the mean; what the heads cost."""
    setting = point.setting
    index = point.model.index.where("head")
    centred = setting.contributions.values[row] - point.reference_contributions[setting.contributions.target[row]]
    subject = head_subject(setting, point.model, point.reference, row)
    play = play_heads(subject, point.heads, rng_of(setting.seed, subject.example_id, "head subsets"))
    shapley = play.plan.weights(play.words_effect) @ play.words_effect
    if shap.by_component is None:
        raise ValueError("SHAP must be split over components here")
    by_word = effective_components(shap.by_component[: subject.n_players, index])
    per_word = float(np.nanmean(by_word)) if np.isfinite(by_word).any() else math.nan
    numbers = [
        ("effective_heads", DIRECT, "", float(effective_components(centred[None, index])[0])),
        ("effective_heads", SHAPLEY_OF_HEADS, "", float(effective_components(shapley[None])[0])),
        ("effective_heads_per_word", SHAP, "", per_word),
    ]
    return numbers, ("heads", play.n_evals, play.seconds)


def _gates(point: PointSetting, subject: Subject, made: Mapping[str, FeatureAttribution]) -> list[Gate]:
    found: list[Gate] = []
    for method, attribution in made.items():
        found += gates.attribution_gates(
            attribution,
            build_direct(attribution, subject.index),
            f"text {subject.example_id}",
            n_players=subject.n_players,
            dtype=point.setting.dtype,
            efficient=method in EFFICIENT,
        )
    return found
