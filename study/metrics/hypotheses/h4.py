"""H4: words on which components cancel are those that LIME scores unsteadily, and SHAP and LIME give other signs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.metrics.heads import NEGLIGIBLE
from study.metrics.hypotheses.correlation import partial_spearman, strata_within_texts
from study.metrics.hypotheses.evidence import LIME, TEXT, Hypothesis, NotTestedError, Part, Run, Stratum

WORD = [*TEXT, "word_index"]


def instability(run: Run) -> list[Stratum]:
    """Per text, over words: partial rank correlation of kappa with LIME's standard deviation over explainer seeds.

    Within texts, for scores, their parts and LIME's deviation all grow with the margin: over the words of many texts
    that alone would correlate kappa and the deviation at equal |phi|.
    """
    table = run.table("word_stability")
    lime = table.loc[table["method"] == LIME, [*WORD, "score_sd"]]
    if lime.empty:
        raise NotTestedError("The run did not repeat LIME with new randomness.")
    found = _words(run).merge(lime, on=WORD, how="inner", validate="one_to_one")
    return strata_within_texts(found, ["score_sd", "kappa", "size"], partial_spearman)


def sign_flips(run: Run) -> list[Stratum]:
    """The same of kappa with whether SHAP and LIME give a word opposite signs.

    A text without a flip, or with nothing else, is undefined.
    """
    return strata_within_texts(flips(run), ["flipped", "kappa", "size"], partial_spearman)


def flips(run: Run) -> pd.DataFrame:
    """Columns of WORD, flipped (1 for opposite signs, 0 for the same), kappa and size.

    NaN unless both scores are at least NEGLIGIBLE max(1, |v(N) - v(empty)|), the epsilon of kappa: the sign of less is
    rounding and sampling.
    """
    shap, lime = run.scores(run.shap), run.scores(LIME)
    both = shap.merge(lime, on=WORD, suffixes=("_shap", "_lime"), validate="one_to_one")
    found = _words(run).merge(both, on=WORD, how="inner", validate="one_to_one")
    least = found[["score_shap", "score_lime"]].abs().min(axis=1)
    flipped = (found["score_shap"] * found["score_lime"] < 0).astype(np.float64)
    return found[[*WORD, "kappa", "size"]].assign(flipped=flipped.where(least >= found["negligible"]))


def _words(run: Run) -> pd.DataFrame:
    """Columns of WORD, kappa, size (|phi|: by ranks that is log |phi|) and negligible (the size that counts as none).

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
            kappa, size = run.cancellation(values, *ends[key]), np.abs(values.sum(axis=1))
            base, output = ends[key]
            negligible = NEGLIGIBLE * max(1.0, abs(output - base))
            parts.append(words.assign(kappa=kappa, size=size, negligible=negligible))
    return pd.concat(parts, ignore_index=True)


HYPOTHESIS = Hypothesis(
    name="H4",
    claim="Words on which components cancel are scored unsteadily by LIME and get other signs from SHAP and LIME.",
    parts=(
        Part(
            name="instability",
            claim="Of a text's words with scores of one size, LIME is less steady where components cancel more.",
            collect=instability,
        ),
        Part(
            name="sign flips",
            claim="Of a text's words of one size, SHAP and LIME have opposite signs more where components cancel more.",
            collect=sign_flips,
        ),
    ),
)
