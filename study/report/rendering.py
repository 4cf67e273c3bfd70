"""From blocks to the HTML page: one file, styles, figures and the explorer's script inside, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from study.report import GROUPS
from study.report.blocks import (
    Block,
    Bullets,
    Details,
    Explorer,
    Figure,
    Paragraph,
    Section,
    Strip,
    Strips,
    Table,
    walk,
)
from study.report.figures.compact import data_address
from study.report.strips import colour_rules

_ASSETS = Path(__file__).parent / "assets"
# Comments and indentation of our own scripts, which hold no text of several lines.
_NOT_RUN = re.compile(r"^\s*(?:/\*.*?\*/|//[^\n]*)?\s*", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"`((?:make|study) [^`<&]+)`")  # in text that is escaped

TEXT = "text="  # begins the address of a text in the explorer: text=<dataset>/<model label>/<example id>


def render_html(
    title: str, run_name: str, opening: Sequence[Block], sections: Sequence[Section], *, source: str = ""
) -> str:
    """The page of the run `run_name`. Links to anchors that no block has are left out.

    source: where the numbers of the page come from, if not from the tables of that run.
    """
    environment = Environment(
        loader=PackageLoader("study.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "commands": _commands,
        "data_address": _data_address,
        "explorer_data": _explorer_data,
        "has_unknown": _has_unknown,
        "picture_height": _picture_height,
        "has_cut": _has_cut,
        "short_labels": _short_labels,
        "width_class": _width_class,
    }
    shown = [b for blocks in (tuple(opening), *(s.blocks for s in sections)) for b in walk(blocks)]
    explores = any(isinstance(b, Explorer) for b in shown)
    script = _script() if explores else ""
    anchors = {s.name for s in sections} | {
        a for s in sections for b in walk(s.blocks) if (a := getattr(b, "anchor", ""))
    }
    anchors |= {a for b in walk(tuple(opening)) if (a := getattr(b, "anchor", ""))}
    if explores:
        anchors.add(TEXT)
    return environment.get_template("page.html.j2").render(
        title=title,
        run_name=run_name,
        source=source or f"read from the tables of {run_name}",
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
        contents=contents_of(sections),
        table_anchors=_table_anchors(anchors),
        style=_style(explores),
        script=Markup(script),  # noqa: S704 - our own files, no data in them
        policy=_policy(script),
    )


def _style(explores: bool) -> Markup:
    names = ["style.css", *(["explorer.css"] if explores else [])]
    parts = [(_ASSETS / name).read_text(encoding="utf-8") for name in names]
    return Markup("".join(parts) + colour_rules())  # noqa: S704 - our own files, no data in them


def _script() -> str:
    """explorer-*.js, then explorer.js, which starts them, in one strict function of their own."""
    paths = [*sorted(_ASSETS.glob("explorer-*.js")), _ASSETS / "explorer.js"]
    parts = [_NOT_RUN.sub("", path.read_text(encoding="utf-8")) for path in paths]
    return "\n".join(['(() => {"use strict";', *parts, "})();"])


def _policy(script: str) -> str:
    """What a browser lets the page do: show its own pictures and styles, run this script alone, fetch nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join([*rules, *([f"script-src 'sha256-{digest}'"] if script else [])])


def _explorer_data(block: Explorer) -> Markup:
    """The explorer's JSON, as it is: in a script element a browser decodes no entities.

    Raises: ValueError where the JSON could end the element.
    """
    if "<" in block.payload:
        raise ValueError("the explorer's JSON holds a '<': encode it with study.report.explorer.encode")
    return Markup(block.payload)  # noqa: S704 - checked above


def _table_anchors(anchors: set[str]) -> dict[str, str]:
    """Where a figure's source table is shown."""
    found = {a.removeprefix("table-file-"): a for a in anchors if a.startswith("table-file-")}
    if "table-cost" in anchors:
        found["cost.csv"] = "table-cost"
    return found


def contents_of(sections: Sequence[Section]) -> list[tuple[str, list[Section]]]:
    """The table of contents: sections by group, in the groups' order; those of no group behind, under no name.

    One list under no name where at most one group has sections: other pages have none.
    """
    known = {name: [s for s in sections if s.name in names] for name, names in GROUPS.items()}
    grouped = [(name, found) for name, found in known.items() if found]
    rest = [s for s in sections if not any(s.name in names for names in GROUPS.values())]
    if len(grouped) < 2:
        return [("", list(sections))]
    return [*grouped, *([("", rest)] if rest else [])]


def _without_dead_links(block: Block, anchors: set[str]) -> Block:
    """The block without links to evidence that this run does not have (its sentence says what is missing)."""
    if isinstance(block, Bullets):
        return Bullets(tuple(_live(item, anchors) for item in block.items), ordered=block.ordered)
    if isinstance(block, Details):
        inner = tuple(_without_dead_links(b, anchors) for b in block.blocks)
        return Details(block.summary, inner, is_open=block.is_open)
    return _live(block, anchors) if isinstance(block, Paragraph) else block


def _live(paragraph: Paragraph, anchors: set[str]) -> Paragraph:
    """A link to a text of the explorer lives as long as the page has an explorer."""
    links = tuple(
        link for link in paragraph.links if link.anchor in anchors or (link.anchor.startswith(TEXT) and TEXT in anchors)
    )
    return Paragraph(paragraph.text, links, tone=paragraph.tone, lead=paragraph.lead)


def _commands(text: str) -> Markup:
    """The text with the commands in it set as code: what stands between backticks and begins with make or study."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped here


def _data_address(svg: bytes) -> Markup:
    """The picture inside the page; as an image its inner names cannot clash with another figure's."""
    return Markup(data_address(svg))  # noqa: S704 - escaped there for an attribute in double quotes


def _picture_height(figure: Figure) -> Markup:
    """The attribute that keeps its place until the picture is read: its height in pixels at its width."""
    box = re.search(rb"viewBox=[\"'][-.\d]+ [-.\d]+ ([.\d]+) ([.\d]+)[\"']", figure.plain_svg)
    return Markup(f' height="{round(figure.width * float(box[2]) / float(box[1]))}"' if box else "")  # noqa: S704 - a number


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
