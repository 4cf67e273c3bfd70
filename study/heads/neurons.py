"""Every MLP split over its neurons, exactly: what a neuron writes at CLS, and which words drive it.

MLP(x) = sum over neurons of activation x W_out[neuron], plus b_out, so the MLP's direct contribution is the sum
of its neurons' and its bias's. A neuron's share of the word game is a component like any other: its words' Shapley
values are the same linear map of its contributions over coalitions, and sum over neurons to the MLP's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.errors import UnknownNameError
from study.game.heads import HeadSubject
from study.game.removals import remove_words
from study.model.encoder import Encoder, Mlp
from study.records import BoolArray, FloatArray, read_only


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronContributions:
    """Direct contributions of all neurons at CLS, logits, at the final LayerNorm's scale; no layers without MLPs.

    values: [example layer neuron]; bias: [example layer], b_out's part; active: [example layer neuron], whether the
    neuron fires at CLS. values summed over neurons, plus bias, are the components `L0.mlp`, `L1.mlp`, ...
    """

    values: FloatArray
    bias: FloatArray
    active: BoolArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values, shape=(None, None, None), name="values"))
        shape = np.shape(self.values)
        object.__setattr__(self, "bias", read_only(self.bias, shape=shape[:2], name="bias"))
        object.__setattr__(self, "active", read_only(self.active, dtype=np.bool_, shape=shape, name="active"))


def neuron_name(layer: int, neuron: int) -> str:
    """ "L0N17": neuron 17 of layer 0's MLP."""
    return f"L{layer}N{neuron}"


def neuron_place(model: Encoder, name: str) -> tuple[int, int]:
    """(layer, neuron) of a neuron's name, "L0N17" say.

    Raises: UnknownNameError saying which layers and neurons the model has.
    """
    found = re.fullmatch(r"L(\d+)N(\d+)", name)
    layer, neuron = (int(number) for number in found.groups()) if found else (-1, -1)
    _check(model, name, layer, neuron)
    return layer, neuron


def neuron_contributions(model: Encoder, token_ids: Tensor, attend: Tensor, target: Tensor) -> NeuronContributions:
    """What every neuron adds to the margin of target [example], for texts token_ids, attend [example pos]."""
    mlps = _mlps(model)
    if not mlps:
        n = len(token_ids)
        return NeuronContributions(
            values=np.zeros((n, 0, 0)), bias=np.zeros((n, 0)), active=np.zeros((n, 0, 0), dtype=bool)
        )
    with torch.no_grad():
        inputs, scale = _mlp_inputs(model, token_ids, attend)
        readout = model.readout(target)[0] / scale[:, None]
        acts = torch.stack([_activations(mlp, x) for mlp, x in zip(mlps, inputs, strict=True)], 1)
        written = torch.stack([mlp.W_out for mlp in mlps])
        values = acts * torch.einsum("lmd,nd->nlm", written, readout)
        bias = torch.einsum("ld,nd->nl", torch.stack([mlp.b_out for mlp in mlps]), readout)
    return NeuronContributions(
        values=values.double().cpu().numpy(), bias=bias.double().cpu().numpy(), active=(acts > 0).cpu().numpy()
    )


def neuron_game(subject: HeadSubject, words: BoolArray, chosen: Sequence[tuple[int, int]]) -> FloatArray:
    """[coalition chosen], logits, float64: what the chosen (layer, neuron) add to the margin of word coalitions.

    words: [coalition word]. The final LayerNorm's scale is recomputed for every coalition, as in the word game, and
    draws of a removal operator that has several are averaged; so over all neurons of a layer and b_out this sums
    to the game's component of that MLP. `subject.chunk_size` coalitions at a time.

    Raises: ValueError when masks do not have one column per word; UnknownNameError for a neuron that is not there.
    """
    words = np.ascontiguousarray(words, dtype=bool)
    n_words = len(subject.token_ids) - 1
    if words.ndim != 2 or words.shape[1] != n_words:
        raise ValueError(f"word masks have shape {words.shape}, wanted (coalitions, {n_words})")
    for layer, neuron in chosen:
        _check(subject.model, neuron_name(layer, neuron), layer, neuron)
    if not chosen or not len(words):
        return np.zeros((len(words), len(chosen)))
    step = subject.chunk_size
    return np.concatenate(
        [_chosen_contributions(subject, words[i : i + step], chosen) for i in range(0, len(words), step)]
    )


def _chosen_contributions(subject: HeadSubject, words: BoolArray, chosen: Sequence[tuple[int, int]]) -> FloatArray:
    """`neuron_game` of one chunk."""
    model = subject.model
    rows, seen = remove_words(subject.removal, subject.token_ids, words, subject.replacements)
    draws = []
    with torch.no_grad():
        direction = model.readout(torch.tensor([subject.target], device=model.device))[0][0]
        for ids, attend in zip(rows, seen, strict=True):
            inputs, scale = _mlp_inputs(
                model,
                torch.tensor(ids, device=model.device),
                None if attend.all() else torch.tensor(attend, device=model.device),
            )
            parts = scale.new_empty(len(words), len(chosen))
            for layer, mlp in enumerate(_mlps(model)):
                columns = [k for k, (at, _) in enumerate(chosen) if at == layer]
                neurons = [chosen[k][1] for k in columns]
                parts[:, columns] = _activations(mlp, inputs[layer], neurons) * (mlp.W_out[neurons] @ direction)
            draws.append(parts / scale[:, None])
    return np.asarray(torch.stack(draws).double().mean(0).cpu().numpy())


def _mlp_inputs(model: Encoder, token_ids: Tensor, attend: Tensor | None) -> tuple[list[Tensor], Tensor]:
    """What every MLP reads at CLS, each [example d_model], and the final LayerNorm's divisor [example].

    attend None: every position may be attended to. Of the last layer only CLS is computed.
    """
    stream = model.embed(token_ids)
    seen = torch.ones_like(token_ids, dtype=torch.bool) if attend is None else attend
    inputs = []
    for layer, block in enumerate(model.layers):
        x = block.norm_attention(stream)
        if layer < len(model.layers) - 1:
            stream = stream + block.attention(x, seen)
        else:
            mixed = block.attention.mix_readout(x, attend)
            written = torch.einsum("nhe,hed->nd", mixed, block.attention.W_O) + block.attention.bias()
            stream = stream[:, :1] + written[:, None]
        if block.mlp is not None:
            x = block.norm_mlp(stream)
            inputs.append(x[:, 0])
            stream = stream + block.mlp(x)
    return inputs, model.readout_scale(stream[:, 0])


def _activations(mlp: Mlp, x: Tensor, neurons: Sequence[int] | None = None) -> Tensor:
    """[example neuron] after the ReLU, of all neurons or of some."""
    W_in, b_in = (mlp.W_in, mlp.b_in) if neurons is None else (mlp.W_in[:, neurons], mlp.b_in[neurons])
    return (x @ W_in + b_in).relu()


def _mlps(model: Encoder) -> list[Mlp]:
    """The MLPs, layer by layer; none in the attention-only variant."""
    return [block.mlp for block in model.layers if block.mlp is not None]


def _check(model: Encoder, name: str, layer: int, neuron: int) -> None:
    mlps = _mlps(model)
    if not mlps:
        raise UnknownNameError(f"unknown neuron '{name}': this model has no MLPs (d_mlp: 0)")
    if not (0 <= layer < len(mlps) and 0 <= neuron < len(mlps[0].b_in)):
        raise UnknownNameError(
            f"unknown neuron '{name}': this model has layers 0-{len(mlps) - 1}, neurons 0-{len(mlps[0].b_in) - 1}"
        )
