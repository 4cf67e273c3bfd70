"""What is known of the heads of one trained model, gathered from the tables of a run into arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.records import FloatArray, IntArray

TRIED = ("mean_abs_change", "flipped", "accuracy_lost")  # what a trial measures
ALONE = ""  # the partner of a head that is tried alone


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadNumbers:
    """What is known of the heads of one trained model, logits; NaN where a run lacks the numbers.

    index: component, layer and head, in the order of the heads. span: [example], |v(N) - v(empty)|.

    Relative to the reference texts, all [example head]: written, d, what a head writes beyond its mean there (raw: with
    that mean); shapley, psi, its Shapley value in the margin; left_out, delta, the loss when it alone is replaced by
    its mean. interactions: [example head head] in the margin, symmetric. What a head does to typical texts is in none
    of these. Relative to the empty text: words_written and words_shapley, the column sums of the two crosswalks;
    what a head does to the empty text is in all of these.

    On fresh texts: trials [head partner], upper ends of mean |change of the margin|, the last column alone;
    tried_alone [head, one of TRIED].
    """

    index: pd.DataFrame
    span: FloatArray
    raw: FloatArray
    written: FloatArray
    shapley: FloatArray
    left_out: FloatArray
    words_written: FloatArray
    words_shapley: FloatArray
    interactions: FloatArray
    trials: FloatArray
    tried_alone: FloatArray

    @property
    def unit(self) -> float:
        """U: mean size of the words' effect, what thresholds are shares of."""
        return float(np.nanmean(self.span)) if np.isfinite(self.span).any() else np.nan

    def lost_credit(self) -> tuple[FloatArray, FloatArray]:
        """(to heads that push the same way, to heads that push the other way), each [example head].

        Minus half the interactions, in the direction of the head's own effect. With pairs only they sum to
        |psi| minus the loss when the head alone is missing. 0 without interactions.
        """
        if not np.isfinite(self.interactions).any():
            return np.zeros_like(self.shapley), np.zeros_like(self.shapley)
        side = np.sign(self.shapley)
        alike = side[:, :, None] * side[:, None, :]
        lost = -0.5 * side[:, :, None] * self.interactions
        return np.where(alike > 0, lost, 0 * lost).sum(2), np.where(alike < 0, lost, 0 * lost).sum(2)

    def strongest_partner(self, head: int) -> tuple[str, float]:
        """The head whose interaction with this one is largest in mean size, and its mean towards what both push to.

        Towards: times the sign of the sum of their Shapley values; + where together they push further than each adds
        alone, - where they share work. ("", NaN) without any.
        """
        toward = np.sign(self.shapley[:, [head]] + self.shapley)
        found = self.interactions[:, head]
        known = np.isfinite(found).all(axis=1)
        others = np.arange(len(self.index)) != head
        if not known.any() or not others.any():
            return "", np.nan
        size = np.where(others, np.abs(found[known]).mean(axis=0), -1.0)
        partner = int(size.argmax())
        return str(self.index["component"].iloc[partner]), float((toward * found)[known, partner].mean())


def gather_numbers(
    components: pd.DataFrame, heads: pd.DataFrame, interactions: pd.DataFrame, trials: pd.DataFrame
) -> HeadNumbers:
    """The numbers of one trained model, from the rows of the tables of those names that belong to it.

    Texts and heads are those of `components`, heads layer by layer; whatever the others lack is NaN.
    """
    is_head = components["kind_of_component"] == "head"
    index = components.loc[is_head, ["component", "layer", "head"]].drop_duplicates().sort_values(["layer", "head"])
    texts = list(components["example_id"].unique())
    names = list(index["component"])
    change = components.assign(change=components["contribution"] - components["empty_contribution"])
    scores = {method: _grid(rows, "score", texts, names) for method, rows in heads.groupby("method", sort=False)}
    unknown = np.full((len(texts), len(names)), np.nan)
    alone = trials[trials["partner"].fillna(ALONE) == ALONE].set_index("component")
    return HeadNumbers(
        index=index.reset_index(drop=True),
        span=np.abs(change.groupby("example_id")["change"].sum().reindex(texts).to_numpy(dtype=np.float64)),
        raw=_grid(components[is_head], "contribution", texts, names),
        written=scores.get("direct_centred", unknown),
        shapley=scores.get("shapley_margin", unknown),
        left_out=scores.get("ablation_mean", unknown),
        words_written=_grid(change[is_head], "change", texts, names),
        words_shapley=scores.get("shapley", unknown),
        interactions=_pairs(interactions, texts, names),
        trials=_trials(trials, names),
        tried_alone=alone.reindex(names)[list(TRIED)].to_numpy(dtype=np.float64),
    )


def _grid(rows: pd.DataFrame, value: str, texts: list[str], names: list[str]) -> FloatArray:
    """[example head] of a value.

    Raises: ValueError when a head has two values for one text.
    """
    grid = rows.pivot(index="example_id", columns="component", values=value)  # noqa: PD010 - no mean: a second value is an error
    return np.asarray(grid.reindex(index=texts, columns=names).to_numpy(dtype=np.float64))


def _pairs(rows: pd.DataFrame, texts: list[str], names: list[str]) -> FloatArray:
    """[example head head]; 0 on the diagonal, NaN for texts without interactions."""
    found = np.full((len(texts), len(names), len(names)), np.nan)
    text, a, b = (
        _places(rows[column], known)
        for column, known in (("example_id", texts), ("component_a", names), ("component_b", names))
    )
    here = text >= 0
    text, a, b, value = text[here], a[here], b[here], rows["margin_value"].to_numpy(dtype=np.float64)[here]
    found[text, a, b] = found[text, b, a] = value
    found[np.unique(text)[:, None], np.arange(len(names)), np.arange(len(names))] = 0.0
    return found


def _trials(rows: pd.DataFrame, names: list[str]) -> FloatArray:
    """[head partner], upper ends; the last column alone; NaN where a pair was not tried."""
    found = np.full((len(names), len(names) + 1), np.nan)
    partner = _places(rows["partner"].fillna(ALONE), [*names, ALONE])
    found[_places(rows["component"], names), partner] = rows["high"].to_numpy(dtype=np.float64)
    return found


def _places(values: pd.Series[str], known: list[str]) -> IntArray:
    return np.asarray(pd.Index(known).get_indexer(pd.Index(values)))
