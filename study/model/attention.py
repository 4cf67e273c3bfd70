"""Multi-head attention with the head axis explicit, and its two views.

"Concatenate the heads, then project once" and "project every head with its own slice of W_O, then sum"
are the same linear map written twice (Vaswani et al. 2017, section 3.2.2; Elhage et al. 2021). The first
is fast; the second makes every head a separate summand of the residual stream. Here the model is trained
in the first view and explained in the second, and a gate compares the two on real tensors.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Self-attention over all positions that may be attended to; excludes LayerNorm and the residual sum.

    W_Q, W_K, W_V: [head d_model d_head]; W_O: [head d_head d_model]; b_Q, b_K, b_V: [head d_head]; b_O: [d_model].
    """

    def __init__(self, d_model: int, n_heads: int, d_head: int) -> None:
        super().__init__()
        self.W_Q = nn.Parameter(torch.zeros(n_heads, d_model, d_head))
        self.W_K = nn.Parameter(torch.zeros(n_heads, d_model, d_head))
        self.W_V = nn.Parameter(torch.zeros(n_heads, d_model, d_head))
        self.W_O = nn.Parameter(torch.zeros(n_heads, d_head, d_model))
        self.b_Q = nn.Parameter(torch.zeros(n_heads, d_head))
        self.b_K = nn.Parameter(torch.zeros(n_heads, d_head))
        self.b_V = nn.Parameter(torch.zeros(n_heads, d_head))
        self.b_O = nn.Parameter(torch.zeros(d_model))

    def pattern(self, x: Tensor, attend: Tensor) -> Tensor:
        """[example head dest src]: softmax(q k^T / sqrt(d_head)) over the attended sources; rows sum to one."""
        query = torch.einsum("npd,hde->nhpe", x, self.W_Q) + self.b_Q[:, None]
        key = torch.einsum("npd,hde->nhpe", x, self.W_K) + self.b_K[:, None]
        scores = query @ key.transpose(-1, -2) / math.sqrt(self.W_Q.shape[-1])
        return scores.masked_fill(~attend[:, None, None, :], float("-inf")).softmax(-1)

    def mix(self, x: Tensor, pattern: Tensor) -> Tensor:
        """[example head dest d_head]: attention-weighted values, excluding the value bias.

        The rows of a pattern sum to one, so the value bias passes with weight one whatever is attended to;
        it is part of `bias`, not of any head.
        """
        return pattern @ torch.einsum("npd,hde->nhpe", x, self.W_V)

    def mix_readout(self, x: Tensor, attend: Tensor | None) -> Tensor:
        """[example head d_head]: `mix` at the first position alone; attend None: every position may be attended to.

        The query is moved to the source side (x W_K . q = x . W_K q), so that no key or value is computed for
        the other positions. A key's bias shifts all of a query's scores alike and leaves the softmax unchanged.
        """
        query = torch.einsum("nd,hde->nhe", x[:, 0], self.W_Q) + self.b_Q
        scores = torch.einsum("nhe,hde->nhd", query, self.W_K) @ x.transpose(1, 2)
        scores = scores / math.sqrt(self.W_Q.shape[-1])
        if attend is not None:
            scores = scores.masked_fill(~attend[:, None], -torch.inf)
        return torch.einsum("nhd,hde->nhe", scores.softmax(-1) @ x, self.W_V)

    def bias(self) -> Tensor:
        """[d_model]: what attention adds whatever the text says: sum over heads of b_V W_O, plus b_O."""
        return torch.einsum("he,hed->d", self.b_V, self.W_O) + self.b_O

    def concatenation_view(self, mixed: Tensor) -> Tensor:
        """[example dest d_model] from mixed [example head dest d_head]: concatenate heads, one projection, biases."""
        with_bias = mixed + self.b_V[:, None]
        concatenated = with_bias.transpose(1, 2).flatten(2)
        return concatenated @ self.W_O.flatten(0, 1) + self.b_O

    def sum_view(self, mixed: Tensor) -> Tensor:
        """[example dest head d_model] from mixed [example head dest d_head]: every head through its own slice of W_O.

        Summed over heads, plus `bias`, this equals `concatenation_view`.
        """
        return torch.einsum("nhpe,hed->nphd", mixed, self.W_O)

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        """[example dest d_model], by the concatenation view. x: [example pos d_model] after LayerNorm."""
        return self.concatenation_view(self.mix(x, self.pattern(x, attend)))
