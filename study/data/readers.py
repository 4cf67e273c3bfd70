"""CSV, JSONL and Parquet files -> rows with their place in the file. Says what is wrong, decides nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.errors import DataError

_READ_AS_NAN = {"nan", "NaN", "NAN"}  # how a missing number looks once it was written to CSV as text


@dataclass(frozen=True, slots=True)
class Row:
    """One row. place: "line 7" (where it begins in a text file) or "row 7" (Parquet), counted from 1.

    values: by column, None for missing. malformed: why the row could not be read; then values is empty.
    """

    place: str
    values: Mapping[str, Any]
    malformed: str | None = None


def read_rows(content: bytes, extension: str, columns: Sequence[str], where: str) -> list[Row]:
    """All rows of a file, with the values of `columns` only; blank lines are no rows.

    Raises: DataError naming `where` for a file that cannot be read as a whole: unknown extension, no content,
    not UTF-8, an open quotation mark, a damaged Parquet file, a column that is not there.
    """
    if extension not in READERS:
        raise DataError(
            f"{where}: unknown kind of file '{extension or 'no extension'}': use one of {', '.join(READERS)}"
        )
    if not content.strip():
        raise DataError(f"{where} is empty: give a file with a {' and a '.join(columns)} column")
    return list(READERS[extension](content, columns, where))


def _read_csv(content: bytes, columns: Sequence[str], where: str) -> Iterator[Row]:
    text = _decoded(content, where)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1  # where the next record begins; records with line breaks in quotation marks span several lines
    try:
        for fields in reader:
            if header is None and fields:
                header = [name.strip() for name in fields]
                check_columns(header, columns, where, "; the first line must name the columns, separated by commas")
            elif header and fields:
                yield _csv_row(f"line {line}", fields, header, columns)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{where}, line {line}: malformed CSV ({error}): check the quotation marks of the row that begins there; "
            f'inside a quoted field a quotation mark is written twice ("")'
        ) from None


def _csv_row(place: str, fields: list[str], header: list[str], columns: Sequence[str]) -> Row:
    if len(fields) != len(header):
        return Row(place, {}, f"{len(fields)} fields where the header has {len(header)} (quote texts with commas)")
    values = {name: None if field in _READ_AS_NAN else field for name, field in zip(header, fields, strict=True)}
    return Row(place, {name: values[name] for name in columns})


def _read_jsonl(content: bytes, columns: Sequence[str], where: str) -> Iterator[Row]:
    names: dict[str, None] = {}  # every key seen, in order
    rows = []
    # not splitlines(): a JSON string may hold characters that it takes for the end of a line
    for number, line in enumerate(_decoded(content, where).split("\n"), start=1):
        if not line.strip():
            continue
        row = _json_row(f"line {number}", line, columns, names)
        rows.append(row)
    if any(row.malformed is None for row in rows):  # else the malformed lines are the better message
        check_columns(list(names), columns, where, "")
    yield from rows


def _json_row(place: str, line: str, columns: Sequence[str], names: dict[str, None]) -> Row:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Row(place, {}, f"not valid JSON ({error})")
    if not isinstance(found, dict):
        return Row(place, {}, "not a JSON object ({...})")
    names.update(dict.fromkeys(found))
    return Row(place, {name: found.get(name) for name in columns})


def _read_parquet(content: bytes, columns: Sequence[str], where: str) -> Iterator[Row]:
    import pyarrow as pa  # not above: slow to import, and needed for this kind of file only
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        check_columns(file.schema_arrow.names, columns, where, "")
        table = file.read(columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{where}: not a readable Parquet file ({error})") from None
    for number in range(table.num_rows):
        try:
            values = {name: table[name][number].as_py() for name in columns}
        except UnicodeDecodeError as error:
            yield Row(f"row {number + 1}", {}, f"a string that is not UTF-8 ({error.reason})")
        else:
            yield Row(f"row {number + 1}", values)


READERS: dict[str, Callable[[bytes, Sequence[str], str], Iterator[Row]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}


def check_columns(found: Sequence[str], columns: Sequence[str], where: str, hint: str) -> None:
    """Raises: DataError naming the columns that are missing, or stand there twice, and all that there are."""
    missing = [name for name in columns if name not in found]
    if missing:
        raise DataError(
            f"{where} has no column {' and no column '.join(repr(name) for name in missing)}; it has: "
            f"{', '.join(repr(name) for name in found) or 'none'}. Set text_column, label_column or id_column{hint}"
        )
    twice = [name for name in columns if list(found).count(name) > 1]
    if twice:
        raise DataError(f"{where} has more than one column {twice[0]!r}: rename one of them")


def _decoded(content: bytes, where: str) -> str:
    """The file's text without byte-order mark. Raises: DataError with the place of the first byte not UTF-8."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{where} is not UTF-8: byte 0x{content[error.start]:02x} at byte offset {error.start}, line {line}; "
            f"convert it first, for example `iconv -f WINDOWS-1252 -t UTF-8 {where} > converted`"
        ) from None
