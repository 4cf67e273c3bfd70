"""The same blocks as Markdown; figures by link, text of reviews escaped so that no markup of theirs is taken."""

from __future__ import annotations

import re
from collections.abc import Sequence

from study.report.blocks import (
    Block,
    Bullets,
    Code,
    Details,
    Explorer,
    Figure,
    Heading,
    Paragraph,
    Section,
    Strips,
    Table,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def escape(text: str) -> str:
    """`text` with every character that Markdown or HTML could take for markup escaped; on one line."""
    flat = " ".join(text.split())
    return _SPECIAL.sub(lambda m: {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(m[0], "\\" + m[0]), flat)


def to_markdown(title: str, opening: Sequence[Block], sections: Sequence[Section]) -> str:
    """The whole page."""
    parts = [f"# {escape(title)}", *_all(opening)]
    for section in sections:
        parts += [f"## {escape(section.title)}", *_all(section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _all(blocks: Sequence[Block]) -> list[str]:
    return [_block(b) for b in blocks]


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return ("> " if block.tone in ("good", "warn", "bad") else "") + _sentence(block)
        case Heading():
            return f"### {escape(block.text)}"
        case Bullets():
            marks = (f"{i}." if block.ordered else "-" for i in range(1, len(block.items) + 1))
            return "\n".join(f"{mark} {_sentence(item)}" for mark, item in zip(marks, block.items, strict=True))
        case Figure():
            title = escape(block.title)
            return f"**{title}**\n\n![{title}](figures/{block.name}.png)\n\n{escape(block.note)}"
        case Table():
            return _table(block)
        case Strips():
            return _strips(block)
        case Code():
            return "\n".join(f"    {line}" for line in block.text.splitlines())
        case Details():
            return "\n\n".join([f"*{escape(block.summary)}*", *_all(block.blocks)])
        case Explorer():
            return "\n\n".join(_all(block.static))


def _sentence(block: Paragraph) -> str:
    lead = f"**{escape(block.lead)}** " if block.lead else ""
    return lead + escape(block.text)


def _table(block: Table) -> str:
    head = "| " + " | ".join(escape(c.name) for c in block.columns) + " |"
    rule = "|" + "|".join("---:" if c.align == "right" else ":---" for c in block.columns) + "|"
    rows = ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in block.rows]
    note = f"\n\n{escape(block.note)}" if block.note else ""
    return f"**{escape(block.title)}**\n\n" + "\n".join([head, rule, *rows]) + note


def _strips(block: Strips) -> str:
    """A line a strip; the three words with the strongest colour are set bold."""
    lines = []
    for strip in block.strips:
        strength = sorted((int(w.level[1:]) if w.level[0] in "ds" else 0 for w in strip.words), key=abs, reverse=True)
        floor = max(abs(strength[min(2, len(strength) - 1)]), 2) if strength else 2
        words = [_strip_word(w.word, w.level, floor) for w in strip.words]
        links = "".join(f" [{escape(link.label)}]({link.path})" for link in strip.links)
        lines.append(f"- {escape(strip.label)}: {' '.join(words)}{links}")
    return "\n".join(lines)


def _strip_word(word: str, level: str, floor: int) -> str:
    if level == "cut":
        return f"~~{escape(word)}~~"
    size = int(level[1:])
    if abs(size) < floor:
        return escape(word)
    return f"**{escape(word)}**" + (" (+)" if level[0] == "d" and size > 0 else " (−)" if size < 0 else "")
