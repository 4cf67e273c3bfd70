"""Text of users cannot steer a terminal, and reads as it was written where it does not try."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.showing.plain import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a \x1b[31mred\x1b[0m film", "a ␛[31mred␛[0m film"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\rb\nc\td\u2028e", "a b c d e"),
        ("\x9b31m", "\ufffd31m"),
        ("\u202eevil\u2066\u200f", "\ufffdevil\ufffd\ufffd"),
        ("\ud800", "\ufffd"),
        ("del\x7f", "del␡"),
        ("[red]naïve café 電影 👩‍🚀[/red]", "[red]naïve café 電影 👩‍🚀[/red]"),
    ],
)
def test_control_characters_become_signs(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text(st.characters(codec=None)))
def test_nothing_is_left_that_steers(text: str) -> None:
    shown = plain(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert shown.isprintable() or len(shown) == len(text)
    shown.encode("utf-8")
