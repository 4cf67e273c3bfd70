"""An explanation made of drawn numbers in which every sum holds, for tests of how explanations are shown."""

from __future__ import annotations

import numpy as np
from rich.console import Console

from study.library.explanation import CausalTable, Explanation
from study.records import ComponentIndex, Crosswalk, FeatureAttribution, Gate, HeadAttribution

SIGNED = ("shapley", "lime")


def make_index(n_layers: int, n_heads: int) -> ComponentIndex:
    names, kinds, layers, heads = ["embed"], ["embed"], [-1], [-1]
    for layer in range(n_layers):
        for head in range(n_heads):
            names.append(f"L{layer}H{head}")
            kinds.append("head")
            layers.append(layer)
            heads.append(head)
        names += [f"L{layer}.attn_bias", f"L{layer}.mlp"]
        kinds += ["attn_bias", "mlp"]
        layers += [layer, layer]
        heads += [-1, -1]
    return ComponentIndex(
        names=(*names, "readout_bias"), kind=(*kinds, "readout_bias"), layer=(*layers, -1), head=(*heads, -1)
    )


def make_explanation(
    text: str = "a warm and funny film",
    *,
    methods: tuple[str, ...] = SIGNED,
    n_players: int | None = None,
    unknown: tuple[int, ...] = (),
    size: tuple[int, int] = (2, 4),
    causal: bool = True,
    exact: bool = True,
    broken: bool = False,
    class_names: tuple[str, ...] = ("negative", "positive"),
) -> Explanation:
    """size: layers and heads. Column sums of the direct table are what components write beyond the empty text."""
    rng = np.random.default_rng(0)
    words = tuple(text.split())
    n_players = len(words) if n_players is None else n_players
    index = make_index(*size)
    heads = index.where("head")
    cells = _widen(rng.normal(size=(n_players, len(index))) / 10, len(words))
    empty = rng.normal(size=len(index)) / 10
    contributions = empty + np.nansum(cells, axis=0)
    scores = cells.sum(axis=1)
    needs = _widen(rng.normal(size=(n_players, len(heads))), len(words))
    needs += ((scores - needs.sum(axis=1)) / len(heads))[:, None]  # rows sum to SHAP
    probabilities = np.linspace(1, 2, len(class_names)) / np.linspace(1, 2, len(class_names)).sum()
    features = {
        method: _attribution(method, scores if method == "shapley" else rng.normal(size=len(words)) + 0 * scores, cells)
        for method in methods
    }
    head_index = ComponentIndex(
        names=tuple(index.names[k] for k in heads),
        kind=("head",) * len(heads),
        layer=tuple(index.layer[k] for k in heads),
        head=tuple(index.head[k] for k in heads),
    )
    table = CausalTable(
        crosswalk=_crosswalk("two_way_shapley", "causal", head_index, needs),
        leave_one_out=needs,
        words_exact=exact,
        heads_exact=True,
        word_error=0.0 if exact else 0.04,
        head_error=0.0,
        sampling_error=0.0 if exact else 0.03,
        n_evals=1,
        seconds=0.1,
    )
    return Explanation(
        text=text,
        words=words,
        unknown=np.isin(np.arange(len(words)), unknown),
        n_players=n_players,
        dataset="films",
        model="mlp",
        seed=1,
        class_names=class_names,
        probabilities=probabilities,
        predicted=class_names[-1],
        target=class_names[-1],
        margin=float(contributions.sum()),
        empty_margin=float(empty.sum()),
        index=index,
        contributions=contributions,
        empty_contributions=empty,
        features=features,
        direct={m: _crosswalk(m, "direct", index, cells) for m in methods if m in SIGNED},
        causal=table if causal else None,
        heads={"shapley": _head_scores(np.nansum(needs, axis=0).reshape(size))} if causal else {},
        attention=np.full((*size, n_players + 1), 1 / (n_players + 1)),
        gates=(
            Gate(name="SHAP efficiency", value=2e-6, tolerance=1e-4, passed=True, where="text t"),
            Gate(name="rows", value=2.0 if broken else 0.0, tolerance=1e-4, passed=not broken, where="text t"),
        ),
        seconds=0.5,
        example_id="own-1",
        rows={},
    )


def shown(explanation: Explanation, *, width: int = 100, colours: bool = False) -> str:
    """The terminal form as it would be read, or with the escapes of its colours."""
    from study.showing.terminal import print_explanation

    console = Console(
        width=width,
        force_terminal=colours,
        color_system="truecolor" if colours else None,
        no_color=not colours,
        legacy_windows=False,
    )
    with console.capture() as captured:
        print_explanation(explanation, console)
    return captured.get()


def _widen(values: np.ndarray, n_words: int) -> np.ndarray:
    wide = np.full((n_words, *values.shape[1:]), np.nan)
    wide[: len(values)] = values
    return wide


def _crosswalk(method: str, kind: str, index: ComponentIndex, cells: np.ndarray) -> Crosswalk:
    return Crosswalk(
        example_id="own-1",
        method=method,
        kind=kind,  # type: ignore[arg-type]
        index=index,
        cells=cells,
        row_residual=np.zeros(len(cells)),
        column_residual=np.zeros(len(index)),
    )


def _attribution(method: str, scores: np.ndarray, cells: np.ndarray) -> FeatureAttribution:
    return FeatureAttribution(
        example_id="own-1",
        method=method,
        estimator="exact",
        scores=np.abs(scores) if method == "attention" else scores,
        by_component=None,
        base=0.0,
        output=1.0,
        base_by_component=np.zeros(cells.shape[1]),
        output_by_component=np.zeros(cells.shape[1]),
        seed=None,
        n_evals=1,
        seconds=0.1,
    )


def _head_scores(scores: np.ndarray) -> HeadAttribution:
    return HeadAttribution(
        example_id="own-1", scores=scores, method="shapley", kind="causal", ablation="mean", n_evals=1, seconds=0.1
    )
