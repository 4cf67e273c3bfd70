"""Compact pictures: they draw what matplotlib drew, in far fewer bytes, and stand in an HTML attribute."""

from __future__ import annotations

import io
import re
from urllib.parse import unquote

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from matplotlib.path import Path

from study.report.figures import style
from study.report.figures.compact import compact, data_address, without_title
from study.report.figures.leaves import TITLE
from study.report.figures.path_data import circle, shorten, shorten_number
from tests.report.svg_outlines import HREF, SVG, corners, outlines, parse

NEAR = 0.11  # points: half a tenth for where it stands, and as much for the length of its text


def paint_everything() -> Canvas:
    """Cells, markers of one and of many sizes, curves, dashes, bands, alpha, turned and repeated text, a picture."""
    canvas, axes = plt.subplots(2, 2, figsize=(6, 5))
    rng = np.random.default_rng(0)
    style.heat(axes[0, 0], rng.normal(size=(6, 7)), style.DIVERGING, style.balanced([2.0]))
    for k in range(6):
        axes[0, 0].text(k + 0.5, k + 0.5, "+.12", ha="center", color="#ffffff" if k % 2 else "#1f2328")
    axes[0, 1].scatter(rng.normal(size=40), rng.normal(size=40), s=rng.uniform(5, 90, size=40), alpha=0.4, lw=0)
    axes[0, 1].plot(rng.normal(size=30), rng.normal(size=30), "D", mfc="none", mec="#b3541e", alpha=0.7)
    axes[0, 1].plot(rng.normal(size=30), rng.normal(size=30), "^", color="#0b6e99", alpha=0.7)
    x = np.linspace(0, 9, 200)
    axes[1, 0].plot(x, np.sin(x), ls=(0, (4, 3)), lw=1.3)
    axes[1, 0].fill_between(x, np.sin(x) - 1, np.sin(x) + 1, alpha=0.2, lw=0)
    axes[1, 0].set_xticks([0, 3, 6], ["one word", "two words", "$3 & <more>"], rotation=40, ha="right")
    axes[1, 0].bar([1, 2], [0.5, 0.7], alpha=0.55)
    axes[1, 1].imshow(np.linspace(0, 1, 12).reshape(3, 4))
    axes[1, 1].text(0, 0, "cut off here", clip_on=True, fontsize=30)
    canvas.text(0.5, 0.99, "The outcome", gid=TITLE, va="top")
    return canvas


@pytest.fixture(scope="module")
def raw() -> bytes:
    with plt.rc_context(style._RC):
        canvas, stream = paint_everything(), io.BytesIO()
        canvas.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(canvas)
    return stream.getvalue()


def test_the_compact_picture_draws_the_same_in_the_same_order(raw: bytes) -> None:
    before, after = outlines(raw), outlines(compact(raw))
    assert len(before) == len(after) > 250
    for one, other in zip(before, after, strict=True):
        assert one.style == other.style
        assert one.clip == other.clip
        assert np.abs(one.box - other.box).max() <= NEAR


def test_the_comparison_sees_what_is_missing_moved_or_painted_otherwise(raw: bytes) -> None:
    small = compact(raw)
    first = outlines(small)
    assert len(outlines(re.sub(rb"<circle[^>]*/>", b"", small, count=1))) == len(first) - 1
    painted = outlines(small.replace(b"#0b6e99", b"#0b6e98"))
    assert any(a.style != b.style for a, b in zip(first, painted, strict=True))
    moved = outlines(re.sub(rb'cx="(\d)', rb'cx="9\1', small, count=1))
    assert max(np.abs(a.box - b.box).max() for a, b in zip(first, moved, strict=True)) > NEAR


def test_compacting_saves_most_of_the_bytes_and_is_repeatable(raw: bytes) -> None:
    assert compact(raw) == compact(raw)
    assert len(compact(raw)) < 0.3 * len(raw)


