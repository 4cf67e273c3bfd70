"""H1: SHAP and LIME agree where the model is nearly additive around a text, and not where they are right."""

from __future__ import annotations

import pandas as pd

from study.metrics.hypotheses.correlation import partial_spearman, spearman, strata_of_statistic
from study.metrics.hypotheses.evidence import LIME, TEXT, Hypothesis, NotTestedError, Part, Run, Stratum


def additivity(run: Run) -> list[Stratum]:
    """Over texts: rank correlation of Spearman(SHAP, LIME) with the additive share."""
    return strata_of_statistic(_agreement(run), ["agreement", "additive_share"], spearman)


def correctness(run: Run) -> list[Stratum]:
    """On planted tasks: the same of agreement with the attribution share on truth words, additive share held fixed.

    The share is the mean of SHAP's and LIME's, since it is their agreement that is to say nothing of it. Verified
    models only. Where every text is explained alike, as on some circuits set by hand, nothing is defined.
    """
    agreement = run.planted(_agreement(run))
    scores = run.table("truth_scores")
    chosen = scores[
        (scores["unit"] == "words")
        & (scores["metric"] == "attribution_share_score")
        & scores["method"].isin([run.shap, LIME])
    ]
    share = chosen.groupby(TEXT, sort=False)["value"].agg(["mean", "count"]).reset_index()
    share["on_truth"] = share["mean"].where(share["count"] == 2)
    found = agreement.merge(share[[*TEXT, "on_truth"]], on=TEXT, how="inner")
    if found.empty:
        raise NotTestedError("No text of a planted task has both an agreement and a share on the words that decide.")
    return strata_of_statistic(found, ["agreement", "on_truth", "additive_share"], partial_spearman)


def _agreement(run: Run) -> pd.DataFrame:
    """Columns of TEXT, agreement and additive_share."""
    pair = run.pair("spearman", run.shap, LIME).rename(columns={"value": "agreement"})
    share = run.table("additivity")[[*TEXT, "additive_share"]]
    return pair.merge(share, on=TEXT, how="inner", validate="one_to_one")


HYPOTHESIS = Hypothesis(
    name="H1",
    claim="SHAP and LIME agree where the model is nearly additive, and not because they are right.",
    parts=(
        Part(
            name="additivity",
            claim="The nearer a model is to a sum over words around a text, the more SHAP and LIME agree on it.",
            collect=additivity,
        ),
        Part(
            name="correctness",
            claim="At equal additivity, texts on which SHAP and LIME agree more are not explained more correctly.",
            collect=correctness,
            is_null=True,
            needs_planted=True,
        ),
    ),
)
