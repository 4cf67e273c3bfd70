"""transformer-lens as oracle: the logit lens, the neurons, and what its hooks measure when they take things out."""

from __future__ import annotations

import pytest
import torch

from study.heads.interventions import Item, intervene
from study.heads.lens import margins_by_layer
from study.heads.neurons import neuron_contributions, neuron_name
from study.heads.paths import trace_paths
from study.model.protocol import margins
from tests.model.test_transformer_lens import CONFIGS, FOLD_VALUE_BIAS, TOLERANCE, Pair
from tests.tiny import TINY, VARIANTS, largest

ONE = slice(0, 1)  # the first text, which has no padding


@CONFIGS
def test_logit_lens_agrees(variant):
    pair = Pair(VARIANTS[variant], no_processing=True)
    ours = margins_by_layer(pair.model, pair.token_ids, pair.attend, pair.target)
    has_mlp = "L0.mlp" in ours.steps
    stack, labels = pair.cache.accumulated_resid(incl_mid=has_mlp, pos_slice=0, return_labels=True)
    assert len(labels) == len(ours.steps) == (5 if has_mlp else 3)
    for step in range(len(labels)):
        normed = pair.lens.ln_final(stack[step])  # its LayerNorm module on the stream so far: a scale of its own
        theirs = margins(normed @ pair.lens.W_U + pair.lens.b_U, pair.target)
        assert largest(torch.tensor(ours.lens[:, step]) - theirs) < TOLERANCE
    added = pair.read(stack.diff(dim=0, prepend=torch.zeros_like(stack[:1])), direction_of(pair))
    assert largest(torch.tensor(ours.adds) - added) < TOLERANCE
    assert abs(ours.adds[:, 1:]).min() > 1e-4


def direction_of(pair):
    return pair.direction(pair.model.norm_readout.weight)


def test_neurons_agree():
    pair = Pair(TINY, no_processing=True)
    stack, labels = pair.cache.stack_neuron_results(2, pos_slice=0, return_labels=True)
    ours = neuron_contributions(pair.model, pair.token_ids, pair.attend, pair.target)
    assert labels == [neuron_name(layer, neuron) for layer in range(2) for neuron in range(12)]
    assert largest(torch.tensor(ours.values).flatten(1) - pair.read(stack, direction_of(pair))) < TOLERANCE
    assert abs(ours.values).max() > 0.1
    pair.model.layers[1].mlp.W_out *= 1.01
    wrong = neuron_contributions(pair.model, pair.token_ids, pair.attend, pair.target)
    assert largest(torch.tensor(wrong.values).flatten(1) - pair.read(stack, direction_of(pair))) > 10 * TOLERANCE


def margin_with(pair, *hooks):
    """Its margin of the first text while hooks change what passes them."""
    with torch.no_grad():
        logits = pair.lens.run_with_hooks(pair.token_ids[ONE], fwd_hooks=list(hooks))
    return float(margins(logits[:, 0], pair.target[ONE])[0])


@CONFIGS
def test_removing_a_head_or_a_neuron_at_cls_measures_the_same(variant):
    pair = Pair(VARIANTS[variant], **FOLD_VALUE_BIAS)
    full = margin_with(pair)
    for layer in range(2):
        for number in range(2):

            def no_head(z, hook, number=number):
                z = z.clone()
                z.view(*z.shape[:2], 2, -1)[:, 0, number] = 0.0
                return z

            (ours,) = intervene(pair.model, pair.token_ids[0], 1, [Item(kind="head", name=f"L{layer}H{number}")])
            theirs = full - margin_with(pair, (f"blocks.{layer}.attn.hook_z", no_head))
            assert abs(theirs) > 1e-4
            assert ours.live == pytest.approx(theirs, abs=TOLERANCE)
    for layer in range(2 if pair.model.layers[0].mlp is not None else 0):
        for number in range(12):

            def no_neuron(acts, hook, number=number):
                acts = acts.clone()
                acts[:, 0, number] = 0.0
                return acts

            (ours,) = intervene(
                pair.model, pair.token_ids[0], 1, [Item(kind="neuron", name=neuron_name(layer, number))]
            )
            theirs = full - margin_with(pair, (f"blocks.{layer}.mlp.hook_post", no_neuron))
            assert ours.live == pytest.approx(theirs, abs=TOLERANCE)


