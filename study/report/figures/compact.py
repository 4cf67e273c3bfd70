"""compact: a picture in a quarter of the bytes; what matplotlib repeats is said once.

Rounded are places, to a tenth of a point (an eighth of a pixel), and shapes, to a hundredth; glyphs are exact.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby, product
from string import ascii_letters

from study.report.figures.leaves import Drawing, Leaf, element, read_drawing
from study.report.figures.path_data import join_numbers, shorten_number

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_XLINK = ' xmlns:xlink="http://www.w3.org/1999/xlink"'
_UNSAFE = {"%": "%25", "#": "%23", "&": "%26", "\n": "%0A"}
_FETCHING = {"://": ":%2F%2F", "url(": "url%28"}  # names of vocabularies and of clips: a page is searched for neither
_LONG = 60  # characters of a path from which a reference to it is shorter
_NAMED = re.compile(r'((?:href="|url\()#|id=")([^")]+)')


def compact(svg: bytes) -> bytes:
    """matplotlib's SVG in fewer bytes: the same picture, and the same bytes for the same picture."""
    return _write(read_drawing(svg))


def without_title(svg: bytes, above: float) -> bytes:
    """As `compact`, without the group `leaves.TITLE` and the strip at the top that holds it. above: its height, pt."""
    return _write(read_drawing(svg, above=above))


def data_address(svg: bytes) -> str:
    """A compact picture as an address that may stand between double quotes in HTML.

    Three quarters of the length of base64. References lose their prefix, which browsers do not need.
    """
    text = svg.decode("ascii").removeprefix(_HEAD).replace(_XLINK, "").replace(" xlink:href=", " href=")
    address = "".join(_UNSAFE.get(c, c) for c in text.replace('"', "'"))
    for plain, escaped in _FETCHING.items():
        address = address.replace(plain, escaped)
    return f"data:image/svg+xml,{address}"


def _write(drawing: Drawing) -> bytes:
    again, leaves = _said_once(drawing.leaves)
    runs = [(clip, pen, list(run)) for (clip, pen), run in groupby(leaves, key=lambda leaf: (leaf.clip, leaf.pen))]
    classes = _classes(pen for _, pen, _ in runs)
    body = "".join(
        _run(clip, f' class="{classes[pen]}"' if pen in classes else pen, leaves) for clip, pen, leaves in runs
    )
    style = "".join(f".{name}{{{_as_css(pen)}}}" for pen, name in classes.items())
    needed = {name for _, name in _NAMED.findall(body + "".join(again))}
    defs = "".join(markup for name, markup in drawing.defined.items() if name in needed) + "".join(again)
    width, height, above = (shorten_number(v, 2) for v in (drawing.width, drawing.height, drawing.above))
    size = f'width="{width}pt" height="{height}pt" viewBox="0 {above} {width} {height}" stroke-linejoin="round"'
    style = element("style", {}, style) if style else ""
    text = f'<svg xmlns="http://www.w3.org/2000/svg"{_XLINK} {size}>{style}{element("defs", {}, defs)}{body}</svg>'
    return (_HEAD + _renamed(text)).encode("ascii", "xmlcharrefreplace")


def _said_once(leaves: Iterable[Leaf]) -> tuple[list[str], list[Leaf]]:
    """Definitions of the texts and of the long paths that are drawn more than once, and leaves that refer to them."""
    drawn = [leaf for leaf in leaves if leaf.tag != "text" or leaf.inner]
    seen = Counter(_markup(leaf) for leaf in drawn)
    names = {markup: f"again{k}" for k, markup in enumerate(m for m, n in seen.items() if n > 1 and m)}
    defined = [
        markup.replace(">", f' id="{name}">', 1) if markup.endswith("</g>") else markup.replace("/>", f' id="{name}"/>')
        for markup, name in names.items()
    ]
    return defined, [_placed(leaf, names.get(_markup(leaf), "")) for leaf in drawn]


