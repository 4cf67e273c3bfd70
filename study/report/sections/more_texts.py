"""Section: further texts in full, one by each of several rules."""

from __future__ import annotations

from study.report.blocks import Block, Heading, Paragraph, Section
from study.report.choose import choose_first, choose_more
from study.report.inputs import LIME, RunTables
from study.report.numbers import plural
from study.report.pictures import crosswalk_figure
from study.report.sections.one_text import margin_text, text_strips
from study.report.text_rows import rows_of


def build(run: RunTables) -> Section | None:
    """`report.n_texts` texts with strips and crosswalk; None where there is at most one text."""
    first = choose_first(run)
    more = choose_more(run, first, run.config.report.n_texts) if first else []
    if not more:
        return None
    blocks: list[Block] = []
    for number, chosen in enumerate(more, start=1):
        row = rows_of(run, chosen).text
        facts = (
            f"Labelled {row['label']}, predicted {row['predicted']}; margin "
            f"{margin_text(run, row)}; {plural(int(row['n_words']), 'word')}."
        )
        blocks += [
            Heading(chosen.reason.rstrip("."), f"text-{number}"),
            Paragraph(facts),
            text_strips(run, chosen, [run.shap, LIME]),
        ]
        figure = crosswalk_figure(run, chosen, f"crosswalk-{number}")
        blocks += [figure] if figure else []
    about = Paragraph(
        f"All of {run.label(more[0].dataset, more[0].model)}, seed {more[0].seed}; each chosen by the rule above it."
    )
    return Section(name="texts", title="More texts in full", short="More texts", blocks=(about, *blocks))
