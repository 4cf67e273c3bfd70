"""Section: the findings."""

from __future__ import annotations

from study.report.blocks import Bullets, Paragraph, Section
from study.report.findings import (
    accuracy_finding,
    agreement_finding,
    correctness_finding,
    least_agreeing_finding,
    untrained_finding,
)
from study.report.head_findings import carriers_finding, heads_finding, kinds_finding
from study.report.inputs import RunTables
from study.report.numbers import number

RULES = (
    agreement_finding,
    least_agreeing_finding,
    correctness_finding,
    carriers_finding,
    kinds_finding,
    heads_finding,
    untrained_finding,
    accuracy_finding,
)


def build(run: RunTables) -> Section:
    """One sentence or two a finding, each with its numbers and links to the evidence."""
    level = number(100 * run.config.compare.level, 0)
    note = (
        f"In brackets: {level} % intervals over texts and training seeds, which are crossed. Other ranges are the "
        "least and the largest value over seeds, and no intervals. The sentences are written by rules from the "
        "tables of this run."
    )
    return Section(
        name="findings",
        title="Findings",
        short="Findings",
        blocks=(Bullets(tuple(rule(run) for rule in RULES), ordered=True), Paragraph(note, tone="muted")),
    )
