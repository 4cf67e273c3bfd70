"""Tables of numbers for a terminal: words and columns with their sums, as wide as there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from study.records import FloatArray
from study.report.numbers import signed
from study.showing.colours import style_of

LONGEST_LABEL = 20  # columns of the screen
BLANK_BELOW = 0.05  # of the largest cell
GAP = 1  # between columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What there is to print on. width: in columns; coloured: whether it can show the steps of a scale."""

    width: int
    coloured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows and columns of numbers in one unit. cells: [row column]; sums: columns after them, [row], by heading.

    foot: name of the last line, the sums of every column over the rows; "" for none. top: where the colours of the
    cells end. decimals: of every number. blanks: whether small cells stay blank.
    """

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    cells: FloatArray
    top: float
    decimals: int
    sums: Mapping[str, FloatArray] = field(default_factory=dict)
    foot: str = ""
    blanks: bool = False


def draw_sheet(sheet: Sheet, screen: Screen) -> tuple[Table, int]:
    """The table and how many columns it leaves out, the smallest ones: they are added up in one column."""
    kept, rest = _fit(sheet, screen.width)
    cells = sheet.cells[:, kept]
    columns = [sheet.columns[k] for k in kept]
    if rest:
        cells = np.column_stack([cells, np.nansum(sheet.cells[:, rest], axis=1)])
        columns.append(_rest_name(len(rest)))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for name in (*columns, *sheet.sums):
        table.add_column(Text(name), justify="right", no_wrap=True)
    width = _label_width(sheet)
    for row, label in enumerate(sheet.labels):
        inner = [_cell(sheet, float(v), coloured=screen.coloured) for v in cells[row]]
        sums = [Text(signed(float(v[row]), sheet.decimals)) for v in sheet.sums.values()]
        table.add_row(_label(label, width), *inner, *sums)
    if sheet.foot:
        whole = [np.nansum(cells, axis=0), [np.nansum(v) for v in sheet.sums.values()]]
        table.add_row(
            Text(sheet.foot, "dim"), *(Text(signed(float(v), sheet.decimals)) for part in whole for v in part)
        )
    return table, len(rest)


def chunks(sheet: Sheet, room: int) -> list[Sheet]:
    """The sheet cut into ones that fit, columns beside each other staying so; for tables that leave nothing out."""
    parts, start = [], 0
    while start < len(sheet.columns):
        end = start + 1
        while end < len(sheet.columns) and _width(sheet, range(start, end + 1), 0) <= room:
            end += 1
        parts.append(
            Sheet(
                labels=sheet.labels,
                columns=sheet.columns[start:end],
                cells=sheet.cells[:, start:end],
                top=sheet.top,
                decimals=sheet.decimals,
            )
        )
        start = end
    return parts


def blank_below(sheet: Sheet) -> float:
    """The size below which cells stay blank: next to nothing beside the largest, or nothing in these decimals."""
    return max(BLANK_BELOW * sheet.top, 0.5 * 10.0**-sheet.decimals)


def width_of(sheet: Sheet) -> int:
    """Columns of the screen that the whole table takes."""
    return _width(sheet, range(len(sheet.columns)), 0)


def _fit(sheet: Sheet, room: int) -> tuple[list[int], list[int]]:
    """Columns drawn, in order, and those added up since there is no room: the smallest."""
    every = list(range(len(sheet.columns)))
    if _width(sheet, every, 0) <= room:
        return every, []
    size = np.nansum(np.abs(sheet.cells), axis=0)
    order = [int(k) for k in np.argsort(-size, kind="stable")]
    for n_kept in range(len(order) - 1, 0, -1):
        kept = sorted(order[:n_kept])
        if _width(sheet, kept, len(order) - n_kept) <= room:
            return kept, sorted(order[n_kept:])
    return sorted(order[:1]), sorted(order[1:])


def _width(sheet: Sheet, columns: Sequence[int], n_rest: int) -> int:
    widths = [max(cell_len(sheet.columns[k]), _number_width(sheet, sheet.cells[:, k])) for k in columns]
    widths += [max(cell_len(name), _number_width(sheet, values)) for name, values in sheet.sums.items()]
    widths += [max(cell_len(_rest_name(n_rest)), sheet.decimals + 3)] if n_rest else []
    return _label_width(sheet) + sum(width + GAP for width in widths)


def _number_width(sheet: Sheet, values: FloatArray) -> int:
    finite = values[np.isfinite(values)]
    numbers = [*finite.tolist(), float(finite.sum()) if sheet.foot else 0.0]
    return max(len(signed(v, sheet.decimals)) for v in numbers)


def _rest_name(n_rest: int) -> str:
    return f"{n_rest} more"


def _label_width(sheet: Sheet) -> int:
    return min(LONGEST_LABEL, max((cell_len(label) for label in (*sheet.labels, sheet.foot)), default=0))


def _label(label: str, width: int) -> Text:
    """The label, shortened where it is too long; the mark at its end stays."""
    if cell_len(label) <= width:
        return Text(label)
    mark = label[-1] if label[-1] in "°†" else ""
    return Text(set_cell_size(label, width - 1 - len(mark)).rstrip() + "…" + mark)


def _cell(sheet: Sheet, value: float, *, coloured: bool) -> Text:
    if not np.isfinite(value):
        return Text("–", "dim")
    if sheet.blanks and abs(value) < blank_below(sheet):
        return Text("")
    return Text(signed(value, sheet.decimals), style_of(value, sheet.top) if coloured else "")
