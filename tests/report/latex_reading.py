"""A strict reading of LaTeX tables: what it does not know is an error, as it would be to LaTeX or to a reader."""

from __future__ import annotations

import re

# All that the tables may use: LaTeX itself, booktabs and longtable.
KNOWN = frozenset(
    (
        *(
            "begin",
            "end",
            "caption",
            "label",
            "centering",
            "toprule",
            "midrule",
            "bottomrule",
            "multicolumn",
            "\\",
            ",",
        ),
        *("endfirsthead", "endhead", "endfoot", "endlastfoot", "&", "%", "$", "#", "_", "{", "}"),
        *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "ldots"),
    )
)
KNOWN_IN_MATH = frozenset(
    (
        *("times", "pm", "leq", "geq", "neq", "approx", "rightarrow", "cdot", "infty", "Sigma", "Delta"),
        *("alpha", "beta", "delta", "kappa", "rho", "tau", "phi", "psi"),
    )
)
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|([{}$&~#^_%\n])|([^\\{}$&~#^_%\n]+)", re.DOTALL)
_TABULAR = re.compile(r"\\begin\{(tabular|longtable)\}\{((?:[^{}]|\{[^{}]*\})*)\}\n(.*?)\\end\{\1\}", re.DOTALL)
_NO_CELLS = r"\\(?:toprule|midrule|bottomrule|end(?:firsthead|head|foot|lastfoot)|centering)|\\(?:caption|label)"


def faults(tex: str) -> list[str]:
    """What is wrong with a file of one table; empty where nothing is."""
    first, _, rest = tex.partition("\n")
    found = [] if re.fullmatch(r"% needs \\usepackage\{[a-z,]+\}", first) else ["the first line names no packages"]
    if r"\begin{longtable}" in rest and "longtable" not in first:
        found.append("longtable is not named")
    return found + _lexical_faults(rest) + _column_faults(rest)


def _lexical_faults(text: str) -> list[str]:
    found, depth, math, open_parts = [], 0, False, []
    for place, (command, special, plain) in enumerate(_TOKEN.findall(text)):
        if command:
            if command not in KNOWN and not (math and command in KNOWN_IN_MATH):
                found.append(f"unknown \\{command}" + ("" if math else " outside mathematics"))
        elif special == "$":
            math = not math
        elif special in ("{", "}"):
            depth += 1 if special == "{" else -1
            if depth < 0:
                found.append("a brace is closed that was not opened")
        elif special in ("#", "%") or (special in ("_", "^") and not math):
            found.append(f"{special} is not escaped")
        if not all(c.isalnum() or c.isascii() for c in plain):
            found.append(f"a sign that LaTeX does not print: {plain}")
        if math and special in ("&", "\n"):
            found.append(f"mathematics is open at token {place}")
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            open_parts.append(name)
        elif not open_parts or open_parts.pop() != name:
            found.append(f"\\end{{{name}}} without its beginning")
    return (
        found
        + ["a brace is open"] * (depth > 0)
        + ["mathematics is open"] * math
        + ["a part is open"] * bool(open_parts)
    )


def _column_faults(text: str) -> list[str]:
    tables = _TABULAR.findall(text)
    if len(tables) != 1:
        return [f"{len(tables)} tables"]
    _, columns, body = tables[0]
    if not re.fullmatch(r"(?:[lr]|p\{[\d.]+cm\})+", columns):
        return [f"columns {columns}"]
    wanted = len(re.findall("[lrp]", re.sub(r"\{.*?\}", "", columns)))
    found = []
    for row in re.split(r"\\\\[ \n]", body):
        cells = re.sub(rf"(?:{_NO_CELLS})(?:\[\])?(?:\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}})?", "", row)
        if re.match(r"\s*[\[*]", cells):
            found.append(f"taken for an option of the row before: {cells.strip()[:20]}")
        spans = [int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", cells)]
        here = 1 + len(re.findall(r"(?<!\\)&", cells)) + sum(spans)
        if cells.strip() and here != wanted:
            found.append(f"{here} columns of {wanted}: {cells.strip()[:60]}")
    return found
