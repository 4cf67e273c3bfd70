"""write_report: from a run folder to report.html, report.md, figures and paper tables."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from study.config import StudyConfig
from study.ledger import write_bytes
from study.report import SECTIONS
from study.report.blocks import Block, Bullets, Details, Figure, Paragraph, Section, Strip, Strips, Table, walk
from study.report.gallery import draw_gallery, remove_stale
from study.report.inputs import RunTables, read_run
from study.report.markdown import to_markdown
from study.report.notes import interval_note, level_text
from study.report.sections.opening import TITLE, opening_blocks
from study.report.strips import colour_rules
from study.report.tables import paper_accuracy, paper_estimates, to_latex
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
        files[f"figures/{figure.name}.svg"] = figure.svg
        files[f"figures/{figure.name}.png"] = figure.png
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
    """estimates and accuracy as LaTeX and Markdown files."""
    captions = {
        "accuracy": f"Test accuracy with {level_text(run)} intervals.",
        "estimates": f"Means with their {interval_note(run)}; correct and wrong: over texts, given the seeds.",
    }
    frames = {"accuracy": paper_accuracy(run), "estimates": paper_estimates(run)}
    files = {}
    for name, frame in frames.items():
        if not frame.empty:
            files[f"tables/{name}.tex"] = to_latex(frame, captions[name].replace("%", r"\%"), f"tab:{name}").encode()
            files[f"tables/{name}.md"] = table_to_markdown(frame).encode()
    return files


def render_page(run: RunTables, opening: Sequence[Block], sections: Sequence[Section]) -> str:
    """The HTML page: one file, styles and figures inside, no script, nothing fetched."""
    environment = Environment(
        loader=PackageLoader("study.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "data_address": _data_address,
        "has_unknown": _has_unknown,
        "has_cut": _has_cut,
        "short_labels": _short_labels,
        "width_class": _width_class,
    }
    assets = Path(__file__).parent / "assets" / "style.css"
    anchors = {s.name for s in sections} | {
        a for s in sections for b in walk(s.blocks) if (a := getattr(b, "anchor", ""))
    }
    anchors |= {a for b in walk(tuple(opening)) if (a := getattr(b, "anchor", ""))}
    return environment.get_template("page.html.j2").render(
        title=TITLE,
        run_name=run.config.name,
        opening=[_without_dead_links(b, anchors) for b in opening],
        sections=[
            Section(
                name=s.name,
                title=s.title,
                short=s.short,
                blocks=tuple(_without_dead_links(b, anchors) for b in s.blocks),
            )
            for s in sections
        ],
        table_anchors=_table_anchors(anchors),
        style=Markup(assets.read_text(encoding="utf-8") + colour_rules()),  # noqa: S704 - our own file, no data in it
    )


def _table_anchors(anchors: set[str]) -> dict[str, str]:
    """Where a figure's source table is shown."""
    found = {a.removeprefix("table-file-"): a for a in anchors if a.startswith("table-file-")}
    if "table-cost" in anchors:
        found["cost.csv"] = "table-cost"
    return found


def _without_dead_links(block: Block, anchors: set[str]) -> Block:
    """The block without links to evidence that this run does not have (its sentence says what is missing)."""
    if isinstance(block, Bullets):
        return Bullets(tuple(_live(item, anchors) for item in block.items), ordered=block.ordered)
    return _live(block, anchors) if isinstance(block, Paragraph) else block


def _live(paragraph: Paragraph, anchors: set[str]) -> Paragraph:
    links = tuple(link for link in paragraph.links if link.anchor in anchors)
    return Paragraph(paragraph.text, links, tone=paragraph.tone, lead=paragraph.lead)


def _data_address(svg: bytes) -> Markup:
    """The picture inside the page; as an image its inner names cannot clash with another figure's."""
    return Markup("data:image/svg+xml;base64,") + base64.b64encode(svg).decode()


def _has_unknown(strips: Sequence[Strip]) -> bool:
    return any(word.unknown for strip in strips for word in strip.words)


def _has_cut(strips: Sequence[Strip]) -> bool:
    return any(word.level == "cut" for strip in strips for word in strip.words)


def _short_labels(strips: Sequence[Strip]) -> bool:
    """Whether the labels need little room: margins, "SHAP" and "LIME"."""
    return max((len(strip.label) for strip in strips), default=0) < 7


def _width_class(block: Details) -> str:
    """Folds that hold wide things are wide themselves."""
    return (
        "wide" if any(isinstance(b, Strips | Figure) or (isinstance(b, Table) and b.wide) for b in block.blocks) else ""
    )
