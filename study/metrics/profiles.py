"""A profile of every head of every trained model: its sizes, its class, whom it works with, which words it carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from study.config.limits import primary_shapley
from study.head_classes import CONSTANT_SHARE
from study.metrics.compare import CELL
from study.metrics.heads import NEGLIGIBLE
from study.metrics.numbers import HeadNumbers, gather_numbers
from study.metrics.verdicts import judge_heads
from study.records import FloatArray
from study.stats import crossed_interval

PROFILE_COLUMNS = [
    *CELL, "component", "layer", "head",
    "raw_size", "direct_size", "causal_size", "ablation_size", "indirect_size",
    "indirect_share", "indirect_low", "indirect_high", "n_undefined",
    "words_direct_size", "words_direct_mean", "words_causal_size", "words_causal_mean",
    "partner", "interaction", "attention_to_cls", "attention_entropy",
    "constant", "class_", "reason", "trial_change", "trial_high", "trial_flipped", "trial_accuracy_lost", "confirmed",
]  # fmt: skip
WORD_COLUMNS = [*CELL, "component", "word", "n_texts", "causal", "direct", "side", "rank"]
CAUSAL_CELLS = "two_way_shapley"  # method of the causal crosswalk


def profile_heads(
    heads: pd.DataFrame,
    components: pd.DataFrame,
    interactions: pd.DataFrame,
    trials: pd.DataFrame,
    attention: pd.DataFrame | None = None,
    *,
    level: float,
) -> pd.DataFrame:
    """One row a head and trained model, columns PROFILE_COLUMNS, logits.

    Sizes are mean absolute values over texts, beyond the reference texts (raw: with what is written there; direct: d;
    causal: psi; ablation: delta, the loss without the head alone; indirect: delta - d) or, `words_*`, beyond the empty
    text, with their signed means. indirect_share is the mean of `indirect_shares` with its interval for new texts,
    n_undefined counts the texts without one (both negligible, or no psi). Numbers that a run lacks (a method not in
    its config, no interactions or trials) are NaN.

    heads, components, interactions, trials: the tables of those names; attention: a row a text and head with to_cls
    and entropy. level: of all intervals.
    """
    cells = _Cells(heads, interactions, trials, heads.iloc[:0] if attention is None else attention)
    rows: list[dict[str, Any]] = []
    for key, own in components.groupby(CELL, sort=False):
        of_heads, of_pairs, of_trials, of_attention = cells.of(key)
        numbers = gather_numbers(own, of_heads, of_pairs, of_trials)
        cell = dict(zip(CELL, key, strict=True))
        rows += [cell | row for row in _profile_rows(numbers, of_attention, level)]
    return pd.DataFrame(rows, columns=PROFILE_COLUMNS)


def profile_words(crosswalk: pd.DataFrame, n_words: int = 10) -> pd.DataFrame:
    """The words that each head carries: the `n_words` of largest mean causal cell on either side, logits.

    A word counts where it stands in two texts or more, unless a model has too few such words to fill both sides:
    a single text says more of that text than of the word. causal, direct: mean over the word's occurrences, in the
    texts with a causal crosswalk, of the two-way Shapley and the direct SHAP cell; n_texts: the texts it occurs in;
    side: of causal, "+" or "-"; rank: from 1 on each side, largest first, ties in the order of the words. crosswalk:
    the table of that name.
    """
    place = [*CELL, "example_id", "word_index", "word", "component"]
    causal = crosswalk.loc[crosswalk["method"] == CAUSAL_CELLS, [*place, "value"]].dropna(subset="value")
    direct_cells = primary_shapley(frozenset(crosswalk["method"]))
    direct = crosswalk.loc[crosswalk["method"] == direct_cells, [*place, "value"]]
    both = causal.rename(columns={"value": "causal"}).merge(
        direct.rename(columns={"value": "direct"}), on=place, how="left", validate="one_to_one"
    )
    means = both.groupby([*CELL, "component", "word"], as_index=False).agg(
        n_texts=("example_id", "nunique"), causal=("causal", "mean"), direct=("direct", "mean")
    )
    means = _frequent(means[means["causal"] != 0], 2 * n_words)
    means["side"] = np.where(means["causal"] > 0, "+", "-")
    means["size"] = means["causal"].abs()
    order = [*CELL, "component", "side"]
    means = means.sort_values([*order, "size", "word"], ascending=[*[True] * len(order), False, True])
    means["rank"] = means.groupby(order, sort=False).cumcount() + 1
    return means.loc[means["rank"] <= n_words, WORD_COLUMNS].reset_index(drop=True)


def _profile_rows(numbers: HeadNumbers, attention: pd.DataFrame, level: float) -> Iterator[dict[str, Any]]:
    verdicts = judge_heads(numbers, level)
    shares = indirect_shares(numbers)
    watched = attention.groupby("component")[["to_cls", "entropy"]].mean() if len(attention) else None
    sizes = {
        "raw_size": numbers.raw, "direct_size": numbers.written, "causal_size": numbers.shapley,
        "ablation_size": numbers.left_out, "indirect_size": numbers.left_out - numbers.written,
        "words_direct_size": numbers.words_written, "words_causal_size": numbers.words_shapley,
    }  # fmt: skip
    for h, (place, verdict) in enumerate(zip(numbers.index.to_dict("records"), verdicts, strict=True)):
        row: dict[str, Any] = {**place, **{name: _mean(np.abs(values[:, h])) for name, values in sizes.items()}}
        row["words_causal_mean"] = _mean(numbers.words_shapley[:, h])
        row["words_direct_mean"] = _mean(numbers.words_written[:, h])
        interval = crossed_interval(shares[None, :, h], level)
        row["indirect_share"], row["indirect_low"], row["indirect_high"] = interval
        row["n_undefined"] = int(np.isnan(shares[:, h]).sum())
        row["partner"], row["interaction"] = numbers.strongest_partner(h)
        seen = watched.loc[place["component"]] if watched is not None and place["component"] in watched.index else {}
        row["attention_to_cls"] = float(seen.get("to_cls", np.nan))
        row["attention_entropy"] = float(seen.get("entropy", np.nan))
        row["constant"] = bool(row["direct_size"] < CONSTANT_SHARE * row["raw_size"])
        row |= {"class_": verdict.class_, "reason": verdict.reason, "confirmed": verdict.confirmed}
        tried = numbers.trials[h][np.isfinite(numbers.trials[h])]
        row["trial_change"], row["trial_flipped"], row["trial_accuracy_lost"] = numbers.tried_alone[h].tolist()
        row["trial_high"] = float(tried.max()) if len(tried) else np.nan
        yield row


def indirect_shares(numbers: HeadNumbers) -> FloatArray:
    """[example head]: (|psi| - d sign(psi)) / (|psi| + |d|), -1 to 1; NaN where both are negligible.

    1: credited with an effect that it does not write; 0: credited with what it writes; below 0: writes more than it
    is credited with. The share of METHODS, section 5, (psi - d) / (|psi| + |d|), times the sign of psi: without it, a
    head that works through later layers has 1 where it pushes up and -1 where it pushes down, and the mean nothing.
    """
    psi, written = numbers.shapley, numbers.written
    size = np.abs(psi) + np.abs(written)
    least = NEGLIGIBLE * np.maximum(1.0, numbers.span)[:, None]
    known = np.isfinite(size) & ((np.abs(psi) >= least) | (np.abs(written) >= least))
    along = written * np.where(psi == 0, np.sign(written), np.sign(psi))
    return np.divide(np.abs(psi) - along, size, out=np.full(size.shape, np.nan), where=known)


def _frequent(means: pd.DataFrame, wanted: int) -> pd.DataFrame:
    """The rows of words found in two texts or more of their model; all where that leaves fewer than `wanted` words."""
    kept = []
    for _, own in means.groupby(CELL, sort=False):
        several = own[own["n_texts"] >= 2]
        kept.append(several if several["word"].nunique() >= wanted else own)
    return pd.concat(kept) if kept else means


class _Cells:
    """Tables split by trained model."""

    def __init__(self, *tables: pd.DataFrame) -> None:
        self.empty = [table.iloc[:0] for table in tables]
        self.parts = [dict(iter(table.groupby(CELL, sort=False))) for table in tables]

    def of(self, key: Any) -> list[pd.DataFrame]:
        """The rows of one trained model, table by table; none where a table has none."""
        return [parts.get(key, empty) for parts, empty in zip(self.parts, self.empty, strict=True)]


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
