"""Section: what these numbers do not say."""

from __future__ import annotations

from study.report.blocks import Bullets, Paragraph, Section
from study.report.inputs import LIME, SHAP, RunTables, pick
from study.report.numbers import count, plural

MANY_SEEDS = 10  # from here on a bootstrap over seeds and texts covers too (Owen 2007)

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
    pairs = run.tables["measurements"]
    both = pairs["method_a"].isin([SHAP, LIME]) & pairs["method_b"].isin([SHAP, LIME])
    pairs = pairs[(pairs["metric"] == "spearman") & both]
    undefined = int(pairs["value"].isna().sum())
    cut = int((run.tables["texts"]["n_words_cut"].astype(float) > 0).sum())
    return [
        (
            "The removal decides the question.",
            f"Absent words are taken out by the operator “{run.config.explain.removal}”; other operators ask other "
            "questions and can give other scores.",
        ),
        *_sampling(run),
        _seeds(run),
        (
            "What is left out is counted.",
            f"{plural(cut, 'explanation')} of a text cut by the model's length: its words beyond have no score. "
            f"SHAP–LIME Spearman undefined for {count(undefined)} of {count(len(pairs))}, of one word, say: "
            "left out of the means, not set to 0 or 1.",
        ),
    ]


def _sampling(run: RunTables) -> list[tuple[str, str]]:
    """How many of the run's SHAP explanations are exact, by their estimator; nothing without SHAP."""
    shap = pick(run.tables["features"], trained=True, method=SHAP)
    texts = shap.drop_duplicates(["dataset", "model", "seed", "example_id"])
    if texts.empty:
        return []
    exact = int((texts["estimator"] == "exact").sum())
    if exact == len(texts):
        return [("SHAP is exact here.", f"All coalitions were evaluated in all {plural(exact, 'explanation')}.")]
    lead = "SHAP is exact only for some texts." if exact else "SHAP is sampled for every text."
    text = (
        f"In {count(exact)} of {plural(len(texts), 'explanation')} all coalitions were evaluated; the others "
        f"sampled at most {plural(run.config.explain.shap_evals, 'coalition')} each, so part of the disagreement "
        "there is sampling error."
    )
    return [(lead, text)]


def _seeds(run: RunTables) -> tuple[str, str]:
    """What the number of training seeds allows; and which intervals they get."""
    n = len(run.config.seeds)
    if n == 1:
        return "One seed.", "No interval here speaks of another training run, nor of other models or data."
    text = (
        f"{n} training seeds: intervals hold for this set-up, not for other models or data. They are two-way t "
        f"intervals, with {MANY_SEEDS} seeds or more too: there is no bootstrap over seeds and texts."
    )
    return ("Few seeds." if n < MANY_SEEDS else "Intervals rest on a t distribution."), text
