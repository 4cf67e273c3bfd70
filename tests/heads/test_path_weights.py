"""Path weights: they sum to direct contributions, equal literal loops, and see heads that only others read."""

from __future__ import annotations

import pytest
import torch

from study.heads.frozen import freeze
from study.heads.path_weights import direct_writes, weigh_paths
from study.heads.paths import trace_frozen
from tests.heads.circuits import circuit
from tests.tiny import VARIANTS, largest, tiny_model, tiny_text


def frozen_text(model, n_words=6, target=1):
    return freeze(model, torch.tensor(tiny_text(n_words)), target)


@pytest.mark.parametrize("variant", VARIANTS)
def test_direct_writes_sum_to_the_direct_contributions(variant):
    """All but the shift of the head's own LayerNorm, which it passes on whatever it attends to."""
    frozen = frozen_text(tiny_model(VARIANTS[variant]))
    shift = []
    for layer in frozen.layers:
        attention = layer.block.attention
        through = torch.einsum("d,hde,hef,f->h", layer.shift(), attention.W_V, attention.W_O, frozen.readout)
        shift.append(through)
    total = direct_writes(frozen).sum(0) + torch.cat(shift).detach().numpy()
    assert largest(total - trace_frozen(frozen).by_head()) < 1e-9


def test_equal_to_literal_loops():
    frozen = frozen_text(tiny_model(VARIANTS["four wide heads"], seed=3), 4)
    paths = trace_frozen(frozen)
    weights = weigh_paths(frozen, paths)
    per_layer = len(weights.direct) // len(frozen.layers)
    for head in range(len(weights.direct)):
        layer, number = divmod(head, per_layer)
        text, attention = frozen.layers[layer], frozen.layers[layer].block.attention
        direct = later = 0.0
        for pos in range(5):
            value = text.normed(text.stream)[pos] @ attention.W_V[number] @ attention.W_O[number]
            direct += abs(float(text.pattern[number, 0, pos] * (value @ frozen.readout)))
            later += sum(abs(float(paths.two_hop[pos, head, b])) for b in range((layer + 1) * per_layer, 8))
        assert weights.direct[head] == pytest.approx(direct, abs=1e-12)
        assert weights.later[head] == pytest.approx(later, abs=1e-12)


def test_the_last_layer_has_nobody_after_it():
    frozen = frozen_text(tiny_model(VARIANTS["four wide heads"]))
    weights = weigh_paths(frozen, trace_frozen(frozen))
    assert (weights.later[:4] > 0).all()
    assert (weights.later[4:] == 0).all()
    assert (weights.direct > 0).all()


def test_a_head_whose_writes_the_margin_does_not_read_has_all_its_weight_through_others():
    """LayerNorm off, so that the readout is one direction; what the head writes along it is taken off."""
    model = tiny_model(VARIANTS["LayerNorm off"])
    frozen = frozen_text(model)
    before = weigh_paths(frozen, trace_frozen(frozen))
    readout = frozen.readout / frozen.readout.norm()
    W_O = model.layers[0].attention.W_O
    W_O[0] -= (W_O[0] @ readout)[:, None] * readout
    frozen = frozen_text(model)
    after = weigh_paths(frozen, trace_frozen(frozen))
    assert before.direct[0] > 1e-3
    assert after.direct[0] < 1e-12
    assert after.later[0] > 1e-3
    assert after.direct[1] == pytest.approx(before.direct[1])


def test_heads_that_tell_others_where_to_look_have_no_weight():
    """Indirect heads of `negation` set by hand work through the patterns, which are held: the blind spot of paths."""
    found = circuit("negation")
    subject = found.batch.subjects[0]
    frozen = freeze(found.batch.model, torch.tensor(subject.token_ids.copy()), subject.target)
    weights = weigh_paths(frozen, trace_frozen(frozen))
    indirect = [found.number(spec.name) for spec in found.task.heads if spec.role == "indirect"]
    assert indirect
    assert (weights.direct + weights.later)[indirect].max() < 1e-6 * weights.direct.max()
