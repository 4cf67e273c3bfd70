"""Multi-head attention step by step on real tensors, in both views (METHODS, section 1).

Every shape in the table is read off the tensor that the step made, and every difference is measured:
"concatenate the heads and project once" equals "project every head and sum", entry by entry, and both
equal a 1x1 convolution with one group per head followed by a sum over groups.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from study.gates import ATTENTION_VIEWS, tolerance_of
from study.model.attention import Attention
from study.model.encoder import Encoder
from study.records import CLS_ID, SPECIAL_TOKENS

ARTICLE = {"n_tokens": 50_000, "n_positions": 20, "d_model": 512, "n_heads": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkthroughRow:
    """One step, or one check. size: article or trained; in_1, in_2, out: shapes such as "1x20x512".

    difference: largest absolute difference of a check; NaN for a step. tolerance: what it may be.
    """

    size: str
    step: str
    operation: str
    in_1: str
    in_2: str
    out: str
    difference: float = math.nan
    tolerance: float = math.nan


def build_walkthrough(model: Encoder | None, generator: torch.Generator) -> list[WalkthroughRow]:
    """The steps and checks at the article's size with random weights, and at the size of `model` with its own.

    model: a trained encoder, or None to leave that part out. generator: draws weights and token ids.
    """
    n_tokens, d_model, n_heads = ARTICLE["n_tokens"], ARTICLE["d_model"], ARTICLE["n_heads"]
    attention = Attention(d_model, n_heads, d_model // n_heads)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_(0.0, d_model**-0.5, generator=generator)
        W_E = torch.randn(n_tokens, d_model, generator=generator)
        W_pos = torch.randn(ARTICLE["n_positions"], d_model, generator=generator)
        rows = _walk("article", W_E, W_pos, None, attention, generator)
        if model is not None:
            block = model.layers[0]
            norm = block.norm_attention if isinstance(block.norm_attention, nn.LayerNorm) else None
            rows += _walk("trained", model.W_E, model.W_pos, norm, block.attention, generator)
    return rows


def _walk(
    size: str, W_E: Tensor, W_pos: Tensor, norm: nn.Module | None, attention: Attention, generator: torch.Generator
) -> list[WalkthroughRow]:
    n_positions = min(ARTICLE["n_positions"], len(W_pos))
    token_ids = torch.randint(len(SPECIAL_TOKENS), len(W_E), (1, n_positions), generator=generator)
    token_ids[:, 0] = CLS_ID
    steps = _Steps(size)
    one_hot = steps.add("1", "one-hot input", (), nn.functional.one_hot(token_ids, len(W_E)).to(W_E.dtype))
    embedded = steps.add("2", "token embedding", (one_hot, W_E), one_hot @ W_E)
    stream = steps.add("3", "add position embedding", (embedded, W_pos[:n_positions]), embedded + W_pos[:n_positions])
    if norm is not None:
        stream = steps.add("3b", "LayerNorm (in this model, not in the article)", (stream,), norm(stream))
    steps.add("4", "copy to q, k, v", (stream,), stream)
    query, key, value = (
        steps.add("5", f"linear map per head: {name}", (stream, W), torch.einsum("npd,hde->nhpe", stream, W))
        for name, W in (("q", attention.W_Q), ("k", attention.W_K), ("v", attention.W_V))
    )
    scores = (query + attention.b_Q[:, None]) @ (key + attention.b_K[:, None]).transpose(-1, -2)
    pattern = (scores / math.sqrt(query.shape[-1])).softmax(-1)
    pattern = steps.add("6", "q kT per head, scale, softmax", (query, key), pattern)
    mixed = steps.add("7", "weights times v, per head", (pattern, value), pattern @ value)
    joined = steps.add("8a", "concatenation view: concatenate heads", (mixed,), mixed.transpose(1, 2).flatten(2))
    W_joined = attention.W_O.flatten(0, 1)
    steps.add("9a", "concatenation view: one projection W_O", (joined, W_joined), joined @ W_joined)
    heads = steps.add(
        "8b", "sum view: project every head with its slice", (mixed, attention.W_O), attention.sum_view(mixed)
    )
    steps.add("9b", "sum view: sum over heads", (heads,), heads.sum(2))
    return steps.rows + _checks(size, attention, mixed)


class _Steps:
    """Collects a row per step, its shapes read off the tensors."""

    def __init__(self, size: str) -> None:
        self.size = size
        self.rows: list[WalkthroughRow] = []

    def add(self, step: str, operation: str, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        shapes = [*map(_shape, inputs), "", ""]
        self.rows.append(
            WalkthroughRow(
                size=self.size, step=step, operation=operation, in_1=shapes[0], in_2=shapes[1], out=_shape(out)
            )
        )
        return out


def _checks(size: str, attention: Attention, mixed: Tensor) -> list[WalkthroughRow]:
    rows = []
    for dtype in (torch.float32, torch.float64):
        layer, h = copy.deepcopy(attention).to(dtype), mixed.to(dtype)
        joined, W_joined = h.transpose(1, 2).flatten(2), layer.W_O.flatten(0, 1)
        whole = joined @ W_joined
        entry = joined[0, 0] * W_joined[:, 0]
        for name, difference in (
            ("9a = 9b: both views give the same numbers", whole - layer.sum_view(h).sum(2)),
            ("entry (1,1): one long sum = its pieces, one per head", whole[0, 0, 0] - _pieces(entry, layer)),
            ("9a = 1x1 convolution with a group per head, summed over groups", whole - _convolve(h, layer)),
        ):
            rows.append(
                WalkthroughRow(
                    size=size,
                    step="check",
                    operation=f"{name} ({str(dtype).removeprefix('torch.')})",
                    in_1="",
                    in_2="",
                    out=_shape(whole),
                    difference=float(difference.abs().max()),
                    tolerance=tolerance_of(ATTENTION_VIEWS, str(dtype).removeprefix("torch.")),
                )
            )
    return rows


def _pieces(entry: Tensor, attention: Attention) -> Tensor:
    """The products of one entry, summed head by head, then over heads."""
    return entry.unflatten(0, attention.W_O.shape[:2]).sum(1).sum(0)


def _convolve(mixed: Tensor, attention: Attention) -> Tensor:
    """[example dest d_model], by a 1x1 convolution whose groups are the heads, then a sum over groups."""
    n_heads, _, d_model = attention.W_O.shape
    channels = mixed.transpose(1, 2).flatten(2).transpose(1, 2)  # [example head*d_head dest]
    weight = attention.W_O.transpose(1, 2).flatten(0, 1)[..., None]  # [head*d_model d_head 1]
    filtered = nn.functional.conv1d(channels, weight, groups=n_heads)
    return filtered.unflatten(1, (n_heads, d_model)).sum(1).transpose(1, 2)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))
