"""Transformers whose weights are set by hand to follow a known rule: ordinary encoders, their heads known.

Every feature of the task's language is one direction of the stream (`study.tasks.language`). A head's scores are a
bilinear form of two features, cut into W_Q and W_K; its writes are a linear map, cut into W_V and W_O. So what the
program does with any model it does with these, and the truth stands beside it. `rotate` turns the stream's basis by
a random orthogonal matrix, which changes no output but leaves nothing axis-aligned; `weight_noise` adds to every
weight, so that heads do a little of everything.

Precedents: Hao 2020 (hand-built LSTMs); Lindner et al. 2023 (tracr); Gupta et al. 2024 (InterpBench).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from study.errors import ConfigError
from study.model.encoder import Encoder
from study.model.protocol import ModelSource
from study.records import CLS, CLS_ID
from study.tasks import TASKS
from study.tasks.fitting import check_fit, factors, features_of, head_places, pair_matrix
from study.tasks.language import BIAS, GAIN, N_WORDS, OUT, HeadSpec, Task, position


def build_circuit(source: ModelSource, generator: torch.Generator) -> Encoder:
    """The encoder that follows the rule of `source.task`; heads in the task's order, those left over write nothing.

    generator: draws the rotation and the noise, where the config asks for them.

    Raises: ConfigError where the data set has no task, or the task does not fit the model's config.
    """
    if source.task is None:
        raise ConfigError(
            f"model '{source.config.name}' is of family 'circuit', set by hand for a task: it runs on data sets of "
            "source 'planted' only; name the models of the other data sets under datasets.<name>.models"
        )
    task: Task = TASKS.load(source.task)
    check_fit(task, source.config)
    missing = sorted(set(task.words) - set(source.words))
    if missing:
        raise ConfigError(
            f"task '{task.name}' has the words {', '.join(missing)}, which the vocabulary lacks: lower "
            "vocabulary.min_count or raise max_train"
        )
    config, features = source.config, features_of(task)
    model = Encoder(config, len(source.words), source.n_classes).double()
    with torch.no_grad():
        _set_embeddings(model, task, source.words, features)
        for spec, (layer, head) in zip(task.heads, head_places(task), strict=True):
            _set_head(model, spec, layer, head, features)
        if config.rotate:
            _rotate(model, generator)
        if config.weight_noise:
            _add_noise(model, config.weight_noise, generator)
    return model.float()


def _set_embeddings(model: Encoder, task: Task, words: Sequence[str], features: Mapping[str, int]) -> None:
    """One direction a word and a position; absent and padded words have none. The readout sees OUT, less the bias."""
    model.W_E[CLS_ID, features[CLS]] = 1.0
    for token, word in enumerate(words):
        if word in task.words:
            model.W_E[token, features[word]] = 1.0
    for place in range(N_WORDS + 1):
        model.W_pos[place, features[position(place)]] = 1.0
    half = torch.tensor([-0.5, 0.5], dtype=model.W_U.dtype) * GAIN
    model.W_U[features[OUT]] = half
    model.b_U.copy_(-BIAS * half)


def _set_head(model: Encoder, spec: HeadSpec, layer: int, head: int, features: Mapping[str, int]) -> None:
    attention = model.layers[layer].attention
    query, key = (torch.tensor(factor) for factor in factors(pair_matrix(spec.scores, features)))
    value, out = (torch.tensor(factor) for factor in factors(pair_matrix(spec.writes, features)))
    used, d_head = len(features), attention.W_Q.shape[-1]
    attention.W_Q[head, :used, : query.shape[1]] = query * math.sqrt(d_head)  # undoes the softmax's scale
    attention.W_K[head, :used, : key.shape[1]] = key
    attention.W_V[head, :used, : value.shape[1]] = value
    attention.W_O[head, : out.shape[1], :used] = out.T


def _rotate(model: Encoder, generator: torch.Generator) -> None:
    """Turns the basis of the stream: every output stays what it is."""
    d_model = len(model.W_U)
    gauss = torch.randn(d_model, d_model, generator=generator, dtype=torch.float64)
    basis, upper = torch.linalg.qr(gauss)
    basis = basis * torch.sign(torch.diagonal(upper))  # uniform over orthogonal matrices (Mezzadri 2007)
    model.W_E.copy_(model.W_E @ basis)
    model.W_pos.copy_(model.W_pos @ basis)
    for block in model.layers:
        for weight in (block.attention.W_Q, block.attention.W_K, block.attention.W_V):
            weight.copy_(basis.T @ weight)
        block.attention.W_O.copy_(block.attention.W_O @ basis)
    model.W_U.copy_(basis.T @ model.W_U)


def _add_noise(model: Encoder, size: float, generator: torch.Generator) -> None:
    """Adds normal noise to every weight matrix, `size` times the root mean square of its own entries."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(noise * size * parameter.square().mean().sqrt())
