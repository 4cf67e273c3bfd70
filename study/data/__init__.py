"""Labelled texts with a fixed split, their words, the vocabulary, and word vectors from unlabelled text."""

from __future__ import annotations

from typing import cast

from study.config import DatasetConfig
from study.data.shortcuts import check_unused, plant_shortcut
from study.records import Corpus
from study.registry import Registry

DATASETS = Registry(  # (DatasetConfig) -> Corpus
    "data set",
    {
        "rotten_tomatoes": "study.data.rotten_tomatoes:load_rotten_tomatoes",
        "files": "study.data.files:load_files",
        "planted": "study.data.planted:load_planted",
    },
)
UNLABELLED = Registry(  # () -> list[str], cleaned texts
    "unlabelled text",
    {"imdb": "study.data.rotten_tomatoes:read_imdb"},
)


def load_corpus(config: DatasetConfig) -> Corpus:
    """The data set that `config.source` names, split and checked; the same config gives the same corpus.

    Shortcuts are planted into it where the config asks for them, by words that no text holds, unlabelled ones included.

    Raises: UnknownNameError for an unknown source, DataError for data that cannot be used as they are.
    """
    corpus = cast(Corpus, DATASETS.load(config.source)(config))
    if config.shortcut is None:
        return corpus
    if config.word_vectors is not None:
        source = config.word_vectors.source
        unlabelled = read_unlabelled(source)
        numbers = map(str, range(len(unlabelled)))
        check_unused(config.shortcut.words, unlabelled, numbers, f"the unlabelled text '{source}'")
    return plant_shortcut(corpus, config.shortcut, config.split_seed)


def read_unlabelled(source: str) -> list[str]:
    """The texts of the unlabelled source of that name (`WordVectorsConfig.source`), cleaned.

    Raises: UnknownNameError for an unknown source.
    """
    return cast(list[str], UNLABELLED.load(source)())
