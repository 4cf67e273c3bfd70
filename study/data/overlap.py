"""Which texts also stand inside other texts: keeps validation and test out of the unlabelled text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from study.data.words import split_words
from study.records import Corpus

MIN_WORDS = 8  # shorter runs are stock phrases ("i loved this film"): finding one is no sign of a copy


def find_overlap(sentences: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(sentence, text) numbers for every sentence whose words stand in a row in a text, punctuation aside.

    Sentences without words other than punctuation are never found.
    """
    documents = [_letters(text) for text in texts]
    count = Counter(word for words in documents for word in words)
    by_rarest: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)  # few candidates to look at in each text
    for number, sentence in enumerate(sentences):
        words = _letters(sentence)
        if words:
            rarest = min(words, key=lambda word: count[word])
            by_rarest[rarest].append((number, f" {' '.join(words)} "))
    for place, words in enumerate(documents):
        joined = f" {' '.join(words)} "
        for word in sorted(by_rarest.keys() & set(words)):
            yield from ((number, place) for number, run in by_rarest[word] if run in joined)


def without_held_out(unlabelled: Sequence[str], corpus: Corpus) -> list[str]:
    """The unlabelled texts that hold no validation or test text of 8 words or more and equal no shorter one.

    Rotten_tomatoes needs no such cleaning (its own rows found in imdb are dropped); a user's file may.
    """
    held_out = [(text, tuple(_letters(text))) for text in (*corpus.validation.text, *corpus.test.text)]
    found = {place for _, place in find_overlap([t for t, words in held_out if len(words) >= MIN_WORDS], unlabelled)}
    short = {words for _, words in held_out if len(words) < MIN_WORDS}
    return [text for place, text in enumerate(unlabelled) if place not in found and not _is_one_of(text, short)]


def _is_one_of(text: str, short: set[tuple[str, ...]]) -> bool:
    """Whether the words of `text` are one of these short sequences."""
    start = _letters(text[:300])  # cutting a whole review into words to learn that it is long would take seconds
    return len(start) < MIN_WORDS and tuple(_letters(text)) in short


def _letters(text: str) -> list[str]:
    """The words of a text that begin with a letter or digit."""
    return [word for word in split_words(text) if word[0].isalnum()]
