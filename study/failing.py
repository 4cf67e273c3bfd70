"""Where a word's score calls a word that decides irrelevant, and what the crosswalk says of the same word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from study.game.shapley import interaction_weights
from study.records import BoolArray, FloatArray
from study.stats import wilson_interval
from study.tasks.language import GAIN, Task, rule_values

Row = dict[str, Any]
IRRELEVANT = 0.05  # of the text's largest score: a reader who looks at the top of a bar chart does not see the word
N_NAMED = 3  # components named beside a word
SMALLEST = 0.005  # a cell below prints as 0.00, an interaction below is rounding; logits
FAILURE_COLUMNS = (
    *("example_id", "word_index", "word", "method", "score", "largest", "size", "components"),
    *("partner_index", "partner", "interaction"),
)
SCORED_COLUMNS = ("example_id", "method", "n_words")
_VARIANT = ["dataset", "model", "method"]
RATE_COLUMNS = [
    *(*_VARIANT, "n_words", "n_missed", "n_texts", "n_seeds"),
    *("share", "low", "high", "text_share", "text_low", "text_high", "level"),
]


def find_failures(
    features: pd.DataFrame, crosswalk: pd.DataFrame, relevant: Mapping[str, BoolArray], task: Task | None
) -> list[Row]:
    """Rows of `failures`: every word that decides and that a method scores below 5 % of the text's largest score.

    Of the methods that split over components, those in the crosswalk.

    size: sum of |cell| of the word's row in the direct crosswalk, logits: what the score hides where it is large.
    components: the largest cells of the row. partner: the word with which it interacts most in the task's rule, and
    that Shapley interaction in logits of the circuit; -1 and NaN where nothing interacts, or no rule is known.
    """
    rows: list[Row] = []
    scores = features[features["method"].isin(crosswalk["method"])]
    by_text = dict(iter(crosswalk.groupby(["example_id", "method"])))
    for (example_id, method), part in scores.groupby(["example_id", "method"], sort=False):
        part = part.sort_values("word_index")
        size = part["score"].abs().to_numpy(dtype=np.float64)
        largest = float(np.nanmax(size, initial=0.0))
        unseen = size < IRRELEVANT * largest if largest else size == 0  # all zero: every word is called irrelevant
        missed = np.flatnonzero(relevant[example_id] & unseen)
        words = part["word"].tolist()
        between = _interactions(task, words) if task is not None and len(missed) else None
        for i in missed:
            cells = by_text[example_id, method]
            row = cells[cells["word_index"] == i]
            rows.append(
                {"example_id": example_id, "word_index": int(i), "word": words[i], "method": method}
                | {"score": float(part["score"].iloc[i]), "largest": largest, "size": float(row["value"].abs().sum())}
                | {"components": _largest_cells(row)}
                | _partner(between, words, int(i))
            )
    return rows


def count_scored(features: pd.DataFrame, methods: Collection[str], relevant: Mapping[str, BoolArray]) -> list[Row]:
    """How many words that decide each of the methods gave a score, a row a text: what failures are shares of."""
    scores = features[features["method"].isin(methods) & features["score"].notna()]
    places = zip(scores["example_id"], scores["word_index"], strict=True)
    counts = (
        scores[np.array([relevant[e][i] for e, i in places], dtype=bool)]
        .groupby(["example_id", "method"], sort=False)
        .size()
    )
    return [{"example_id": e, "method": m, "n_words": int(n)} for (e, m), n in counts.items()]


def failure_rates(scored: pd.DataFrame, failures: pd.DataFrame, level: float) -> pd.DataFrame:
    """Table `failure_rates`: the share of words that decide which a method scores as irrelevant.

    scored: rows of `count_scored` with dataset, model and seed; failures: the table of that name.
    n_words, n_missed: words that decide, and those missed, over texts and seeds; share, with its Wilson interval at
    `level` as if every text had been one draw, since words of a text hang together and all seeds explain the same
    texts. n_texts: different texts; text_share, text_low, text_high: the same of texts with a word missed (mean over
    seeds).
    """
    texts = ["seed", "example_id"]
    missed = failures.groupby([*_VARIANT, *texts]).size()
    rows: list[Row] = []
    for variant, part in scored.groupby(_VARIANT, sort=False):
        lost = [int(missed.get((*variant, *text), 0)) for text in part[texts].itertuples(index=False, name=None)]
        n_words, n_missed, n_texts = int(part["n_words"].sum()), sum(lost), int(part["example_id"].nunique())
        counts = {"n_words": n_words, "n_missed": n_missed, "n_texts": n_texts, "n_seeds": int(part["seed"].nunique())}
        share = wilson_interval(n_missed / n_words * n_texts, n_texts, level)
        of_texts = wilson_interval(float(np.mean([n > 0 for n in lost])) * n_texts, n_texts, level)
        rows.append(
            dict(zip(_VARIANT, variant, strict=True))
            | counts
            | dict(zip(("share", "low", "high"), share, strict=True))
            | dict(zip(("text_share", "text_low", "text_high"), of_texts, strict=True))
            | {"level": level}
        )
    return pd.DataFrame(rows, columns=RATE_COLUMNS)


def _largest_cells(row: pd.DataFrame) -> str:
    row = row[row["value"].abs() >= SMALLEST]
    order = row.reindex(row["value"].abs().sort_values(ascending=False, kind="stable").index).head(N_NAMED)
    return ", ".join(f"{name} {value:+.2f}" for name, value in zip(order["component"], order["value"], strict=True))


def _interactions(task: Task, words: list[str]) -> FloatArray:
    """[word word]: pairwise Shapley interactions of the rule, logits."""
    pairs, weights = interaction_weights(len(words))
    values = GAIN * (weights @ rule_values(task, words))
    table = np.zeros((len(words), len(words)))
    for (i, j), value in zip(pairs, values, strict=True):
        table[i, j] = table[j, i] = value
    return table


def _partner(between: FloatArray | None, words: list[str], i: int) -> Row:
    if between is None or not np.abs(between[i]).max() >= SMALLEST:
        return {"partner_index": -1, "partner": "", "interaction": float("nan")}
    j = int(np.abs(between[i]).argmax())
    return {"partner_index": j, "partner": words[j], "interaction": float(between[i, j])}
