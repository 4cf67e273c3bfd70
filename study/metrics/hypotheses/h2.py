"""H2: SHAP and LIME part on words that do nothing when one word decides, on the deciding words when words interact."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from study.metrics.hypotheses.evidence import (
    LIME,
    TEXT,
    Hypothesis,
    NotTestedError,
    Part,
    Run,
    Stratum,
    strata_of_values,
)

ONE_WORD = "single"  # the task in which one word decides
INTERACTING = ("context", "order", "negation", "induction")  # those in which words decide together
LEAST_DISAGREEMENT = 1e-6  # sum over words of |SHAP - LIME|, each of size 1: below it they part by rounding


def share(run: Run) -> list[Stratum]:
    """Share of |SHAP - LIME| on null words, `single` minus each interaction task, for each model.

    Equal errors give about one half in every task, however many of its words are null: where SHAP is all on deciding
    words, what LIME puts on null words it takes from those. Below one half SHAP and LIME divide the credit of the
    deciding words among these in different ways.
    """
    task_of = {dataset.name: dataset.task for dataset in run.config.datasets}
    found = disagreement_on_null(run)
    strata = strata_of_values(found.assign(value=-found["value"]))  # turned round: `single` minus the task
    one_word = {s.model: s for s in strata if task_of[s.dataset] == ONE_WORD}
    differences = [
        replace(s, against=one_word[s.model])
        for s in strata
        if task_of[s.dataset] in INTERACTING and s.model in one_word
    ]
    if not differences:
        wanted = f"'{ONE_WORD}' and one of {', '.join(INTERACTING)}"
        raise NotTestedError(f"No verified model was explained on the planted tasks {wanted}.")
    return differences


def disagreement_on_null(run: Run) -> pd.DataFrame:
    """Columns of TEXT and value, the share of |SHAP - LIME| on null words.

    Each explanation is divided by the sum of its sizes, over the words that both score. NaN where one is all zero, both
    are the same but for rounding, or a text has no deciding or no null word.
    """
    shap, lime = (run.scores(method) for method in (run.shap, LIME))
    words = run.planted(shap).merge(lime, on=[*TEXT, "word_index"], suffixes=("_shap", "_lime"), validate="one_to_one")
    truth = run.table("truth_words")[["dataset", "example_id", "word_index", "relevant"]]
    words = words.merge(truth, on=["dataset", "example_id", "word_index"], how="inner", validate="many_to_one")
    groups = words.groupby(TEXT, sort=False)
    unit = {
        name: words[f"score_{name}"] / groups[f"score_{name}"].transform(lambda s: s.abs().sum()).where(lambda s: s > 0)
        for name in ("shap", "lime")
    }
    words = words.assign(apart=(unit["shap"] - unit["lime"]).abs(), null=~words["relevant"].astype(bool))
    words["apart_null"] = words["apart"].where(words["null"], 0.0)
    sums = words.groupby(TEXT, sort=False).agg(
        apart=("apart", lambda s: s.sum(skipna=False)), apart_null=("apart_null", "sum"), null_words=("null", "mean")
    )
    defined = (sums["apart"] > LEAST_DISAGREEMENT) & sums["null_words"].between(0, 1, inclusive="neither")
    values = (sums["apart_null"] / sums["apart"]).where(defined)
    return values.rename("value").reset_index()


CLAIM = "SHAP and LIME differ on words that do nothing when one word decides, on deciding words when words interact."
REMARK = "Equal errors would give shares of about one half on both sides, however many words do nothing."
HYPOTHESIS = Hypothesis(
    name="H2", claim=CLAIM, parts=(Part(name="", claim=CLAIM, collect=share, remark=lambda _: REMARK),)
)
