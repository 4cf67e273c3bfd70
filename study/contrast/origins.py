"""What runs were made from, side by side: settings, code, packages, data, machine; and which tables are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from study.contrast.reading import FinishedRun

ABSENT = "–"  # a run has no such entry
_LONGEST = 60  # letters of a value
_HASH = 12  # letters of a hash
_UNIMPORTANT = ("name",)  # settings that tell runs apart and decide nothing


def list_settings(runs: Sequence[FinishedRun]) -> pd.DataFrame:
    """Columns setting, and one a run: the deciding settings in which the runs differ, dotted; those all have first."""
    frame = _side_by_side(runs, lambda run: run.settings, "setting")
    frame = frame[~frame["setting"].isin(_UNIMPORTANT)]
    lacks = (frame == ABSENT).any(axis=1)
    return pd.concat([frame[~lacks], frame[lacks]], ignore_index=True)


def list_origins(runs: Sequence[FinishedRun]) -> pd.DataFrame:
    """Columns kind, item, and one a run: sources, packages, data files, machine and revision that differ."""
    kinds: dict[str, Callable[[FinishedRun], Mapping[str, Any]]] = {
        "code": lambda run: {f"study/{path}": value[:_HASH] for path, value in run.code.items()},
        "package": lambda run: run.manifest.get("packages", {}),
        "data": _data,
        "machine": lambda run: run.manifest.get("machine", {}),
        "revision": _revision,
    }
    frames = []
    for kind, read in kinds.items():
        frame = _side_by_side(runs, read, "item")
        frame.insert(0, "kind", kind)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def list_tables(first: FinishedRun, other: FinishedRun) -> pd.DataFrame:
    """Columns table, rows_a, rows_b, state: byte-identical, different, only in either run. rows NaN: not there."""
    names = [*first.tables, *(name for name in other.tables if name not in first.tables)]
    rows = []
    for name in names:
        a, b = first.tables.get(name), other.tables.get(name)
        if a is None or b is None:
            state = f"only in {first.name if b is None else other.name}"
        else:
            state = "identical" if a[0] == b[0] else "different"
        rows.append((name, *(float("nan") if t is None else t[1] for t in (a, b)), state))
    return pd.DataFrame(rows, columns=["table", "rows_a", "rows_b", "state"])


def list_unmatched(first: FinishedRun, other: FinishedRun) -> pd.DataFrame:
    """Columns dataset, model, only_in, n_estimates: what one run estimates and the other has no counterpart of."""
    a, b = (run.estimates[run.keys] for run in (first, other))
    merged = a.merge(b, on=first.keys, how="outer", indicator=True)
    alone = merged[merged["_merge"] != "both"]
    only_in = alone["_merge"].astype(str).map({"left_only": first.name, "right_only": other.name})
    counted = alone.assign(only_in=only_in).groupby(["dataset", "model", "only_in"], sort=False).size()
    return counted.rename("n_estimates").reset_index()


def same_texts(first: FinishedRun, other: FinishedRun) -> dict[str, set[str]]:
    """Data set -> the example ids under which both runs have the same text."""
    return {
        dataset: {example for example, text in texts.items() if other.texts.get(dataset, {}).get(example) == text}
        for dataset, texts in first.texts.items()
    }


def _side_by_side(
    runs: Sequence[FinishedRun], read: Callable[[FinishedRun], Mapping[str, Any]], header: str
) -> pd.DataFrame:
    """The entries in which the runs differ, in the order in which they first come."""
    entries = [read(run) for run in runs]
    keys = dict.fromkeys(key for entry in entries for key in entry)
    rows = []
    for key in keys:
        values = [entry.get(key, ABSENT) for entry in entries]
        if any(value != values[0] for value in values):
            rows.append((key, *map(_show, values)))
    return pd.DataFrame(rows, columns=[header, *(run.name for run in runs)])


def _data(run: FinishedRun) -> dict[str, str]:
    data: Mapping[str, Mapping[str, str]] = run.manifest.get("data", {})
    return {f"{task}: {name}": value[:_HASH] for task, files in data.items() for name, value in files.items()}


def _revision(run: FinishedRun) -> dict[str, str]:
    revision = str(run.manifest.get("git_revision") or "unknown")[:_HASH]
    return {"git revision": revision + (" with uncommitted changes" if run.manifest.get("git_dirty") else "")}


def _show(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
