"""Section: what else the run found; accuracy and agreement are among the answers above it."""

from __future__ import annotations

from collections.abc import Callable

from study.report.blocks import Bullets, Paragraph, Section
from study.report.causal_findings import causal_finding
from study.report.controls import untrained_finding
from study.report.faithfulness_findings import faithfulness_finding
from study.report.findings import correctness_finding, least_agreeing_finding
from study.report.head_findings import carriers_finding, writers_finding
from study.report.inputs import RunTables
from study.report.notes import findings_note
from study.report.removal_findings import removal_finding
from study.report.stability_findings import sanity_finding, stability_finding

Rule = Callable[[RunTables], Paragraph]


def rules_of(run: RunTables) -> list[Rule]:
    """The findings of this run, in order; those about evaluations where it has any."""
    measures = run.config.evaluate.measures
    return [
        least_agreeing_finding,
        *([faithfulness_finding] if "faithfulness" in measures else [correctness_finding]),
        carriers_finding,
        writers_finding,
        causal_finding,
        removal_finding,
        *([stability_finding] if "stability" in measures else []),
        sanity_finding if "sanity" in measures else untrained_finding,
    ]


def build(run: RunTables) -> Section:
    """One sentence or two a finding, each with its numbers and links to the evidence."""
    note = f"{findings_note(run)} The sentences are written by rules from the tables of this run."
    return Section(
        name="findings",
        title="Findings",
        short="Findings",
        blocks=(Bullets(tuple(rule(run) for rule in rules_of(run)), ordered=True), Paragraph(note, tone="muted")),
    )
