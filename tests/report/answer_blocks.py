"""What the blocks of an answer say: its sentence, and the rows of its tables."""

from __future__ import annotations

from study.report.blocks import Block, Paragraph, Table, walk


def first(blocks: list[Block]) -> Paragraph:
    assert isinstance(blocks[0], Paragraph)
    return blocks[0]


def table_of(blocks: list[Block], n: int = 0) -> list[dict[str, str]]:
    tables = [b for b in walk(tuple(blocks)) if isinstance(b, Table)]
    names = [c.name for c in tables[n].columns]
    return [dict(zip(names, row, strict=True)) for row in tables[n].rows]
