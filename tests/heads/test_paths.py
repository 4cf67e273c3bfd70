"""Paths: everything sums to the margin and to every head; every term by literal loops; names, lists and groups."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from study.errors import UnknownNameError
from study.heads import paths as paths_module
from study.heads.path_list import GROUPS, list_paths, path_groups, path_term
from study.heads.paths import trace_paths
from study.model.protocol import margins
from tests.tiny import TINY, VARIANTS, largest, tiny_model, tiny_text

TOLERANCE = 1e-9  # METHODS: identities, float64


def text(n_words):
    return torch.tensor(tiny_text(n_words))


def components(model, token_ids, target=1):
    ids = token_ids[None]
    attend = torch.ones_like(ids, dtype=torch.bool)
    margin = margins(model.logits(ids, attend), torch.tensor([target]))
    return model.contributions(ids, attend, torch.tensor([target]))[0].numpy(), float(margin)


@pytest.mark.parametrize("n_words", [0, 1, 6])
@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_sums_to_every_component_and_to_the_margin(variant, n_words):
    model = tiny_model(VARIANTS[variant])
    found = trace_paths(model, text(n_words), 1)
    parts, margin = components(model, text(n_words))
    index = model.index
    assert largest(found.by_head() - parts[index.where("head")]) < TOLERANCE
    assert found.embed == pytest.approx(parts[0], abs=TOLERANCE)
    assert len(found.mlp) == len(index.where("mlp"))
    assert np.allclose(found.mlp, parts[index.where("mlp")], rtol=0, atol=TOLERANCE)
    assert found.bias == pytest.approx(parts[[*index.where("attn_bias"), -1]].sum(), abs=TOLERANCE)
    assert found.margin == pytest.approx(margin, abs=TOLERANCE)
    assert found.total() == pytest.approx(margin, abs=TOLERANCE)
    assert sum(group.contribution for group in path_groups(found)) == pytest.approx(margin, abs=TOLERANCE)


@pytest.mark.parametrize("target", [0, 1, 2])
def test_the_margin_of_any_class(target):
    model = tiny_model(n_classes=3)
    found = trace_paths(model, text(5), target)
    assert found.total() == pytest.approx(components(model, text(5), target)[1], abs=TOLERANCE)


def norm(layer_norm, vector, like):
    """A LayerNorm without its shift, the divisor taken at `like`."""
    if isinstance(layer_norm, torch.nn.Identity):
        return vector
    return layer_norm.weight * (vector - vector.mean()) / torch.sqrt(like.var(correction=0) + layer_norm.eps)


def streams_and_patterns(model, token_ids):
    stream, streams = model.embed(token_ids[None]), []
    attend = torch.ones(1, len(token_ids), dtype=torch.bool)
    for block in model.layers:
        streams.append(stream[0])
        stream = block(stream, attend)
    return streams, stream[0], model.attention_patterns(token_ids[None], attend)[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_hops_by_four_loops(variant):
    """For every word, pair of heads and position in between: move the vector, push it on, read it at the end."""
    model, token_ids = tiny_model(VARIANTS[variant]), text(4)
    found = trace_paths(model, token_ids, 1)
    streams, end, pattern = streams_and_patterns(model, token_ids)
    u, _ = model.readout(torch.tensor([1]))
    scale = model.readout_scale(end[:1])[0]
    n_heads, n = pattern.shape[1], len(token_ids)
    literal = np.zeros_like(found.two_hop)
    for j in range(n):
        for a in range(n_heads * len(model.layers)):
            for b in range(n_heads * len(model.layers)):
                (la, ha), (lb, hb) = divmod(a, n_heads), divmod(b, n_heads)
                if la >= lb:
                    continue
                first, second = model.layers[la], model.layers[lb]
                seen = norm(first.norm_attention, streams[la][j], streams[la][j])
                for p in range(n):
                    moved = pattern[la, ha, p, j] * (seen @ first.attention.W_V[ha] @ first.attention.W_O[ha])
                    read = norm(second.norm_attention, moved, streams[lb][p])
                    written = pattern[lb, hb, 0, p] * (read @ second.attention.W_V[hb] @ second.attention.W_O[hb])
                    literal[j, a, b] += float(written @ u[0] / scale)
    assert largest(found.two_hop - literal) < 1e-12
    if len(model.layers) > 1:
        assert np.abs(found.two_hop[:, 0, -1]).min() > 1e-6


@pytest.mark.parametrize("variant", ["two layers", "three layers", "LayerNorm off"])
def test_one_hops_mlps_and_biases_by_loops(variant):
    model, token_ids = tiny_model(VARIANTS[variant]), text(4)
    found = trace_paths(model, token_ids, 1)
    streams, end, pattern = streams_and_patterns(model, token_ids)
    u = model.readout(torch.tensor([1]))[0][0] / model.readout_scale(end[:1])[0]
    written = []
    for block, stream in zip(model.layers, streams, strict=True):
        attend = torch.ones(1, len(token_ids), dtype=torch.bool)
        middle = stream[None] + block.attention(block.norm_attention(stream[None]), attend)
        written.append(block.mlp(block.norm_mlp(middle))[0])
    for lb, block in enumerate(model.layers):
        for hb in range(2):
            b = 2 * lb + hb

            def reads(part, p, block=block, lb=lb, hb=hb):
                read = norm(block.norm_attention, part, streams[lb][p])
                return float(pattern[lb, hb, 0, p] * (read @ block.attention.W_V[hb] @ block.attention.W_O[hb]) @ u)

            constant = 0.0
            if model.layers[lb].norm_attention.__class__ is torch.nn.LayerNorm:
                constant = float(block.norm_attention.bias @ block.attention.W_V[hb] @ block.attention.W_O[hb] @ u)
            for p in range(len(token_ids)):
                assert found.one_hop[p, b] == pytest.approx(reads(streams[0][p], p), abs=1e-12)
                for layer in range(len(model.layers)):
                    want = reads(written[layer][p], p) if layer < lb else 0.0
                    assert found.mlp_to_head[layer, p, b] == pytest.approx(want, abs=1e-12)
                for earlier in model.layers[:lb]:
                    shift = getattr(earlier.norm_attention, "bias", torch.zeros(8, dtype=torch.float64))
                    heads = torch.einsum("d,hde,hef->f", shift, earlier.attention.W_V, earlier.attention.W_O)
                    constant += reads(earlier.attention.bias() + heads, p)
            assert found.bias_to_head[b] == pytest.approx(constant, abs=1e-12)


def test_a_word_is_followed_through_the_heads_that_move_it():
    """With patterns unchanged by it, another embedding for one word moves that word's paths and no other's."""
    model = tiny_model(VARIANTS["attention only, LayerNorm off"])
    for block in model.layers:
        block.attention.W_Q.zero_()
        block.attention.b_Q.zero_()  # every position attends to all alike, whatever they say
    token_ids = text(4)
    before = trace_paths(model, token_ids, 1)
    other = token_ids.clone()
    other[3] = (other[3] - 4 + 7) % 16 + 4
    after = trace_paths(model, other, 1)
    changed = np.abs(after.two_hop - before.two_hop).max((1, 2))
    assert changed[3] > 1e-3
    assert changed[[0, 1, 2, 4]].max() < 1e-12
    assert after.margin - before.margin == pytest.approx(
        (after.one_hop - before.one_hop).sum() + (after.two_hop - before.two_hop).sum(), abs=1e-12
    )


def test_one_layer_has_no_second_hop_and_attention_only_no_mlp():
    found = trace_paths(tiny_model(VARIANTS["one layer, attention only, LayerNorm off"]), text(3), 1)
    assert found.two_hop.shape == (4, 2, 2)
    assert largest(found.two_hop) == 0
    assert found.mlp.shape == (0,)
    assert found.mlp_to_head.shape == (0, 4, 2)


def test_the_identities_can_fail(monkeypatch):
    """A path left out, and a LayerNorm scale of another position, are seen."""
    model = tiny_model()
    found = trace_paths(model, text(4), 1)
    lame = dataclasses.replace(found, two_hop=np.where(np.arange(5)[:, None, None] == 2, 0.0, found.two_hop))
    assert abs(lame.total() - found.margin) > 1e-3
    assert largest(lame.by_head() - found.by_head()) > 1e-3
    freeze = paths_module.freeze

    def wrong(*args):
        frozen = freeze(*args)
        layers = tuple(dataclasses.replace(layer, scale=layer.scale.flip(0)) for layer in frozen.layers)
        return dataclasses.replace(frozen, layers=layers)

    monkeypatch.setattr(paths_module, "freeze", wrong)
    broken = trace_paths(model, text(4), 1)
    assert abs(broken.total() - broken.margin) > 1e-3


@pytest.mark.parametrize("variant", ["two layers", "three layers", "attention only", "one layer", "one head"])
def test_the_whole_list_is_every_path_once_by_size(variant):
    model = tiny_model(VARIANTS[variant])
    found = trace_paths(model, text(3), 1)
    words = ("a", "b", "c", "cut off")
    listed = list_paths(found, words, model.index, 10_000)
    assert [path.rank for path in listed] == list(range(1, len(listed) + 1))
    sizes = [abs(path.contribution) for path in listed]
    assert sizes == sorted(sizes, reverse=True)
    assert len({(path.path, path.word_index) for path in listed}) == len(listed)
    n, n_layers, n_heads = 4, len(model.layers), model.layers[0].attention.W_Q.shape[0]
    pairs = n_layers * (n_layers - 1) // 2
    n_mlps = n_layers if model.layers[0].mlp is not None else 0
    assert len(listed) == n * n_heads * n_layers + n * pairs * n_heads**2 + (n_mlps > 0) * n * pairs * n_heads + n_mlps
    for group in path_groups(found):
        mine = [path.contribution for path in listed if path.group == group.group]
        if group.group not in ("embed", "bias"):
            assert sum(mine) == pytest.approx(group.contribution, abs=1e-12)
            assert sum(map(abs, mine)) == pytest.approx(group.size, abs=1e-12)
    for path in listed:
        assert path.contribution == path_term(found, model.index, path.path, path.word_index)
        assert path.word == ("[CLS]", *words)[path.word_index + 1]
        assert path.path == " > ".join(name for name in (path.first, path.second) if name)
        assert path.hops == 1 + bool(path.second)
    assert list_paths(found, words, model.index, 2) == listed[:2]


def record(**changes):
    """Three positions, one head a layer, an MLP a layer; everything zero but what is given."""
    empty = {"one_hop": np.zeros((3, 2)), "two_hop": np.zeros((3, 2, 2)), "mlp_to_head": np.zeros((2, 3, 2))}
    empty |= {"bias_to_head": np.zeros(2), "embed": 0.0, "mlp": np.zeros(2), "bias": 0.0, "margin": 0.0}
    return paths_module.Paths(**(empty | changes))


def test_names_places_and_groups_in_closed_form():
    index = tiny_model(TINY.model_copy(update={"n_heads": 1})).index
    one_hop, two_hop, to_head = np.zeros((3, 2)), np.zeros((3, 2, 2)), np.zeros((2, 3, 2))
    one_hop[0, 1], one_hop[1, 1], two_hop[2, 0, 1], to_head[0, 1, 1] = 5.0, -1.0, -4.0, 3.0
    found = record(
        one_hop=one_hop,
        two_hop=two_hop,
        mlp_to_head=to_head,
        mlp=np.array([0.0, 2.0]),
        embed=-0.5,
        bias_to_head=np.array([0.25, -1.0]),
        bias=-0.25,
    )
    listed = list_paths(found, ("good", "film"), index, 5)
    assert [(p.path, p.first, p.second, p.hops, p.word_index, p.word, p.contribution) for p in listed] == [
        ("L1H0", "L1H0", "", 1, -1, "[CLS]", 5.0),
        ("L0H0 > L1H0", "L0H0", "L1H0", 2, 1, "film", -4.0),
        ("L0.mlp > L1H0", "L0.mlp", "L1H0", 2, 0, "good", 3.0),
        ("L1.mlp", "L1.mlp", "", 1, -1, "[CLS]", 2.0),
        ("L1H0", "L1H0", "", 1, 0, "good", -1.0),
    ]
    assert [(g.group, g.contribution, g.size) for g in path_groups(found)] == list(
        zip(GROUPS, [-0.5, 4.0, -4.0, 3.0, 2.0, -1.0], [0.5, 6.0, 4.0, 3.0, 2.0, 1.5], strict=True)
    )
    assert found.total() == 3.5


def test_unknown_paths_are_named():
    index = tiny_model(TINY.model_copy(update={"n_heads": 1})).index
    found = record()
    names = "L0H0, L0.mlp, L1H0, L1.mlp"
    for path in ("L1H0 > L0H0", "L0H0 > L0.mlp", "L1.mlp > L1H0", "L9H0", "embed", "L0H0 > L1H0 > L1H0", ""):
        with pytest.raises(UnknownNameError, match=f"unknown path '{path}': a path is one of {names}, or"):
            path_term(found, index, path, 0)
    with pytest.raises(UnknownNameError, match=r"unknown start 2 of path 'L1H0': -1 \(CLS\) to 1 in this text"):
        path_term(found, index, "L1H0", 2)
    with pytest.raises(UnknownNameError, match=r"unknown start 0 of path 'L1.mlp': -1 \(CLS\) to -1"):
        path_term(found, index, "L1.mlp", 0)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="two_hop has shape"):
        record(two_hop=np.zeros((3, 2, 1)))
