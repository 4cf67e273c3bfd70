"""One page of explanations of one's own texts, made of the report's own parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from study.cells import cell_name
from study.config import StudyConfig
from study.ledger import write_text
from study.report.blocks import Block, Explorer, Heading, Paragraph, Section
from study.report.choose import Chosen
from study.report.explorer.payload import make_payload
from study.report.figures.head_grid import paint_grids
from study.report.figures.style import clip, draw, page_alone
from study.report.inputs import RunTables, own_texts
from study.report.numbers import percent, plural, signed
from study.report.pictures import crosswalk_figure
from study.report.rendering import render_html
from study.report.sections.one_text import READING_BOTH, READING_DIRECT, grid_title, head_grids, text_strips
from study.report.sections.opening import blocks_of_gates
from study.report.text_rows import rows_of

if TYPE_CHECKING:
    from study.library.explanation import Explanation
    from study.library.loading import LoadedRun

TITLE = "Which words, and which heads: your own texts"
MOST_DRAWN = 20  # texts with pictures of their own; the others are in the explorer
LONGEST_TITLE = 60


def write_page(path: Path, run: LoadedRun, explanations: Sequence[Explanation]) -> None:
    """Writes one page of the explanations, all by one model of `run`, in order; what stood there is replaced.

    Raises: WriteError where the disk does not take it.
    """
    write_text(path, build_page(run.folder, run.config, explanations))


def build_page(folder: Path, config: StudyConfig, explanations: Sequence[Explanation]) -> str:
    """The page as HTML. A text that was given more than once is shown once."""
    shown = list({e.example_id: e for e in explanations}.values())
    tables = tables_of(folder, config, shown)
    with page_alone():
        sections = [_explorer(tables), *(_section(tables, e, k) for k, e in enumerate(shown[:MOST_DRAWN], start=1))]
    found = [section for section in sections if section is not None]
    source = f"found anew by a model of {folder.name}, or read from that run's tables"
    return render_html(TITLE, folder.name, _opening(tables, shown), found, source=source)


def tables_of(folder: Path, config: StudyConfig, explanations: Sequence[Explanation]) -> RunTables:
    """The tables that the report's parts read, with these texts alone. Each text once."""
    parts = [e.tables() for e in explanations]
    frames = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}
    methods = list(explanations[0].features)  # those asked for, whichever the run was made with
    asked = config.model_copy(update={"explain": config.explain.model_copy(update={"methods": methods})})
    gates = [
        {
            "name": gate.name,
            "value": gate.value,
            "tolerance": gate.tolerance,
            "passed": gate.passed,
            "where": gate.where,
            "cell": cell_name(e.dataset, e.model, e.seed),
        }
        for e in explanations
        for gate in e.gates
    ]
    return own_texts(folder, asked, frames, gates)


def _opening(tables: RunTables, explanations: Sequence[Explanation]) -> list[Block]:
    first = explanations[0]
    who = f"{plural(len(explanations), 'text')} as {first.model}, seed {first.seed}, of the run {tables.folder.name} "
    about = f"{who}reads them. It was trained on {first.dataset}; + speaks for “{first.class_names[1]}”."
    if len(first.class_names) > 2:
        about = f"{who}reads them. It was trained on {first.dataset}; + speaks for the class that is predicted."
    gates, opening = blocks_of_gates(tables.gates), (Paragraph(about, tone="lead"),)
    broken = not all(gate["passed"] for gate in tables.gates)
    return [*gates, *opening] if broken else [*opening, *gates]


def _explorer(tables: RunTables) -> Section | None:
    """All texts to look around in; without a script, a word on where they are."""
    payload = make_payload(tables)
    if not payload:
        return None
    n_texts = len(tables.tables["texts"])
    drawn = f" The first {MOST_DRAWN} texts have their pictures below, the others are here alone."
    static = (Paragraph("Looking around in the texts needs a browser with scripts; their pictures are below."),)
    about = Paragraph(
        f"Which words count by every method, which heads carry a word, and which words a head carries."
        f"{drawn if n_texts > MOST_DRAWN else ''}"
    )
    block = Explorer("explore", payload, static)
    return Section(name="explorer", title="Explore these texts", short="Explorer", blocks=(about, block))


def _section(tables: RunTables, e: Explanation, number: int) -> Section:
    """One text: what is predicted, its crosswalk, its strips, its heads."""
    chosen = Chosen(dataset=e.dataset, model=e.model, seed=str(e.seed), example_id=e.example_id, reason="")
    shares = [f"{name} {percent(float(p))}" for name, p in zip(e.class_names, e.probabilities, strict=True)]
    facts = (
        f"Predicted {e.predicted} ({', '.join(shares)}); margin {signed(e.margin)} logits towards {e.target}, "
        f"{signed(e.empty_margin)} without any word."
    )
    blocks: list[Block] = [Paragraph(facts, lead=f"“{e.text}”")]
    if figure := crosswalk_figure(tables, chosen, f"crosswalk-{number}"):
        reading = READING_DIRECT if e.causal is None else READING_BOTH
        blocks += [Paragraph(reading.format(target=e.target))] if number == 1 else []
        blocks.append(figure)
    blocks += [Heading("The same words by every method", f"strips-{number}"), text_strips(tables, chosen)]
    if panels := head_grids(rows_of(tables, chosen)):
        note = "Logits beyond the text without words; one colour scale. n = 1 text, 1 seed: no interval."
        name = f"heads-{number}"
        figure = draw(name, lambda: paint_grids(panels), title=grid_title(panels), note=note, source="heads")
        blocks += [Heading("The same text, head by head", f"grid-{number}"), figure]
    return Section(
        name=f"text-{number}", title=clip(e.text, LONGEST_TITLE), short=f"Text {number}", blocks=tuple(blocks)
    )
