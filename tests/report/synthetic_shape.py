"""What kind of run to invent: its models, seeds, classes and methods."""

from __future__ import annotations

from dataclasses import dataclass

from study.config import StudyConfig
from tests.report.synthetic_texts import SENTENCES

NOISE = {
    "shapley": (1.0, 0.02),
    "shap": (1.0, 0.01),
    "lime": (0.93, 0.06),
    "occlusion": (0.8, 0.15),
    "gradient_x_input": (0.5, 0.5),
    "integrated_gradients": (0.9, 0.2),
    "attention": (0.0, 0.0),
    "rollout": (0.0, 0.0),
    "random": (0.0, 1.0),
}
METRICS = (
    *("spearman", "spearman_abs", "kendall_tau_b", "pairwise_rank_agreement"),
    *(f"feature_agreement_at_k{k}" for k in (1, 3, 5)),
    *("rank_agreement_at_k3", "sign_agreement_at_k3", "signed_rank_agreement_at_k3"),
    "feature_agreement_chance_adjusted_at_k3",
)
UNSIGNED = ("attention", "rollout")
HYPOTHESES = ("H1", "H3", "H5", "H6")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What kind of run to invent."""

    models: tuple[tuple[str, int], ...] = (("encoder", 256), ("attention-only", 0))  # (name, d_mlp)
    seeds: tuple[int, ...] = (0, 1, 2)
    n_layers: int = 2
    n_heads: int = 4
    classes: tuple[str, ...] = ("negative", "positive")
    max_words: int = 40
    sentences: tuple[tuple[str, int], ...] = tuple(SENTENCES)  # (text, label), over again where n_texts is larger
    n_texts: int = len(SENTENCES)
    methods: tuple[str, ...] = tuple(NOISE)
    broken_gate: bool = False
    shown_texts: int = 4  # report.n_texts
    causal_texts: int = 6  # texts with a causal crosswalk and neurons' words
    patching_texts: int = 4
    dissected: bool = True  # whether the heads are looked into at all
    evaluated_texts: int = 4  # texts whose explanations are put to the test; 0: none is, and nothing is judged


def make_config(shape: Shape) -> StudyConfig:
    models = [
        {"name": n, "d_mlp": d, "n_layers": shape.n_layers, "n_heads": shape.n_heads, "max_words": shape.max_words}
        for n, d in shape.models
    ]
    return StudyConfig.model_validate(
        {
            "name": "synthetic",
            "seeds": shape.seeds,
            "datasets": [{"name": "reviews", "source": "rotten_tomatoes", "test_size": 1000}],
            "models": models,
            "explain": {"n_texts": shape.n_texts, "methods": shape.methods},
            "evaluate": {"n_texts": max(1, shape.evaluated_texts)}
            | ({} if shape.evaluated_texts else {"measures": []}),
            "hypotheses": [{"name": name, "smallest_effect": 0.3} for name in HYPOTHESES if shape.evaluated_texts],
            "heads": {"causal_texts": shape.causal_texts, "patching_texts": shape.patching_texts},
            "report": {"n_texts": shape.shown_texts},
        }
    )


def component_rows(shape: Shape, d_mlp: int) -> list[tuple[str, str, int, int]]:
    rows = [("embed", "embed", -1, -1)]
    for layer in range(shape.n_layers):
        rows += [(f"L{layer}H{h}", "head", layer, h) for h in range(shape.n_heads)]
        rows.append((f"L{layer}.attn_bias", "attn_bias", layer, -1))
        if d_mlp:
            rows.append((f"L{layer}.mlp", "mlp", layer, -1))
    return [*rows, ("readout_bias", "readout_bias", -1, -1)]
