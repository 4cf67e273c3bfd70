"""Hand-built models with their texts as head batches, and heads by name."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from study.config import HeadsConfig
from study.heads import HEAD_METHODS
from study.heads.batch import HeadBatch
from study.heads.groups import GroupEffects, group_effects
from study.model.circuits import head_places
from study.records import FloatArray, HeadAttribution, TextBatch
from study.tasks import TASKS
from study.tasks.language import GAIN, N_WORDS, Task, label_of
from tests.heads.batches import head_batch
from tests.tasks.hand_built import CONFIG as HAND_BUILT
from tests.tasks.hand_built import build, draw_texts, token_rows

CONFIG = HeadsConfig()
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circuit:
    """A hand-built model on some texts of its task; margins are of the second class, as in a run."""

    task: Task
    texts: tuple[Words, ...]
    reference: tuple[Words, ...]
    batch: HeadBatch

    def place(self, head: str) -> tuple[int, int]:
        return dict(zip((spec.name for spec in self.task.heads), head_places(self.task), strict=True))[head]

    def number(self, head: str) -> int:
        """Among all heads, layer by layer."""
        layer, number = self.place(head)
        return layer * self.batch.shape[1] + number

    def raw(self, method: str, head: str) -> FloatArray:
        """[example], the scores of one head as the method gives them."""
        return np.array([record.scores[self.place(head)] for record in _attributions(self, method)])

    def scores(self, method: str, head: str) -> FloatArray:
        """[example], the scores of one head in units of the readout gain, as HeadSpec.writes has them."""
        return self.raw(method, head) / GAIN

    def group(self, ablation: str, *heads: str) -> FloatArray:
        """[example], in units of the readout gain: what these heads together do to the margin."""
        names = sorted((self.number(head), "L{}H{}".format(*self.place(head))) for head in heads)
        found = next(effects for effects in _groups(self) if effects.ablation == ablation)
        return found.effect[:, found.groups.index("+".join(name for _, name in names))] / GAIN


@cache
def _attributions(found: Circuit, method: str) -> list[HeadAttribution]:
    return HEAD_METHODS.load(method)(found.batch, CONFIG)


@cache
def _groups(found: Circuit) -> list[GroupEffects]:
    """With every pair under every ablation."""
    names = found.batch.subjects[0].head_index.names
    config = CONFIG.model_copy(update={"groups": tuple(itertools.combinations(names, 2))})
    return group_effects(found.batch, config)


def circuit_on(name: str, texts, reference) -> Circuit:
    """The hand-built model of a task on these texts, in float64; reference: those behind every mean."""
    task = TASKS.load(name)
    n_heads = 1 + max(head for _, head in head_places(task))  # no more, for 2^heads subsets are evaluated
    model = build(name, HAND_BUILT.model_copy(update={"n_heads": n_heads})).double()
    batch = head_batch(model, text_batch(task, texts), reference=text_batch(task, reference), config=CONFIG)
    return Circuit(task=task, texts=tuple(texts), reference=tuple(reference), batch=batch)


@cache
def circuit(name: str) -> Circuit:
    """On 12 random texts and one without z, which distractors read, and one without n1; 150 reference texts."""
    task = TASKS.load(name)
    drawn = [text.words for text in draw_texts(task, 12, seed=1)]
    swapped = [tuple("n2" if w == noise else w for w in text) for noise, text in zip(("z", "n1"), drawn, strict=False)]
    return circuit_on(name, (*drawn, *swapped), [text.words for text in draw_texts(task, 150)])


def text_batch(task: Task, texts) -> TextBatch:
    token_ids = token_rows(task, texts)
    return TextBatch(
        example_id=tuple(f"t{i}" for i in range(len(texts))),
        text=tuple(" ".join(words) for words in texts),
        words=tuple(texts),
        token_ids=token_ids,
        attend=np.ones_like(token_ids, dtype=bool),
        word_of_token=np.broadcast_to(np.arange(-1, N_WORDS), token_ids.shape),
        label=np.array([label_of(task, words) if task.rule(words) else 0 for words in texts]),
    )


def tensors_of(found: Circuit) -> tuple[torch.Tensor, torch.Tensor]:
    """(token_ids, attend)."""
    return found.batch.token_ids, found.batch.attend
