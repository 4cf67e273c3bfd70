"""Words that people rated one by one, without any context: the lexicon of VADER (Hutto and Gilbert 2014).

It lies as a text file inside the package vaderSentiment, whose code is never imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from study.data.packaged import PackagedFile
from study.data.words import split_words

LEXICON_FILE = PackagedFile(
    package="vaderSentiment",
    requirement="vaderSentiment==3.3.2",
    parts=("vader_lexicon.txt",),
    sha256="1ec9c6e9ee19aade328f8beb393a6afa71a5bb3acf7d3cc22d4ef568df374bf5",
)


class WordRating(NamedTuple):
    """How people rated a word: mean from -4 (most negative) to 4, the ratings' standard deviation, their number."""

    mean: float
    sd: float
    n_raters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """Rated words, spelled as `split_words` gives them, and how many entries were left out, by reason."""

    words: Mapping[str, WordRating]
    left_out: Mapping[str, int]


def read_vader() -> Lexicon:
    """VADER's 7,245 words with their ratings by ten people each.

    They rated what a word says by itself, in any kind of text; none of them saw a text of this study. Every entry has a
    mean that is not 0: what nobody took for sentiment was left out by the lexicon's makers.

    Raises: DataError when the package is missing or its file is not the one recorded here.
    Source: Hutto and Gilbert 2014.
    """
    return parse_lexicon(LEXICON_FILE.read().decode())


def parse_lexicon(text: str) -> Lexicon:
    """The words of a file with lines `entry TAB mean TAB standard deviation TAB [ratings]`.

    Left out and counted: entries of several words or marks, emoticons most of them; entries without a letter, which
    are marks or codes like a date's; and of entries that are one word to us the worse: other capitals, then the
    earlier line (the package itself keeps the last).
    """
    words: dict[str, WordRating] = {}
    exact: set[str] = set()  # words whose entry is spelled as we spell them
    left_out = {"not one word": 0, "without a letter": 0, "the same word again": 0}
    for line in text.splitlines():
        entry, mean, sd, ratings = line.split("\t")
        split = split_words(entry)
        if len(split) != 1:
            left_out["not one word"] += 1
            continue
        (word,) = split
        if not any(character.isalpha() for character in word):
            left_out["without a letter"] += 1
            continue
        left_out["the same word again"] += word in words
        if word in exact and word != entry:
            continue
        if word == entry:
            exact.add(word)
        words[word] = WordRating(float(mean), float(sd), len(json.loads(ratings)))
    return Lexicon(words=words, left_out=left_out)
