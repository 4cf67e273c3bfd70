"""Labelled texts with a fixed split, their words, vocabulary and word vectors; words and texts that people rated."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from study.config import DatasetConfig
from study.data.lexicon import Lexicon
from study.data.rated import RatedSource
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
LEXICONS = Registry(  # () -> Lexicon, words that people rated
    "lexicon",
    {"vader": "study.data.lexicon:read_vader"},
)
RATED = Registry(  # a RatedSource, held-out texts that people rated
    "rated texts",
    {"vader_movies": "study.data.rated:VADER_MOVIES"},
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


def read_lexicon(name: str) -> Lexicon:
    """The rated words of that name (`DatasetConfig.lexicon`). Raises: UnknownNameError for an unknown one."""
    return cast(Callable[[], Lexicon], LEXICONS.load(name))()


def rated_source(name: str) -> RatedSource:
    """Where the rated texts of that name lie (`DatasetConfig.rated`). Raises: UnknownNameError for an unknown one."""
    return cast(RatedSource, RATED.load(name))


def rated_problem(name: str) -> str | None:
    """What keeps the rated texts of that name from being used, and what to do; None when they are there and right."""
    return rated_source(name).problem()
