"""What an SVG draws, with every reference followed: to compare two files that say the same in different words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

import numpy as np

SVG, HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_INHERITED = {"fill": "#000000", "stroke": "none", "stroke-width": "1", "fill-opacity": "1", "stroke-opacity": "1"}
_INHERITED |= {"stroke-dasharray": "none", "stroke-linecap": "butt", "stroke-linejoin": "miter"}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Outline:
    """style: how it is painted, opacity by opacity. clip: the rectangle it is cut to. box: low and high corner."""

    style: Mapping[str, str]
    clip: tuple[float, ...]
    box: np.ndarray


def parse(svg: bytes | str) -> Xml.Element:
    return Xml.fromstring(svg)  # noqa: S314 - our own


def outlines(svg: bytes | str) -> list[Outline]:
    """Everything drawn with an extent, in order; points and places on the page, in its units."""
    root = parse(svg)
    return list(_Reader(root).walk(root, dict(_INHERITED), np.eye(3), (), 1.0))


class _Reader:
    def __init__(self, root: Xml.Element) -> None:
        self.named = {e.get("id"): e for e in root.iter() if e.get("id")}
        css = "".join(e.text or "" for e in root.iter(f"{SVG}style"))
        self.rules = {name: _properties(body) for name, body in re.findall(r"([.*\w-]+)\s*\{([^}]*)\}", css)}

    def walk(
        self, element: Xml.Element, style: dict[str, str], place: np.ndarray, clip: tuple[float, ...], opacity: float
    ) -> Iterator[Outline]:
        tag = element.tag.removeprefix(SVG)
        if tag in ("defs", "style", "metadata", "clipPath"):
            return
        own = {k: v for k, v in element.attrib.items() if k in _INHERITED or k == "opacity"}
        own = self.rules.get("*", {}) | own | self.rules.get("." + element.get("class", ""), {})
        own |= _properties(element.get("style", ""))
        opacity *= float(own.pop("opacity", "1"))
        style = style | {k: v for k, v in own.items() if k in _INHERITED}
        place = place @ _matrix(element.get("transform", ""))
        if found := re.fullmatch(r"url\(#(.*)\)", element.get("clip-path", "")):
            (cut,) = self.named[found.group(1)]
            clip = tuple(round(float(cut.get(k, "0")), 1) for k in ("x", "y", "width", "height"))
        if tag == "use":
            shift = _matrix(f"translate({element.get('x', '0')} {element.get('y', '0')})")
            yield from self.walk(self.named[element.attrib[HREF][1:]], style, place @ shift, clip, opacity)
        elif tag in ("path", "circle"):
            points = corners(element.get("d", "")) if tag == "path" else _circle(element)
            if len(points):
                on_page = (place @ np.column_stack([points, np.ones(len(points))]).T)[:2].T
                if tag == "path" and len(points) < 3:
                    style = style | {"fill": "none"}  # a line has no area
                yield Outline(_painted(style, opacity), clip, np.stack([on_page.min(axis=0), on_page.max(axis=0)]))
        for child in element:
            yield from self.walk(child, style, place, clip, opacity)


def _properties(text: str) -> dict[str, str]:
    parts = (part.split(":") for part in text.split(";") if part.strip())
    return {name.strip(): value.strip() for name, value in parts}


def _painted(style: Mapping[str, str], opacity: float) -> dict[str, str]:
    """Colours written out, opacity in the paint that has it, and nothing about paint that is not there."""
    found = dict(style)
    for paint in ("fill", "stroke"):
        colour = found.pop(paint)
        strength = float(found.pop(f"{paint}-opacity")) * opacity
        if colour != "none":
            short = re.fullmatch("#(.)(.)(.)", colour)
            found[paint] = "#" + "".join(2 * c for c in short.groups()) if short else colour
            found[f"{paint}-opacity"] = f"{strength:.3f}"
    if "stroke" not in found:
        found = {k: v for k, v in found.items() if not k.startswith("stroke")}
    return found


def _matrix(transform: str) -> np.ndarray:
    found = np.eye(3)
    for name, numbers in re.findall(r"(\w+)\(([^)]*)\)", transform):
        v = [float(n) for n in _NUMBER.findall(numbers)]
        step = np.eye(3)
        if name == "translate":
            step[:2, 2] = [*v, 0.0][:2]
        elif name == "scale":
            step[0, 0], step[1, 1] = v[0], v[-1]
        elif name == "rotate":
            turn = np.deg2rad(v[0])
            step[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        elif name == "matrix":
            step[:2] = np.array(v).reshape(3, 2).T
        else:
            raise ValueError(name)
        found = found @ step
    return found


def _circle(element: Xml.Element) -> np.ndarray:
    x, y, r = (float(element.get(k, "0")) for k in ("cx", "cy", "r"))
    return np.array([[x - r, y - r], [x + r, y + r]])


def corners(data: str) -> np.ndarray:
    """The corners of a path, without what steers its curves; every command of path data but arcs and shorthands."""
    here, start, found = np.zeros(2), np.zeros(2), []
    for letter, numbers in re.findall(r"([MLHVQCZmlhvqcz])([^A-Za-z]*)", data):
        v = [float(n) for n in _NUMBER.findall(numbers)]
        size = {"m": 2, "l": 2, "h": 1, "v": 1, "q": 4, "c": 6, "z": 0}[letter.lower()]
        origin = here * letter.islower()
        for k, part in enumerate([v[i : i + size] for i in range(0, len(v), size)] if size else [[]]):
            if letter in "zZ":
                here = start
            elif letter in "hH":
                here = np.array([origin[0] + part[0], here[1]])
            elif letter in "vV":
                here = np.array([here[0], origin[1] + part[0]])
            else:
                here = origin + part[-2:]
            start = here if letter in "mM" and k == 0 else start
            origin = here * letter.islower()
            found.append(here)
    return np.array(found)
