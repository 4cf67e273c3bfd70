"""The identities of a model and its game, measured on real texts; each becomes a gate (`study.gates`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from study import gates
from study.game.coalitions import PlainGame, WordGame
from study.game.heads import HeadGame, HeadSubject
from study.game.removals import Removal, remove_words
from study.game.subject import Subject
from study.model.ablation import margins_replaced
from study.model.encoder import Encoder
from study.model.protocol import ClassifierModel, margins
from study.model.training import batch_tensors
from study.records import BoolArray, Contributions, FloatArray, Gate, TextBatch

N_COALITIONS = 16  # sampled for each explained text, beside the full and the empty one
N_SUBSETS = 8  # about so many of them, and as many subsets of the heads, for the game of both
N_PADDING = 7  # extra positions appended


def attention_view_gates(model: ClassifierModel, batch: TextBatch, where: str, dtype: str) -> list[Gate]:
    """The two views of every attention layer on every text, padding included."""
    if not isinstance(model, Encoder):
        return []
    token_ids, attend = _tensors(model, batch)
    with torch.no_grad():
        differences = [error.max() for error in _view_differences(model, token_ids, attend)]
    error = torch.stack(differences).double().cpu().numpy()
    return [gates.make_gate(gates.ATTENTION_VIEWS, error, where, dtype=dtype)]


def _view_differences(model: Encoder, token_ids: Tensor, attend: Tensor) -> Iterator[Tensor]:
    """Per layer, |concatenation view - (sum over heads of the sum view + bias)|."""
    stream = model.embed(token_ids)
    for block in model.layers:
        attention = block.attention
        x = block.norm_attention(stream)
        mixed = attention.mix(x, attention.pattern(x, attend))
        yield (attention.concatenation_view(mixed) - attention.sum_view(mixed).sum(2) - attention.bias()).abs()
        stream = block(stream, attend)


def component_gates(contributions: Contributions, where: str, dtype: str) -> list[Gate]:
    """Contributions of every text against the margin of the plain forward pass."""
    error = contributions.values.sum(1) - contributions.margin
    relative = error / np.maximum(1.0, np.abs(contributions.margin))
    return [gates.make_gate(gates.COMPONENTS, relative, where, dtype=dtype)]


def game_gates(
    subject: Subject, game: WordGame, removal: Removal, rng: np.random.Generator, where: str, dtype: str
) -> list[Gate]:
    """The subject's game against the plain forward pass: component by component, and summed against the margin."""
    present = _sample_coalitions(subject.n_players, rng)
    values = game.value(present)
    plain = PlainGame(
        game.model,
        game.token_ids,
        target=game.target,
        removal=removal,
        replacements=game.replacements,
        chunk_size=game.chunk_size,
    )
    direct = _plain_margins(game, present)
    scale = float(max(abs(direct[0]), abs(direct[-1])))
    return [
        gates.make_gate(gates.FAST_GAME, values - plain.value(present), where, dtype=dtype, scale=scale),
        gates.make_gate(gates.GAME_SUM, values.sum(1) - direct, where, dtype=dtype, scale=scale),
    ]


