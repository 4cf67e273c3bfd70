"""Texts of a task with known answers: `source: planted`, `task: negation`, say (study.tasks)."""

from __future__ import annotations

import numpy as np

from study.config import DatasetConfig
from study.data.splits import splits_card
from study.data.words import split_words
from study.errors import ConfigError, DataError
from study.records import Corpus, LabelledTexts
from study.registry import suggest
from study.seeds import rng_of
from study.tasks import TASKS
from study.tasks.language import CLASS_NAMES, N_WORDS, PlantedText, Task, label_of

N_TRAIN = 4000  # where `max_train` says nothing
_TRIES = 200  # random texts drawn for one that is new, before the task counts as exhausted


def load_planted(config: DatasetConfig) -> Corpus:
    """The task's texts, all different, drawn by `split_seed`; test texts only where the truth is beyond dispute.

    Raises: ConfigError for a data set that names no task; DataError where the task has too few texts, or one whose
    truth words do not fit it.
    """
    if config.task is None:
        raise ConfigError(f"data set '{config.name}' of source 'planted' names no `task`{suggest('', TASKS)}")
    task: Task = TASKS.load(config.task)
    _check_words(task)
    rng = rng_of(config.split_seed, "planted", task.name)
    seen: set[tuple[str, ...]] = set()
    sizes = {"test": config.test_size, "validation": config.validation_size, "train": config.max_train or N_TRAIN}
    parts = {name: _draw_texts(task, name, size, rng, seen) for name, size in sizes.items()}
    card = {"source": "planted", "task": task.name, "rule": task.summary}
    splits = (parts["train"], parts["validation"], parts["test"])
    return Corpus(
        name=config.name,
        class_names=CLASS_NAMES,
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        card=card | splits_card(CLASS_NAMES, *splits),
    )


def _draw_texts(
    task: Task, split: str, size: int, rng: np.random.Generator, seen: set[tuple[str, ...]]
) -> LabelledTexts:
    texts: list[PlantedText] = []
    for _ in range(size):
        texts.append(_draw_new(task, split, rng, seen))
        seen.add(texts[-1].words)
    return LabelledTexts(
        example_id=tuple(f"{task.name}-{split}-{i:05d}" for i in range(size)),
        text=tuple(" ".join(text.words) for text in texts),
        label=np.array([label_of(task, text.words) for text in texts]),
        relevant=tuple(text.relevant for text in texts),
    )


def _draw_new(task: Task, split: str, rng: np.random.Generator, seen: set[tuple[str, ...]]) -> PlantedText:
    """A text that was not drawn yet, and one whose truth words are beyond dispute where it is to be explained."""
    for _ in range(_TRIES):
        text = task.draw(rng)
        _check(task, text)
        if text.words not in seen and (split != "test" or task.telling(text.words)):
            return text
    raise DataError(
        f"task '{task.name}' has no more than about {len(seen)} different texts, too few for the sizes asked for: "
        "lower max_train, validation_size or test_size"
    )


def _check_words(task: Task) -> None:
    """Raises: DataError for a word that the word axis of the study does not keep as it is."""
    for word in task.words:
        read = " ".join(split_words(word))
        if read != word:
            raise DataError(
                f"task '{task.name}' has the word '{word}', which is read as '{read}': write words in lower case, "
                "without spaces or marks"
            )


def _check(task: Task, text: PlantedText) -> None:
    """Raises: DataError for a text of another length, with unknown words, or with no truth words or some outside it."""
    unknown = sorted(set(text.words) - set(task.words))
    if unknown:
        raise DataError(
            f"task '{task.name}' drew the words {', '.join(unknown)}, which are not among its own"
            f"{suggest(unknown[0], task.words)}"
        )
    if len(text.words) != N_WORDS:
        raise DataError(
            f"task '{task.name}' drew '{' '.join(text.words)}', which has {len(text.words)} words: its texts have "
            f"{N_WORDS}, so that places mean the same in all"
        )
    if len(text.relevant) != len(text.words):
        raise DataError(
            f"task '{task.name}' marks {len(text.relevant)} words of '{' '.join(text.words)}', which has "
            f"{len(text.words)}: `relevant` has one entry a word, True for those that decide"
        )
    if not any(text.relevant):
        raise DataError(f"task '{task.name}' marks no word of '{' '.join(text.words)}' as deciding: mark one or more")
