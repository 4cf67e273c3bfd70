"""From blocks to the HTML page: one file, styles and figures inside, no script, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from study.report.blocks import Block, Bullets, Details, Figure, Paragraph, Section, Strip, Strips, Table, walk
from study.report.strips import colour_rules


def render_html(title: str, run_name: str, opening: Sequence[Block], sections: Sequence[Section]) -> str:
    """The page of the run `run_name`. Links to anchors that no block has are left out."""
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
        title=title,
        run_name=run_name,
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
