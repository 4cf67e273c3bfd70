"""One look for every figure: fonts, colours fixed per method and per kind of component, byte-stable files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, TwoSlopeNorm, to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Bbox

from study.report import blocks

WIDE = 12.6  # inches; shown at most 1,210 px wide
HALF = 7.2
INK, MUTED, RULE, PLATE = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
ACCENT = "#0b6e99"

METHOD_LABELS: Mapping[str, str] = {
    "shap": "SHAP",
    "lime": "LIME",
    "occlusion": "Occlusion",
    "gradient_x_input": "Gradient × input",
    "integrated_gradients": "Integrated gradients",
    "attention": "Attention",
    "rollout": "Rollout",
    "random": "Random control",
}
HEAD_METHOD_LABELS: Mapping[str, str] = {
    "leave_one_out": "Leave one out",
    "direct_raw": "Direct (raw)",
    "direct_centred": "Direct (centred)",
    "direct_beyond_empty": "Direct (beyond empty)",
    "ablation_zero": "Zero ablation",
    "ablation_mean": "Mean ablation",
    "ablation_resample": "Resample ablation",
    "shapley": "Head Shapley",
    "lime": "Head LIME",
    "shapley_margin": "Shapley of the margin",
    "attention_norm": "Attention norm",
    "random": "Random control",
}
# Okabe and Ito's palette, told apart by the colour-blind; darkened where white text stands on it.
METHOD_COLOURS: Mapping[str, str] = {
    "shap": "#0072b2",
    "lime": "#d55e00",
    "occlusion": "#009e73",
    "gradient_x_input": "#cc79a7",
    "integrated_gradients": "#e69f00",
    "attention": "#56b4e9",
    "rollout": "#8c6bb1",
    "random": "#8a8f98",
}
# The same idea has the same colour for heads as for words; heads are drawn dashed.
HEAD_METHOD_COLOURS: Mapping[str, str] = {
    "direct_raw": "#b3541e",
    "direct_centred": "#8a6d3b",
    "direct_beyond_empty": "#00785a",
    "ablation_zero": "#cc79a7",
    "ablation_mean": "#7b4fa3",
    "ablation_resample": "#a0527e",
    "shapley": "#0072b2",
    "lime": "#d55e00",
    "shapley_margin": "#4a90b8",
    "attention_norm": "#e69f00",
    "random": "#8a8f98",
}
CLASS_COLOURS: Mapping[str, str] = {
    "direct": "#0072b2",
    "indirect": "#d55e00",
    "backup": "#00785a",
    "cancelling": "#a64a86",
    "mixed": "#8a6d3b",
    "null": "#8a8f98",
}
KIND_LABELS: Mapping[str, str] = {"embed": "embedding", "head": "heads", "mlp": "MLP", "bias": "biases"}
KIND_COLOURS: Mapping[str, str] = {"embed": "#a3b18a", "head": "#0b6e99", "mlp": "#d98b3a", "bias": "#c3c8ce"}
SEED_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LAYER_COLOURS = ("#56b4e9", "#0b6e99", "#123b5d", "#8c6bb1", "#d98b3a", "#7a5c3a")
DIVERGING: Colormap = mpl.colormaps["RdBu_r"]
SEQUENTIAL: Colormap = mpl.colormaps["Blues"]
UNSIGNED_SCORES: Colormap = mpl.colormaps["Purples"]  # beside the diverging map, whose blue means "against"

_RC: dict[str, Any] = {
    "svg.hashsalt": "words-and-heads",
    "svg.fonttype": "path",  # text as outlines: the same picture on every machine
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


def method_label(method: str) -> str:
    return METHOD_LABELS.get(method, method.replace("_", " "))


def method_colour(method: str) -> str:
    return METHOD_COLOURS.get(method, "#5b6770")


def head_method_label(method: str) -> str:
    return HEAD_METHOD_LABELS.get(method, method.replace("_", " "))


def head_method_colour(method: str) -> str:
    return HEAD_METHOD_COLOURS.get(method, "#5b6770")


def class_colour(class_: str) -> str:
    return CLASS_COLOURS.get(class_, "#5b6770")


def layer_colour(layer: int) -> str:
    return LAYER_COLOURS[layer % len(LAYER_COLOURS)]


def draw(name: str, painter: Callable[[], Canvas], *, title: str, note: str, source: str) -> blocks.Figure:
    """Runs `painter` in the house style and renders it: SVG and PNG with the title, SVG without it for the page."""
    svg, png, plain, width = _render(painter, title)
    return blocks.Figure(
        name=name, title=title, note=note, source=source, svg=svg, png=png, plain_svg=plain, width=width
    )


def draw_file(painter: Callable[[], Canvas], title: str) -> bytes:
    """The SVG with its title alone, for files beside the page; what `painter` draws must fit its canvas.

    A fraction of the time of `draw`: nothing is measured, and nothing is rendered twice.
    """
    with mpl.rc_context(cast(Any, _RC)):  # its keys are checked by matplotlib
        canvas = painter()
        box = _add_title(canvas, title, Bbox.from_bounds(0, 0, *canvas.get_size_inches()))
        svg = _save(canvas, "svg", box)
        plt.close(canvas)
    return svg


def _render(painter: Callable[[], Canvas], title: str) -> tuple[bytes, bytes, bytes, int]:
    """SVG and PNG with the title, SVG without it, and its width in pixels at 96 to the inch."""
    with mpl.rc_context(cast(Any, _RC)):  # its keys are checked by matplotlib
        canvas = painter()
        canvas.draw_without_rendering()
        box = canvas.get_tightbbox().padded(0.12)  # found once: matplotlib would draw the figure anew for each file
        plain = _save(canvas, "svg", box)
        whole = _add_title(canvas, title, box)
        svg, png = _save(canvas, "svg", whole), _save(canvas, "png", whole)
        plt.close(canvas)
    return svg, png, plain, round(box.width * 96)


def _save(canvas: Canvas, kind: str, box: Bbox) -> bytes:
    """The file's bytes; no date, so that the same tables give the same bytes."""
    stream = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    canvas.savefig(stream, format=kind, dpi=110, bbox_inches=box, metadata=metadata)
    return compact(stream.getvalue()) if kind == "svg" else stream.getvalue()


