"""Section: every table file, with its columns and first rows."""

from __future__ import annotations

from typing import Any

from study.report.blocks import Block, Details, Paragraph, Section
from study.report.columns import COLUMNS
from study.report.inputs import RunTables
from study.report.numbers import count, plural
from study.report.tables import make_table

ROWS = 5
MEANING = {
    "accuracy": "test accuracy of every model per seed and over seeds, and of the baselines",
    "training": "losses and validation accuracy by epoch",
    "shuffled_training": "the same of the control that learned shuffled labels, told apart by the texts it learned",
    "texts": "explained texts with prediction and margin; trained and untrained models",
    "features": "one score a word, method and text, in logits except attention, rollout and random",
    "heads": "one score a head, method and text: what it writes (direct), what is lost without it (causal), controls",
    "components": "contribution of every component; rows of a text sum to its margin",
    "crosswalk": "words × components: cells of a word sum to its score; kind causal: words × heads",
    "causal": "how each causal crosswalk was computed, and its sampling errors",
    "interactions": "Shapley interaction of every pair of heads in a text",
    "ablations": "change of the margin by pairs, layers and other groups of heads",
    "trials": "verdicts on heads tried on fresh texts: change of the margin, alone and beside a partner",
    "profiles": "one row a head: sizes, indirect share, partner, attention, class and reason",
    "profile_words": "the words that each head carries most, for and against",
    "head_disagreement": "the heads on which direct and causal methods part most, with the reason",
    "head_matches": "heads of one seed matched with those of another by the words they carry",
    "readout_attention": "what the readout looks at: the weight of every head on every word, and on CLS (-1)",
    "patching": "change of the margin when a head's output comes from a twin text",
    "layers": "margin read off after every step, and what the step adds",
    "neurons": "size of every neuron's contribution over the texts",
    "neuron_words": "SHAP of the words in the contribution of the top neurons",
    "paths": "the largest paths of every text",
    "path_sums": "sums of all paths by kind; those of a text sum to its margin",
    "interventions": "predicted effects against removals, frozen and live",
    "removal_curves": "margin lost when the strongest words or heads are removed",
    "measurements": "one value a metric, pair of methods and text",
    "estimates": "means of the measurements over texts and seeds, with intervals",
    "comparisons": "differences between methods on the same texts, with intervals, effect sizes and p values",
    "variance": "what makes agreement vary: training seed, text, both together, the explainer's own randomness",
    "hypotheses": "what was claimed before the run and what came out, pooled and by data set and model",
    "faithfulness": "whether the model does what an explanation says, by the operator that tests it",
    "perturbation_curves": "margin left when words are taken out or put in, the first that an explanation names first",
    "circuit_curves": "margin regained with more and more heads at work; CPR and CMD are areas under these",
    "repeats": "explanations made again with new randomness, against each other",
    "word_stability": "mean and standard deviation of every word's score over such repeats",
    "edits": "the words that were replaced, and the margin before and after",
    "edit_stability": "explanations of an edited text against those of the text itself",
    "sanity": "explanations of models with random weights or shuffled labels against those of the trained model",
    "budgets": "agreement of SHAP and LIME with a fixed number of evaluations and with one that grows with the text",
    "additivity": "how much of a model's margin around a text is a sum over its words",
    "ratings": "people's ratings of single words beside the words' mean scores",
    "rated_texts": "accuracy and rank correlation on held-out sentences that people rated",
    "truth_words": "which words decide every explained text, and their exact Shapley values in the rule",
    "truth_heads": "what every head of the models set by hand was set to do",
    "truth_scores": "how right every method is on every text",
    "score_card": "means of truth_scores with intervals, between chance and the oracle",
    "verification": "whether each model does what its truth assumes",
    "pairs": "every two heads: do they undo each other, and does the causal crosswalk say so",
    "failures": "words that decide and whose score says that they do not",
    "convergence": "error of every sampler by evaluations",
    "convergence_needs": "evaluations that every sampler needs for an error",
    "walkthrough": "attention step by step, shapes of live tensors",
}


def build(run: RunTables) -> Section | None:
    """A fold for each table of the run."""
    shown = [name for name in COLUMNS if name in run.present]
    if not shown:
        return None
    about = (
        "Each table lies in tables/ of the run folder as .parquet and .csv; estimates, accuracy and hypotheses also as "
        ".tex and .md for papers. One row is one value, under the columns shown."
    )
    blocks: list[Block] = [Paragraph(about)]
    for name in shown:
        frame = run.tables[name]
        head = frame.head(ROWS)
        table = make_table(
            head,
            dict.fromkeys(head.columns, _cell),
            anchor=f"table-file-{name}",
            title=f"tables/{name}.csv, first {plural(len(head), 'row')} of {count(len(frame))}",
            wide=True,
        )
        blocks.append(Details(f"{name}: {MEANING.get(name, '')} ({plural(len(frame), 'row')})", (table,)))
    return Section(name="appendix", title="Appendix: the tables", short="Tables", blocks=tuple(blocks))


def _cell(value: Any) -> str:
    """As in the file, numbers to six digits, long texts cut."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 48 else text[:47] + "…"
