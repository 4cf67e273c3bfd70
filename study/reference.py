"""What reports quote that no run of theirs has made: a kept score card, and how often intervals hold the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from study.config import StudyConfig
from study.errors import LedgerError
from study.ledger import read_frame, write_frame

if TYPE_CHECKING:
    import pandas as pd

CARD_COLUMNS = (
    *("dataset", "model", "rung", "unit", "metric", "method", "estimate", "low", "high"),
    *("floor", "ceiling", "n_examples", "n_seeds"),
)
COVERAGE_COLUMNS = ("n_seeds", "design", "method", "nominal", "coverage")
_CONTROLS = ("random", "chance", "oracle", "reversed")  # their numbers are floor and ceiling, or a self-test
DECIMALS = 4  # kept: sampling leaves fewer, and rounding of another machine does not change the file
HOW = "`make known-answers`, then `make score-card`"


def card_path(run_folder: Path) -> Path:
    """Where the card lies that the report of this run quotes: beside the run, among the results."""
    return run_folder.absolute().parent / "reference" / "score_card.csv"


def coverage_path(run_folder: Path) -> Path:
    """Where the simulated coverage of intervals lies that reports quote (`make coverage`)."""
    return card_path(run_folder).with_name("coverage.csv")


def quoted_files(config: StudyConfig, run_folder: Path) -> list[Path]:
    """The kept files that the report of this run reads, whether they are there or not."""
    return [coverage_path(run_folder), *([card_path(run_folder)] if quotes_reference(config) else [])]


def quotes_reference(config: StudyConfig) -> bool:
    """Whether the report of such a run quotes the kept card: a run with known answers has its own."""
    return not any(dataset.task or dataset.shortcut for dataset in config.datasets)


def read_card(run_folder: Path | None) -> pd.DataFrame:
    """The kept card, without rows where there is none, or for no run.

    Raises: LedgerError for a file that cannot be read or lacks columns.
    """
    import pandas as pd

    if run_folder is None or not (path := card_path(run_folder)).is_file():
        return pd.DataFrame({column: pd.Series(dtype="object") for column in CARD_COLUMNS})
    try:
        card = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path} is no table ({error}): delete it, or make it anew with {HOW}") from error
    if missing := [column for column in CARD_COLUMNS if column not in card]:
        raise LedgerError(f"{path} lacks the column(s) {', '.join(missing)}: delete it, or make it anew with {HOW}")
    return card[list(CARD_COLUMNS)]


def read_coverage(run_folder: Path) -> pd.DataFrame:
    """The kept coverage of intervals, without rows where there is none. Raises: LedgerError as `read_card`."""
    import pandas as pd

    path = coverage_path(run_folder)
    if not path.is_file():
        return pd.DataFrame({column: pd.Series(dtype="object") for column in COVERAGE_COLUMNS})
    try:
        return pd.read_csv(path)[list(COVERAGE_COLUMNS)]
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path} is no table of coverages ({error}): make it anew with `make coverage`") from error


def keep_score_card(run_folder: Path) -> Path:
    """Writes the verified rows of a finished run's score card where other reports quote them; returns the path.

    Numbers and names only, no texts; a row without an estimate says nothing and is left out.
    Raises: LedgerError for a run without a score card, or one in which nothing is verified.
    """
    table = run_folder / "tables" / "score_card.parquet"
    if not table.is_file():
        raise LedgerError(f"{run_folder} has no score card: it needs a run with known answers ({HOW})")
    card = read_frame(table)
    kept = card[card["verified"].astype(bool) & card["estimate"].notna() & ~card["method"].isin(_CONTROLS)]
    if kept.empty:
        raise LedgerError(f"nothing is verified in the score card of {run_folder}: see its tables/verification.csv")
    path = card_path(run_folder)
    write_frame(path, kept[list(CARD_COLUMNS)].round(DECIMALS))
    return path
