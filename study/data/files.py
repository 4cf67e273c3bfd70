"""A user's own labelled texts from one CSV, JSONL or Parquet file. Outcome of every bad input: data/README.md."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from study.config import DatasetConfig
from study.data.readers import Row, read_rows
from study.data.splits import split_texts, splits_card
from study.data.words import split_words
from study.errors import DataError
from study.records import Corpus, LabelledTexts
from study.registry import nearest_file

_SHOWN = 20  # bad rows listed in an error


@dataclass(frozen=True, slots=True)
class _Text:
    place: str
    example_id: str
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class _BadRow:
    place: str
    reason: str  # counted in the card
    detail: str  # told in the error


def load_files(config: DatasetConfig) -> Corpus:
    """The texts of `config.path` (relative to the current directory) in a fixed split.

    Class names are the distinct labels as strings, sorted; of two, the second is the positive side of every margin.
    A text that comes twice with one label is kept once and counted. Bad rows raise one error that lists them, or
    with `on_bad_row: drop` are left out and counted by reason in the card. example_id: the id column, or the data
    set's name and the row's number among the rows, from 1.

    Raises: DataError for a file, rows or classes that cannot be used.
    """
    where, content = _read(config)
    columns = [config.text_column, config.label_column, *([config.id_column] if config.id_column is not None else [])]
    if len(set(columns)) != len(columns):
        raise DataError(f"data set '{config.name}': text_column, label_column and id_column must be different columns")
    rows = read_rows(content, Path(where).suffix.lower(), columns, where)
    texts, bad = _checked_rows(rows, config)
    texts, contradicting, n_duplicates = _without_duplicates(texts)
    bad += contradicting
    if bad and config.on_bad_row == "error":
        raise DataError(_report(bad, len(rows), where))
    dropped = Counter(row.reason for row in bad)
    if n_duplicates:
        dropped["duplicate text"] = n_duplicates
    class_names = _class_names(texts, dropped, where, config)
    class_of = {name: i for i, name in enumerate(class_names)}
    labelled = LabelledTexts(
        example_id=tuple(t.example_id for t in texts),
        text=tuple(t.text for t in texts),
        label=np.array([class_of[t.label] for t in texts], dtype=np.int64),
    )
    train, validation, test = split_texts(labelled, class_names, config)
    card = {
        "source": config.path,
        "sha256": hashlib.sha256(content).hexdigest(),
        "n_rows": len(rows),
        "n_texts": len(labelled),
        "dropped": dict(sorted(dropped.items())),
        **splits_card(class_names, train, validation, test),
    }
    return Corpus(name=config.name, class_names=class_names, train=train, validation=validation, test=test, card=card)


def _read(config: DatasetConfig) -> tuple[str, bytes]:
    """(the path as the user wrote it, the file's bytes)."""
    if config.path is None:
        raise DataError(f"data set '{config.name}': source 'files' needs a path: add `path: my_texts.csv`")
    path = Path(config.path)
    try:
        return config.path, path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"data set '{config.name}': no file '{config.path}'{nearest_file(path)}") from None
    except OSError as error:
        raise DataError(f"data set '{config.name}': cannot read '{config.path}': {error.strerror}") from None


def _checked_rows(rows: Sequence[Row], config: DatasetConfig) -> tuple[list[_Text], list[_BadRow]]:
    """The rows that hold a text, a label and an id of their own, and what is wrong with the others."""
    texts: list[_Text] = []
    bad: list[_BadRow] = []
    place_of_id: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        problem = _problem(row, config)
        example_id = f"{config.name}-{number:05d}"
        if problem is None and config.id_column is not None:
            example_id = _as_string(row.values[config.id_column])
            if example_id in place_of_id:
                problem = _BadRow(
                    row.place, "duplicate id", f"id {_shown(example_id)} is that of {place_of_id[example_id]}"
                )
        if problem is not None:
            bad.append(problem)
            continue
        place_of_id[example_id] = row.place
        text, label = row.values[config.text_column].strip(), _as_string(row.values[config.label_column])
        texts.append(_Text(row.place, example_id, text, label))
    return texts, bad


