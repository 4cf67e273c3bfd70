"""Labelled texts with a fixed split, their words, the vocabulary, and word vectors from unlabelled text."""

from __future__ import annotations

from typing import cast

from study.config import DatasetConfig
from study.records import Corpus
from study.registry import Registry

DATASETS = Registry(  # (DatasetConfig) -> Corpus
    "data set",
    {
        "rotten_tomatoes": "study.data.rotten_tomatoes:load_rotten_tomatoes",
        "files": "study.data.files:load_files",
    },
)
UNLABELLED = Registry(  # () -> list[str], cleaned texts
    "unlabelled text",
    {"imdb": "study.data.rotten_tomatoes:read_imdb"},
)


def load_corpus(config: DatasetConfig) -> Corpus:
    """The data set that `config.source` names, split and checked; the same config gives the same corpus.

    Raises: UnknownNameError for an unknown source, DataError for data that cannot be used as they are.
    """
    return cast(Corpus, DATASETS.load(config.source)(config))


def read_unlabelled(source: str) -> list[str]:
    """The texts of the unlabelled source of that name (`WordVectorsConfig.source`), cleaned.

    Raises: UnknownNameError for an unknown source.
    """
    return cast(list[str], UNLABELLED.load(source)())
