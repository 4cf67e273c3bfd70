"""How fast samplers come near the exact values: all 2^n coalitions of a text are evaluated once, then only read.

One text after another becomes rows of the table `convergence`; a text's rows depend on its id and the training
seed alone, so that texts can be done in any order and in parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from study.config import ConvergenceConfig
from study.errors import DataError
from study.explaining import Explained, Row
from study.features import SAMPLERS
from study.features.samplers import LIME_SAMPLERS, TooFewEvaluations, sample_scores
from study.features.tabulated import lime_of_table, shapley_of_table
from study.game.subject import Subject
from study.records import FloatArray, IntArray
from study.seeds import seed_of
from study.setting import Setting, text_subject

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "convergence": ("example_id", "n_words", "target", "sampler", "evaluations", "n_evals", "repeat", "error"),
}
_SLICE = 4096  # coalitions evaluated between two reductions to the margin: memory does not grow with components
_FEWEST_WORDS = 4  # below, all coalitions are fewer than any sampler wants


def choose_texts(lengths: IntArray, config: ConvergenceConfig) -> IntArray:
    """Places [chosen] of the first n_texts texts of exactly n_words words; fewer where there are not so many.

    lengths: [example], words that the model reads, of all test texts in their fixed random order. Where no text has
    n_words words, the greatest length below is taken for all (texts of known-answer tasks have nine words).
    Raises: DataError where every text is longer, or shorter than 4 words.
    """
    fitting = lengths[(lengths <= config.n_words) & (lengths >= _FEWEST_WORDS)]
    if not len(fitting):
        raise DataError(
            f"no test text has {_FEWEST_WORDS} to {config.n_words} words (convergence.n_words), so exact values are "
            "out of reach: set convergence.n_words to a length that texts have (18 at most), or take the data set "
            "out of convergence.datasets"
        )
    return np.flatnonzero(lengths == fitting.max())[: config.n_texts]


def converge_rows(setting: Setting, rows: Iterable[int], config: ConvergenceConfig) -> Explained:
    """Every sampler at every number of evaluations below 2^n, `repeats` times, on the texts at `rows` of the batch.

    A sampler has no rows where the evaluations are too few for it. error: |scores - exact| / |exact|, lengths of
    vectors over words; NaN where all exact values are 0.
    Raises: StudyError where a sampler's package is missing.
    """
    found: list[Row] = []
    for row in rows:
        subject = text_subject(setting, row)
        table = tabulate(subject)
        found += measure_text(subject.example_id, table, setting.seed, config)
    return Explained(tables={"convergence": found}, gates=[])


def tabulate(subject: Subject) -> FloatArray:
    """[2^n], the margin of every coalition of the words, in the order of `all_coalitions`."""
    n = subject.n_players
    bits = np.arange(n)
    table = np.empty(2**n)
    for start in range(0, 2**n, _SLICE):
        stop = min(start + _SLICE, 2**n)
        masks = (np.arange(start, stop)[:, None] >> bits) & 1 == 1
        table[start:stop] = subject.new_game().value(masks).sum(1)  # a new game: one would remember every component
    return table


def measure_text(example_id: str, table: FloatArray, seed: int, config: ConvergenceConfig) -> list[Row]:
    """The rows of one text from its table [2^n]; the draws are keyed by seed, text, sampler, evaluations and repeat."""
    n = len(table).bit_length() - 1
    exact = {"shapley": shapley_of_table(table), "lime": lime_of_table(table)}
    rows: list[Row] = []
    for sampler in config.samplers or tuple(SAMPLERS):
        target = "lime" if sampler in LIME_SAMPLERS else "shapley"
        for evaluations in (e for e in config.evaluations if e < 2**n):
            for repeat in range(config.repeats):
                key = seed_of(seed, example_id, sampler, evaluations, repeat)
                try:
                    scores, n_evals = sample_scores(sampler, table, evaluations, key)
                except TooFewEvaluations:
                    continue
                rows.append(
                    {"example_id": example_id, "n_words": n, "target": target, "sampler": sampler}
                    | {"evaluations": evaluations, "n_evals": n_evals, "repeat": repeat}
                    | {"error": _relative_error(scores, exact[target])}
                )
    return rows


def _relative_error(scores: FloatArray, exact: FloatArray) -> float:
    size = float(np.linalg.norm(exact))
    return float(np.linalg.norm(scores - exact)) / size if size > 0 else float("nan")