def _problem(row: Row, config: DatasetConfig) -> _BadRow | None:
    """What is wrong with a row taken by itself, the first thing found."""
    if row.malformed is not None:
        return _BadRow(row.place, "malformed row", row.malformed)
    text = row.values[config.text_column]
    if _is_missing(text):
        return _BadRow(row.place, "text missing", "the text is missing (NaN or null)")
    if not isinstance(text, str):
        return _BadRow(row.place, "text not a string", f"the text is {_shown(text)}, not a string")
    if not split_words(text):
        return _BadRow(row.place, "text empty", "the text is empty")
    for name, column in (("label", config.label_column), ("id", config.id_column)):
        if column is None:
            continue
        value = row.values[column]
        if _is_missing(value):
            return _BadRow(row.place, f"{name} missing", f"the {name} is missing (NaN or null)")
        if not isinstance(value, str | bool | int | float):
            return _BadRow(row.place, f"{name} not usable", f"the {name} is {_shown(value)}: wanted a string or number")
        if not _as_string(value):
            return _BadRow(row.place, f"{name} empty", f"the {name} is empty")
    if any(0xD800 <= ord(c) <= 0xDFFF for value in row.values.values() if isinstance(value, str) for c in value):
        return _BadRow(row.place, "not Unicode", "a half of a surrogate pair (\\ud800 to \\udfff) is no character")
    return None


def _without_duplicates(texts: Sequence[_Text]) -> tuple[list[_Text], list[_BadRow], int]:
    """(one row for every word sequence, all rows of those with different labels, number of repetitions left out)."""
    groups: defaultdict[tuple[str, ...], list[_Text]] = defaultdict(list)
    for text in texts:
        groups[tuple(split_words(text.text))].append(text)
    kept: list[_Text] = []
    bad: list[_BadRow] = []
    for group in groups.values():
        if len({text.label for text in group}) == 1:
            kept.append(group[0])
            continue
        labels = ", ".join(f"{_shown(text.label)} at {text.place}" for text in group[:5])
        reason = "same text, different labels"
        bad += [_BadRow(text.place, reason, f"one text with different labels: {labels}") for text in group]
    return kept, bad, len(texts) - len(kept) - len(bad)


def _class_names(texts: Sequence[_Text], dropped: Counter[str], where: str, config: DatasetConfig) -> tuple[str, ...]:
    """The distinct labels, sorted as strings. Raises: DataError for none or only one."""
    names = tuple(sorted({text.label for text in texts}))
    if not names:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
        raise DataError(f"{where} has no usable rows ({reasons or 'nothing below the header'})")
    if len(names) == 1:
        raise DataError(
            f"{where}: all {len(texts)} usable rows have the label {_shown(names[0])} in column "
            f"{config.label_column!r}: a classifier needs two classes or more"
        )
    return names


def _report(bad: Sequence[_BadRow], n_rows: int, where: str) -> str:
    """All bad rows in one message, in the order of the file, the first 20 in full."""
    ordered = sorted(bad, key=lambda row: int(row.place.split()[1]))
    lines = [f"{where}: {len(bad)} of {n_rows} rows cannot be used:"]
    lines += [f"  {row.place}: {row.detail}" for row in ordered[:_SHOWN]]
    if len(bad) > _SHOWN:
        lines.append(f"  and {len(bad) - _SHOWN} more")
    return "\n".join([*lines, "Correct them, or set `on_bad_row: drop` to leave them out (counted in the report)."])


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _as_string(value: str | bool | int | float) -> str:
    """A label or id as its string: 1.0, which is how a column with gaps stores 1, is "1"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _shown(value: Any) -> str:
    """A value for an error message, cut when it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
