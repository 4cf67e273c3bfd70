"""Colours are told apart in grey and without green; where they are not, marks or dashes tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from study.report.figures.agreement import Dot, paint_dots
from study.report.figures.convergence import Curve, sampler_colour, sampler_marker
from study.report.figures.inside import LABEL_COLOURS, paint_layers
from study.report.figures.model import paint_curves
from study.report.figures.palette import (
    ACCENT,
    CLASS_COLOURS,
    GROUP_MARKS,
    HEAD_METHOD_COLOURS,
    HEAD_METHOD_MARKERS,
    KIND_COLOURS,
    LAYER_COLOURS,
    METHOD_COLOURS,
    METHOD_MARKERS,
    SEED_MARKERS,
)
from study.report.figures.removal import RemovalLine, paint_removal
from study.report.figures.sweep import Line, Panel, PanelRow, paint_sweep

GREY_STEP = 9.0  # of lightness, 0 to 100: neighbours in a grey print
BLIND_STEP = 12.0  # of colour difference (CIE 1976) to eyes without green cones
# Machado, Oliveira and Fernandes 2009, table 1: deuteranomaly of strength 1, on linear light.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)


def linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    share = TO_XYZ @ light / WHITE
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def grey_difference(a: str, b: str) -> float:
    return float(abs(lab(linear(a))[0] - lab(linear(b))[0]))


def blind_difference(a: str, b: str) -> float:
    seen = [lab(np.clip(DEUTERANOPIA @ linear(colour), 0, 1)) for colour in (a, b)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def confused(pairs: Sequence[tuple[str, str]], colours: Mapping[str, str], marks: Mapping[str, str]) -> list[str]:
    """The pairs that share a mark, or have none, and lie too near each other to one of the two."""
    found = []
    for a, b in pairs:
        near = (
            grey_difference(colours[a], colours[b]) < GREY_STEP or blind_difference(colours[a], colours[b]) < BLIND_STEP
        )
        if near and marks.get(a) == marks.get(b):
            found.append(f"{a} and {b}")
    return found


def test_the_measures_know_black_white_and_red_green() -> None:
    assert grey_difference("#000000", "#ffffff") == pytest.approx(100, abs=0.1)
    assert blind_difference("#000000", "#ffffff") == pytest.approx(100, abs=0.1)
    red, green = "#c23b22", "#5a7d2a"
    plain = np.linalg.norm(lab(linear(red)) - lab(linear(green)))
    assert blind_difference(red, green) < 0.5 * plain
    assert confused([("a", "b")], {"a": red, "b": red}, {}) == ["a and b"]
    assert confused([("a", "b")], {"a": red, "b": red}, {"a": "o", "b": "s"}) == []


@pytest.mark.parametrize(
    ("colours", "marks"),
    [(METHOD_COLOURS, METHOD_MARKERS), (HEAD_METHOD_COLOURS, HEAD_METHOD_MARKERS), (CLASS_COLOURS, {}),
     (dict(zip("012345", LABEL_COLOURS, strict=True)), dict(zip("012345", SEED_MARKERS, strict=False)))],
    ids=["methods", "head methods", "classes of heads", "labels"],
)  # fmt: skip
def test_any_two_are_told_apart(colours: Mapping[str, str], marks: Mapping[str, str]) -> None:
    assert set(marks) in ({*colours}, set())
    assert confused(list(combinations(colours, 2)), colours, marks) == []


@pytest.mark.parametrize("colours", [LAYER_COLOURS, tuple(KIND_COLOURS.values())], ids=["layers", "kinds"])
def test_neighbours_are_told_apart(colours: tuple[str, ...]) -> None:
    named = {str(k): colour for k, colour in enumerate(colours)}
    assert confused(list(pairwise(named)), named, {}) == []


def test_bars_of_shap_and_lime_need_no_mark() -> None:
    assert confused([("shapley", "lime"), ("shap", "lime")], METHOD_COLOURS, {}) == []


def test_samplers_of_different_libraries_differ() -> None:
    samplers = ("odd_order", "shap_kernel", "captum_kernel", "shapiq_kernel", "lime")
    colours = {s: sampler_colour(s) for s in samplers}
    assert confused(list(combinations(samplers, 2)), colours, {s: sampler_marker(s) for s in samplers}) == []
    assert Curve(name="x", colour="k", bold=True, evaluations=np.ones(1), error=np.ones(1)).marker == "o"


def test_methods_are_drawn_with_their_marks() -> None:
    percent, nothing = np.array([25.0, 50.0]), np.full(2, np.nan)
    lines = [
        RemovalLine(unit=unit, method=method, percent=percent, lost=np.array([k, k + 1.0]), low=nothing, high=nothing,
                    band=False)
        for k, (unit, method) in enumerate([("words", "shapley"), ("words", "lime"), ("heads", "ablation_mean")])
    ]  # fmt: skip
    drawn = {line.get_marker() for line in paint_removal(lines, np.nan, ("x", "y")).axes[0].get_lines()}
    assert drawn >= {"o", "s", "^"}
    plt.close("all")


def test_groups_of_dots_have_marks_and_say_which() -> None:
    dots = [Dot(row="r", group=g, estimate=0.5, low=0.4, high=0.6) for g in ("correct", "wrong")]
    canvas = paint_dots({"mlp": dots}, {"correct": ACCENT, "wrong": "#b3541e"}, "x")
    drawn = [line.get_marker() for line in canvas.axes[0].get_lines() if len(line.get_xdata()) == 1]
    assert drawn == [mark for mark, _ in GROUP_MARKS[:2]]
    assert [text.get_text() for text in canvas.texts] == ["◆ wrong", "● correct"]
    plt.close(canvas)


def test_training_is_dashed_validation_is_not() -> None:
    losses = {"train_loss": 0.5, "validation_loss": 0.6, "validation_accuracy": 0.7}
    rows = pd.DataFrame({"seed": "0", "epoch": [1, 2], **losses})
    canvas = paint_curves({"mlp": rows})
    training, validation = canvas.axes[0].get_lines()
    assert training.is_dashed()
    assert not validation.is_dashed()
    plt.close(canvas)


def test_labels_and_series_of_a_sweep_have_marks() -> None:
    rows = pd.DataFrame(
        {"seed": "0", "label": ["no", "no", "yes", "yes"], "order": [0, 1, 0, 1], "step": ["a", "b"] * 2, "lens": 0.1,
         "added": 0.1}
    )  # fmt: skip
    canvas = paint_layers({"mlp": rows}, ["no", "yes"], ("x", "y"))
    assert {line.get_marker() for line in canvas.axes[0].get_lines()} >= set(SEED_MARKERS[:2])
    x = np.array([1.0, 2.0])
    lines = tuple(
        Line(label=label, colour=ACCENT, strong=True, x=x, y=x, low=x, high=x) for label in ("one", "two", "three")
    )
    panel = Panel(title="t", unit="u", ticks=(1.0, 2.0), lines=lines)
    swept = paint_sweep([PanelRow(label="r", panels=(panel,))])
    assert [line.get_marker() for line in swept.axes[0].get_lines()] == list(SEED_MARKERS[:3])
    assert [line.get_marker() for line in swept.legends[0].get_lines()] == list(SEED_MARKERS[:3])
    plt.close("all")
