"""Texts -> the padded id arrays that a model reads."""

from __future__ import annotations

import numpy as np

from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.errors import DataError
from study.records import CLS_ID, PAD_ID, LabelledTexts, TextBatch


def make_batch(texts: LabelledTexts, vocabulary: Vocabulary, max_words: int) -> TextBatch:
    """The texts as one batch: CLS at position 0, word i at position i + 1, padded to the longest row.

    `words` keeps every word of a text; words from number `max_words` on have no position (the model does not
    see them). A text without words is CLS alone. Words the vocabulary lacks get UNKNOWN_ID.

    Raises: ValueError for max_words below 1; DataError for truth words that do not fit their text.
    """
    if max_words < 1:
        raise ValueError(f"max_words is {max_words}, wanted 1 or more")
    words = tuple(tuple(split_words(text)) for text in texts.text)
    _check_truth(texts, words)
    n_seen = [min(len(row), max_words) for row in words]
    shape = (len(words), 1 + max(n_seen, default=0))
    token_ids = np.full(shape, PAD_ID, dtype=np.int64)  # [example pos]
    word_of_token = np.full(shape, -1, dtype=np.int64)  # [example pos]
    token_ids[:, 0] = CLS_ID
    for i, (row, n) in enumerate(zip(words, n_seen, strict=True)):
        token_ids[i, 1 : n + 1] = vocabulary.encode(row[:n])
        word_of_token[i, 1 : n + 1] = np.arange(n)
    return TextBatch(
        example_id=texts.example_id,
        text=texts.text,
        words=words,
        token_ids=token_ids,
        attend=token_ids != PAD_ID,
        word_of_token=word_of_token,
        label=texts.label,
        relevant=texts.relevant,
    )


def _check_truth(texts: LabelledTexts, words: tuple[tuple[str, ...], ...]) -> None:
    if texts.relevant is None:
        return
    for example_id, row, relevant in zip(texts.example_id, words, texts.relevant, strict=True):
        if len(relevant) != len(row):
            raise DataError(
                f"text '{example_id}' has {len(row)} words, but its truth marks {len(relevant)}: one mark a word is "
                "wanted, and none beyond the text"
            )
