"""One rule for words, whatever the text: examples, and properties over all of Unicode."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from study.data import words as words_module
from study.data.words import split_words

TEXTS = st.text(st.characters(exclude_categories=()), max_size=40)  # surrogates, controls and all


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A slow, odd film.", ["a", "slow", ",", "odd", "film", "."]),
        ("a slow , odd film .", ["a", "slow", ",", "odd", "film", "."]),  # cut at spaces already: the same words
        ("It isn't Kim's; don't go!", ["it", "isn't", "kim's", ";", "don't", "go", "!"]),
        ("the twins' '70s 'plan'", ["the", "twins", "'", "'", "70s", "'", "plan", "'"]),
        ("a half-baked do-it-yourself plot -", ["a", "half-baked", "do-it-yourself", "plot", "-"]),
        ("well--no -- and---no", ["well", "--", "no", "--", "and", "--", "no"]),
        ("3.5 of 10,000 (9/11), 4ever 2nd", ["3.5", "of", "10,000", "(", "9", "/", "11", ")", ",", "4ever", "2nd"]),
        ("1.5x 7.", ["1", ".", "5x", "7", "."]),
        ("so... bad ?!", ["so", ".", ".", ".", "bad", "?", "!"]),
        (
            "so\u2026 \u201cit\u2019s\u201d \u2014 fine\u2013ish",
            ["so", *"...", '"', "it's", '"', "--", "fine", "--", "ish"],
        ),
        ("so\x85 \x93it\x92s\x94 \x97 fine", ["so", *"...", '"', "it's", '"', "--", "fine"]),
        ("s&m a_b [MASK] <b>", ["s", "&", "m", "a", "_", "b", "[", "mask", "]", "<", "b", ">"]),
        ("Caf\u00e9 cafe\u0301 \u0130stanbul", ["caf\u00e9", "caf\u00e9", "i\u0307stanbul"]),
        ("\u0939\u093f\u0902\u0926\u0940", ["\u0939\u093f\u0902\u0926\u0940"]),  # vowel signs stay in the word
        ("\u597d\u770b\u3002\u304b\u306a", ["\u597d", "\u770b", "\u3002", "\u304b", "\u306a"]),
        ("\U0001f600\U0001f600 \u2764\ufe0f ok", ["\U0001f600", "\U0001f600", "\u2764\ufe0f", "ok"]),
        ("a\x00b\u200bc\ttab\u00a0nbsp soft\u00adened", ["a", "b", "c", "tab", "nbsp", "softened"]),
        ("", []),
        (" \n\t\u200b\x00", []),
    ],
)
def test_words_of_examples(text, words):
    assert split_words(text) == words


@given(TEXTS)
@example("\u0130\u03a3\u1e9e\ufb01\u0344")
@example("-\u2013-")
@example("1.\u0300\u0301")
@example("H\u0331")  # has a composed small letter but no composed capital
def test_words_are_clean_and_stable(text):
    words = split_words(text)
    for word in words:
        assert word
        assert not any(unicodedata.category(c)[0] in "CZ" for c in word if ord(c) < 0x1F000)
    assert split_words(" ".join(words)) == words


@given(st.text(st.characters(max_codepoint=0x7E), max_size=60))
def test_both_patterns_agree_on_ascii(text):
    lowered = text.lower()
    assert words_module._ASCII_WORD.findall(lowered) == words_module._ANY_WORD.findall(lowered)
