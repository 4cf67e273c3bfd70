"""transformer-lens as oracle: our weights in its model give its logit differences, patterns and contributions.

Its native model is told to be an encoder (`attention_dir="bidirectional"`: under a causal mask the first
position would see itself alone), with learned positions, pre-LayerNorm, ReLU MLPs and a final LayerNorm, and
gets the padding as its attention mask. Its conventions about what belongs to a head differ from ours in a way
that the tests spell out; with it, everything agrees.
"""

from __future__ import annotations

import pytest
import torch

from study.model.protocol import margins
from tests.tiny import N_TOKENS, TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model

TOLERANCE = 1e-5  # METHODS: comparisons with other libraries, float64
FOLD_VALUE_BIAS = {"fold_ln": False, "center_writing_weights": False, "center_unembed": False}


def to_transformer_lens(model, config):
    """A transformer-lens bridge with the weights of `model`, float64, nothing processed yet."""
    from transformer_lens.config import TransformerBridgeConfig  # takes seconds to import
    from transformer_lens.model_bridge import TransformerBridge
    from transformer_lens.utilities.tl_checkpoint_conversion import convert_tl_checkpoint

    lens = TransformerBridgeConfig(
        n_layers=config.n_layers,
        d_model=config.d_model,
        d_head=config.d_model // config.n_heads,
        n_heads=config.n_heads,
        d_mlp=config.d_mlp or None,
        attn_only=config.d_mlp == 0,
        n_ctx=config.max_words + 1,
        d_vocab=N_TOKENS,
        d_vocab_out=model.n_classes,
        act_fn="relu",
        normalization_type="LN",
        eps=1e-5,
        attention_dir="bidirectional",
        dtype=torch.float64,
    )
    weights = {"embed.W_E": model.W_E, "pos_embed.W_pos": model.W_pos, "unembed.W_U": model.W_U}
    weights |= {
        "unembed.b_U": model.b_U,
        "ln_final.w": model.norm_readout.weight,
        "ln_final.b": model.norm_readout.bias,
    }
    for i, block in enumerate(model.layers):
        parts = {"attn": block.attention} | ({"mlp": block.mlp} if block.mlp is not None else {})
        for part, module in parts.items():
            weights |= {f"blocks.{i}.{part}.{name}": tensor for name, tensor in module.named_parameters()}
        norms = {"ln1": block.norm_attention} | ({"ln2": block.norm_mlp} if block.mlp is not None else {})
        for name, norm in norms.items():
            weights |= {f"blocks.{i}.{name}.w": norm.weight, f"blocks.{i}.{name}.b": norm.bias}
    bridge = TransformerBridge.boot_native(lens, dtype=torch.float64)
    copies = {name: tensor.clone() for name, tensor in weights.items()}
    bridge.load_state_dict(convert_tl_checkpoint(copies, lens), strict=True)
    return bridge


class Pair:
    """One of our models, the same in transformer-lens after some processing, and both run on padded texts."""

    def __init__(self, config, **processing):
        self.model = tiny_model(config)
        self.lens = to_transformer_lens(self.model, config)
        self.lens.enable_compatibility_mode(disable_warnings=True, **processing)
        self.token_ids, self.attend = tensors(tiny_batch(9, 4, 1))
        self.target = torch.ones(3, dtype=torch.long)
        with torch.no_grad():
            self.lens_logits, self.cache = self.lens.run_with_cache(self.token_ids, attention_mask=self.attend.long())
        self.ours = self.model.contributions(self.token_ids, self.attend, self.target)

    def scale(self):
        return self.model.readout_scale(self.model.readout_writes(self.token_ids, self.attend).sum(1))

    def read(self, stack, direction):
        """[example component] of a stack [component example d_model] of writes at the readout position."""
        scaled = self.cache.apply_ln_to_stack(stack, pos_slice=0)  # its own centring and its own scale
        return torch.einsum("knd,d->nk", scaled, direction)

    def direction(self, gamma):
        return (self.lens.W_U[:, 1] - self.lens.W_U[:, 0]).detach() * gamma

    def written_by_heads(self, vector_of):
        """[example head] of what `vector_of(block)` [head d_model] adds to the margin at our scale."""
        u, _ = self.model.readout(self.target)
        vectors = torch.cat([vector_of(block) for block in self.model.layers])
        return torch.einsum("kd,nd->nk", vectors, u) / self.scale()[:, None]


