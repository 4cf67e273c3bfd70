"""Hand-built models and texts of the known-answer tasks, for tests; and a literal interpreter of their heads."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch

from study.config import ModelConfig
from study.game.coalitions import WordGame
from study.game.fast import FastEncoderGame
from study.game.removals import MASK_WORDS
from study.model.circuits import build_circuit
from study.model.encoder import Encoder
from study.model.protocol import ModelSource
from study.records import CLS, CLS_ID, MASK_ID, SPECIAL_TOKENS
from study.tasks import TASKS
from study.tasks.language import OUT, PlantedText, Task, position

NAMES = tuple(TASKS)
CONFIG = ModelConfig(
    name="hand-built",
    family="circuit",
    n_layers=2,
    n_heads=5,
    d_model=40,
    d_head=12,
    d_mlp=0,
    layer_norm=False,
    max_words=9,
)
ROTATED = CONFIG.model_copy(update={"name": "rotated", "rotate": True})
NOISY = ROTATED.model_copy(update={"weight_noise": 0.01})


def vocabulary_of(task: Task) -> tuple[str, ...]:
    return (*SPECIAL_TOKENS, *task.words)


def build(name: str, config: ModelConfig = CONFIG, seed: int = 0) -> Encoder:
    words = vocabulary_of(TASKS.load(name))
    source = ModelSource(config=config, words=words, n_classes=2, task=name)
    return build_circuit(source, torch.Generator().manual_seed(seed)).eval().requires_grad_(False)


def draw_texts(task: Task, n_texts: int, seed: int = 0, *, telling: bool = False) -> list[PlantedText]:
    rng = np.random.default_rng(seed)
    texts: list[PlantedText] = []
    while len(texts) < n_texts:
        text = task.draw(rng)
        if not telling or task.telling(text.words):
            texts.append(text)
    return texts


def token_rows(task: Task, texts) -> np.ndarray:
    """[example pos]; a word that is None is masked."""
    ids = {word: i for i, word in enumerate(vocabulary_of(task))}
    return np.array([[CLS_ID, *(MASK_ID if word is None else ids[word] for word in words)] for words in texts])


def logits_of(model: Encoder, rows: np.ndarray) -> np.ndarray:
    tokens = torch.tensor(rows)
    return model.logits(tokens, torch.ones_like(tokens, dtype=torch.bool)).double().numpy()


def game_of(model: Encoder, task: Task, words, kind: type[WordGame] = FastEncoderGame) -> WordGame:
    """The game of the margin of the second class, as explainers get it."""
    return kind(
        model,
        token_rows(task, [words])[0],
        target=1,
        removal=MASK_WORDS,
        replacements=np.full((1, len(words)), MASK_ID),
        chunk_size=256,
    )


def interpret(task: Task, words):
    """What the heads say they do, word for word, with attention that is a hard choice.

    Returns (what arrives on OUT at CLS, {head name: [dest src] scores}, {head name: [dest src] weights}).
    """
    stream = [{CLS: 1.0, position(0): 1.0}]
    stream += [{position(i): 1.0} | ({} if word is None else {word: 1.0}) for i, word in enumerate(words, start=1)]
    all_scores, all_weights = {}, {}
    for layer in sorted({head.layer for head in task.heads}):
        added = [defaultdict(float) for _ in stream]
        for head in task.heads:
            if head.layer != layer:
                continue
            scores = np.array(
                [
                    [sum(v * d.get(f, 0) * s.get(g, 0) for (f, g), v in head.scores.items()) for s in stream]
                    for d in stream
                ],
                dtype=float,
            )
            best = scores == scores.max(1, keepdims=True)
            weights = best / best.sum(1, keepdims=True)
            for dest, row in enumerate(weights):
                for src, weight in enumerate(row):
                    for (read, written), amount in head.writes.items():
                        added[dest][written] += weight * amount * stream[src].get(read, 0)
            all_scores[head.name], all_weights[head.name] = scores, weights
        for place, new in zip(stream, added, strict=True):
            for name, amount in new.items():
                place[name] = place.get(name, 0) + amount
    return stream[0].get(OUT, 0.0), all_scores, all_weights
