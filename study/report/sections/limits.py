"""Section: what these numbers do not say."""

from __future__ import annotations

from study.report.blocks import Bullets, Paragraph, Section
from study.report.inputs import LIME, RunTables, pick
from study.report.numbers import count, percent, percent_range, plural
from study.stats import MANY_SEEDS

PITFALLS = (
    (
        "Agreement is not truth.",
        "Methods can agree and all be wrong. Causal tests on the model say what it uses; which method is right needs, "
        "besides, tasks whose answer is known.",
    ),
    (
        "Direct contributions see only direct writes.",
        "A head that only helps other heads writes nothing to the margin itself and looks idle there; the causal "
        "numbers beside it count what it does through later layers.",
    ),
    (
        "Later layers erase and repair.",
        "What one component wrote another can take back: writer and eraser both look large. A head with a backup is "
        "understated by zero ablation, since the backup steps in; mean ablation may keep the backup asleep.",
    ),
    (
        "Ablation asks of texts that never were.",
        "Zero is an output that no head has on any text; means and other texts' outputs are nearer to what later "
        "layers know, yet none of them is this text.",
    ),
    (
        "One head at a time understates shared work.",
        "Where heads can stand in for each other, each alone seems to matter little and all together much; where one "
        "needs the other, both are counted in full. Shapley values divide what is shared, and interactions name it.",
    ),
    (
        "Paths hold attention and LayerNorm still.",
        "A path is a term of the sum with attention patterns and LayerNorm scales frozen at this text; that a head "
        "changes where another one looks is not in it.",
    ),
    (
        "Heads have no names across seeds.",
        "Within a layer heads are exchangeable: L0H0 of one training seed is not L0H0 of another, so a head is "
        "described per seed and only what does not depend on its number is pooled.",
    ),
    (
        "LIME has no efficiency axiom.",
        "Its rows split exactly over components, its columns need not add up to what a component contributes.",
    ),
)


def build(run: RunTables) -> Section:
    """The known pitfalls of the methods, and this run's own bounds."""
    items = tuple(Paragraph(text, lead=lead) for lead, text in (*_known(run), *PITFALLS, *_of_this_run(run)))
    return Section(name="limits", title="Limits", short="Limits", blocks=(Bullets(items),))


def _known(run: RunTables) -> list[tuple[str, str]]:
    """What known answers do not say; that there are none, for a run without."""
    if run.tables["score_card"].empty:
        return [("No answer is known here.", "This run has no task on which one could tell which method is right.")]
    return [
        (
            "Small rules are not language.",
            "Who is right is known for short made-up rules and planted shortcuts, in small models. A method that fails "
            "there cannot be trusted elsewhere; one that passes may still fail elsewhere.",
        ),
        (
            "A model set by hand is one way to follow a rule.",
            "What its heads do is known by design. Trained models follow the same rules with other heads, and treat "
            "texts with words taken out their own way: only which words decide is scored there, not how much.",
        ),
    ]


def _of_this_run(run: RunTables) -> list[tuple[str, str]]:
    """Limits that depend on the config and on what was left out."""
    pairs = run.tables["measurements"]
    both = pairs["method_a"].isin([run.shap, LIME]) & pairs["method_b"].isin([run.shap, LIME])
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
        *_causal_sampling(run),
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
    shap = pick(run.tables["features"], trained=True, method=run.shap)
    texts = shap.drop_duplicates(["dataset", "model", "seed", "example_id"])
    if texts.empty:
        return []
    exact = int((texts["estimator"] == "exact").sum())
    if exact == len(texts):
        return [("SHAP is exact here.", f"All coalitions were evaluated in all {plural(exact, 'explanation')}.")]
    lead = "SHAP is exact only for some texts." if exact else "SHAP is sampled for every text."
    explain = run.config.explain
    how, evals = ("odd-order regression", explain.shapley_evals)
    if run.shap == "shap":
        how, evals = ("the shap package's KernelExplainer", explain.shap_evals)
    text = (
        f"In {count(exact)} of {plural(len(texts), 'explanation')} all coalitions were evaluated; the others come from "
        f"{how} on at most {plural(evals, 'sampled coalition')} each, so part of the disagreement there is sampling "
        "error."
    )
    return [(lead, text)]


def _causal_sampling(run: RunTables) -> list[tuple[str, str]]:
    """How many causal tables are sampled, and their measured error; nothing where the run has none."""
    made = run.tables["causal"]
    if made.empty:
        return []
    exact = made["words_exact"].astype(bool) & made["heads_exact"].astype(bool)
    if exact.all():
        return [("Causal tables are exact here.", f"All {plural(len(made), 'table')} hold every line-up.")]
    sampled = made[~exact]["sampling_error"].dropna()
    error = (
        f" Their row sums are {percent(float(sampled.median()), 1)} off the run's SHAP scores at the median and "
        f"{percent(float(sampled.max()), 1)} at most (relative L2 distance, SHAP's own sampling included)."
        if len(sampled)
        else ""
    )
    heads = run.config.heads
    text = (
        f"{count(int(exact.sum()))} of {plural(len(made), 'causal table')} are exact; above "
        f"{plural(heads.crosswalk_exact_words, 'word')} or {plural(heads.crosswalk_exact_heads, 'head')} line-ups "
        f"are sampled.{error} Texts beyond the first {heads.causal_texts} of each model have the direct table only."
    )
    return [("Causal tables are sampled for longer texts.", text)]


def _seeds(run: RunTables) -> tuple[str, str]:
    """What the number of training seeds allows; and which intervals they get."""
    n = len(run.config.seeds)
    if n == 1:
        return "One seed.", "No interval here speaks of another training run, nor of other models or data."
    kind = "come from the pigeonhole bootstrap" if n >= MANY_SEEDS else "are two-way t intervals"
    text = (
        f"{n} training seeds: intervals hold for this set-up, not for other models or data. They {kind} over seeds and "
        f"texts.{_coverage(run, n)}"
    )
    return ("Few seeds." if n < MANY_SEEDS else "Intervals resample seeds and texts."), text


def _coverage(run: RunTables, n_seeds: int) -> str:
    """How often such intervals hold the truth in simulations with as many seeds, or the next fewer."""
    kept = run.coverage[run.coverage["n_seeds"] <= n_seeds]
    if kept.empty:
        return " How often they hold the truth is not known here: `make coverage` simulates it."
    n_here = int(kept["n_seeds"].max())
    rows = kept[kept["n_seeds"] == n_here]
    least = rows.loc[rows["coverage"].idxmin()]
    covered, said = rows["coverage"].astype(float), float(rows["nominal"].iloc[0])
    return (
        f" In simulations with {n_here} seeds and {len(rows)} kinds of data, {percent(said)} intervals held the truth "
        f"in {percent_range(covered.min(), covered.max())} of cases, least for {least['design']} (`make coverage`)."
    )
