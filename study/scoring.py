"""Scores of every explanation of one cell against what is known of its texts: rows of the table `truth_scores`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from study.known import Known, KnownText, Row
from study.metrics.truth import reversed_scores, score_words
from study.metrics.truth_heads import (
    TRUTH_ONLY,
    crosswalk_head_scores,
    oracle_head_scores,
    reversed_head_scores,
    score_heads,
)
from study.records import UNSIGNED_METHODS, FloatArray
from study.seeds import rng_of

ORACLE, REVERSED, CHANCE = "oracle", "reversed", "chance"
ROW_SIZE = "crosswalk_row_size"  # a word's score by how much its row of the direct crosswalk holds, whatever cancels
N_CHANCE = 400  # random explanations behind one expectation: its error is a twentieth of one draw's


def score_word_methods(features: pd.DataFrame, crosswalk: pd.DataFrame, known: Known, chance: Chance) -> list[Row]:
    """Every method on words, the size of the crosswalk's rows, and what scores are read against: chance and the oracle.

    features: rows of the trained model; crosswalk: direct, of one method. The oracle turned round is a check of the
    scores.
    """
    rows: list[Row] = []
    for (example_id, method), part in features.groupby(["example_id", "method"], sort=False):
        scores = part.sort_values("word_index")["score"].to_numpy(dtype=np.float64)
        rows += _word_rows(example_id, method, scores, known[example_id], signed=method not in UNSIGNED_METHODS)
    sizes = crosswalk.assign(size=crosswalk["value"].abs()).groupby(["example_id", "word_index"], sort=True)["size"]
    for example_id, size in sizes.sum(min_count=1).groupby(level=0, sort=False):
        rows += _word_rows(example_id, ROW_SIZE, size.to_numpy(dtype=np.float64), known[example_id], signed=False)
    for example_id, part in features.groupby("example_id", sort=False):
        text = known[example_id]
        beyond = part.groupby("word_index")["score"].count().to_numpy() == 0  # no ceiling for what nobody can score
        for method, best in ((ORACLE, text.ideal), (REVERSED, reversed_scores(text.ideal))):
            rows += _word_rows(example_id, method, np.where(beyond, np.nan, best), text, signed=True)
        rows += _score_rows(example_id, "words", CHANCE, chance.of_words(text, ~beyond))
    return rows


def score_head_methods(
    scored: pd.DataFrame,
    crosswalks: Mapping[str, pd.DataFrame],
    names: Sequence[str],
    roles_in: Callable[[Sequence[str]], list[str]],
    known: Known,
    chance: Chance,
) -> list[Row]:
    """Every method on heads, the columns of both crosswalks, and what they are read against: chance and the oracle.

    names: components of the heads; roles_in: the words of a text -> [head], what each is there.
    """
    roles = {example_id: roles_in(known[example_id].words) for example_id in dict.fromkeys(scored["example_id"])}
    rows: list[Row] = []
    for (example_id, method), part in scored.groupby(["example_id", "method"], sort=False):
        scores = part.set_index("component")["score"].reindex(names).to_numpy(dtype=np.float64)
        rows += _score_rows(example_id, "heads", method, score_heads(scores, roles[example_id]))
    for kind, table in crosswalks.items():
        for example_id, part in table.groupby("example_id", sort=False):
            cells = head_cells(part, names)
            relevant = known[example_id].relevant
            for name, words in ((f"crosswalk_{kind}", None), (f"crosswalk_{kind}{TRUTH_ONLY}", relevant)):
                found = score_heads(crosswalk_head_scores(cells, words), roles[example_id])
                rows += _score_rows(example_id, "heads", name, found)
    for example_id, here in roles.items():
        for method, scores in ((ORACLE, oracle_head_scores(here)), (REVERSED, reversed_head_scores(here))):
            rows += _score_rows(example_id, "heads", method, score_heads(scores, here))
        rows += _score_rows(example_id, "heads", CHANCE, chance.of_heads(here))
    return rows


def head_cells(part: pd.DataFrame, names: Sequence[str]) -> FloatArray:
    """[word head]: a text's rows of a crosswalk as a matrix, the columns of the heads named."""
    wide = part.pivot(index="word_index", columns="component", values="value")  # noqa: PD010
    return wide[list(names)].to_numpy(dtype=np.float64)


class Chance:
    """What random scores are worth in expectation: exactly where that is simple, else the mean of N_CHANCE normal ones.

    Random scores know no order, so texts that differ only in the order of their words have one expectation; it is
    drawn once, by what is known and not by the text.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], dict[str, float]] = {}

    def of_words(self, text: KnownText, here: np.ndarray) -> dict[str, float]:
        """here: [word], those that a method can score."""
        oracle = text.oracle if text.solved else np.zeros(len(text.words))
        order = np.lexsort((oracle, text.relevant, here))
        relevant, exact, scored = text.relevant[order], text.oracle[order], here[order]
        key = (tuple(relevant), tuple(np.round(oracle[order], 9)), tuple(scored), text.solved, text.push)

        def score(scores: FloatArray) -> dict[str, float]:
            return score_words(np.where(scored, scores, np.nan), relevant, exact, signed=True, push=text.push)

        share = float(relevant[scored].mean()) if scored.any() else np.nan
        known = {"precision_at_truth_score": share, "attribution_share_score": share}
        return self._mean(key, len(exact), score, known | {"sign_accuracy_score": 0.5, "oracle_spearman_score": 0.0})

    def of_heads(self, roles: Sequence[str]) -> dict[str, float]:
        """roles: [head] in one text."""
        ordered = sorted(roles)
        known = {f"auroc_{role}_score": 0.5 for role in ("direct", "indirect", "latent")}
        return self._mean(tuple(ordered), len(ordered), lambda scores: score_heads(scores, ordered), known)

    def _mean(
        self,
        key: tuple[object, ...],
        n: int,
        score: Callable[[FloatArray], dict[str, float]],
        exact: Mapping[str, float],
    ) -> dict[str, float]:
        """exact: the expectations that are known without drawing; a score that is undefined stays so."""
        if key not in self._known:
            rng = rng_of(CHANCE, n)
            found = [score(rng.standard_normal(n)) for _ in range(N_CHANCE)]
            means = {metric: float(np.mean([one[metric] for one in found])) for metric in found[0]}
            self._known[key] = {m: v if np.isnan(v) else exact.get(m, v) for m, v in means.items()}
        return self._known[key]


def _word_rows(example_id: str, method: str, scores: FloatArray, text: KnownText, *, signed: bool) -> list[Row]:
    found = score_words(scores, text.relevant, text.oracle, signed=signed, push=text.push)
    return _score_rows(example_id, "words", method, found)


def _score_rows(example_id: str, unit: str, method: str, found: Mapping[str, float]) -> list[Row]:
    key = {"example_id": example_id, "unit": unit, "method": method}
    return [{**key, "metric": metric, "value": value} for metric, value in found.items()]
