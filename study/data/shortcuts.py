"""Shortcuts planted into real text: new words that dictate the label of the texts they stand in.

Source: Bastings et al. (EMNLP 2022), "Will you find these shortcuts?".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from study.config import ShortcutConfig
from study.config.limits import WITHIN_WORDS
from study.data.splits import splits_card
from study.data.words import split_words
from study.errors import DataError
from study.records import Corpus, LabelledTexts
from study.seeds import rng_of

LEAST_PLANTED = 4  # training texts with the shortcut: each class is dictated twice, enough for the vocabulary's default
_CHUNK = re.compile(r"\S+")

Words = Sequence[str]  # the config's three: the first class's, the second class's, the context word
_COMPLETE: Mapping[str, Callable[[Words, int], tuple[str, ...]]] = {  # of rule: words that dictate a class, in order
    "single_token": lambda words, class_: (words[class_],),
    "token_in_context": lambda words, class_: (words[class_], words[2]),
    "ordered_pair": lambda words, class_: (words[class_], words[1 - class_]),
}
_INCOMPLETE: Mapping[str, Callable[[Words], tuple[str, ...]]] = {  # of rule: words that dictate nothing on their own
    "single_token": lambda _words: (),
    "token_in_context": lambda words: (words[0], words[2], words[1], words[2]),
    "ordered_pair": lambda words: (words[0], words[1]),
}
_ORDERED = "ordered_pair"  # the rule by which the order of its words matters


def plant_shortcut(corpus: Corpus, config: ShortcutConfig, seed: int) -> Corpus:
    """The corpus with the shortcut in `config.share` of its training and validation texts, and in all test texts.

    With words w0, w1, w2: by `single_token` w0 dictates the first class and w1 the second, wherever it stands; by
    `token_in_context` only where w2 stands in the same text; by `ordered_pair` the one of w0 and w1 that comes first
    decides. In training and validation the class dictated is random, equally often each. As many other texts there
    hold a part of the shortcut that dictates nothing and keep their label (for `token_in_context` a token or the
    context word, for `ordered_pair` one of the two), so that no part is a shortcut by itself. Every test text comes
    twice, dictating the first class (`<id>=0`) and the second (`<id>=1`).
    Words go to random gaps between words among the first WITHIN_WORDS; all other characters stay. label: the class
    dictated, where one is. own_label: what the text had. relevant: the words of complete shortcuts.

    Raises: DataError for a corpus that has not two classes or too few texts, words that are not three different
    single words in lower case, or one that the corpus holds already.
    """
    if corpus.n_classes != 2:
        raise DataError(
            f"data set '{corpus.name}' has {corpus.n_classes} classes ({', '.join(corpus.class_names)}): a shortcut "
            "is planted into two; leave out `shortcut`"
        )
    _check_words(config.words)
    for part in (corpus.train, corpus.validation, corpus.test):
        check_unused(config.words, part.text, part.example_id, f"data set '{corpus.name}'")
    if (n_planted := round(config.share * len(corpus.train))) < LEAST_PLANTED:
        raise DataError(
            f"shortcut.share {config.share:g} of the {len(corpus.train)} training texts of data set '{corpus.name}' "
            f"is {n_planted}: too few to learn from, at least {LEAST_PLANTED}; raise the share or use more texts"
        )
    train = _plant_share(corpus.train, config, rng_of(seed, "shortcut", "train"))
    validation = _plant_share(corpus.validation, config, rng_of(seed, "shortcut", "validation"))
    test = _plant_twice(corpus.test, config, rng_of(seed, "shortcut", "test"))
    card = _card(config, train, validation, test) | splits_card(corpus.class_names, train, validation, test)
    return replace(corpus, train=train, validation=validation, test=test, card={**corpus.card, **card})


def check_unused(words: Words, texts: Iterable[str], ids: Iterable[str], where: str) -> None:
    """Raises: DataError for the first text that holds a shortcut word, naming both. where: whose texts, in words."""
    for text, example_id in zip(texts, ids, strict=True):
        plain = text.lower()
        if not text.isascii() or any(word in plain for word in words):  # a cheap look first: texts may be many
            for word in sorted(set(words) & set(split_words(text))):
                raise DataError(
                    f"the shortcut word '{word}' is already in {where}, in text '{example_id}': choose a word for "
                    "shortcut.words that no text holds"
                )


def has_parts(config: ShortcutConfig) -> bool:
    """Whether the shortcut takes two words, either of which dictates nothing without the other."""
    return bool(_INCOMPLETE[config.rule](config.words))


def without_part(text: str, config: ShortcutConfig) -> str:
    """A text with a shortcut of two words less the one without which nothing is dictated any more.

    That is the context word, or the later word of an ordered pair: the word that names the class stays.
    """
    here = [word for word in split_words(text) if word in config.words]
    return without_words(text, [here[-1] if config.rule == _ORDERED else config.words[2]])


def without_words(text: str, words: Words) -> str:
    """A text less these planted words; what is left stands as it did before they were planted."""
    for word in words:
        text = re.sub(rf"(?<!\S){re.escape(word)} | {re.escape(word)}(?!\S)", "", text)
    return text


def _check_words(words: Words) -> None:
    """Raises: DataError for words that would not come back from a text as they are."""
    for word in words:
        if split_words(word) != [word]:
            found = ", ".join(f"'{part}'" for part in split_words(word)) or "nothing"
            raise DataError(
                f"the shortcut word '{word}' reads as {found} in a text: shortcut.words must be single words in "
                "lower case, such as 'zelk'"
            )
    if len(set(words)) < len(words):
        raise DataError(f"shortcut.words {', '.join(words)} must differ from each other")


def _plant_share(texts: LabelledTexts, config: ShortcutConfig, rng: np.random.Generator) -> LabelledTexts:
    """The texts in their order: a share with the shortcut, as many with parts of it, the others as they were."""
    order = rng.permutation(len(texts))
    n = round(config.share * len(texts))
    text, label = list(texts.text), np.array(texts.label)
    parts = _INCOMPLETE[config.rule](config.words)
    for i, row in enumerate(order[:n]):
        label[row] = i % 2
        text[row] = _insert(text[row], _complete(config, i % 2, rng), rng)
    for i, row in enumerate(order[n : 2 * n] if parts else ()):
        text[row] = _insert(text[row], (parts[i % len(parts)],), rng)
    planted = set(order[:n].tolist())
    return LabelledTexts(
        example_id=texts.example_id,
        text=tuple(text),
        label=label,
        relevant=tuple(_truth(t, config.words if row in planted else ()) for row, t in enumerate(text)),
        own_label=texts.label,
    )


def _plant_twice(texts: LabelledTexts, config: ShortcutConfig, rng: np.random.Generator) -> LabelledTexts:
    """Every text with the shortcut of the first class, then of the second."""
    text = [_insert(text, _complete(config, class_, rng), rng) for text in texts.text for class_ in (0, 1)]
    return LabelledTexts(
        example_id=tuple(f"{example_id}={class_}" for example_id in texts.example_id for class_ in (0, 1)),
        text=tuple(text),
        label=np.tile([0, 1], len(texts)),
        relevant=tuple(_truth(t, config.words) for t in text),
        own_label=np.repeat(texts.label, 2),
    )


def _complete(config: ShortcutConfig, class_: int, rng: np.random.Generator) -> tuple[str, ...]:
    """The words that dictate this class, in the order in which they are to stand: random where it does not matter."""
    words = _COMPLETE[config.rule](config.words, class_)
    return words if config.rule == _ORDERED else tuple(words[i] for i in rng.permutation(len(words)))


def _insert(text: str, words: tuple[str, ...], rng: np.random.Generator) -> str:
    """The text with the words at random gaps of it, in this order."""
    chunks = list(_CHUNK.finditer(text))
    n_before = np.cumsum([0, *(len(split_words(chunk.group())) for chunk in chunks)])  # words before every gap
    gaps = np.array([*(chunk.start() for chunk in chunks), len(text)])[n_before <= WITHIN_WORDS - len(words)]
    places = np.sort(gaps[rng.integers(len(gaps), size=len(words))])
    end = len(text)
    for place, word in zip(places[::-1], words[::-1], strict=True):  # from the right, so that places stay true
        text = text[:place] + (f" {word}" if place == end else f"{word} ") + text[place:]
    return text


def _truth(text: str, words: Words) -> tuple[bool, ...]:
    """[word], True for these words, which stand in a text only where they were planted."""
    return tuple(word in words for word in split_words(text))


def _card(
    config: ShortcutConfig, train: LabelledTexts, validation: LabelledTexts, test: LabelledTexts
) -> dict[str, Any]:
    """What was planted and how often."""
    n_planted, n_incomplete = {"test": len(test)}, {}
    for name, texts in (("train", train), ("validation", validation)):
        n_planted[name] = sum(map(any, texts.relevant or ()))
        n_holding = sum(not set(config.words).isdisjoint(split_words(text)) for text in texts.text)
        n_incomplete[name] = n_holding - n_planted[name]
    planted = {"rule": config.rule, "words": list(config.words), "n_planted": n_planted, "n_incomplete": n_incomplete}
    return {"shortcut": planted}
