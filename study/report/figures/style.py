"""One look for every figure: fonts, titles, heat maps, byte-stable files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Bbox

from study.report import blocks
from study.report.figures.compact import compact, without_title
from study.report.figures.leaves import TITLE
from study.report.figures.palette import DIVERGING, INK, MUTED, PLATE, text_on
from study.report.numbers import short_signed

WIDE = 12.6  # inches; shown at most 1,210 px wide
HALF = 7.2

_RC: dict[str, Any] = {
    "svg.hashsalt": "words-and-heads",
    "svg.fonttype": "path",  # text as outlines: the same picture on every machine
    "pdf.fonttype": 42,  # TrueType, embedded: text that can be selected, and that publishers take
    "text.parse_math": False,  # a dollar sign in a review is a dollar sign
    "text.usetex": False,
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "figure.facecolor": PLATE,
    "savefig.facecolor": PLATE,
    "legend.frameon": False,
    "path.simplify": True,
}


_UNDATED: Mapping[str, Mapping[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


_WITH_FILES = ContextVar("figures with files beside the page", default=True)


@contextmanager
def page_alone() -> Iterator[None]:
    """Within it figures are drawn for a page without files beside it: no PNG and no PDF, most of their time."""
    token = _WITH_FILES.set(False)
    try:
        yield
    finally:
        _WITH_FILES.reset(token)


def draw(name: str, painter: Callable[[], Canvas], *, title: str, note: str, source: str) -> blocks.Figure:
    """Runs `painter` in the house style: SVG, PNG and PDF with the title, and SVG without it for the page.

    Within `page_alone` PNG and PDF are empty.
    """
    drawn = _render(painter, title)
    return blocks.Figure(
        name=name, title=title, note=note, source=source, svg=drawn.svg, png=drawn.png, pdf=drawn.pdf,
        plain_svg=drawn.plain_svg, width=drawn.width,
    )  # fmt: skip


def draw_file(painter: Callable[[], Canvas], title: str) -> bytes:
    """The SVG with its title alone, for files beside the page; what `painter` draws must fit its canvas.

    A fraction of the time of `draw`: nothing is measured, and nothing is rendered twice.
    """
    with mpl.rc_context(cast(Any, _RC)):  # its keys are checked by matplotlib
        canvas = painter()
        box = _add_title(canvas, title, Bbox.from_bounds(0, 0, *canvas.get_size_inches()))
        svg = compact(_save(canvas, "svg", box))
        plt.close(canvas)
    return svg


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The files of one figure; plain_svg: without the title. width: pixels at 96 to the inch."""

    svg: bytes
    png: bytes
    pdf: bytes
    plain_svg: bytes
    width: int


def _render(painter: Callable[[], Canvas], title: str) -> Rendered:
    with mpl.rc_context(cast(Any, _RC)):  # its keys are checked by matplotlib
        canvas = painter()
        canvas.draw_without_rendering()
        box = canvas.get_tightbbox().padded(0.12)  # found once: matplotlib would draw the figure anew for each file
        whole = _add_title(canvas, title, box)
        svg = _save(canvas, "svg", whole)
        png, pdf = (_save(canvas, kind, whole) if _WITH_FILES.get() else b"" for kind in ("png", "pdf"))
        plt.close(canvas)
    above = 72 * (whole.height - box.height)
    return Rendered(
        svg=compact(svg), png=png, pdf=pdf, plain_svg=without_title(svg, above), width=round(box.width * 96)
    )


def _save(canvas: Canvas, kind: str, box: Bbox) -> bytes:
    """The file's bytes; no date, so that the same tables give the same bytes."""
    stream = io.BytesIO()
    canvas.savefig(stream, format=kind, dpi=110, bbox_inches=box, metadata=_UNDATED[kind])
    return stream.getvalue()


def _add_title(canvas: Canvas, title: str, box: Bbox) -> Bbox:
    """Sets the finding above the figure, wrapped to its width; returns the box that holds both, in inches."""
    lines = wrap(title, max(30, int(box.width * 8.2)))
    width, height = canvas.get_size_inches()
    left, size = box.x0 + 0.12, 0.25 * len(lines)
    canvas.text(
        left / width, (box.y1 + 0.02) / height, "\n".join(lines), fontsize=13, fontweight="bold", va="bottom", gid=TITLE
    )
    return Bbox.from_extents(box.x0, box.y0, box.x1, box.y1 + size + 0.2)


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` characters, broken at spaces."""
    lines, line = [], ""
    for word in text.split(" "):  # not at the narrow space before a per cent sign
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]


def text_inches(text: str, points: float, *, bold: bool = False) -> float:
    """How wide `text` is in the house font."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=points)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72


def clip(word: str, length: int = 20) -> str:
    """A word short enough for an axis; an ellipsis stands for the rest."""
    return word if len(word) <= length else word[: length - 1] + "…"


def balanced(values: Any) -> Normalize:
    """A diverging scale centred on zero that holds every finite value."""
    finite = np.abs(np.asarray(values, dtype=float))
    finite = finite[np.isfinite(finite)]
    top = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    return TwoSlopeNorm(vcenter=0.0, vmin=-top, vmax=top)


def bare(ax: Axes) -> None:
    """No frame and no ticks: for heat maps, whose cells are their own grid."""
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0)


def heat(ax: Axes, cells: Any, colours: Colormap, norm: Normalize, x: Any = None) -> None:
    """A heat map of separate cells, first row on top; NaN stays light grey. x: edges of the columns, else 0, 1, 2."""
    masked = np.ma.masked_invalid(np.asarray(cells, dtype=float))
    shade = colours.with_extremes(bad="#eef0f2")
    rows, columns = masked.shape
    edges = np.arange(columns + 1) if x is None else x
    ax.pcolormesh(edges, np.arange(rows + 1), masked, cmap=shade, norm=norm, edgecolors=PLATE, linewidth=1.3)
    ax.set_ylim(rows, 0)
    bare(ax)


def annotate_cells(
    ax: Axes,
    cells: Any,
    norm: Normalize,
    *,
    colours: Colormap = DIVERGING,
    text: Callable[[float], str] = short_signed,
    least: float = 0.0,
    fontsize: float = 9.0,
) -> None:
    """Writes into every cell of `heat` its number; cells that are NaN or smaller than `least` stay blank.

    least: in shares of the end of the scale.
    """
    floor = least * float(norm.vmax or 1.0)
    for (row, column), value in np.ndenumerate(np.asarray(cells, dtype=float)):
        if np.isfinite(value) and abs(value) >= floor:
            colour = text_on(colours(norm(value))[:3])
            place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": fontsize}
            ax.text(column + 0.5, row + 0.52, text(float(value)), color=colour, **place)
