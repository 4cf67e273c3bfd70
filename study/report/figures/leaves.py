"""read_drawing: from matplotlib's SVG to a flat list of what is drawn, and what it refers to by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree as Xml

from study.report.figures.path_data import circle, shorten, shorten_number

TITLE = "title"  # the group that a drawing is read without where its page says the title
Attributes = Mapping[str, str]
_SVG, _HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_GLYPH = "scale(0.015625)"  # of its outline, which is in whole numbers
_SHAPE, _PLACE, _SCALE = 2, 1, 4  # decimals: of outlines and lines, of where things stand, of sizes of letters
_UPRIGHT = re.compile(r"translate\((\S+) (\S+)\) scale\((\S+) -\3\)")
_SHIFTED = re.compile(r"translate\((\S+) 0\)")
_NUMBER = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Leaf:
    """Something drawn. attributes and inner (markup) are its own; clip, pen and fill it may share with neighbours.

    tag "text" is upright text: x, y, scale and the glyphs in `inner`. pen: how its edge is drawn. fill: a colour, or
    "" where there is no area to fill.
    """

    tag: str
    attributes: Attributes
    inner: str
    clip: str
    pen: str
    fill: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """width, height, above: points; above: what is cut off at the top. defined: markup by name."""

    width: float
    height: float
    above: float
    leaves: tuple[Leaf, ...]
    defined: Mapping[str, str]


def read_drawing(svg: bytes, *, above: float = 0.0) -> Drawing:
    """What `svg` draws. above: where positive, the group TITLE and this strip at the top (points) are left out."""
    root = Xml.fromstring(svg)  # noqa: S314 - drawn a moment ago, by us
    named = {e.get("id", ""): e for defs in root.iter(f"{_SVG}defs") for e in defs if e.get("id")}
    width, height = (float(root.get(side, "0").removesuffix("pt")) for side in ("width", "height"))
    return Drawing(
        width=width,
        height=height - above,
        above=above,
        leaves=tuple(_walk(root, named, clip="", left_out=TITLE if above else "")),
        defined={name: _definition(name, element) for name, element in named.items()},
    )


def element(tag: str, attributes: Attributes, inner: str = "") -> str:
    """Markup."""
    words = "".join(f' {k.replace(_HREF, "xlink:href")}="{escape(v)}"' for k, v in attributes.items() if v)
    return f"<{tag}{words}>{inner}</{tag}>" if inner else f"<{tag}{words}/>"


def _walk(parent: Xml.Element, named: Mapping[str, Xml.Element], *, clip: str, left_out: str) -> Iterator[Leaf]:
    """All that is drawn, in order; groups that place nothing are opened."""
    for child in parent:
        tag = child.tag.removeprefix(_SVG)
        if tag in ("defs", "metadata", "style") or (left_out and child.get("id") == left_out):
            continue
        inside = child.get("clip-path", clip)
        if tag == "g" and "transform" not in child.attrib:
            yield from _walk(child, named, clip=inside, left_out=left_out)
        elif tag == "g":
            yield _text(child, named, inside)
        else:
            yield _thing(tag, child, named, inside)


def _text(group: Xml.Element, named: Mapping[str, Xml.Element], clip: str) -> Leaf:
    """A line of text: its glyphs beside each other, spaces left out."""
    glyphs = []
    for use in group.iter(f"{_SVG}use"):
        name, transform = use.get(_HREF, ""), use.get("transform", "")
        shifted = _SHIFTED.fullmatch(transform)
        place = {"x": _short(shifted.group(1), _PLACE)} if shifted else {"transform": _rounded(transform)}
        if named[name[1:]].get("d"):
            glyphs.append(element("use", {_HREF: name, **place}))
    upright = _UPRIGHT.fullmatch(group.get("transform", ""))
    style = _style(group)
    inner, fill = "".join(glyphs), style.get("fill", "#000")
    if upright is None:
        own = {"transform": _rounded(group.get("transform", "")), "opacity": style.get("opacity", "")}
        return Leaf("g", own, inner, clip, "", fill)
    x, y, scale = (_short(n, d) for n, d in zip(upright.groups(), (_PLACE, _PLACE, _SCALE), strict=True))
    return Leaf("text", {"x": x, "y": y, "scale": scale, "opacity": style.get("opacity", "")}, inner, clip, "", fill)


def _thing(tag: str, child: Xml.Element, named: Mapping[str, Xml.Element], clip: str) -> Leaf:
    """A path, a circle, a marker, or an image."""
    style = _style(child)
    own = {k: v for k, v in child.attrib.items() if k not in ("id", "style", "clip-path")}
    if tag == "use":
        marker = named[own[_HREF][1:]]
        style = {k: v for k, v in style.items() if k not in _style(marker)}  # what the marker says itself counts
        if len(re.findall("[LC]", marker.get("d", ""))) < 2:
            style["fill"] = ""  # a mere line
        own |= {k: _short(own[k], _PLACE) for k in ("x", "y") if k in own}
    elif tag == "path":
        tag, own = _shape(own)
    elif tag == "image":
        style["fill"] = ""
    own["opacity"] = style.pop("opacity", "")
    fill = style.pop("fill", "#000")
    return Leaf(tag, own, "", clip, "".join(f' {k}="{v}"' for k, v in sorted(style.items())), fill)


def _shape(own: Attributes) -> tuple[str, dict[str, str]]:
    """Tag and attributes of a path: a circle where it is one."""
    data = own.get("d", "")
    found = circle(data)
    if found is None:
        return "path", {**own, "d": shorten(data, 0 if own.get("transform") == _GLYPH else _SHAPE)}
    x, y, radius = found
    rest = {k: v for k, v in own.items() if k != "d"}
    place = {"cx": shorten_number(x, _PLACE), "cy": shorten_number(y, _PLACE)}
    return "circle", {**rest, **{k: v for k, v in place.items() if v != "0"}, "r": shorten_number(radius, _SHAPE)}


def _definition(name: str, child: Xml.Element) -> str:
    """Markup of what others refer to: a glyph, a marker, or the rectangle that a plot is cut to."""
    tag = child.tag.removeprefix(_SVG)
    own: dict[str, str] = {k: v for k, v in child.attrib.items() if k not in ("id", "style")}
    inner = "".join(_definition("", part) for part in child)
    if tag == "path":
        tag, own = _shape(own)
    if "transform" in own:
        own["transform"] = _rounded(own["transform"], 6)
    own |= {k: _short(own[k], _SHAPE) for k in ("x", "y", "width", "height") if k in own}
    return element(tag, {"id": name, **own, **_style(child)}, inner)


def _style(child: Xml.Element) -> dict[str, str]:
    """Properties, without one that says nothing, and colours in three digits where these do."""
    style = dict(part.strip().split(": ") for part in child.get("style", "").split(";") if part.strip())
    if style.get("stroke-dashoffset") == "0":
        del style["stroke-dashoffset"]
    return {k: re.sub(r"^#(.)\1(.)\2(.)\3$", r"#\1\2\3", v) for k, v in style.items()}


def _short(number: str, digits: int) -> str:
    return shorten_number(float(number), digits)


def _rounded(transform: str, digits: int = _SCALE) -> str:
    """The transform with rounded numbers."""
    return _NUMBER.sub(lambda found: _short(found.group(), digits), transform)
