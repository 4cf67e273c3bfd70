"""H4: words on which components cancel are those that LIME scores unsteadily, and SHAP and LIME give other signs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.metrics.hypotheses.correlation import partial_spearman, strata_of_statistic
from study.metrics.hypotheses.evidence import LIME, TEXT, Hypothesis, NotTestedError, Part, Run, Stratum

WORD = [*TEXT, "word_index"]


def instability(run: Run) -> list[Stratum]:
    """Over words, clustered by text: partial rank correlation of kappa with LIME's standard deviation over seeds."""
    table = run.table("word_stability")
    lime = table.loc[table["method"] == LIME, [*WORD, "score_sd"]]
    if lime.empty:
        raise NotTestedError("The run did not repeat LIME with new randomness.")
    found = _words(run).merge(lime, on=WORD, how="inner", validate="one_to_one")
    return strata_of_statistic(found, ["score_sd", "kappa", "size"], partial_spearman)


def sign_flips(run: Run) -> list[Stratum]:
    """The same of kappa with whether SHAP and LIME give a word different signs."""
    shap, lime = run.scores(run.shap), run.scores(LIME)
    both = shap.merge(lime, on=WORD, suffixes=("_shap", "_lime"), validate="one_to_one")
    both["flipped"] = (np.sign(both["score_shap"]) != np.sign(both["score_lime"])).astype(np.float64)
    found = _words(run).merge(both[[*WORD, "flipped"]], on=WORD, how="inner", validate="one_to_one")
    return strata_of_statistic(found, ["flipped", "kappa", "size"], partial_spearman)


def _words(run: Run) -> pd.DataFrame:
    """Columns of WORD, kappa and size, |phi|: by ranks that is log |phi|.

    kappa = sum |phi_k| / (|phi| + eps) falls with |phi| by its making, hence the size is held fixed.
    """
    crosswalk, texts = run.table("crosswalk"), run.table("texts")
    direct = crosswalk[(crosswalk["kind"] == "direct") & (crosswalk["method"] == run.shap)]
    if direct.empty:
        raise NotTestedError(f"The run has no direct crosswalk of {run.shap}.")
    trained = texts[texts["trained"].astype(bool)].set_index(TEXT)
    ends = dict(zip(trained.index, trained[["empty_margin", "margin"]].to_numpy(dtype=np.float64), strict=True))
    parts = []
    for _, rows in direct.groupby(["dataset", "model"], sort=False):  # models have other components
        wide = rows.pivot(index=WORD, columns="component", values="value")  # noqa: PD010
        for key, cells in wide.groupby(level=TEXT, sort=False):
            values = cells.to_numpy(dtype=np.float64)
            words = cells.index.to_frame(index=False)
            parts.append(words.assign(kappa=run.cancellation(values, *ends[key]), size=np.abs(values.sum(axis=1))))
    return pd.concat(parts, ignore_index=True)


HYPOTHESIS = Hypothesis(
    name="H4",
    claim="Words on which components cancel are scored unsteadily by LIME and get other signs from SHAP and LIME.",
    parts=(
        Part(
            name="instability",
            claim="Of words with scores of one size, LIME is less steady on those on which components cancel more.",
            collect=instability,
        ),
        Part(
            name="sign flips",
            claim="Of words with scores of one size, SHAP and LIME differ in sign more where components cancel more.",
            collect=sign_flips,
        ),
    ),
)
