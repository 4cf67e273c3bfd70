"""Words <-> ids. The vocabulary comes from the training split (and unlabelled text), never from validation or test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from study.config import VocabularyConfig
from study.data.words import split_words
from study.errors import DataError
from study.records import SPECIAL_TOKENS, UNKNOWN_ID

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every word the model knows. words: the special tokens first, so that their ids are PAD_ID, CLS_ID, ...

    A special token can never come from text: `split_words` cuts `[MASK]` into `[`, `mask`, `]`.

    Raises: ValueError when the special tokens are not first or a word stands twice.
    """

    words: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.words[: len(SPECIAL_TOKENS)] != SPECIAL_TOKENS:
            raise ValueError(f"a vocabulary begins with {', '.join(SPECIAL_TOKENS)}")
        object.__setattr__(self, "_ids", {word: i for i, word in enumerate(self.words)})
        if len(self._ids) != len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise ValueError(f"the word '{twice}' stands twice in the vocabulary")

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> list[int]:
        """The id of every word; UNKNOWN_ID for those the vocabulary lacks."""
        ids = self._ids
        return [ids.get(word, UNKNOWN_ID) for word in words]

    def to_json(self) -> str:
        """The vocabulary as JSON text, one word a line, equal for equal vocabularies."""
        return json.dumps({"schema": _SCHEMA, "words": self.words}, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Vocabulary:
        """The vocabulary that `to_json` wrote.

        Raises: DataError naming `where` (the file the text comes from) and what is wrong with it.
        """
        try:
            return cls(_checked_words(json.loads(text)))
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{where}: not a vocabulary file ({error}); delete it and run the data stage again to rebuild it"
            ) from None


def _checked_words(content: Any) -> tuple[str, ...]:
    """The word list of a parsed vocabulary file. Raises: ValueError saying what is wrong."""
    if not isinstance(content, dict) or set(content) != {"schema", "words"}:
        raise ValueError("wanted an object with the keys schema and words")
    if content["schema"] != _SCHEMA:
        raise ValueError(f"schema {content['schema']!r}, this version reads {_SCHEMA}")
    words = content["words"]
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ValueError("words must be a list of non-empty strings")
    return tuple(words)


def build_vocabulary(
    train_texts: Iterable[str], unlabelled_texts: Iterable[str] | None, config: VocabularyConfig
) -> Vocabulary:
    """The words seen `min_count` times in training, or `unlabelled_min_count` times in the unlabelled text.

    Order: frequency in training, then in the unlabelled text, both falling, then the alphabet; so `max_size`,
    which counts the special tokens, cuts words of the unlabelled text before words of the training split.

    Raises: DataError when no word is frequent enough, or max_size leaves no room for words.
    """
    if config.max_size <= len(SPECIAL_TOKENS):
        raise DataError(
            f"vocabulary.max_size is {config.max_size}, but the {len(SPECIAL_TOKENS)} special tokens "
            f"({', '.join(SPECIAL_TOKENS)}) count as well: set it to {len(SPECIAL_TOKENS) + 1} or more"
        )
    train = count_words(train_texts)
    unlabelled = count_words(unlabelled_texts or ())
    kept = {word for word, count in train.items() if count >= config.min_count}
    kept |= {word for word, count in unlabelled.items() if count >= config.unlabelled_min_count}
    if not kept:
        most = max(train.values(), default=0)
        raise DataError(
            f"no word of the training split occurs vocabulary.min_count = {config.min_count} times (the most "
            f"frequent one occurs {most} times): lower min_count or use more text"
        )
    ranked = sorted(kept, key=lambda word: (-train[word], -unlabelled[word], word))
    return Vocabulary((*SPECIAL_TOKENS, *ranked[: config.max_size - len(SPECIAL_TOKENS)]))


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often every word occurs in the texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(split_words(text))
    return counts
