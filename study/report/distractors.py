"""Heads that were planted to be mistaken for heads that act, and the methods that mistake them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.report.inputs import TWO_WAY, RunTables, Variant, pick
from study.report.score_measures import ACTING, CROSSWALK_HEADS, TIE, judged_methods

PLANTED = ("null", "cancelling")
FOOLED = 0.5  # from here on the planted head comes before an acting one more often than after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """How often a method puts a planted head before a head that acts.

    share: of all (text, seed, acting head), ties half. head: its name ("Bias"); fools: what it was planted for.
    """

    variant: Variant
    head: str
    component: str
    role: str
    fools: str
    method: str
    share: float

    @property
    def fooled(self) -> bool:
        return self.share > FOOLED


def find_mistakes(run: RunTables, variant: Variant) -> list[Mistake]:
    """Every planted head with every method; nothing where the roles of heads are not known."""
    known = run.of("truth_heads", *variant)
    acting = known.loc[known["role"].isin(ACTING), "component"].tolist()
    planted = known[known["role"].isin(PLANTED)]
    if not acting or planted.empty:
        return []
    found = []
    for method in judged_methods(run, "heads"):
        sizes = _sizes(run, variant, method, known["component"].tolist())
        if sizes.empty:
            continue
        found += [
            Mistake(
                variant=variant,
                head=str(head["name"]),
                component=str(head["component"]),
                role=str(head["role"]),
                fools=str(head["fools"]),
                method=method,
                share=share_before(sizes, str(head["component"]), acting),
            )
            for _, head in planted.iterrows()
        ]
    return [m for m in found if np.isfinite(m.share)]


def share_before(sizes: pd.DataFrame, component: str, acting: Sequence[str]) -> float:
    """How often `component` is larger than a head that acts, ties half; over texts and acting heads.

    sizes: [text head], sizes of scores. A text in which a head has no score is left out; NaN where all are.
    """
    known = sizes.to_numpy(dtype=np.float64)
    known = known[~np.isnan(known).any(axis=1)]
    if not len(known):
        return float("nan")
    own, others = sizes.columns.get_loc(component), sizes.columns.get_indexer(list(acting))
    tie = TIE * known.max(axis=1)[:, None]
    ahead = known[:, [own]] - known[:, others]
    return float(np.mean(np.where(np.abs(ahead) <= tie, 0.5, ahead > 0)))


def methods_by_head(mistakes: Sequence[Mistake]) -> dict[str, dict[str, tuple[int, int]]]:
    """head -> method -> (variants in which it is fooled, variants that have the head); only methods ever fooled."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for mistake in mistakes:
        row = found.setdefault(mistake.head, {})
        fooled, total = row.get(mistake.method, (0, 0))
        row[mistake.method] = (fooled + mistake.fooled, total + 1)
    return {head: {m: pair for m, pair in row.items() if pair[0]} for head, row in found.items()}


def _sizes(run: RunTables, variant: Variant, method: str, components: Sequence[str]) -> pd.DataFrame:
    """[text head]: sizes of a method's scores of heads; those of a crosswalk are its columns, summed over all words."""
    text = ["seed", "example_id"]
    if method in CROSSWALK_HEADS:
        rows = pick(run.of("crosswalk", *variant), method=TWO_WAY if method == "crosswalk_causal" else run.shap)
        rows = rows[rows["component"].isin(components)]
        wide = rows.assign(size=rows["value"].abs()).groupby([*text, "component"])["size"].sum().unstack()  # noqa: PD010
    else:
        rows = pick(run.of("heads", *variant), method=method)
        wide = rows.assign(size=rows["score"].abs()).set_index([*text, "component"])["size"].unstack()  # noqa: PD010
    return wide.reindex(columns=list(components)) if not rows.empty else pd.DataFrame()