def head_game_gates(subject: HeadSubject, rng: np.random.Generator, where: str, dtype: str) -> list[Gate]:
    """The game of words and heads against plain forward passes in which every replaced head is written out."""
    game = subject.new_game()
    words = _sample_coalitions(subject.n_players, rng)[:: N_COALITIONS // N_SUBSETS]
    heads = _sample_coalitions(game.n_heads, rng)[:: N_COALITIONS // N_SUBSETS]
    words[-1] = True  # as in the sample, the first is empty
    heads[0], heads[-1] = False, True
    plain = np.stack([_plain_ablated(game, words, subset) for subset in heads], axis=1)
    scale = float(max(abs(plain[0, -1]), abs(plain[-1, -1])))
    return [gates.make_gate(gates.HEAD_GAME, game.value(words, heads) - plain, where, dtype=dtype, scale=scale)]


def _plain_ablated(game: HeadGame, present: BoolArray, subset: BoolArray) -> FloatArray:
    """[coalition], margins with the heads outside `subset` replaced one by one, averaged over draws."""
    model = game.model
    rows, seen = remove_words(game.removal, game.token_ids, present, game.replacements)
    target = torch.full((len(present),), game.target, device=model.device)
    replaced = ~torch.tensor(subset, device=model.device).view(1, game.n_layers, -1, 1)
    n_positions = rows.shape[-1]
    outputs = torch.stack([game.fill.of_layer(layer, n_positions) for layer in range(game.n_layers)], 1)
    with torch.no_grad():
        draws = [
            margins_replaced(
                model,
                model.embed(torch.tensor(ids, device=model.device)),
                torch.tensor(attend, device=model.device),
                target,
                outputs,
                replaced,
            )
            for ids, attend in zip(rows, seen, strict=True)
        ]
    return np.asarray(torch.stack(draws).double().mean(0).cpu().numpy())


def padding_gates(model: ClassifierModel, batch: TextBatch, target: Tensor, where: str, dtype: str) -> list[Gate]:
    """Margins with extra padding against margins without; as far as the model has positions."""
    token_ids, attend = _tensors(model, batch)
    extra = min(N_PADDING, model.max_positions - token_ids.shape[1])
    if extra < 1:  # full already: take the padding away from the shorter texts instead
        return _unpadded_gates(model, batch, target, where, dtype)
    with torch.no_grad():
        plain = margins(model.logits(token_ids, attend), target)
        padded = margins(
            model.logits(torch.nn.functional.pad(token_ids, (0, extra)), torch.nn.functional.pad(attend, (0, extra))),
            target,
        )
    return [_padding_gate(plain, padded, where, dtype)]


def _unpadded_gates(model: ClassifierModel, batch: TextBatch, target: Tensor, where: str, dtype: str) -> list[Gate]:
    token_ids, attend = _tensors(model, batch)
    lengths = attend.sum(1).tolist()
    with torch.no_grad():
        together = margins(model.logits(token_ids, attend), target)
        alone = torch.cat(
            [
                margins(model.logits(token_ids[i : i + 1, :n], attend[i : i + 1, :n]), target[i : i + 1])
                for i, n in enumerate(lengths)
            ]
        )
    return [_padding_gate(alone, together, where, dtype)]


def _padding_gate(plain: Tensor, padded: Tensor, where: str, dtype: str) -> Gate:
    relative = (plain - padded) / plain.abs().clamp(min=1.0)
    return gates.make_gate(gates.PADDING, relative.double().cpu().numpy(), where, dtype=dtype)


def _sample_coalitions(n_players: int, rng: np.random.Generator) -> BoolArray:
    rate = rng.random((N_COALITIONS, 1))
    sampled = rng.random((N_COALITIONS, n_players)) < rate
    return np.concatenate([np.zeros((1, n_players), bool), sampled, np.ones((1, n_players), bool)])


def _plain_margins(game: WordGame, present: BoolArray) -> FloatArray:
    """[coalition], margins by `logits`, averaged over the draws of the removal operator."""
    device = game.model.device
    rows, seen = remove_words(game.removal, game.token_ids, present, game.replacements)
    target = torch.full((len(present),), game.target, device=device)
    with torch.no_grad():
        draws = [
            margins(game.model.logits(torch.tensor(r, device=device), torch.tensor(s, device=device)), target)
            for r, s in zip(rows, seen, strict=True)
        ]
    return np.asarray(torch.stack(draws).double().mean(0).cpu().numpy())


def _tensors(model: ClassifierModel, batch: TextBatch) -> tuple[Tensor, Tensor]:
    token_ids, attend = batch_tensors(batch, np.arange(len(batch)))
    return token_ids.to(model.device), attend.to(model.device)
