"""H3: the more a head works through later layers, the more its direct contribution and its ablation effect part."""

from __future__ import annotations

import math

import pandas as pd

from study.metrics.heads import NEGLIGIBLE
from study.metrics.hypotheses.correlation import spearman, strata_within_texts
from study.metrics.hypotheses.evidence import TEXT, Hypothesis, NotTestedError, Part, Run, Stratum

DIRECT, ABLATION = "direct_centred", "ablation_mean"  # both are measured from the reference means


def indirectness(run: Run) -> list[Stratum]:
    """Per text, over heads: rank correlation of the gap with the share of path weight through later layers.

    gap = |ablation - direct| / (|ablation| + |direct|), undefined for a head with less than NEGLIGIBLE max(1, |v(N) -
    v(empty)|) of both; share = through_later / (direct_weight + through_later). Heads without either do not count, so
    nothing is asked of heads that only tell others where to look (study.heads.path_weights). The last layer has share
    0, so in a model of two layers much of this is one layer against the other.
    """
    return strata_within_texts(head_gaps(run), ["gap", "share"], spearman)


def head_gaps(run: Run) -> pd.DataFrame:
    """Columns of TEXT, component, gap and share, one row a head and text."""
    heads, paths = run.table("heads"), run.table("head_paths")
    key = [*TEXT, "component"]
    direct, ablation = (heads.loc[heads["method"] == method, [*key, "score"]] for method in (DIRECT, ABLATION))
    if direct.empty or ablation.empty:
        raise NotTestedError(f"The run does not score heads by both {DIRECT} and {ABLATION}.")
    found = direct.merge(ablation, on=key, suffixes=("_direct", "_ablation"), validate="one_to_one")
    found = found.merge(paths, on=key, how="left", validate="one_to_one")
    texts = run.table("texts")
    ends = texts.loc[texts["trained"].astype(bool), [*TEXT, "margin", "empty_margin"]]
    found = found.merge(ends, on=TEXT, how="left", validate="many_to_one")
    size = found["score_direct"].abs() + found["score_ablation"].abs()
    least = NEGLIGIBLE * (found["margin"] - found["empty_margin"]).abs().clip(lower=1.0)
    gap = (found["score_ablation"] - found["score_direct"]).abs() / size.where(size >= least, math.nan)
    weight = found["direct_weight"] + found["through_later"]
    return found[key].assign(gap=gap, share=found["through_later"] / weight.where(weight > 0))


CLAIM = "The more a head works through later layers, the more its direct contribution and ablation effect part."
REMARK = (
    "Heads of the last layer have no later ones: in models of two layers much of this is one layer against the other."
)
HYPOTHESIS = Hypothesis(
    name="H3", claim=CLAIM, parts=(Part(name="", claim=CLAIM, collect=indirectness, remark=lambda _: REMARK),)
)
