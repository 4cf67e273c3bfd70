"""Words and their opposites, found in the training texts alone: no lexicon, so any data set and any language.

A twin is a text with its most telling word swapped for that word's opposite: one word changes, and the margin
should move to the other side. Opposites come from the labels (which words tell the classes apart) and from likeness
of use (which words stand in the same places: "best" and "worst").
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from study.data.likeness import likeness, neighbour_profiles, unit_rows
from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.errors import DataError
from study.records import UNKNOWN_ID, FloatArray, IntArray, LabelledTexts

MIN_TEXTS = 5  # training texts a word must be in
MIN_POLARITY = 0.6  # odds 1.8 times as high: leaves out frequent words that lean a little, like "and" or "film"
MIN_Z = 1.96  # of a word that is swapped: two-sided 5 %
MIN_Z_OPPOSITE = 2.58  # of the word put in its place: two-sided 1 %, since it must carry the other side
_Z_WEIGHT = 0.2  # of log |z| beside the likeness: of two near words, the surer one
_SMOOTHING = 0.5  # texts added to every cell of the table word x class
_DECIMALS = 6  # so that the file's bytes do not depend on the last bits of a processor's logarithm
_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPair:
    """A word that tells one class from the others, and its opposite.

    polarity: log odds ratio of being in a text of the class against a text of another; + means towards the class.
    z: polarity over its standard error.
    """

    word: str
    opposite: str
    polarity: float
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Opposites:
    """The pairs of every class against the rest: [class_][pair], words in alphabetical order.

    A class without pairs (too few texts, no word strong enough on both sides) has none; that is no error.

    Raises: ValueError when a word stands twice in a class.
    """

    pairs: tuple[tuple[WordPair, ...], ...]
    _by_word: tuple[dict[str, WordPair], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_word", tuple({pair.word: pair for pair in pairs} for pairs in self.pairs))
        for class_, pairs in enumerate(self.pairs):
            if len(self._by_word[class_]) != len(pairs):
                raise ValueError(f"a word stands twice among the pairs of class {class_}")

    def of(self, word: str, class_: int) -> WordPair | None:
        """The pair of a word, its polarity towards `class_`; None where the word has no opposite.

        Raises: ValueError for a class that these opposites were not made for.
        """
        if not 0 <= class_ < len(self.pairs):
            raise ValueError(f"class {class_}: these opposites are of {len(self.pairs)} classes, numbered from 0")
        return self._by_word[class_].get(word)

    def to_json(self) -> str:
        """The opposites as JSON text, one pair a line, equal for equal opposites."""
        classes = [
            "[" + ",".join("\n" + json.dumps([p.word, p.opposite, p.polarity, p.z], ensure_ascii=False) for p in pairs)
            for pairs in self.pairs
        ]
        return f'{{"schema": {_SCHEMA}, "classes": [' + ", ".join(text + "]" for text in classes) + "]}\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Opposites:
        """The opposites that `to_json` wrote.

        Raises: DataError naming `where` (the file the text comes from) and what is wrong with it.
        """
        try:
            return cls(pairs=_checked_pairs(json.loads(text)))
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{where}: not a file of opposites ({error}); delete it and run the data stage again to rebuild it"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """How a text becomes its counterfactual: words[index] is `word`, and is swapped for `twin_word`."""

    index: int
    word: str
    twin_word: str


def make_twin(words: Sequence[str], n_players: int, target_class: int, opposites: Opposites) -> Twin | None:
    """The swap of the text's most telling word: largest |polarity| among words[:n_players] that have an opposite.

    Ties go to the first in the alphabet; of a word that stands more than once, the first place alone is swapped.
    None where no word has an opposite.
    """
    found = [
        (-abs(pair.polarity), word, index, pair.opposite)
        for index, word in enumerate(words[:n_players])
        if (pair := opposites.of(word, target_class)) is not None
    ]
    if not found:
        return None
    _, word, index, twin_word = min(found)
    return Twin(index=index, word=word, twin_word=twin_word)


def find_opposites(
    train: LabelledTexts, n_classes: int, vocabulary: Vocabulary, vectors: FloatArray | None = None
) -> Opposites:
    """The opposites of all telling words of the training texts, for every class against the rest.

    vectors: [token d_model] word vectors of the data set, or None. A word with a letter in it is telling when it is in
    MIN_TEXTS training texts or more, with |polarity| >= MIN_POLARITY and |z| >= MIN_Z (`word_polarity`). Its opposite
    is, of the telling words of the other sign with |z| >= MIN_Z_OPPOSITE, the one most alike: by its neighbours in the
    training texts and, where they exist, by the word vectors (`study.data.likeness`), with a little for the surer
    word. Ties go to the first in the alphabet.

    Raises: ValueError when vectors do not have one row per word of the vocabulary.
    """
    if vectors is not None and (np.ndim(vectors) != 2 or len(vectors) != len(vocabulary)):
        raise ValueError(f"vectors have shape {np.shape(vectors)}, wanted ({len(vocabulary)}, d_model)")
    worded = [i for i, word in enumerate(vocabulary.words) if any(map(str.isalpha, word))]  # no number, no mark
    alphabet = np.array(sorted(worded, key=vocabulary.words.__getitem__), dtype=np.int64)
    in_class = count_texts(train, n_classes, vocabulary)
    n_texts = np.bincount(train.label, minlength=n_classes)
    pairs: list[tuple[WordPair, ...]] = []
    for inside, n_inside in zip(in_class, n_texts.tolist(), strict=True):
        outside, n_outside = in_class.sum(0) - inside, len(train) - n_inside
        if not n_inside or not n_outside:
            pairs.append(())  # nothing to compare with: no word leans anywhere
            continue
        polarity, z = word_polarity(inside, n_inside, outside, n_outside)
        telling = (inside + outside >= MIN_TEXTS) & (abs(polarity) >= MIN_POLARITY) & (abs(z) >= MIN_Z)
        tokens = alphabet[telling[alphabet]]
        spaces = [unit_rows(neighbour_profiles(train.text, vocabulary, tokens), centred=False)]
        if vectors is not None:
            spaces.append(unit_rows(vectors[tokens], centred=True))
        opposite = _nearest_opposites(polarity[tokens], z[tokens], spaces)
        pairs.append(_make_pairs([vocabulary.words[token] for token in tokens], polarity[tokens], z[tokens], opposite))
    return Opposites(pairs=tuple(pairs))


def count_texts(texts: LabelledTexts, n_classes: int, vocabulary: Vocabulary) -> IntArray:
    """[class_ token]: how many texts of each class a word is in; words outside the vocabulary are not counted."""
    counts = np.zeros((n_classes, len(vocabulary)), dtype=np.int64)
    for text, label in zip(texts.text, texts.label, strict=True):
        counts[label, vocabulary.encode(set(split_words(text)))] += 1
    counts[:, UNKNOWN_ID] = 0
    return counts


def word_polarity(inside: IntArray, n_inside: int, outside: IntArray, n_outside: int) -> tuple[FloatArray, FloatArray]:
    """(log odds ratio [token], its z-score [token]) of being in a text of the class against a text of another class.

    inside, outside: [token] texts with the word, of n_inside and n_outside texts. Half a text is added to every cell
    of the two by two table, so that a word of one class alone has a finite polarity, drawn towards 0.

    Source: Monroe, Colaresi and Quinn (2008), Fightin' words, section 3.3 (smoothed log odds ratio and its z-score);
    Gart and Zweifel (1967) for the half and the variance as the sum of the reciprocals of the four cells.
    """
    cells = [n + _SMOOTHING for n in (inside, n_inside - inside, outside, n_outside - outside)]
    polarity = np.log(cells[0] / cells[1]) - np.log(cells[2] / cells[3])
    error = np.sqrt(sum(1.0 / cell for cell in cells))
    return np.round(polarity, _DECIMALS), np.round(polarity / error, _DECIMALS)


def _nearest_opposites(polarity: FloatArray, z: FloatArray, spaces: Sequence[FloatArray]) -> IntArray:
    """[telling]: the place of every telling word's opposite among them, -1 where there is none.

    polarity, z: [telling]; spaces: unit vectors [telling d], in each of which likeness is measured.
    """
    opposite = np.full(len(polarity), -1)
    for sign in (1, -1):
        words = np.flatnonzero(sign * polarity > 0)
        others = np.flatnonzero((sign * polarity < 0) & (abs(z) >= MIN_Z_OPPOSITE))
        if len(words) and len(others):
            fit = sum(likeness(space[words], space[others]) for space in spaces) + _Z_WEIGHT * np.log(abs(z[others]))
            opposite[words] = others[np.round(fit, _DECIMALS).argmax(1)]
    return opposite


def _make_pairs(words: Sequence[str], polarity: FloatArray, z: FloatArray, opposite: IntArray) -> tuple[WordPair, ...]:
    """The pairs of the telling words [telling] that have an opposite, in the same order."""
    return tuple(
        WordPair(word=words[i], opposite=words[j], polarity=float(polarity[i]), z=float(z[i]))
        for i, j in enumerate(opposite.tolist())
        if j >= 0
    )


def _checked_pairs(content: Any) -> tuple[tuple[WordPair, ...], ...]:
    """The pairs of a parsed file of opposites. Raises: ValueError saying what is wrong."""
    if not isinstance(content, dict) or set(content) != {"schema", "classes"}:
        raise ValueError("wanted an object with the keys schema and classes")
    if content["schema"] != _SCHEMA:
        raise ValueError(f"schema {content['schema']!r}, this version reads {_SCHEMA}")
    classes = content["classes"]
    if not isinstance(classes, list) or not all(isinstance(rows, list) for rows in classes):
        raise ValueError("classes must be a list of lists")
    return tuple(tuple(_checked_pair(row) for row in rows) for rows in classes)


def _checked_pair(row: Any) -> WordPair:
    """One line of the file. Raises: ValueError showing it."""
    if isinstance(row, list) and len(row) == 4:
        word, opposite, *numbers = row
        named = all(isinstance(text, str) and text for text in (word, opposite))
        if named and all(isinstance(n, float) and math.isfinite(n) for n in numbers):
            return WordPair(word=word, opposite=opposite, polarity=numbers[0], z=numbers[1])
    raise ValueError(f"a pair must be [word, opposite, polarity, z], not {row!r}")