def test_every_name_is_defined_once_and_used(raw: bytes) -> None:
    for svg in (compact(raw), without_title(raw, 20.0)):
        root = parse(svg)
        defined = [e.get("id") for e in root.iter() if e.get("id")]
        used = {e.attrib[HREF][1:] for e in root.iter(f"{SVG}use")} | set(re.findall(r"url\(#(.*?)\)", svg.decode()))
        assert len(defined) == len(set(defined))
        assert set(defined) == used


def test_without_its_title_a_picture_begins_below_it(raw: bytes) -> None:
    whole, plain = parse(compact(raw)), parse(without_title(raw, 20.0))
    width, height = (float(v) for v in whole.attrib["viewBox"].split()[2:])
    assert plain.attrib["viewBox"] == f"0 20 {width:g} {height - 20:g}"
    assert float(plain.attrib["height"].removesuffix("pt")) == pytest.approx(height - 20)
    n_letters = len("Theoutcome")
    assert len(outlines(without_title(raw, 20.0))) == len(outlines(compact(raw))) - n_letters


def test_an_address_stands_in_an_attribute_and_says_the_same(raw: bytes) -> None:
    address = data_address(compact(raw))
    assert not set(address) & set('"#&\n')
    assert not re.search(r"https?://|url\(", address)  # a page is searched for what it would fetch
    assert address.isascii()
    assert len(address) < 1.15 * len(compact(raw))
    kind, _, text = address.partition(",")
    assert kind == "data:image/svg+xml"
    svg = unquote(text).replace(" href=", " xlink:href=")
    found = outlines(svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))
    assert [o.style for o in found] == [o.style for o in outlines(compact(raw))]


def test_paths_are_relative_and_rounding_does_not_add_up() -> None:
    assert shorten("M 10 10 L 20.04 10 L 20.04 30 L 10 30 L 10 10 z ", 1) == "m10 10h10v20h-10z"
    assert shorten("M 1 1 L 3 2 L 5 7 L 1 1 ", 1) == "m1 1 2 1 2 5z"  # back at its start: closed
    assert shorten("M 0 0 L 5 5 L 0 0 L 7 1 ", 0) == "m0 0 5 5-5-5 7 1"  # passing its start: not
    assert shorten("M 0 0 Q 1 2 3 4 Q 5 6 7 8 z M 9 9 L 9 9 ", 0) == "m0 0q1 2 3 4 2 2 4 4zm9 9h0"
    steps = "M 0 0 " + "".join(f"L {0.004 * k} {0.5 * k} " for k in range(1, 1001))
    assert np.abs(corners(shorten(steps, 2)) - corners(steps)).max() < 0.0051


def test_circles_are_found_and_nothing_else_is() -> None:
    def data(vertices: np.ndarray) -> str:
        letters = ["M", *["C"] * 8]
        groups = [vertices[:1], *np.split(vertices[1:25], 8)]
        points = (" ".join(f"{x:.6f} {y:.6f}" for x, y in group) for group in groups)
        return "".join(f"{letter} {p} " for letter, p in zip(letters, points, strict=True)) + "z "

    unit = Path.unit_circle().vertices
    x, y, radius = circle(data(3 * unit + (40, 50))) or (0, 0, 0)
    assert (round(x, 3), round(y, 3), round(radius, 3)) == (40, 50, 3)
    assert circle(data(unit * (3, 3.2))) is None  # an ellipse
    corners = np.repeat(unit[:25:3], 3, axis=0)[2:27]
    assert circle(data(3 * corners)) is None  # an octagon
    assert circle("M 0 0 L 1 1 z ") is None
    assert circle("") is None


@pytest.mark.parametrize(
    ("value", "digits", "wanted"),
    [(0.5, 2, ".5"), (-0.5, 2, "-.5"), (-0.001, 2, "0"), (10.0, 1, "10"), (100, 0, "100"), (0.105, 4, ".105"),
     (20.0, 0, "20"), (-10.04, 1, "-10")],
)  # fmt: skip
def test_numbers_say_no_more_than_they_must(value: float, digits: int, wanted: str) -> None:
    assert shorten_number(value, digits) == wanted
