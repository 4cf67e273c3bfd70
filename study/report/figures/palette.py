"""Colours, fixed per method, class and kind of component in every figure and on the page; labels are in `labels`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, to_rgb

from study.report.labels import head_method_label as head_method_label
from study.report.labels import method_label as method_label

INK, MUTED, RULE, PLATE = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
ACCENT = "#0b6e99"

# Okabe and Ito's palette, told apart by the colour-blind; darkened where white text stands on it.
METHOD_COLOURS: Mapping[str, str] = {
    "shapley": "#00589a",
    "shap": "#12324c",
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
    "shapley": "#00589a",
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
# Marks of lines, where colours of equal lightness would print alike; the same idea has the same mark for heads.
METHOD_MARKERS: Mapping[str, str] = {
    "shapley": "o",
    "shap": "p",
    "lime": "s",
    "occlusion": "^",
    "gradient_x_input": "v",
    "integrated_gradients": "D",
    "attention": "P",
    "rollout": "X",
    "crosswalk_row_size": "<",
    "random": ".",
    "chance": "|",
    "oracle": "*",
}
HEAD_METHOD_MARKERS: Mapping[str, str] = {
    "direct_raw": "<",
    "direct_centred": ">",
    "direct_beyond_empty": "d",
    "ablation_zero": "v",
    "ablation_mean": "^",
    "ablation_resample": "h",
    "ablation_zero_pairs": "8",
    "shapley": "o",
    "lime": "s",
    "shapley_margin": "p",
    "attention_norm": "D",
    "attention_confidence": "P",
    "crosswalk_direct": "H",
    "crosswalk_causal": "X",
    "random": ".",
    "chance": "|",
    "oracle": "*",
}
GROUP_MARKS = (("o", "●"), ("D", "◆"), ("s", "■"), ("^", "▲"))  # of groups in a dot plot, and in their names
# From dark to light in steps that a grey print keeps.
CLASS_COLOURS: Mapping[str, str] = {
    "direct": "#004270",
    "indirect": "#dd6b10",
    "backup": "#008060",
    "cancelling": "#8c3a7a",
    "mixed": "#c8a350",
    "null": "#bfc4ca",
}
KIND_LABELS: Mapping[str, str] = {"embed": "embedding", "head": "heads", "mlp": "MLP", "bias": "biases"}
KIND_COLOURS: Mapping[str, str] = {"embed": "#a3b18a", "head": "#0b6e99", "mlp": "#d98b3a", "bias": "#c3c8ce"}
SEED_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LAYER_COLOURS = ("#56b4e9", "#0b6e99", "#123b5d", "#8c6bb1", "#d98b3a", "#7a5c3a")
DIVERGING: Colormap = mpl.colormaps["RdBu_r"]
SEQUENTIAL: Colormap = mpl.colormaps["Blues"]
UNSIGNED_SCORES: Colormap = mpl.colormaps["Purples"]  # beside the diverging map, whose blue means "against"


def method_colour(method: str) -> str:
    return METHOD_COLOURS.get(method, "#5b6770")


def head_method_colour(method: str) -> str:
    return HEAD_METHOD_COLOURS.get(method, "#5b6770")


def class_colour(class_: str) -> str:
    return CLASS_COLOURS.get(class_, "#5b6770")


def method_marker(method: str) -> str:
    return METHOD_MARKERS.get(method, "o")


def head_method_marker(method: str) -> str:
    return HEAD_METHOD_MARKERS.get(method, "o")


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
