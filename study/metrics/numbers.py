"""What is known of the heads of one trained model, gathered from the tables of a run into arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.records import FloatArray, IntArray

ALONE = ""  # the partner of a head that is tried alone


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadNumbers:
    """What is known of the heads of one trained model, logits; NaN where a run lacks the numbers.

    index: component, layer and head, in the order of the heads. span: [example], |v(N) - v(empty)|. written: d,
    what a head writes beyond the empty text; raw, centred: its direct contribution; shapley: psi; ablation: by the
    mean; left_out: words' effect without this head alone; all [example head]. interactions: [example head head],
    symmetric. trials: [head partner] upper ends of mean |change of the margin| on fresh texts, the last column
    alone; trial_change: [head], that mean alone.
    """

    index: pd.DataFrame
    span: FloatArray
    written: FloatArray
    raw: FloatArray
    centred: FloatArray
    shapley: FloatArray
    ablation: FloatArray
    left_out: FloatArray
    interactions: FloatArray
    trials: FloatArray
    trial_change: FloatArray

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
        """The head whose interaction with this one is largest in mean size, and its mean; ("", NaN) without any."""
        found = self.interactions[:, head]
        known = np.isfinite(found).all(axis=1)
        others = np.arange(len(self.index)) != head
        if not known.any() or not others.any():
            return "", np.nan
        size = np.where(others, np.abs(found[known]).mean(axis=0), -1.0)
        partner = int(size.argmax())
        return str(self.index["component"].iloc[partner]), float(found[known, partner].mean())


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
    alone = trials[trials["partner"].fillna(ALONE) == ALONE].set_index("component")["mean_abs_change"]
    return HeadNumbers(
        index=index.reset_index(drop=True),
        span=np.abs(change.groupby("example_id")["change"].sum().reindex(texts).to_numpy(dtype=np.float64)),
        written=_grid(change[is_head], "change", texts, names),
        raw=_grid(components[is_head], "contribution", texts, names),
        centred=scores.get("direct_centred", unknown),
        shapley=scores.get("shapley", unknown),
        ablation=scores.get("ablation_mean", unknown),
        left_out=scores.get("leave_one_out", unknown),
        interactions=_pairs(interactions, texts, names),
        trials=_trials(trials, names),
        trial_change=alone.reindex(names).to_numpy(dtype=np.float64),
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
    text, a, b, value = text[here], a[here], b[here], rows["value"].to_numpy(dtype=np.float64)[here]
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