CONFIGS = pytest.mark.parametrize("variant", ["two layers", "attention only"])


@CONFIGS
@pytest.mark.parametrize("processing", [{"no_processing": True}, FOLD_VALUE_BIAS, {}], ids=["as is", "folded", "all"])
def test_logit_differences_agree(variant, processing):
    pair = Pair(VARIANTS[variant], **processing)
    ours = margins(pair.model.logits(pair.token_ids, pair.attend), pair.target)
    assert ours.abs().max() > 0.1
    assert largest(ours - margins(pair.lens_logits[:, 0], pair.target)) < TOLERANCE
    patterns = pair.model.attention_patterns(pair.token_ids, pair.attend)
    for layer in range(2):
        assert largest(patterns[:, layer] - pair.cache["pattern", layer]) < TOLERANCE
    assert patterns[0, :, :, 0, 1:].min() > 1e-3  # CLS does see the words: nothing above was trivial


@CONFIGS
def test_every_component_agrees_once_value_biases_are_folded(variant):
    """Its own folding of b_V into b_O makes its heads ours; embed, attention output and MLP agree too."""
    pair = Pair(VARIANTS[variant], **FOLD_VALUE_BIAS)
    direction = pair.direction(pair.model.norm_readout.weight)
    index = pair.model.index
    heads = pair.read(pair.cache.stack_head_results(pos_slice=0), direction)
    assert pair.ours[:, index.where("head")].abs().amax(0).min() > 1e-3
    assert largest(heads - pair.ours[:, index.where("head")]) < TOLERANCE

    stack, labels = pair.cache.decompose_resid(pos_slice=0, return_labels=True)
    read = dict(zip(labels, pair.read(stack, direction).T, strict=True))
    assert largest(read["embed"] + read["pos_embed"] - pair.ours[:, 0]) < TOLERANCE
    for layer in range(2):
        attention = [k for k in range(len(index)) if index.layer[k] == layer and index.kind[k] != "mlp"]
        assert largest(read[f"{layer}_attn_out"] - pair.ours[:, attention].sum(1)) < TOLERANCE
        if f"L{layer}.mlp" in index.names:
            assert largest(read[f"{layer}_mlp_out"] - pair.ours[:, index.names.index(f"L{layer}.mlp")]) < TOLERANCE


@CONFIGS
def test_heads_as_they_are_differ_by_their_value_bias_and_nothing_else(variant):
    pair = Pair(VARIANTS[variant], no_processing=True)
    heads = pair.read(pair.cache.stack_head_results(pos_slice=0), pair.direction(pair.model.norm_readout.weight))
    bias = pair.written_by_heads(lambda b: torch.einsum("he,hed->hd", b.attention.b_V, b.attention.W_O))
    assert bias.abs().min() > 1e-4
    assert largest(heads - bias - pair.ours[:, pair.model.index.where("head")]) < 1e-12


@CONFIGS
def test_heads_after_all_its_processing_leave_the_layer_norm_shift_to_the_bias(variant):
    """Folding LayerNorm turns its shift b into b W_V, a value bias, which then leaves the head like any other."""
    pair = Pair(VARIANTS[variant])
    heads = pair.cache.logit_attrs(
        pair.cache.stack_head_results(pos_slice=0), tokens=pair.target, incorrect_tokens=0 * pair.target, pos_slice=0
    ).T
    shift = pair.written_by_heads(
        lambda b: torch.einsum("d,hde,hef->hf", b.norm_attention.bias, b.attention.W_V, b.attention.W_O)
    )
    assert shift.abs().min() > 1e-5
    assert largest(heads + shift - pair.ours[:, pair.model.index.where("head")]) < TOLERANCE


def test_the_oracle_sees_a_wrong_head():
    pair = Pair(TINY, **FOLD_VALUE_BIAS)
    pair.model.layers[0].attention.W_O[1] *= 1.01
    changed = pair.model.contributions(pair.token_ids, pair.attend, pair.target)
    heads = pair.read(pair.cache.stack_head_results(pos_slice=0), pair.direction(pair.model.norm_readout.weight))
    assert largest(heads - changed[:, pair.model.index.where("head")]) > 100 * TOLERANCE
