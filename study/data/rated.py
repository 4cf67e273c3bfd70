"""Held-out texts that people rated: read from a file that `make data` makes (study.data.fetch) and git never holds.

The one source so far, `vader_movies`: sentences of the same film reviews as rotten_tomatoes, of which each was rated by
15 or more people (Hutto and Gilbert 2014). They are new texts of the same kind: what is right on them is no evidence
that anything carries over to other texts.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from study.errors import DataError
from study.records import FloatArray, IntArray, read_only

COLUMNS = ("example_id", "text", "rating", "rating_sd", "n_raters")
HOW_TO_GET = "run `make data` first, or remove `rated` from the data set"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedTexts:
    """Texts with the mean of what people said of each, from -4 (most negative) to 4; in the order of their file.

    rating, rating_sd: [example], mean and standard deviation over people. n_raters: [example], how many people.
    """

    example_id: tuple[str, ...]
    text: tuple[str, ...]
    rating: FloatArray
    rating_sd: FloatArray
    n_raters: IntArray

    def __post_init__(self) -> None:
        n = len(self.example_id)
        if len(self.text) != n or len(set(self.example_id)) != n:
            raise ValueError(f"{len(self.text)} texts for {n} ids, which must all differ")
        for name in ("rating", "rating_sd", "n_raters"):
            dtype = np.int64 if name == "n_raters" else np.float64
            object.__setattr__(self, name, read_only(getattr(self, name), dtype=dtype, shape=(n,), name=name))

    def __len__(self) -> int:
        return len(self.example_id)

    def take(self, rows: Sequence[int]) -> RatedTexts:
        """Some of the texts, in the order of `rows`."""
        chosen = list(rows)
        return RatedTexts(
            example_id=tuple(self.example_id[i] for i in chosen),
            text=tuple(self.text[i] for i in chosen),
            rating=self.rating[chosen],
            rating_sd=self.rating_sd[chosen],
            n_raters=self.n_raters[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedSource:
    """Where rated texts lie, relative to the folder the command runs in, and the sha256 that their file must have."""

    path: Path
    sha256: str

    def problem(self) -> str | None:
        """What is wrong with the file and how to get it right; None for the right one."""
        try:
            self._read()
        except DataError as error:
            return str(error)
        return None

    def load(self) -> RatedTexts:
        """The texts. Raises: DataError for a file that is missing, unreadable or another one."""
        return read_rated(self._read())

    def _read(self) -> bytes:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise DataError(
                f"there is no {self.path} in the current folder, {Path.cwd()}, with the texts that people rated: "
                f"{HOW_TO_GET}"
            ) from None
        except OSError as error:
            raise DataError(f"cannot read {self.path} ({error.strerror}): {HOW_TO_GET}") from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise DataError(
                f"{self.path} is not the file that `make data` makes: it has sha256 {found}, wanted {self.sha256}; "
                f"{HOW_TO_GET}"
            )
        return content


VADER_MOVIES = RatedSource(
    path=Path("data", "rated_movies.csv"),
    sha256="7e86436e0b6825f4a8eeb203051d1d4e67b1e9669d35012ddb68d9b74a6caa69",
)


def write_rated(texts: RatedTexts) -> bytes:
    """The content of a file of rated texts: UTF-8, comma-separated, a header, lines that end in a line feed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    numbers = zip(texts.rating.tolist(), texts.rating_sd.tolist(), texts.n_raters.tolist(), strict=True)
    for example_id, text, (rating, rating_sd, n_raters) in zip(texts.example_id, texts.text, numbers, strict=True):
        writer.writerow([example_id, text, repr(rating), repr(rating_sd), n_raters])
    return out.getvalue().encode()


def read_rated(content: bytes) -> RatedTexts:
    """The texts of a file that `write_rated` made."""
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    if tuple(header) != COLUMNS:
        raise DataError(f"rated texts need the columns {', '.join(COLUMNS)}, not {', '.join(header)}")
    example_id, text, rating, rating_sd, n_raters = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    return RatedTexts(
        example_id=tuple(example_id),
        text=tuple(text),
        rating=np.array(rating, dtype=np.float64),
        rating_sd=np.array(rating_sd, dtype=np.float64),
        n_raters=np.array(n_raters, dtype=np.int64),
    )
