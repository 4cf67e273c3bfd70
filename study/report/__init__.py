"""The report room: from the tables of a run folder to one readable page. It never imports torch.

Every section is a function from `RunTables` to a `Section` (or None where the run has nothing to show).
To add one: a file in `sections/` and a line here; the page shows them in this order, or those that the config's
`report.sections` names, in its order.
"""

from __future__ import annotations

from collections.abc import Mapping

from study.registry import Registry

SECTIONS = Registry(
    "report section",
    {
        "answers": "study.report.sections.answers:build",
        "findings": "study.report.sections.findings:build",
        "hypotheses": "study.report.sections.hypotheses:build",
        "text": "study.report.sections.one_text:build",
        "features": "study.report.sections.features:build",
        "heads": "study.report.sections.heads:build",
        "head-methods": "study.report.sections.head_methods:build",
        "inside": "study.report.sections.inside:build",
        "score-card": "study.report.sections.score_card:build",
        "recommendations": "study.report.sections.recommendations:build",
        "negation": "study.report.sections.negation:build",
        "failures": "study.report.sections.failures:build",
        "faithfulness": "study.report.sections.faithfulness:build",
        "stability": "study.report.sections.stability:build",
        "people": "study.report.sections.people:build",
        "convergence": "study.report.sections.convergence:build",
        "model": "study.report.sections.model:build",
        "cost": "study.report.sections.cost:build",
        "walkthrough": "study.report.sections.walkthrough:build",
        "limits": "study.report.sections.limits:build",
        "reproduce": "study.report.sections.reproduce:build",
        "texts": "study.report.sections.more_texts:build",
        "explorer": "study.report.sections.explorer:build",
        "appendix": "study.report.sections.appendix:build",
    },
)
GROUPS: Mapping[str, tuple[str, ...]] = {  # how the table of contents puts the sections together
    "In short": ("answers", "findings", "hypotheses"),
    "Words and heads": ("text", "features", "heads", "head-methods", "inside"),
    "Put to the test": (
        *("score-card", "recommendations", "negation", "failures", "faithfulness", "stability", "people"),
        "convergence",
    ),
    "The run": ("model", "cost", "walkthrough", "limits", "reproduce"),
    "Look around": ("texts", "explorer", "appendix"),
}