def _markup(leaf: Leaf) -> str:
    """What of the leaf could be drawn again elsewhere, or in another colour; empty where that does not pay."""
    if leaf.tag == "text":
        scale = leaf.attributes["scale"]
        return element("g", {"transform": f"scale({join_numbers([scale, f'-{scale}'])})"}, leaf.inner)
    data = leaf.attributes.get("d", "")
    return element("path", {"d": data}) if leaf.tag == "path" and len(data) > _LONG else ""


def _placed(leaf: Leaf, name: str) -> Leaf:
    """The leaf as a reference to `name`, or as it is drawn itself."""
    own = leaf.attributes
    if name:
        place = {"xlink:href": f"#{name}", "x": own.get("x", ""), "y": own.get("y", ""), "opacity": own["opacity"]}
        return replace(leaf, tag="use", attributes=place, inner="")
    if leaf.tag != "text":
        return leaf
    scale = own["scale"]
    matrix = f"matrix({join_numbers([scale, '0', '0', f'-{scale}', own['x'], own['y']])})"
    return replace(leaf, tag="g", attributes={"transform": matrix, "opacity": own["opacity"]})


def _classes(pens: Iterable[str]) -> dict[str, str]:
    """The pens that are used again and again, each as a class."""
    often = [pen for pen, n in Counter(pens).items() if pen and n > 1]
    return dict(zip(often, _short_names(len(often)), strict=True))


def _as_css(pen: str) -> str:
    return ";".join(f"{k}:{v}" for k, v in re.findall(r'([a-z-]+)="([^"]*)"', pen))


def _run(clip: str, pen: str, leaves: list[Leaf]) -> str:
    """Neighbours that share clip and pen, in one group; so those of them that share a fill."""
    parts = [list(part) for _, part in groupby(_with_fills(leaves), key=lambda pair: pair[0])]
    outer = (f' clip-path="{clip}"' if clip else "") + pen
    if len(parts) == 1:
        return _group(outer + _fill(parts[0][0][0]), [leaf for _, leaf in parts[0]], clipped=bool(clip))
    inner = "".join(_group(_fill(part[0][0]), [leaf for _, leaf in part], clipped=False) for part in parts)
    return f"<g{outer}>{inner}</g>" if outer else inner


def _with_fills(leaves: list[Leaf]) -> list[tuple[str, Leaf]]:
    """Every leaf with its fill; what has no area takes that of its neighbour."""
    fill = next((leaf.fill for leaf in leaves if leaf.fill), "")
    found = []
    for leaf in leaves:
        fill = leaf.fill or fill
        found.append((fill, leaf))
    return found


def _fill(colour: str) -> str:
    return f' fill="{colour}"' if colour and colour != "#000" else ""


def _group(shared: str, leaves: list[Leaf], *, clipped: bool) -> str:
    """The leaves with what they share; a clip is said where nothing is moved."""
    parts = [element(leaf.tag, leaf.attributes, leaf.inner) for leaf in leaves]
    if not shared:
        return "".join(parts)
    if len(parts) == 1 and (leaves[0].tag in ("path", "circle") or not clipped):
        return parts[0].replace(f"<{leaves[0].tag}", f"<{leaves[0].tag}{shared}", 1)
    return f"<g{shared}>{''.join(parts)}</g>"


def _renamed(text: str) -> str:
    """Names as short as can be, the shortest for what is referred to most."""
    seen = Counter(name for kind, name in _NAMED.findall(text) if kind != 'id="')
    often = sorted(seen, key=lambda name: -seen[name])  # stable: by first appearance among equals
    short = dict(zip(often, _short_names(len(often)), strict=True))
    return _NAMED.sub(lambda found: found.group(1) + short[found.group(2)], text)


def _short_names(n: int) -> list[str]:
    names = ["".join(letters) for k in (1, 2) for letters in product(ascii_letters, repeat=k)]
    return names[:n]
