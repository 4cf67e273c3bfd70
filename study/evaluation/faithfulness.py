"""Does the model do what the explanations say? Every explainer tested under every removal operator.

Scores come from explanations under the study's own operator; SHAP and LIME also explain under others, so that a method
can be tested by the operator that it asked about and by one that it did not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from study.evaluation.setting import Evaluation, Row, Tables, attribute, cost_row, subject_of, under
from study.metrics.faithfulness import Perturbed, draw_removals, make_claim, measure, perturb
from study.records import BoolArray, FloatArray
from study.seeds import rng_of

TENTHS = range(11)  # points of a curve, in tenths of the words, so that curves of texts of all lengths have a mean


def measure_faithfulness(evaluation: Evaluation, row: int) -> Tables:
    """Rows of `faithfulness`, `perturbation_curves` and `evaluation_cost` for the text at `row`.

    The removals behind the infidelity are the same for every method, operator and training seed. In the curves,
    fraction is the share of words done with: removed (deletion) or put in (insertion), rounded up to whole words;
    n_removed always counts the absent ones.
    """
    started = time.perf_counter()
    setting = evaluation.setting
    subject = subject_of(evaluation, row)
    n_words = subject.n_players
    explained, n_evals = _explanations(evaluation, row, n_words)
    rng = rng_of(setting.data_seed, subject.example_id, "random removals")
    removed = draw_removals(n_words, evaluation.config.infidelity_samples, rng)
    tables: Tables = {"faithfulness": [], "perturbation_curves": []}
    for removal in evaluation.config.removals:
        found, n_asked = _perturbed(evaluation, row, removal, explained, removed)
        n_evals += n_asked
        for (method, explained_under), perturbed in zip(explained, found, strict=True):
            key = {"example_id": subject.example_id, "method": method}
            key |= {"explained_under": explained_under, "removed_by": removal}
            values = measure(perturbed)
            tables["faithfulness"] += [key | {"metric": name, "value": value} for name, value in values.items()]
            tables["perturbation_curves"] += [key | point for point in _curve_points(perturbed)]
    return tables | {"evaluation_cost": [cost_row(subject.example_id, "faithfulness", n_evals, started)]}


def _explanations(evaluation: Evaluation, row: int, n_words: int) -> tuple[dict[tuple[str, str], FloatArray], int]:
    """Scores [word] by (method, operator it explained under), and the evaluations that explaining again took."""
    setting = evaluation.setting
    own, example_id = setting.config.removal, setting.batch.example_id[row]
    explained = {(method, own): scores[:n_words] for method, scores in evaluation.scores[example_id].items()}
    n_evals = 0
    for removal in evaluation.config.explained_under:
        if removal == own:
            continue
        subject, config = subject_of(evaluation, row, removal), under(setting, removal=removal).config
        for method in evaluation.drawing:
            rng = rng_of(setting.seed, example_id, method, "under", removal)
            attribution = attribute(subject, method, config, rng)
            explained[method, removal] = attribution.scores[:n_words]
            n_evals += attribution.n_evals
    return explained, n_evals


def _perturbed(
    evaluation: Evaluation, row: int, removal: str, explained: dict[tuple[str, str], FloatArray], removed: BoolArray
) -> tuple[list[Perturbed], int]:
    """Every explanation under one operator, in order, and the evaluations it took."""
    game = subject_of(evaluation, row, removal).new_game()
    margin = float(game.value(np.ones((1, removed.shape[1]), dtype=bool)).sum())
    sign = np.sign(margin)

    def margins_of(present: BoolArray) -> FloatArray:
        return sign * game.value(present).sum(axis=1)

    claims = [make_claim(scores, method, margin) for (method, _), scores in explained.items()]
    return perturb(claims, removed, margins_of), game.n_evals


def _curve_points(perturbed: Perturbed) -> Iterator[Row]:
    """The points of both curves, without the key; none where the explanation says no order."""
    for order, curve in (("deletion", perturbed.deletion), ("insertion", perturbed.insertion)):
        n_words = len(curve) - 1
        for tenth in TENTHS if n_words > 0 else ():
            done = -(-tenth * n_words // 10)
            n_removed = done if order == "deletion" else n_words - done
            yield {"order": order, "fraction": tenth / 10, "n_removed": n_removed, "margin": float(curve[done])}