@CONFIGS
@pytest.mark.parametrize(
    ("first", "layer", "second"), [(None, 0, 1), (None, 1, 0), (None, 1, 1), (0, 1, 0), (1, 1, 0), (0, 1, 1)]
)
def test_path_patching_measures_the_same(variant, first, layer, second):
    """In two runs, with its hooks: what head `second` mixes when it reads a stream without the piece, then put back.

    The piece is the embedding, or what head `first` moved from the word by its own pattern and values.
    """
    pair = Pair(VARIANTS[variant], no_processing=True)
    model, cache, word = pair.model, pair.cache, 2
    piece = torch.zeros(10, 8, dtype=torch.float64)
    if first is None:
        piece[word + 1] = (cache["hook_embed"] + cache["hook_pos_embed"])[0, word + 1]
    else:
        attention, norm = model.layers[0].attention, model.layers[0].norm_attention
        value = cache["v", 0][0].view(10, 2, -1)[word + 1, first] - attention.b_V[first]
        value = value - norm.bias @ attention.W_V[first]  # the LayerNorm's shift is the same for every word
        piece = cache["pattern", 0][0, first, :, word + 1, None] * (value @ attention.W_O[first])
    found = {}

    def read_without(stream, hook):
        return stream - piece

    def keep(z, hook):
        found["z"] = z.view(*z.shape[:2], 2, -1)[:, :, second].clone()

    def put_back(z, hook):
        z = z.clone()
        z.view(*z.shape[:2], 2, -1)[:, :, second] = found["z"]
        return z

    margin_with(pair, (f"blocks.{layer}.ln1.hook_in", read_without), (f"blocks.{layer}.attn.hook_z", keep))
    theirs = margin_with(pair) - margin_with(pair, (f"blocks.{layer}.attn.hook_z", put_back))
    name = f"L{layer}H{second}" if first is None else f"L0H{first} > L{layer}H{second}"
    (ours,) = intervene(model, pair.token_ids[0], 1, [Item(kind="path", name=name, word_index=word)])
    assert abs(theirs) > 1e-4
    assert ours.live == pytest.approx(theirs, abs=TOLERANCE)
    assert ours.predicted == pytest.approx(ours.frozen, abs=1e-9)


def test_frozen_paths_from_its_cached_patterns_and_scales():
    """All two-hop terms from nothing but its cache (patterns, values, scales) and the weights."""
    pair = Pair(VARIANTS["attention only"], no_processing=True)
    model, cache = pair.model, pair.cache
    first, second = model.layers[0], model.layers[1]
    shift = torch.einsum("d,ade->ae", first.norm_attention.bias, first.attention.W_V)
    values = cache["v", 0][0].view(10, 2, -1) - first.attention.b_V - shift
    moved = torch.einsum("apj,jae,aed->pjad", cache["pattern", 0][0], values, first.attention.W_O)
    centred = second.norm_attention.weight * (moved - moved.mean(-1, keepdim=True))
    seen = centred / cache["blocks.1.ln1.hook_scale"][0][:, None, None]
    written = torch.einsum(
        "bp,pjad,bde,bef->jabf", cache["pattern", 1][0, :, 0], seen, second.attention.W_V, second.attention.W_O
    )
    read = (written - written.mean(-1, keepdim=True)) / cache["ln_final.hook_scale"][0, 0] @ direction_of(pair)
    ours = trace_paths(model, pair.token_ids[0], 1)
    assert largest(torch.tensor(ours.two_hop[:, :2, 2:]) - read) < TOLERANCE
    assert abs(ours.two_hop[:, :2, 2:]).min() > 1e-6
