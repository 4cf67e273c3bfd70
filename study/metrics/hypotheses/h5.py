"""H5: where heads stand in for each other, which of them look necessary depends on how they are ablated."""

from __future__ import annotations

import itertools

import pandas as pd

from study.metrics.hypotheses.correlation import spearman, strata_of_statistic
from study.metrics.hypotheses.evidence import TEXT, Hypothesis, NotTestedError, Part, Run, Stratum

ABLATIONS = ("ablation_zero", "ablation_mean", "ablation_resample")


def redundancy(run: Run) -> list[Stratum]:
    """Over texts: rank correlation of how much the ablations differ with the mean size of pairwise interactions.

    They differ by 1 - the mean of the three rank correlations over heads of zero, mean and resample ablation.
    Interactions are those in the margin, what ablations change (Shapley interactions of heads, exact tables only).
    """
    pairs = pd.concat([run.pair("head_spearman", a, b) for a, b in itertools.combinations(ABLATIONS, 2)])
    differ = pairs.groupby(TEXT, sort=False)["value"].agg(lambda s: 1 - s.mean(skipna=False)).rename("differ")
    table = run.table("interactions")
    size = table.assign(size=table["margin_value"].abs()).groupby(TEXT, sort=False)["size"].mean()
    if size.isna().all():
        raise NotTestedError("Interactions of heads are known only where all subsets of heads are evaluated.")
    found = pd.concat([differ, size], axis=1, join="inner").reset_index()
    return strata_of_statistic(found, ["differ", "size"], spearman)


CLAIM = "The more heads stand in for each other, the more it depends on the ablation which look necessary."
HYPOTHESIS = Hypothesis(name="H5", claim=CLAIM, parts=(Part(name="", claim=CLAIM, collect=redundancy),))
