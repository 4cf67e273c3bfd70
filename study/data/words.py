"""Text -> words: the one word axis that every method and every figure of the study uses.

The rule fits text that is already cut at spaces (rotten_tomatoes: `it's a slow , odd film .`) as well as
ordinary prose (imdb reviews, a user's own file): both give the same words.
"""

from __future__ import annotations

import re
import unicodedata

# Typographic variants of one mark become one word. Code points 0x80 to 0x9f are Windows-1252 marks in a wrong
# decoding (63 times in rotten_tomatoes); they are read as what their author typed.
_FOLD = str.maketrans(
    dict.fromkeys("\x91\x92\u2018\u2019\u02bc\uff07", "'")
    | dict.fromkeys("\x93\x94\u201c\u201d", '"')
    | dict.fromkeys("\x96\x97\u2013\u2014", "--")
    | dict.fromkeys("\x85\u2026", "...")
    | dict.fromkeys("\u2010\u2011", "-")
    | {"\u00ad": None}  # soft hyphen: a place where the line may break, not a mark
)
_LONG_DASH = re.compile("-{3,}")


def _character_class(codes: list[int]) -> str:
    """The inside of a regular-expression class that matches exactly these ascending code points."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


def _with_category(categories: str) -> str:
    """A class of all code points whose Unicode category starts with one of these letters.

    Planes without such characters are left out: they are large, and walking them would slow every start.
    """
    codes = [*range(0x1F000), *range(0xE0000, 0xE01F0)]
    return _character_class([code for code in codes if unicodedata.category(chr(code))[0] in categories])


_MARK = _with_category("M")  # accents and vowel signs belong to the letter before them; `\w` leaves them out
_UNSEEN = _with_category("CZ")  # controls, invisible formatting, lone surrogates, unassigned, spaces
# Chinese and Japanese are written without spaces: every character is a word.
_IDEOGRAPH = "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = rf"[^\W_{_IDEOGRAPH}][{_MARK}]*"
_ANY_WORD = re.compile(
    r"[0-9]+(?:[.,][0-9]+)+(?!\w)"  # 3.5 and 10,000
    rf"|(?:{_LETTER})+(?:['-](?:{_LETTER})+)*"  # film, don't, 1970s, coming-of-age
    r"|--"  # a dash as typists write it
    rf"|[^\s{_UNSEEN}][{_MARK}]*"  # any other mark, ideograph or emoji, on its own
)
_ASCII_WORD = re.compile(r"[0-9]+(?:[.,][0-9]+)+(?!\w)|[a-z0-9]+(?:['-][a-z0-9]+)*|--|[!-~]")


def split_words(text: str) -> list[str]:
    """The words of `text` in order, in lower case; numbers are words, and so is every punctuation mark.

    Apostrophes and single hyphens stay inside a word (`don't`, `coming-of-age`) and stand alone at its edge;
    two or more hyphens, and en and em dashes, are the word `--`; an ellipsis is three words `.`.
    Accents stay on their letter; a Chinese or Japanese character is a word; control characters separate words.
    Blank text has no words. Splitting the words joined by spaces gives the same words again.
    """
    if text.isascii():
        pattern, plain = _ASCII_WORD, text.lower()
    else:
        folded = unicodedata.normalize("NFC", text).translate(_FOLD)
        pattern, plain = _ANY_WORD, unicodedata.normalize("NFC", folded.lower())
    if "---" in plain:
        plain = _LONG_DASH.sub("--", plain)
    return pattern.findall(plain)
