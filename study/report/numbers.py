"""Numbers as the page prints them: one place for signs, decimals, intervals and missing values."""

from __future__ import annotations

import math

MINUS = "−"  # U+2212: as wide as a plus sign, so that signed columns align
MISSING = "–"
NOTHING = 1e-9  # what is smaller differs from zero by rounding alone
THIN = "\u202f"  # a narrow space that does not break


def number(value: float, decimals: int = 2) -> str:
    """`value` with a true minus sign; "–" where it is NaN. Never "−0.00"."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{abs(value):,.{decimals}f}"
    negative = value < 0 and float(text.replace(",", "")) != 0
    return MINUS + text if negative else text


def signed(value: float, decimals: int = 2) -> str:
    """`value` with its sign always shown, except for what rounds to zero."""
    text = number(value, decimals)
    positive = text[0] not in (MINUS, MISSING) and float(text.replace(",", "")) != 0
    return f"+{text}" if positive else text


def short_signed(value: float) -> str:
    """Two digits and a sign, as narrow as can be: "+.62", "−1.3", "+12". For cells of heat maps."""
    if not math.isfinite(value):
        return ""
    size = abs(value)
    text = f"{size:.0f}" if size >= 9.95 else f"{size:.1f}" if size >= 0.995 else f"{size:.2f}"[1:]
    sign = "" if float(text) == 0 else "+" if value > 0 else MINUS
    return sign + text


def without_zero(value: float) -> str:
    """`value` with two decimals and without the zero before the point: "−.12", "1.00". For narrow cells."""
    text = number(value)
    return text.replace("0.", ".", 1) if text.lstrip(MINUS).startswith("0.") else text


def percent(value: float, decimals: int = 0) -> str:
    """A share between 0 and 1 as a percentage."""
    return MISSING if not math.isfinite(value) else f"{number(100 * value, decimals)}{THIN}%"


def percent_range(low: float, high: float, decimals: int = 0) -> str:
    """Two shares as "31 to 38 %", or as one where they print alike."""
    first, last = number(100 * low, decimals), number(100 * high, decimals)
    return f"{first}{THIN}%" if first == last else f"{first} to {last}{THIN}%"


def signed_percent_range(low: float, high: float) -> str:
    """Two relative changes as "−32 to +5 %", or as one where they print alike."""
    first, last = signed(100 * low, 0), signed(100 * high, 0)
    return f"{first}{THIN}%" if first == last else f"{first} to {last}{THIN}%"


def interval(low: float, high: float, decimals: int = 2) -> str:
    """ "[0.91, 0.95]", or "" where there is no interval."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def with_interval(estimate: float, low: float, high: float, decimals: int = 2) -> str:
    """ "0.93 [0.91, 0.95]"; the estimate alone where there is no interval."""
    return f"{number(estimate, decimals)} {interval(low, high, decimals)}".rstrip()


def fine(value: float, decimals: int) -> str:
    """`value` with `decimals`, or with three significant digits where it would print as zero and is not."""
    if not math.isfinite(value) or abs(value) < NOTHING or round(abs(value), decimals) > 0:
        return number(value, decimals)
    return number(value, 2 - math.floor(math.log10(abs(value))))


def p_text(p: float) -> str:
    """A p value: "0.03", or "< 0.001"; "–" where it is NaN."""
    if not math.isfinite(p):
        return MISSING
    return "< 0.001" if p < 0.001 else number(p, 3 if p < 0.01 else 2)


def count(value: float) -> str:
    """A whole number with thousands separated."""
    return MISSING if not math.isfinite(value) else f"{round(value):,}"


def plural(n: int, noun: str, many: str | None = None) -> str:
    """ "1 text", "20 texts"."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"


def scientific(value: float) -> str:
    """Errors and tolerances: "3.1e-06"."""
    return MISSING if not math.isfinite(value) else f"{value:.1e}".replace("e-", f"e{MINUS}")


def listing(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
