"""What methods are called wherever a reader sees them: on the page, in figures, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping

METHOD_LABELS: Mapping[str, str] = {
    "shapley": "SHAP",
    "shap": "SHAP package",
    "lime": "LIME",
    "occlusion": "Occlusion",
    "gradient_x_input": "Gradient × input",
    "integrated_gradients": "Integrated gradients",
    "attention": "Attention",
    "rollout": "Rollout",
    "random": "Random control",
    "two_way_shapley": "Causal crosswalk",
    "crosswalk_row_size": "Size of the crosswalk's row",
    "chance": "Chance",
    "oracle": "Oracle",
    "reversed": "Oracle, turned round",
}
HEAD_METHOD_LABELS: Mapping[str, str] = {
    "leave_one_out": "Leave one out",
    "direct_raw": "Direct (raw)",
    "direct_centred": "Direct (centred)",
    "direct_beyond_empty": "Direct (beyond empty)",
    "ablation_zero": "Zero ablation",
    "ablation_mean": "Mean ablation",
    "ablation_resample": "Resample ablation",
    "ablation_zero_pairs": "Pairwise zero ablation",
    "shapley": "Head Shapley",
    "lime": "Head LIME",
    "shapley_margin": "Shapley of the margin",
    "attention_norm": "Attention norm",
    "attention_confidence": "Attention confidence",
    "crosswalk_direct": "Direct crosswalk columns",
    "crosswalk_causal": "Causal crosswalk columns",
    "crosswalk_direct_truth_only": "Direct crosswalk, given words",
    "crosswalk_causal_truth_only": "Causal crosswalk, given words",
    "random": "Random control",
    "chance": "Chance",
    "oracle": "Oracle",
    "reversed": "Oracle, turned round",
}


def method_label(method: str) -> str:
    """How the page and the terminal call a feature method."""
    return METHOD_LABELS.get(method, method.replace("_", " "))


def head_method_label(method: str) -> str:
    """How they call a head method."""
    return HEAD_METHOD_LABELS.get(method, method.replace("_", " "))
