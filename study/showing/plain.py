"""Text from data as a terminal can be trusted with it."""

from __future__ import annotations

from collections.abc import Mapping

_SPACES = (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029)  # lines and columns end here
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}  # ESC is shown as one sign, "␛"
_UNSHOWN = "\ufffd"
_NEUTRAL: Mapping[int, str] = {
    **_PICTURES,
    **dict.fromkeys(range(0x80, 0xA0), _UNSHOWN),  # some terminals obey these as they obey ESC
    # would turn what follows around
    **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), _UNSHOWN),
    **dict.fromkeys(range(0xD800, 0xE000), _UNSHOWN),  # half characters, which no encoding takes
    **dict.fromkeys(_SPACES, " "),
}


def plain(text: str) -> str:
    """`text` on one line, with signs in place of control characters: nothing in it can steer a terminal.

    Escapes, carriage returns, marks that turn the direction of writing and lone surrogates lose their effect; other
    characters stay as they are.
    """
    return text.translate(_NEUTRAL)
