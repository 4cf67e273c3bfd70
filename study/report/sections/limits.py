"""Section: what these numbers do not say."""

from __future__ import annotations

from study.report.blocks import Bullets, Paragraph, Section
from study.report.inputs import LIME, SHAP, RunTables
from study.report.numbers import count, plural

PITFALLS = (
    (
        "Agreement is not truth.",
        "Methods can agree and all be wrong. Which of them is right needs tasks whose answer is known and causal "
        "tests; this report has neither yet.",
    ),
    (
        "Direct contributions see only direct writes.",
        "A head that only helps other heads writes nothing to the margin itself and looks idle here. Later layers can "
        "also erase or repair what earlier ones wrote: writer and eraser both look large.",
    ),
    (
        "LIME has no efficiency axiom.",
        "Its rows split exactly over components, its columns need not add up to what a component contributes.",
    ),
)


def build(run: RunTables) -> Section:
    """The known pitfalls of the methods, and this run's own bounds."""
    items = tuple(Paragraph(text, lead=lead) for lead, text in (*PITFALLS, *_of_this_run(run)))
    return Section(name="limits", title="Limits", short="Limits", blocks=(Bullets(items),))


def _of_this_run(run: RunTables) -> list[tuple[str, str]]:
    """Limits that depend on the config and on what was left out."""
    explain = run.config.explain
    pairs = run.tables["measurements"]
    both = pairs["method_a"].isin([SHAP, LIME]) & pairs["method_b"].isin([SHAP, LIME])
    pairs = pairs[(pairs["metric"] == "spearman") & both]
    undefined = int(pairs["value"].isna().sum())
    cut = int((run.tables["texts"]["n_words_cut"].astype(float) > 0).sum())
    return [
        (
            "The removal decides the question.",
            f"Absent words are taken out by the operator “{explain.removal}”; other operators ask other questions and "
            "can give other scores.",
        ),
        (
            "SHAP is exact only for short texts.",
            f"Up to {plural(explain.exact_limit, 'word')} all coalitions are evaluated; longer texts are sampled "
            f"with {count(explain.shap_evals)} evaluations, so part of the disagreement there is sampling error.",
        ),
        (
            "Few seeds.",
            f"{plural(len(run.config.seeds), 'training seed')} of small encoders: intervals hold for this set-up, "
            "not for other models or data.",
        ),
        (
            "What is left out is counted.",
            f"{plural(cut, 'explanation')} of a text cut by the model's length; SHAP–LIME Spearman undefined for "
            f"{undefined} of {count(len(pairs))} (one word has no ranking). Both are left out of the means, not set "
            "to 0 or 1.",
        ),
    ]
