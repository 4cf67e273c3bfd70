"""Labels and colours, fixed per method, class and kind of component in every figure and on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, to_rgb

INK, MUTED, RULE, PLATE = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
ACCENT = "#0b6e99"

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
# Okabe and Ito's palette, told apart by the colour-blind; darkened where white text stands on it.
METHOD_COLOURS: Mapping[str, str] = {
    "shapley": "#0072b2",
    "shap": "#123b5d",
    "lime": "#d55e00",
    "occlusion": "#009e73",
    "gradient_x_input": "#cc79a7",
    "integrated_gradients": "#e69f00",
    "attention": "#56b4e9",
    "rollout": "#8c6bb1",
    "crosswalk_row_size": "#6b7a2e",
    "random": "#8a8f98",
    "chance": "#b3b7bd",
    "oracle": "#1f2328",
}
# The same idea has the same colour for heads as for words; heads are drawn dashed.
HEAD_METHOD_COLOURS: Mapping[str, str] = {
    "direct_raw": "#b3541e",
    "direct_centred": "#8a6d3b",
    "direct_beyond_empty": "#00785a",
    "ablation_zero": "#cc79a7",
    "ablation_mean": "#7b4fa3",
    "ablation_resample": "#a0527e",
    "ablation_zero_pairs": "#c96a9b",
    "shapley": "#0072b2",
    "lime": "#d55e00",
    "shapley_margin": "#4a90b8",
    "attention_norm": "#e69f00",
    "attention_confidence": "#56b4e9",
    "crosswalk_direct": "#6b7a2e",
    "crosswalk_causal": "#123b5d",
    "random": "#8a8f98",
    "chance": "#b3b7bd",
    "oracle": "#1f2328",
}
CLASS_COLOURS: Mapping[str, str] = {
    "direct": "#0072b2",
    "indirect": "#d55e00",
    "backup": "#00785a",
    "cancelling": "#a64a86",
    "mixed": "#8a6d3b",
    "null": "#8a8f98",
}
KIND_LABELS: Mapping[str, str] = {"embed": "embedding", "head": "heads", "mlp": "MLP", "bias": "biases"}
KIND_COLOURS: Mapping[str, str] = {"embed": "#a3b18a", "head": "#0b6e99", "mlp": "#d98b3a", "bias": "#c3c8ce"}
SEED_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LAYER_COLOURS = ("#56b4e9", "#0b6e99", "#123b5d", "#8c6bb1", "#d98b3a", "#7a5c3a")
DIVERGING: Colormap = mpl.colormaps["RdBu_r"]
SEQUENTIAL: Colormap = mpl.colormaps["Blues"]
UNSIGNED_SCORES: Colormap = mpl.colormaps["Purples"]  # beside the diverging map, whose blue means "against"


def method_label(method: str) -> str:
    return METHOD_LABELS.get(method, method.replace("_", " "))


def method_colour(method: str) -> str:
    return METHOD_COLOURS.get(method, "#5b6770")


def head_method_label(method: str) -> str:
    return HEAD_METHOD_LABELS.get(method, method.replace("_", " "))


def head_method_colour(method: str) -> str:
    return HEAD_METHOD_COLOURS.get(method, "#5b6770")


def class_colour(class_: str) -> str:
    return CLASS_COLOURS.get(class_, "#5b6770")


def layer_colour(layer: int) -> str:
    return LAYER_COLOURS[layer % len(LAYER_COLOURS)]


def text_on(rgb: Any) -> str:
    """The house ink where it reaches a contrast of 4.5 on `rgb`, else black or white, whichever is higher (WCAG 2)."""
    if contrast(INK, rgb) >= 4.5:
        return INK
    return max("#ffffff", "#000000", key=lambda ink: contrast(ink, rgb))


def contrast(a: Any, b: Any) -> float:
    """WCAG 2 contrast ratio of two colours, 1 to 21."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Any) -> float:
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
