"""Section: the four questions that a reader comes with, each answered in a sentence or two."""

from __future__ import annotations

from study.report.accuracy import accuracy_answer
from study.report.answers.heads import heads_answer
from study.report.answers.parting import parting_answer
from study.report.answers.right import right_answer
from study.report.answers.words import words_answer
from study.report.blocks import Block, Heading, Paragraph, Section
from study.report.inputs import RunTables
from study.report.notes import answers_note

QUESTIONS = {  # anchor -> what is asked
    "how-accurate": "How accurate is the model?",
    "which-words": "Which five words matter most, and through which heads?",
    "where-they-part": "Where do SHAP and LIME differ, and which of them is right?",
    "which-heads-can-go": "Which heads can be removed without loss?",
}


def build(run: RunTables) -> Section:
    """A heading a question, its answer by rules from the tables, and the numbers behind it."""
    answers: tuple[list[Block], ...] = (
        [accuracy_answer(run)],
        words_answer(run),
        [*parting_answer(run), *right_answer(run)],
        heads_answer(run),
    )
    blocks: list[Block] = []
    for (anchor, question), answer in zip(QUESTIONS.items(), answers, strict=True):
        blocks += [Heading(question, anchor), *answer]
    note = (
        f"{answers_note(run)} More sentences follow, and every number has its table below. All are written by rules "
        "from the tables of this run."
    )
    blocks.append(Paragraph(note, tone="muted"))
    return Section(name="answers", title="Four questions, four answers", short="Four answers", blocks=tuple(blocks))
