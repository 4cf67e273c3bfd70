"""`study compare`: from run folders to the terminal, one page and one table of differences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from study.config import StudyConfig
from study.contrast.origins import list_origins, list_settings, list_tables, list_unmatched, same_texts
from study.contrast.reading import FinishedRun, read_finished
from study.errors import LedgerError
from study.ledger import write_frame, write_text
from study.metrics.contrasts import contrast_estimates
from study.registry import suggest
from study.report.contrast import build_page
from study.report.contrasted import Contrast

COMPARISONS = "comparisons"  # the folder in the results that they are written to
DIFFERENCES = "differences.csv"  # beside the page


def compare_runs(runs: Sequence[tuple[Path, StudyConfig]], metrics: Sequence[str] = ()) -> Contrast:
    """The first run against each of the others. metrics: names of estimates to look at; none for all.

    Raises: LedgerError for fewer than two runs, one run twice, one that is not finished or of another schema, sweeps
    beside runs, and a metric that no run has.
    """
    folders = [folder.resolve() for folder, _ in runs]
    if len(folders) < 2:
        raise LedgerError("one run is nothing to compare: name two or more, the baseline first (`study ls` lists them)")
    if len(set(folders)) < len(folders):
        raise LedgerError("a run is named twice: compare it with another one (`study ls` lists them)")
    names = name_apart([folder.name for folder in folders])
    read = [read_finished(folder, config, name) for (folder, config), name in zip(runs, names, strict=True)]
    first, others = read[0], read[1:]
    for other in others:
        if first.is_sweep != other.is_sweep:
            sweep, plain = (first, other) if first.is_sweep else (other, first)
            raise LedgerError(f"{sweep.name} is a sweep and {plain.name} is not: compare sweeps with sweeps")
    _check_metrics(metrics, read)
    level = float(first.settings["compare.level"])
    return Contrast(
        names=tuple(names),
        keys=tuple(first.keys),
        level=level,
        metrics=tuple(metrics),
        settings=list_settings(read),
        origins=list_origins(read),
        differences={other.name: _difference(first, other, metrics, level) for other in others},
        tables={other.name: list_tables(first, other) for other in others},
        unmatched={other.name: list_unmatched(first, other) for other in others},
        n_seeds={run.name: len(run.manifest.get("seeds", [])) for run in read},
    )


def write_comparison(contrast: Contrast, results: Path) -> Path:
    """Writes report.html and differences.csv into results/comparisons/<A>-vs-<B>; returns the path of the page."""
    folder = results / COMPARISONS / "-vs-".join(contrast.names)
    frames = [rows.assign(baseline=contrast.names[0], run=name) for name, rows in contrast.differences.items()]
    table = pd.concat(frames, ignore_index=True)
    front = ["baseline", "run", *contrast.keys]
    write_frame(folder / DIFFERENCES, table[[*front, *(c for c in table if c not in front)]])
    write_text(folder / "report.html", build_page(contrast))
    return folder / "report.html"


def name_apart(names: Sequence[str]) -> list[str]:
    """The names of the runs; a name that came before gets a number: smoke, smoke-2."""
    told: list[str] = []
    for name in names:
        found, number = name, 1
        while found in told:
            number += 1
            found = f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}-{number}"
        told.append(found)
    return told


def _difference(first: FinishedRun, other: FinishedRun, metrics: Sequence[str], level: float) -> pd.DataFrame:
    parts = []
    for run in (first, other):
        frames = run.estimates, run.measurements
        parts.append(tuple(frame[frame["metric"].isin(metrics)] for frame in frames) if metrics else frames)
    (estimates_a, measured_a), (estimates_b, measured_b) = parts
    texts = same_texts(first, other)
    return contrast_estimates((estimates_a, measured_a), (estimates_b, measured_b), first.keys, texts, level)


def _check_metrics(metrics: Sequence[str], runs: Sequence[FinishedRun]) -> None:
    known = list(dict.fromkeys(metric for run in runs for metric in run.estimates["metric"]))
    for metric in metrics:
        if metric not in known:
            raise LedgerError(f"no run estimates the metric '{metric}'{suggest(metric, known)}")
