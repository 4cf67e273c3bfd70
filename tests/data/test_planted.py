"""Texts of the known-answer tasks as a data set: all different, decided by the seed, with their truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from study.config import DatasetConfig
from study.data import load_corpus
from study.data.batch import make_batch
from study.data.vocabulary import build_vocabulary
from study.data.words import split_words
from study.errors import ConfigError, DataError, UnknownNameError
from study.records import MASK_ID, UNKNOWN_ID
from study.tasks import TASKS
from study.tasks.language import PlantedText, Task, label_of
from tests.tasks import own_task
from tests.tasks.hand_built import NAMES

SIZES = {"max_train": 300, "validation_size": 50, "test_size": 60}


def config(task: str | None, **changes: object) -> DatasetConfig:
    return DatasetConfig.model_validate({"name": "set", "source": "planted", "task": task, **SIZES, **changes})


@pytest.mark.parametrize("name", NAMES)
def test_splits_have_their_sizes_and_no_text_twice(name: str) -> None:
    corpus, task = load_corpus(config(name)), TASKS.load(name)
    splits = (corpus.train, corpus.validation, corpus.test)
    assert [len(split) for split in splits] == [300, 50, 60]
    texts = [text for split in splits for text in split.text]
    assert len(set(texts)) == len(texts) == 410
    assert len({i for split in splits for i in split.example_id}) == 410
    assert corpus.class_names == ("negative", "positive")
    for split in splits:
        assert split.own_label is None
        for text, label in zip(split.text, split.label, strict=True):
            assert label == label_of(task, text.split())
        assert 0.25 < split.label.mean() < 0.75


@pytest.mark.parametrize("name", NAMES)
def test_truth_lies_on_the_word_axis_of_the_study(name: str) -> None:
    """Nine words in every text, none unknown, and words without the truth words leave nothing to decide by."""
    corpus, task = load_corpus(config(name)), TASKS.load(name)
    vocabulary = build_vocabulary(corpus.train.text, None, config(name).vocabulary)
    assert set(task.words) <= set(vocabulary.words)
    batch = make_batch(corpus.test, vocabulary, 9)
    assert batch.token_ids.shape == (60, 10)
    assert not np.isin(batch.token_ids, [UNKNOWN_ID, MASK_ID]).any()
    assert batch.relevant == corpus.test.relevant is not None
    for words, relevant, text in zip(batch.words, batch.relevant or (), batch.text, strict=True):
        assert list(words) == split_words(text) == text.split()
        only = [word if known else None for word, known in zip(words, relevant, strict=True)]
        assert np.sign(task.rule(only)) == np.sign(task.rule(words))  # the truth words alone give the label


def test_only_test_texts_are_all_telling() -> None:
    corpus, told = load_corpus(config("context")), TASKS.load("context").telling
    assert all(told(text.split()) for text in corpus.test.text)
    assert not all(told(text.split()) for text in corpus.train.text)


def test_texts_are_decided_by_the_seed_and_the_task() -> None:
    first, again = load_corpus(config("order")), load_corpus(config("order", name="other"))
    assert first.train.text == again.train.text
    assert first.test.relevant == again.test.relevant
    assert first.train.text != load_corpus(config("order", split_seed=1)).train.text
    fewer = load_corpus(config("order", max_train=100))
    assert fewer.test.text == first.test.text  # which texts are explained does not hang on how many train
    assert fewer.train.text == first.train.text[:100]


def test_card_says_what_it_is() -> None:
    card = load_corpus(config("negation")).card
    assert (card["source"], card["task"]) == ("planted", "negation")
    assert card["rule"] == "good or bad decides, turned by not just before it"


def test_without_max_train_there_are_4000() -> None:
    assert len(load_corpus(config("majority", max_train=None)).train) == 4000


# mistakes


def load_own(monkeypatch: pytest.MonkeyPatch, task: Task, **changes: object) -> None:
    monkeypatch.setattr(own_task, "TASK", task)
    monkeypatch.setitem(TASKS._entries, task.name, "tests.tasks.own_task:TASK")
    load_corpus(config(task.name, **changes))


def drawn(words: str, relevant: Mapping[int, bool]) -> Task:
    """The task whose every text is this."""
    row = words.split()
    marks = tuple(relevant.get(i, False) for i in range(max([len(row), *(i + 1 for i in relevant)])))
    return replace(own_task.TASK, draw=lambda _rng: PlantedText(words=tuple(row), relevant=marks))


def test_task_is_missing_or_unknown() -> None:
    with pytest.raises(ConfigError) as error:
        load_corpus(config(None))
    assert str(error.value) == (
        "data set 'set' of source 'planted' names no `task` "
        "(allowed: single, context, order, negation, majority, induction)"
    )
    with pytest.raises(UnknownNameError, match="unknown task 'ordr'; did you mean 'order'"):
        load_corpus(config("ordr"))


NINE = "u v z z z z z z z"


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (
            drawn("u v z z z z z z w", {0: True}),
            "task 'neighbours' drew the words w, which are not among its own (allowed: u, v, n1, n2, n3, z)",
        ),
        (
            drawn(NINE, {9: True}),
            f"task 'neighbours' marks 10 words of '{NINE}', which has 9: `relevant` has one entry a word, True for "
            "those that decide",
        ),
        (drawn(NINE, {}), f"task 'neighbours' marks no word of '{NINE}' as deciding: mark one or more"),
        (
            drawn("u v z z", {0: True}),
            "task 'neighbours' drew 'u v z z', which has 4 words: its texts have 9, so that places mean the same in "
            "all",
        ),
        (
            drawn(NINE, {0: True}),
            "task 'neighbours' has no more than about 1 different texts, too few for the sizes asked for: lower "
            "max_train, validation_size or test_size",
        ),
        (
            replace(own_task.TASK, rule=lambda _words: 0.0),
            None,
        ),
        (
            replace(own_task.TASK, words=("U", "v", "n1", "n2", "n3", "z")),
            "task 'neighbours' has the word 'U', which is read as 'u': write words in lower case, without spaces or "
            "marks",
        ),
        (
            replace(own_task.TASK, words=("u_v", "v", "n1", "n2", "n3", "z")),
            "task 'neighbours' has the word 'u_v', which is read as 'u _ v': write words in lower case, without spaces "
            "or marks",
        ),
    ],
)
def test_own_task_that_is_wrong(monkeypatch: pytest.MonkeyPatch, task: Task, told: str | None) -> None:
    with pytest.raises(DataError) as error:
        load_own(monkeypatch, task)
    if told is None:
        assert "task 'neighbours': the rule gives 0 for '" in str(error.value)
    else:
        assert str(error.value) == told


def test_own_task_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    load_own(monkeypatch, own_task.TASK)