def _add_title(canvas: Canvas, title: str, box: Bbox) -> Bbox:
    """Sets the finding above the figure, wrapped to its width; returns the box that holds both, in inches."""
    lines = wrap(title, max(30, int(box.width * 8.2)))
    width, height = canvas.get_size_inches()
    left, size = box.x0 + 0.12, 0.25 * len(lines)
    canvas.text(left / width, (box.y1 + 0.02) / height, "\n".join(lines), fontsize=13, fontweight="bold", va="bottom")
    return Bbox.from_extents(box.x0, box.y0, box.x1, box.y1 + size + 0.2)


def compact(svg: bytes) -> bytes:
    """The same picture in less than half the bytes: no comments, no metadata, hundredths of a point.

    Names that nothing refers to go too. Glyphs are scaled by 0.015625: that number keeps its digits.
    """
    for pattern, by in (
        (rb"<!--.*?-->", b""),
        (rb"<!DOCTYPE.*?>", b""),
        (rb"<metadata>.*?</metadata>", b""),
        (rb' id="(?:figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|legend|[A-Z][A-Za-z]+)_\d+"', b""),
        (rb"(?<![\d.])(?!0\.015625)(-?\d+\.\d\d)\d+", rb"\1"),
        (rb"DejaVuSans-", b"D"),
        (rb"\s*\n\s*", b" "),
        (rb"> <", b"><"),
    ):
        svg = re.sub(pattern, by, svg, flags=re.DOTALL)
    return svg


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


def text_on(rgb: Any) -> str:
    """The house ink where it reaches a contrast of 4.5 on `rgb`, else black or white, whichever is higher (WCAG 2)."""
    if contrast(INK, rgb) >= 4.5:
        return INK
    return max("#ffffff", "#000000", key=lambda ink: contrast(ink, rgb))


def contrast(a: Any, b: Any) -> float:
    """WCAG 2 contrast ratio of two colours, 1 to 21."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Any) -> float:
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


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
