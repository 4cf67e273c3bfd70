"""to_latex: a frame as a LaTeX table that compiles, whatever its labels hold."""

from __future__ import annotations

import pandas as pd

LONG = 30  # rows: a table with more breaks over pages
_WIDE, _WIDTH = 45, "5.5cm"  # characters from which a column of text wraps, and how wide it is then
_NUMERIC = frozenset(
    (
        *("accuracy", "low", "high", "estimate", "effect", "smallest effect", "p, adjusted"),
        *("texts", "seeds", "undefined", "test texts"),
    )
)
_SPECIAL = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"},
    **{"−": "$-$", "×": r"$\times$", "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$", "≠": r"$\neq$", "≈": r"$\approx$"},
    **{"→": r"$\rightarrow$", "·": r"$\cdot$", "∞": r"$\infty$", "Σ": r"$\Sigma$", "Δ": r"$\Delta$"},
    **{"α": r"$\alpha$", "β": r"$\beta$", "δ": r"$\delta$", "κ": r"$\kappa$", "ρ": r"$\rho$", "τ": r"$\tau$"},
    **{"φ": r"$\phi$", "ψ": r"$\psi$", "²": "$^2$", "³": "$^3$", "½": "$1/2$"},
    **{c: f"{{{c}}}" for c in "[]*"},  # after the end of a row they would be its options
    **{"–": "--", "—": "---", "…": r"\ldots{}", "“": "``", "”": "''", "‘": "`", "’": "'"},
    **{"\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,"},
    **dict.fromkeys("\n\r\t", " "),
}


def escape_latex(text: str) -> str:
    """`text` as LaTeX prints it. Letters beyond ASCII stay: Latin ones need nothing, others XeLaTeX or LuaLaTeX."""
    return "".join(_SPECIAL.get(c, c) for c in text)


def to_latex(frame: pd.DataFrame, caption: str, label: str) -> str:
    """A booktabs table; one of more than LONG rows breaks over pages. Its first line says which packages it needs.

    caption: plain text. label: for \\ref; letters, digits, colons and hyphens.
    """
    is_long = len(frame) > LONG
    style = frame.style.hide(axis="index").format(_cell).format_index(_cell, axis=1)
    text = style.to_latex(
        hrules=True,
        caption=escape_latex(caption),
        label=label,
        column_format="".join(_column(frame, name) for name in frame.columns),
        environment="longtable" if is_long else "table",
        position_float=None if is_long else "centering",
    )
    packages = "booktabs,longtable" if is_long else "booktabs"
    return f"% needs \\usepackage{{{packages}}}\n{text}"


def _cell(value: object) -> str:
    return escape_latex(str(value))


def _column(frame: pd.DataFrame, name: str) -> str:
    """Numbers to the right, text to the left, long text in lines."""
    if name in _NUMERIC:
        return "r"
    longest = max((len(str(value)) for value in frame[name]), default=0)
    return f"p{{{_WIDTH}}}" if longest > _WIDE else "l"
