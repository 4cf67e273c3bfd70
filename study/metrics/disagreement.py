"""The heads on which direct and causal methods part, with the reason named."""

from __future__ import annotations

import pandas as pd

from study.metrics.compare import CELL

DISAGREEMENT_COLUMNS = [
    *CELL, "component", "rank_raw", "rank_direct", "rank_causal", "reason",
    "raw_size", "direct_size", "causal_size", "ablation_size", "indirect_share", "explanation",
]  # fmt: skip
_REASONED = ("indirect", "backup", "cancelling", "null")


def explain_disagreement(profiles: pd.DataFrame, n_heads: int = 3) -> pd.DataFrame:
    """The `n_heads` heads of each trained model whose place among its heads differs most between methods.

    rank_raw, rank_direct, rank_causal: places by mean size (1 the largest, ties shared) of the raw direct
    contribution, the centred one and the Shapley value in the margin. A head's difference is the larger of raw and
    centred against causal; heads without a difference are left out. reason: `constant` where the raw contribution alone
    misleads (it is mostly the same for every text); else the head's class if that names one (indirect, backup,
    cancelling, null); else `shared` for a direct head that stands lower by its Shapley value, which gives part of
    the credit for its write to the heads that feed it (its loss alone is larger); else `mixed`: sizes are close
    or no interval decides. profiles: the table of that name. No rows where there are no Shapley values.
    """
    sizes = {"rank_raw": "raw_size", "rank_direct": "direct_size", "rank_causal": "causal_size"}
    known = profiles.dropna(subset=list(sizes.values()))
    ranks = known.groupby(CELL, sort=False)[list(sizes.values())].rank(ascending=False)
    table = known.assign(**{rank: ranks[size] for rank, size in sizes.items()})
    of_raw = (table["rank_raw"] - table["rank_causal"]).abs()
    of_direct = (table["rank_direct"] - table["rank_causal"]).abs()
    reason = table["class_"].where(table["class_"].isin(_REASONED), "mixed")
    loses_credit = (table["ablation_size"] > table["causal_size"]) & (table["rank_causal"] > table["rank_direct"])
    reason = reason.mask((table["class_"] == "direct") & loses_credit, "shared")
    reason = reason.mask(table["constant"].astype(bool) & (of_raw > of_direct), "constant")
    table = table.assign(reason=reason, explanation=table["reason"], parts=of_raw.combine(of_direct, max))
    table = table[table["parts"] > 0].sort_values("parts", ascending=False, kind="stable")
    table = table.groupby(CELL, sort=False).head(n_heads)
    order = profiles[CELL].drop_duplicates().reset_index(drop=True)
    return order.merge(table, on=CELL)[DISAGREEMENT_COLUMNS]
