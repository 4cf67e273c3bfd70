"""Everything that is asked about the evaluated texts of a cell, as rows of its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from study.evaluation.additivity import measure_additivity
from study.evaluation.budgets import measure_budgets
from study.evaluation.faithfulness import measure_faithfulness
from study.evaluation.sanity import measure_sanity
from study.evaluation.setting import Evaluation, Tables
from study.evaluation.stability import measure_stability
from study.explaining import Explained

COLUMNS: Mapping[str, tuple[str, ...]] = {  # of the tables of a cell, also where a table has no rows
    "faithfulness": ("example_id", "method", "explained_under", "removed_by", "metric", "value"),
    "perturbation_curves": (
        *("example_id", "method", "explained_under", "removed_by", "order", "fraction", "n_removed", "margin"),
    ),
    "repeats": ("example_id", "repeat", "metric", "method_a", "method_b", "value"),
    "word_stability": ("example_id", "word_index", "word", "method", "score_mean", "score_sd", "n_repeats"),
    "edits": ("example_id", "edit", "word_index", "word", "new_word", "margin", "edited_margin"),
    "edit_stability": ("example_id", "edit", "method", "metric", "value"),
    "sanity": ("example_id", "randomised", "order", "method", "metric", "value"),
    "budgets": ("example_id", "n_words", "rule", "n_evals", "metric", "value"),
    "additivity": ("example_id", "n_words", "additive_share", "n_masks"),
    "evaluation_cost": ("trained", "example_id", "method", "n_evals", "seconds"),
}
MEASURES: Mapping[str, Callable[[Evaluation, int], Tables]] = {  # by their name in `evaluate.measures`
    "faithfulness": measure_faithfulness,
    "stability": measure_stability,
    "sanity": measure_sanity,
    "budgets": measure_budgets,
    "additivity": measure_additivity,
}


def evaluate_rows(evaluation: Evaluation, rows: Iterable[int]) -> Explained:
    """Every measure that the config names, on the texts at `rows`."""
    tables: Tables = {name: [] for name in COLUMNS}
    for row in rows:
        for measure in evaluation.config.measures:
            for name, found in MEASURES[measure](evaluation, row).items():
                tables[name] += found
    return Explained(tables=tables, gates=[])
