"""What a section is made of. The same blocks become HTML (templates) and Markdown (`markdown.py`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Tone = Literal["", "lead", "muted", "bad", "warn", "good"]


def anchor_of(*names: str) -> str:
    """An anchor of names as the page prints them: "neurons" and "mlp · films" give "neurons-mlp-films"."""
    return re.sub(r"[ ·]+", "-", "-".join(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to an anchor of this page; `label` is what the reader sees."""

    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text (never markup: renderers escape it), with links to its evidence after it; lead is set bold before."""

    kind: ClassVar[str] = "paragraph"
    text: str
    links: tuple[Link, ...] = ()
    tone: Tone = ""
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    kind: ClassVar[str] = "heading"
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Bullets:
    kind: ClassVar[str] = "bullets"
    items: tuple[Paragraph, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawn figure. title: the finding. note: n, seeds, what the interval is. source: the table behind it.

    svg, png and pdf carry the title and stand alone; plain_svg has none, the page sets it in its own type. png and pdf
    are empty where the page has no files beside it.
    """

    kind: ClassVar[str] = "figure"
    name: str
    title: str
    note: str
    source: str
    svg: bytes
    png: bytes
    pdf: bytes
    plain_svg: bytes
    width: int

    @property
    def anchor(self) -> str:
        return f"fig-{self.name}"

    @property
    def files(self) -> dict[str, bytes]:
        """What stands beside the page, by its name as seen from there."""
        kinds = {"svg": self.svg, "png": self.png, "pdf": self.pdf}
        return {f"figures/{self.name}.{kind}": data for kind, data in kinds.items() if data}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells are printed as they are; numbers of one column have the same decimals."""

    kind: ClassVar[str] = "table"
    anchor: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    source: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StripWord:
    """One word on its colour. level: a colour class of the style sheet ("d-7" ... "d7", "s0" ... "s7", "cut")."""

    word: str
    level: str
    hint: str
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLink:
    """A link to a file beside the page; path: seen from the run folder, safe characters only."""

    label: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """label and note stand before the words, links after them."""

    label: str
    words: tuple[StripWord, ...]
    note: str = ""
    links: tuple[FileLink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """Rows of the same words, one a method: as they have the same widths, they wrap at the same words.

    scale: (least, middle, most) labels of the diverging scale that the signed methods share.
    """

    kind: ClassVar[str] = "strips"
    anchor: str
    strips: tuple[Strip, ...]
    scale: tuple[str, str, str] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks folded away under a summary line."""

    kind: ClassVar[str] = "details"
    summary: str
    blocks: tuple[Block, ...]
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Explorer:
    """All explained texts to look around in. payload: JSON that is safe inside a script element (`explorer.encode`).

    static: what a reader without scripts sees in its place.
    """

    kind: ClassVar[str] = "explorer"
    anchor: str
    payload: str
    static: tuple[Block, ...]


Block = Paragraph | Heading | Bullets | Figure | Table | Strips | Code | Details | Explorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """name: its anchor; title: its heading; short: its entry in the table of contents."""

    name: str
    title: str
    short: str
    blocks: tuple[Block, ...] = field(default=())


def walk(blocks: tuple[Block, ...]) -> list[Block]:
    """All blocks in order, those inside others included."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        if isinstance(block, Details):
            found += walk(block.blocks)
        elif isinstance(block, Explorer):
            found += walk(block.static)
    return found
