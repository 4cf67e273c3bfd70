"""The top of the page: what it is about, the answer in one sentence, which run it is, and its gates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from study.report.blocks import Block, Bullets, Details, Paragraph, Table
from study.report.cautions import warning_blocks
from study.report.findings import answer
from study.report.inputs import RunTables
from study.report.known_findings import answer_known
from study.report.numbers import plural, scientific
from study.report.subject import subject
from study.report.tables import make_table

GATE_UNITS = (
    "value: largest error found. Attention views: absolute, in the residual stream. Components and padding: logits, "
    "relative to max(1, |margin|). Game, SHAP and crosswalk: logits, relative to max(1, |v(all words)|, |v(no words)|)."
)
TITLE = "Which words, and which heads, drive a text classifier"


def identity(run: RunTables) -> str:
    """The run in one short line: name, size, config hash, revision."""
    parts = [run.config.name, plural(len(run.config.models), "model") + " × " + plural(len(run.config.seeds), "seed")]
    n_texts = len(run.tables["texts"][["dataset", "example_id"]].drop_duplicates())
    parts.append(f"{plural(n_texts, 'text')} explained")
    if config_hash := run.manifest.get("config_hash"):
        parts.append(f"config {str(config_hash)[:8]}")
    if revision := run.manifest.get("git_revision"):
        changed = " with uncommitted changes" if run.manifest.get("git_dirty") else ""
        parts.append(f"revision {str(revision)[:8]}{changed}")
    return " · ".join(parts)


def opening_blocks(run: RunTables) -> tuple[Block, ...]:
    """Warnings, subject, answer, identity and gates, in this order; a broken gate comes first of all.

    Where answers are known, the answer is who is right.
    """
    gates, warnings = gate_blocks(run), warning_blocks(run)
    said = answer_known(run) or answer(run)
    about = (Paragraph(told, tone="muted"),) if (told := subject(run)) else ()
    body: tuple[Block, ...] = (*about, Paragraph(said, tone="lead"), Paragraph(identity(run), tone="muted"))
    if any(not g["passed"] for g in run.gates):
        return (*gates, *warnings, *body, how_to_read(run))
    return (*warnings, *body, *gates, how_to_read(run))


def how_to_read(run: RunTables) -> Details:
    """The words of this page in a few lines, folded."""
    level = f"{100 * run.config.compare.level:g} %"
    terms = {
        "Margin, logits.": "The number that is explained: how far the model leans to one class, before it is turned "
        "into a probability. 0: undecided; 2 logits: about 88 %. With two classes + is the second one.",
        "Word scores.": "SHAP (Shapley values): what a word adds to the margin, averaged over all orders in which the "
        "words could be added. LIME: the weights of a straight-line model of the margin, fitted to the text with words "
        "taken out. Rank correlation (Spearman): 1 for the same order of words, 0 for unrelated ones.",
        "Components, heads.": "The margin is a sum over parts of the network. An attention head (L1H0: layer 1, head "
        "0) moves information between words; CLS is the place where the margin is read.",
        "Direct, causal.": "Direct: what a head itself writes to the margin. Causal: what is lost without the head, "
        "averaged over all sets of the other heads, so that a head counts that only feeds later ones.",
        "Crosswalk.": "A table of words by heads, whose rows add up to the words' scores and whose columns to the "
        "heads'.",
        "[a, b].": f"The {level} interval: values that fit what was seen, for new texts, and for new training seeds "
        "(the same model trained again) where there are several. Nothing is claimed where it leaves both signs open.",
        "Gates.": "Sums that must come out exactly, checked on every model; a run with a broken gate is not to be "
        "believed.",
    }
    items = tuple(Paragraph(text, lead=lead) for lead, text in terms.items())
    return Details("How to read this page", (Bullets(items),))


def gate_blocks(run: RunTables) -> tuple[Block, ...]:
    """The gates of a run: see `blocks_of_gates`."""
    return blocks_of_gates(run.gates)


def blocks_of_gates(gates: Sequence[Mapping[str, Any]]) -> tuple[Block, ...]:
    """One green or red line, and every gate with its value in a table folded below (open when one is broken)."""
    if not gates:
        return (Paragraph("No exactness gate was measured in this run: do not rely on its numbers.", tone="bad"),)
    broken = [g for g in gates if not g["passed"]]
    names = list(dict.fromkeys(str(g["name"]) for g in gates))
    if broken:
        which = "; ".join(dict.fromkeys(f"{g['name']} at {g.get('cell', '')}, {g['where']}" for g in broken))
        line = Paragraph(
            which + ".",
            tone="bad",
            lead=f"Broken: {len(broken)} of {len(gates)} exactness gates. Do not believe these numbers.",
        )
    else:
        line = Paragraph(
            f"{plural(len(names), 'identity', 'identities')}, each measured where it applies, all within tolerance.",
            tone="good",
            lead=f"All {len(gates)} exactness gates hold.",
        )
    return (line, Details("Every gate with its value and tolerance", (_gate_table(gates),), is_open=bool(broken)))


def _gate_table(gates: Sequence[Mapping[str, Any]]) -> Table:
    rows = [_worst(gates, name) for name in dict.fromkeys(str(g["name"]) for g in gates)]
    return make_table(
        pd.DataFrame(rows),
        {"value": scientific, "tolerance": scientific},
        anchor="table-gates",
        title="Exactness gates, the worst place of each",
        note=GATE_UNITS,
        source="gates.json",
        headers={"name": "identity", "where": "worst at"},
        left=("verdict",),
    )


def _worst(gates: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """The worst measurement of one gate over all cells; NaN is the worst of all."""
    same = [g for g in gates if g["name"] == name]
    worst = max(same, key=lambda g: (not g["passed"], math.inf if math.isnan(float(g["value"])) else float(g["value"])))
    return {
        "name": name,
        "value": float(worst["value"]),
        "tolerance": float(worst["tolerance"]),
        "verdict": "holds" if all(g["passed"] for g in same) else "BROKEN",
        "cell": str(worst.get("cell", "")),
        "where": str(worst["where"]),
    }
