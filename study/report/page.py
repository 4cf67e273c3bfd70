"""write_report: from a run folder to report.html, report.md, figures and paper tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from study.config import StudyConfig
from study.ledger import write_bytes
from study.report import SECTIONS
from study.report.blocks import Block, Figure, Section, walk
from study.report.gallery import draw_gallery, remove_stale
from study.report.inputs import RunTables, read_run
from study.report.latex import to_latex
from study.report.markdown import to_markdown
from study.report.notes import interval_note, level_text
from study.report.rendering import render_html
from study.report.sections.opening import TITLE, opening_blocks
from study.report.tables import paper_accuracy, paper_estimates, paper_hypotheses
from study.report.tables import to_markdown as table_to_markdown


def write_report(run_folder: Path, config: StudyConfig) -> list[str]:
    """Writes the report of a run from its tables; returns the names of the files, relative to the folder.

    Every file is written atomically and depends on nothing but the folder's tables, data, config, gates and manifest.
    Pictures of an earlier report that this run has no longer are removed.
    Raises: LedgerError where a table lacks columns of the results contract.
    """
    run = read_run(run_folder, config)
    opening = opening_blocks(run)
    sections = build_sections(run)
    files: dict[str, bytes] = {}
    for figure in figures_of(sections):
        files |= figure.files
    files |= paper_tables(run)
    files["report.md"] = to_markdown(TITLE, opening, sections).encode()
    files["report.html"] = render_page(run, opening, sections).encode()  # last: it is what people open
    remove_stale(run)
    written = []
    for name, data in chain(draw_gallery(run), files.items()):
        write_bytes(run_folder / name, data)
        written.append(name)
    return written


def build_sections(run: RunTables) -> list[Section]:
    """The sections that the config names, in its order, or else all; those without anything to show are left out."""
    built = [SECTIONS.load(name)(run) for name in run.config.report.sections or SECTIONS]
    return [section for section in built if section is not None]


def figures_of(sections: Sequence[Section]) -> list[Figure]:
    """All figures of the page, in order."""
    return [b for section in sections for b in walk(section.blocks) if isinstance(b, Figure)]


def paper_tables(run: RunTables) -> dict[str, bytes]:
    """estimates, accuracy and hypotheses as LaTeX and Markdown files."""
    captions = {
        "accuracy": f"Test accuracy with {level_text(run)} intervals.",
        "estimates": f"Means with their {interval_note(run)}; correct and wrong: over texts, given the seeds.",
        "hypotheses": f"Hypotheses fixed before the run, all models together, with {level_text(run)} intervals; p "
        "adjusted by Holm's method.",
    }
    frames = {
        "accuracy": paper_accuracy(run),
        "estimates": paper_estimates(run),
        "hypotheses": paper_hypotheses(run),
    }
    files = {}
    for name, frame in frames.items():
        if not frame.empty:
            files[f"tables/{name}.tex"] = to_latex(frame, captions[name], f"tab:{name}").encode()
            files[f"tables/{name}.md"] = table_to_markdown(frame).encode()
    return files


def render_page(run: RunTables, opening: Sequence[Block], sections: Sequence[Section]) -> str:
    """The HTML page of a run."""
    return render_html(TITLE, run.config.name, opening, sections)
