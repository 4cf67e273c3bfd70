"""What both the check of a config and the code that obeys it must agree on."""

from __future__ import annotations


def fewest_coalitions(n_players: int) -> int:
    """The least number of sampled coalitions that a Shapley fit accepts: twice as many pairs as players."""
    return 4 * (n_players + 1)


def describe_heads(n_layers: int, n_heads: int) -> str:
    """Which heads a model has, for an error message: "layers 0-1, heads 0-3"."""
    return f"{_span('layer', n_layers)}, {_span('head', n_heads)}"


def _span(kind: str, n: int) -> str:
    return f"{kind} 0 only" if n == 1 else f"{kind}s 0-{n - 1}"
