"""JSON for a script element: what a browser reads from it, and that no text can leave the element."""

from __future__ import annotations

import json

import numpy as np
import pytest

from study.report.explorer.encode import encode


def test_numbers_have_three_significant_digits() -> None:
    assert encode([1.23456, -0.000123456, 123456.0, 0.1 + 0.2, 5.01e-5]) == "[1.23,-0.000123,123456,0.3,5.01e-05]"
    assert encode([0.0, -0.0, 2.0, 17, True, 4.9e-5, -3e-18]) == "[0,0,2,17,true,0,0]"


def test_a_number_prints_as_the_one_it_stands_for() -> None:
    """Where three digits would be rounded the other way by a page that prints fewer, there are more."""
    assert encode([0.1246, 0.1254, -0.3746, 1.2496, 13.46]) == "[0.125,0.1254,-0.3746,1.25,13.46]"
    for value in np.random.default_rng(0).random(2000) * np.logspace(-3, 2, 2000):
        short = json.loads(encode(value))
        decimals = (2, 3) if short < 1 else (1, 2) if short < 10 else (0, 1)
        assert [f"{short:.{d}f}" for d in decimals] == [f"{value:.{d}f}" for d in decimals]


def test_what_is_not_a_number_is_null() -> None:
    assert encode({"a": float("nan"), "b": np.array([np.inf, 1.5]), "c": None, "d": np.float32(0.5)}) == (
        '{"a":null,"b":[null,1.5],"c":null,"d":0.5}'
    )


def test_arrays_are_lists() -> None:
    assert encode({"x": np.arange(4).reshape(2, 2), "y": (), "z": np.array([], dtype=float)}) == (
        '{"x":[[0,1],[2,3]],"y":[],"z":[]}'
    )


@pytest.mark.parametrize("text", ["</script><!--", "a & b", "line\u2028end\u2029", "naïve 𝒳", '"\\', "\n\t\x00"])
def test_no_text_can_end_the_script_element(text: str) -> None:
    data = encode({text: [text]})
    assert not set(data) & set("<>&\u2028\u2029\n\x00")
    assert json.loads(data) == {text: [text]}


def test_what_json_has_no_form_for_is_an_error() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})
