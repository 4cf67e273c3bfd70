"""Is an explanation the same when nothing that matters has changed: new randomness, one word for another like it.

New training seeds are the third such change; they are compared over cells (`study.metrics.stability`).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np

from study.evaluation.edits import Edit, find_edits
from study.evaluation.setting import Evaluation, Row, Tables, attribute, attribute_again, cost_row, subject_of
from study.game.subject import Subject
from study.metrics.stability import compare_edit, rank_correlations, top_share
from study.records import FeatureAttribution, FloatArray
from study.seeds import rng_of
from study.setting import text_subject


def measure_stability(evaluation: Evaluation, row: int) -> Tables:
    """The text at `row` explained again: `repeats`, `word_stability`, `edits`, `edit_stability`, and what it cost."""
    started = time.perf_counter()
    subject = subject_of(evaluation, row)
    repeated = {method: repeat(evaluation, subject, method) for method in evaluation.drawing}
    tables: Tables = {
        "repeats": _repeat_rows(evaluation, subject, repeated),
        "word_stability": [r for method, again in repeated.items() for r in _word_rows(subject, method, again)],
    }
    edited, n_evals = _edit_tables(evaluation, row)
    n_evals += sum(a.n_evals for again in repeated.values() for a in again)
    return tables | edited | {"evaluation_cost": [cost_row(subject.example_id, "stability", n_evals, started)]}


def repeat(evaluation: Evaluation, subject: Subject, method: str) -> list[FeatureAttribution]:
    """One method on one text with new randomness each time, `repeats` times; once where it draws nothing.

    SHAP is exact for short texts: its answer is then the same by definition, and not computed again.
    """
    setting, found = evaluation.setting, []
    for number in range(evaluation.config.repeats):
        rng = rng_of(setting.seed, subject.example_id, method, "repeat", number)
        found.append(attribute(subject, method, setting.config, rng))
        if found[0].seed is None:
            break
    return found


def _repeat_rows(evaluation: Evaluation, subject: Subject, repeated: dict[str, list[FeatureAttribution]]) -> list[Row]:
    """Rows of `repeats`, in every repeat: `spearman` of SHAP with LIME, and of each with its own other repeats.

    The latter is the mean over the other repeats, so that its mean over repeats is that over all pairs. `top_share`:
    the share of the sum of |score| that the largest has. A method that draws nothing is the same in every repeat.
    """
    n_repeats, rows = evaluation.config.repeats, []
    scores = {m: [a.scores[: subject.n_players] for a in again] for m, again in repeated.items()}
    scores = {m: own if len(own) == n_repeats else own * n_repeats for m, own in scores.items()}

    def add(number: int, metric: str, method_a: str, method_b: str, value: float) -> None:
        key: Row = {"example_id": subject.example_id, "repeat": number, "metric": metric}
        rows.append(key | {"method_a": method_a, "method_b": method_b, "value": value})

    for number in range(n_repeats):
        for a, b in itertools.combinations(scores, 2):
            add(number, "spearman", a, b, rank_correlations(scores[a][number], scores[b][number], a)["spearman"])
        for method, own in scores.items():
            add(number, "spearman", method, method, _with_others(own, number, method))
            add(number, "top_share", method, "", top_share(own[number]))
    return rows


def _with_others(own: Sequence[FloatArray], number: int, method: str) -> float:
    others = [scores for other, scores in enumerate(own) if other != number]
    return float(np.mean([rank_correlations(own[number], scores, method)["spearman"] for scores in others]))


def _word_rows(subject: Subject, method: str, again: Sequence[FeatureAttribution]) -> list[Row]:
    """Rows of `word_stability`, logits: mean and standard deviation of every word's score over the repeats.

    n_repeats: how often the method was asked; 1 where it draws nothing, so that the deviation is 0 by definition.
    """
    scores = np.stack([a.scores for a in again])  # [repeat word]
    deviation = scores.std(axis=0, ddof=1) if len(again) > 1 else np.where(np.isnan(scores[0]), np.nan, 0.0)
    return [
        {"example_id": subject.example_id, "word_index": i, "word": word, "method": method}
        | {"score_mean": float(mean), "score_sd": float(sd), "n_repeats": len(again)}
        for i, (word, mean, sd) in enumerate(zip(subject.words, scores.mean(axis=0), deviation, strict=True))
    ]


def _edit_tables(evaluation: Evaluation, row: int) -> tuple[Tables, int]:
    """The tables `edits` and `edit_stability` of one text, and the evaluations behind them."""
    setting, edits = find_edits(evaluation, row)
    example_id = evaluation.setting.batch.example_id[row]
    tables: Tables = {"edits": [], "edit_stability": []}
    n_evals = len(setting.batch)  # the candidates' own margins
    for number, edit in enumerate(edits):
        key: Row = {"example_id": example_id, "edit": number}
        tables["edits"].append(key | _edit_row(edit))
        subject = text_subject(setting, edit.row)
        again = attribute_again(evaluation, subject, evaluation.methods, "edit", number)
        n_evals += sum(a.n_evals for a in again.values())
        for method, attribution in again.items():
            before = np.delete(evaluation.scores[example_id][method], edit.index)
            compared = compare_edit(before, np.delete(attribution.scores, edit.index), method)
            tables["edit_stability"] += [
                key | {"method": method, "metric": metric, "value": value} for metric, value in compared.items()
            ]
    return tables, n_evals


def _edit_row(edit: Edit) -> Row:
    return {
        "word_index": edit.index,
        "word": edit.word,
        "new_word": edit.new_word,
        "margin": edit.margin,
        "edited_margin": edit.edited_margin,
    }
