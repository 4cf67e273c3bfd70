"""H6: SHAP and LIME agree less on longer texts because the number of evaluations does not grow with the text."""

from __future__ import annotations

import math

from study.config import StudyConfig
from study.metrics.hypotheses.correlation import slope, strata_of_statistic
from study.metrics.hypotheses.evidence import TEXT, Hypothesis, NotTestedError, Part, Run, Stratum

FIXED, GROWING = "fixed", "per word"  # rules of the table `budgets`
WORDS = 10  # a slope is for so many words more


def budget(run: Run) -> list[Stratum]:
    """Slope over texts of Spearman(SHAP, LIME) per 10 words, the growing budget's minus the fixed one's.

    Both slopes are over the same texts, so their difference is the slope of the difference. Undefined where all texts
    are equally long, as on planted tasks.
    """
    table = run.table("budgets")
    chosen = table[table["metric"] == "spearman"]
    if not {FIXED, GROWING} <= set(chosen["rule"]):
        raise NotTestedError(f"The run did not explain texts with both budgets, {FIXED} and {GROWING}.")
    wide = chosen.pivot(index=[*TEXT, "n_words"], columns="rule", values="value").reset_index()
    wide = wide.assign(gain=wide[GROWING] - wide[FIXED], tens=wide["n_words"] / WORDS)
    return strata_of_statistic(wide, ["gain", "tens"], slope)


def _remark(config: StudyConfig) -> str:
    """Where the budgets are equal: an effect may come from short texts that get less, not long ones that get more."""
    equal = config.evaluate.fixed_evals / config.evaluate.evals_per_word
    return f"Below about {equal:.0f} words the growing budget is the smaller one."


CLAIM = "SHAP and LIME agree less on longer texts because the number of evaluations does not grow with the text."
HYPOTHESIS = Hypothesis(
    name="H6",
    claim=CLAIM,
    parts=(Part(name="", claim=CLAIM, collect=budget, remark=_remark, bounds=(-math.inf, math.inf)),),
)
