"""Planted shortcuts: which words stand where, what they dictate, and that nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.config import DatasetConfig, ShortcutConfig, VocabularyConfig, WordVectorsConfig
from study.data import DATASETS, UNLABELLED, load_corpus
from study.data.batch import make_batch
from study.data.shortcuts import (
    WITHIN_WORDS,
    _insert,
    check_unused,
    has_parts,
    plant_shortcut,
    without_part,
    without_words,
)
from study.data.vocabulary import Vocabulary, build_vocabulary
from study.data.words import split_words
from study.errors import DataError
from study.records import SPECIAL_TOKENS, Corpus, LabelledTexts

RULES = ("single_token", "token_in_context", "ordered_pair")
ZELK, VORN, QUIB = "zelk", "vorn", "quib"


def texts(split: str, n: int, n_classes: int = 2) -> LabelledTexts:
    """Texts of 3 to 62 words, each with a word of its own, punctuation stuck to words, and odd spaces."""
    text = tuple(f"{split}{i}  Film,\t" + "good bad " * (i % 30) + "end." for i in range(n))
    ids = tuple(f"{split}-{i}" for i in range(n))
    return LabelledTexts(example_id=ids, text=text, label=np.arange(n) % n_classes)


def corpus(n: int = 200, n_classes: int = 2) -> Corpus:
    splits = {name: texts(name, size, n_classes) for name, size in (("train", n), ("validation", 40), ("test", 50))}
    return Corpus(name="teas", class_names=tuple("abc"[:n_classes]), card={"source": "here"}, **splits)


def plant(rule: str, *, share: float = 0.2, seed: int = 0, n: int = 200) -> Corpus:
    return plant_shortcut(corpus(n), ShortcutConfig(rule=rule, share=share), seed)


def dictated(rule: str, text: str) -> int | None:
    """The class that a text's words dictate, read off the rule's definition word by word; None where nothing does."""
    words = text.split()
    n0, n1 = words.count(ZELK), words.count(VORN)
    if rule == "ordered_pair":
        return int(words.index(VORN) < words.index(ZELK)) if n0 and n1 else None
    if rule == "token_in_context" and QUIB not in words:
        return None
    assert n0 + n1 <= 1
    return int(n1) if n0 + n1 else None


def truth(rule: str) -> set[frozenset[str]]:
    return {
        "single_token": {frozenset({ZELK}), frozenset({VORN})},
        "token_in_context": {frozenset({ZELK, QUIB}), frozenset({VORN, QUIB})},
        "ordered_pair": {frozenset({ZELK, VORN})},
    }[rule]


def unplanted(text: str) -> str:
    """The text without shortcut words and the space that came with each."""
    for word in (ZELK, VORN, QUIB):
        text = text.replace(f"{word} ", "").replace(f" {word}", "")
    return text


@pytest.mark.parametrize("rule", RULES)
def test_labels_are_dictated_by_complete_shortcuts_alone(rule: str) -> None:
    before, after = corpus(), plant(rule)
    for name in ("train", "validation"):
        old, new = getattr(before, name), getattr(after, name)
        assert new.example_id == old.example_id
        assert new.own_label.tolist() == old.label.tolist()
        classes = [dictated(rule, text) for text in new.text]
        expected = [own if class_ is None else class_ for class_, own in zip(classes, old.label, strict=True)]
        assert new.label.tolist() == expected
        n = round(0.2 * len(old))
        assert (classes.count(0), classes.count(1)) == (n // 2, n // 2)
        assert any(c is not None and c != own for c, own in zip(classes, old.label, strict=True))  # some contradict


@pytest.mark.parametrize("rule", RULES)
def test_every_test_text_is_there_once_for_each_class(rule: str) -> None:
    old, new = corpus().test, plant(rule).test
    assert new.example_id == tuple(f"test-{i}={class_}" for i in range(50) for class_ in (0, 1))
    assert [dictated(rule, text) for text in new.text] == [0, 1] * 50 == new.label.tolist()
    assert new.own_label.tolist() == [label for label in old.label for _ in (0, 1)]
    assert [unplanted(text) for text in new.text] == [text for text in old.text for _ in (0, 1)]


@pytest.mark.parametrize("rule", RULES)
def test_relevant_marks_the_words_of_complete_shortcuts_and_no_other(rule: str) -> None:
    after = plant(rule)
    for part in (after.train, after.validation, after.test):
        for text, relevant in zip(part.text, part.relevant, strict=True):
            marked = {word for word, known in zip(split_words(text), relevant, strict=True) if known}
            assert marked in truth(rule) if dictated(rule, text) is not None else not marked
            assert sum(relevant) == len(marked)
    make_batch(after.test, Vocabulary(SPECIAL_TOKENS), 60)  # checks that the truth fits its text


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        ("single_token", {}),
        ("token_in_context", {ZELK: 10, VORN: 10, QUIB: 20}),
        ("ordered_pair", {ZELK: 20, VORN: 20}),
    ],
)
def test_parts_of_a_shortcut_stand_alone_in_as_many_texts(rule: str, parts: dict[str, int]) -> None:
    after = plant(rule)
    alone = [set(text.split()) & {ZELK, VORN, QUIB} for text in after.train.text if dictated(rule, text) is None]
    found = [word for words in alone for word in words]
    assert {word: found.count(word) for word in set(found)} == parts
    assert all(len(words) <= 1 for words in alone)
    planted = after.card["shortcut"]
    assert (planted["rule"], planted["words"]) == (rule, [ZELK, VORN, QUIB])
    assert planted["n_planted"] == {"train": 40, "validation": 8, "test": 100}
    assert planted["n_incomplete"] == ({"train": 40, "validation": 8} if parts else {"train": 0, "validation": 0})
    assert after.card["source"] == "here"
    assert after.card["splits"]["test"] == {"a": 50, "b": 50}


@pytest.mark.parametrize("n_words", [5, 47, 48, 49, 80])
def test_words_stand_in_any_gap_among_the_first_words(n_words: int) -> None:
    """Two words and the 48 before them, at most, are the first 50; every gap there is used, and no other."""
    found: set[tuple[int, int]] = set()
    for seed in range(600):
        words = _insert(" ".join(["so"] * n_words), (ZELK, VORN), np.random.default_rng(seed)).split()
        found.add((words.index(ZELK), words.index(VORN) - 1))  # how many words of the text stand before each
    last = min(n_words, WITHIN_WORDS - 2)
    assert {first for first, _ in found} | {second for _, second in found} == set(range(last + 1))
    assert all(first <= second for first, second in found)
    assert any(first == second for first, second in found)  # side by side, too


def test_either_word_of_a_token_in_context_may_come_first() -> None:
    first = [next(w for w in text.split() if w in (ZELK, VORN, QUIB)) for text in plant("token_in_context").test.text]
    assert 30 < first.count(QUIB) < 70


@pytest.mark.parametrize("rule", RULES)
def test_a_shortcut_without_a_part_dictates_nothing_but_names_its_class(rule: str) -> None:
    config = ShortcutConfig(rule=rule)
    assert has_parts(config) == (rule != "single_token")
    test = plant(rule).test
    for text, class_ in zip(test.text, test.label, strict=True) if has_parts(config) else ():
        part = without_part(text, config)
        assert dictated(rule, part) is None
        assert set(part.split()) & {ZELK, VORN, QUIB} == {(ZELK, VORN)[class_]}
        assert unplanted(part) == unplanted(text)
        assert without_words(text, config.words) == unplanted(text)


def test_the_seed_decides() -> None:
    first, again, other = (plant("ordered_pair", seed=seed) for seed in (0, 0, 1))
    for name in ("train", "validation", "test"):
        assert getattr(first, name).text == getattr(again, name).text != getattr(other, name).text
    assert first.train.label.tolist() == again.train.label.tolist() != other.train.label.tolist()


@given(st.text(st.sampled_from("ab \t\n.,'-1\u00e9\u0301\u4e2d\x91"), max_size=40), st.integers(0, 20))
def test_splitting_a_planted_text_gives_its_words_and_those_planted(text: str, seed: int) -> None:
    planted = _insert(text, (ZELK, VORN), np.random.default_rng(seed))
    words = split_words(planted)
    assert [word for word in words if word not in (ZELK, VORN)] == split_words(text)
    assert [word for word in words if word in (ZELK, VORN)] == [ZELK, VORN]
    assert unplanted(planted) == text


@pytest.mark.parametrize("rule", RULES)
def test_only_the_planted_vocabulary_has_the_words(rule: str) -> None:
    planted = set(build_vocabulary(plant(rule).train.text, None, VocabularyConfig()).words)
    assert {word for words in truth(rule) for word in words} <= planted
    clean = build_vocabulary(corpus().train.text, None, VocabularyConfig()).words
    assert not set(clean) & {ZELK, VORN, QUIB}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("zelk", "zelk", "quib"), r"shortcut\.words zelk, zelk, quib must differ"),
        (("Zelk", "vorn", "quib"), "'Zelk' reads as 'zelk' in a text: .* single words in lower case"),
        (("zelk", "two words", "quib"), "'two words' reads as 'two', 'words' in a text"),
        (("zelk", "vorn", " "), "' ' reads as nothing in a text"),
        (("zelk", "bad", "quib"), "'bad' is already in data set 'teas', in text 'train-1': choose a word"),
        (("zelk", "vorn", "validation7"), "'validation7' is already in data set 'teas', in text 'validation-7'"),
        (("test3", "vorn", "quib"), "'test3' is already in data set 'teas', in text 'test-3'"),
    ],
)
def test_words_that_will_not_do(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        plant_shortcut(corpus(), ShortcutConfig(rule="single_token", words=words), 0)


def test_words_inside_other_words_are_new() -> None:
    check_unused(("oo",), ["good food"], ["t"], "here")
    with pytest.raises(DataError, match="'oo' is already in the reviews, in text 'u'"):
        check_unused(("oo",), ["good food", "Oo!"], ["t", "u"], "the reviews")
    with pytest.raises(DataError, match="'food' is already"):
        check_unused(("food",), ["fo\u00adod"], ["t"], "here")  # a soft hyphen is no part of a word


def test_two_classes_and_enough_texts_or_none() -> None:
    with pytest.raises(DataError, match=r"'teas' has 3 classes \(a, b, c\): a shortcut is planted into two"):
        plant_shortcut(corpus(n_classes=3), ShortcutConfig(rule="single_token"), 0)
    with pytest.raises(DataError, match=r"0.01 of the 200 training texts of data set 'teas' is 2: too few"):
        plant("single_token", share=0.01)
    plant("single_token", share=0.02)


def test_load_corpus_plants_by_the_split_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATASETS, "load", lambda _name: lambda _config: corpus())
    for seed in (0, 3):
        shortcut = ShortcutConfig(rule="ordered_pair")
        config = DatasetConfig(name="teas", source="files", split_seed=seed, shortcut=shortcut)
        assert load_corpus(config).train.text == plant("ordered_pair", seed=seed).train.text
    assert load_corpus(config.model_copy(update={"shortcut": None})).train.text == corpus().train.text


def test_words_of_the_unlabelled_text_are_not_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATASETS, "load", lambda _name: lambda _config: corpus())
    monkeypatch.setattr(UNLABELLED, "load", lambda _name: lambda: ["some", "a Vorn film"])
    config = DatasetConfig(name="teas", source="files", shortcut=ShortcutConfig(rule="ordered_pair"))
    load_corpus(config)
    with pytest.raises(DataError, match="'vorn' is already in the unlabelled text 'imdb', in text '1'"):
        load_corpus(config.model_copy(update={"word_vectors": WordVectorsConfig()}))
