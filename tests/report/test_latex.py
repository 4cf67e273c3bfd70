"""LaTeX tables compile: read strictly here, and by LaTeX itself where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from study.report.latex import LONG, escape_latex, to_latex
from study.report.page import paper_tables
from tests.report.conftest import Written
from tests.report.latex_reading import faults

NASTY = (
    *(
        "my_data & 5 %",
        "50\u202f%",
        "−0.31",
        "2 × 3",
        "ρ ≤ 0.5",
        "a^b",
        "$x$",
        "{",
        "}",
        "#1",
        "~",
        "\\",
        "\\end{table}",
    ),
    *(
        "[0.1, 0.2]",
        "* all",
        "a|b",
        "<b>",
        '"quoted"',
        "“such”",
        "e.g. τ → κ",
        "½",
        "it’s",
        "naïve café",
        "…",
        "1–2",
        "x\ny",
    ),
)


def nasty_frame(rows: int = len(NASTY)) -> pd.DataFrame:
    cells = [NASTY[k % len(NASTY)] for k in range(rows)]
    return pd.DataFrame(
        {"[data] set_1": cells, "claim & co": [f"{c} " * 30 for c in cells], "estimate": ["−0.310"] * rows}
    )


def papers(run: Written) -> dict[str, str]:
    return {name: data.decode() for name, data in paper_tables(run.run).items() if name.endswith(".tex")}


@pytest.mark.parametrize("rows", [1, len(NASTY), LONG + 1])
def test_a_table_of_nasty_labels_has_no_fault(rows: int) -> None:
    tex = to_latex(nasty_frame(rows), "Means with their 95 % interval; ρ_1 & more [all].", "tab:x")
    assert faults(tex) == []
    assert tex.count("−") == 0
    assert (r"\begin{longtable}" in tex) == (rows > LONG)
    assert "p{5.5cm}" in tex


def test_paper_tables_have_no_fault(small: Written) -> None:
    tables = papers(small)
    assert set(tables) == {"tables/accuracy.tex", "tables/estimates.tex", "tables/hypotheses.tex"}
    assert {name: found for name, tex in tables.items() if (found := faults(tex))} == {}


@pytest.mark.parametrize(
    ("there", "instead", "fault"),
    [
        ("TF-IDF", "TF_IDF", "_ is not escaped"),
        ("TF-IDF", "TF\\foo", "unknown \\foo outside mathematics"),
        ("TF-IDF", "TF\\rho ", "unknown \\rho outside mathematics"),
        ("TF-IDF", "TF−IDF", "a sign that LaTeX does not print"),
        ("TF-IDF", "TF{IDF", "a brace is open"),
        ("TF-IDF", "TF}IDF", "a brace is closed"),
        ("TF-IDF", "TF$IDF", "mathematics is open"),
        ("TF-IDF", "TF & IDF", "columns of"),
        ("TF-IDF", "50 % IDF", "% is not escaped"),
        ("{llrrrrr}", "{llrrrr}", "columns of"),
        ("\\midrule\n", "\\midrule\nx & x & 1 & 1 & 1 & 1 & 1 \\\\\n[0.1] & x & 1 & 1 & 1 & 1 & 1 \\\\\n", "an option"),
        ("\\end{tabular}", "", "tables"),
        ("% needs", "% wants", "names no packages"),
    ],
)
def test_the_reading_finds_faults(small: Written, there: str, instead: str, fault: str) -> None:
    tex = papers(small)["tables/accuracy.tex"]
    assert there in tex
    assert any(fault in found for found in faults(tex.replace(there, instead, 1)))


def test_every_sign_is_printed_as_itself() -> None:
    assert escape_latex("a_b & 5\u202f%") == r"a\_b \& 5\,\%"
    assert escape_latex("−0.3 ≤ ρ × 2") == r"$-$0.3 $\leq$ $\rho$ $\times$ 2"
    assert escape_latex("\\{~^}") == r"\textbackslash{}\{\textasciitilde{}\textasciicircum{}\}"
    assert escape_latex("café") == "café"


def test_latex_itself_compiles_all_tables(small: Written, tmp_path: Path) -> None:
    """With nothing but the packages that the first lines name."""
    program = shutil.which("pdflatex") or shutil.which("tectonic")
    if program is None:
        pytest.skip("neither pdflatex nor tectonic is on PATH")
    tables = [*papers(small).values(), to_latex(nasty_frame(), "ρ & 5 %", "tab:a"),
              to_latex(nasty_frame(3 * LONG), "ρ & 5 %", "tab:b")]  # fmt: skip
    packages = sorted({name for tex in tables for name in re.match(r".*\{(.*)\}", tex)[1].split(",")})
    lines = [r"\documentclass{article}", *(rf"\usepackage{{{name}}}" for name in packages), r"\begin{document}"]
    (tmp_path / "all.tex").write_text("\n".join([*lines, *tables, r"\end{document}"]), encoding="utf-8")
    flags = ["-halt-on-error", "-interaction=nonstopmode"] if program.endswith("pdflatex") else []
    done = subprocess.run(
        [program, *flags, "all.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout + (tmp_path / "all.log").read_text(errors="replace")
    assert (tmp_path / "all.pdf").stat().st_size > 10_000
