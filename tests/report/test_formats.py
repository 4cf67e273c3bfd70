"""Numbers, tables and Markdown as they are printed; tables as they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.errors import LedgerError
from study.report.blocks import Paragraph, Section, Strip, Strips, StripWord
from study.report.inputs import read_run
from study.report.latex import to_latex
from study.report.markdown import escape, to_markdown
from study.report.numbers import (
    fine,
    interval,
    listing,
    number,
    percent,
    percent_range,
    plural,
    scientific,
    short_signed,
    signed,
    with_interval,
    without_zero,
)
from study.report.tables import paper_accuracy, paper_estimates
from study.report.tables import to_markdown as table_to_markdown
from tests.report.conftest import Written
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape

NAN = float("nan")


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        (number(-1.234), "−1.23"),
        (number(-0.001), "0.00"),
        (number(12345.6, 1), "12,345.6"),
        (number(NAN), "–"),
        (signed(0.5), "+0.50"),
        (signed(-0.004), "0.00"),
        (signed(NAN), "–"),
        (short_signed(0.623), "+.62"),
        (short_signed(-1.27), "−1.3"),
        (short_signed(0.999), "+1.0"),
        (short_signed(12.3), "+12"),
        (short_signed(0.001), ".00"),
        (percent(0.784, 1), "78.4\u202f%"),
        (percent_range(0.31, 0.38), "31 to 38\u202f%"),
        (percent_range(0.311, 0.309), "31\u202f%"),
        (without_zero(-0.123), "−.12"),
        (without_zero(1.0), "1.00"),
        (without_zero(10.5), "10.50"),
        (fine(0.0004, 3), "0.000400"),
        (fine(-0.0006, 3), "−0.001"),
        (fine(0.0, 3), "0.000"),
        (fine(1e-12, 3), "0.000"),
        (interval(-0.1, 0.2), "[−0.10, 0.20]"),
        (interval(NAN, 0.2), ""),
        (with_interval(0.5, NAN, NAN), "0.50"),
        (plural(1, "text"), "1 text"),
        (plural(2000, "identity", "identities"), "2,000 identities"),
        (scientific(3.14e-6), "3.1e−06"),
        (listing(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers(printed: str, wanted: str) -> None:
    assert printed == wanted


def test_markdown_takes_no_markup_from_texts() -> None:
    assert escape("<b>*x*</b> [a](b) `c` | d\n# e") == r"&lt;b&gt;\*x\*&lt;/b&gt; \[a\](b) \`c\` \| d \# e"


def test_strips_in_markdown_mark_the_strongest_words() -> None:
    words = tuple(
        StripWord(word=w, level=k, hint="") for w, k in (("good", "d6"), ("bad", "d-5"), ("a", "d0"), ("b", "cut"))
    )
    strips = Strips(anchor="s", strips=(Strip(label="SHAP", words=words),))
    section = Section(name="x", title="X", short="X", blocks=(strips, Paragraph("text", lead="Lead.")))
    page = to_markdown("T", (), (section,))
    assert "- SHAP: **good** (+) **bad** (−) a ~~b~~" in page
    assert "**Lead.** text" in page


def test_paper_tables_hold_the_table_s_numbers(small: Written) -> None:
    table = paper_accuracy(small.run)
    wanted = small.run.tables["accuracy"].query("kind == 'tfidf_logreg'").iloc[0]["accuracy"]
    row = table[table["classifier"] == "TF-IDF + logistic regression"].iloc[0]
    assert row["accuracy"] == f"{wanted:.3f}"
    assert "encoder" in set(table["classifier"])
    latex = to_latex(table, "Accuracy.", "tab:a")
    assert r"\toprule" in latex
    assert row["accuracy"] in latex
    assert f"| {row['accuracy']} |" in " ".join(table_to_markdown(table).split())


def test_latex_escapes_names() -> None:
    latex = to_latex(pd.DataFrame({"data set": ["my_data & 5%"]}), "c", "l")
    assert r"my\_data \& 5\%" in latex


def test_estimates_for_papers_have_shap_and_lime_by_every_metric(small: Written) -> None:
    table = paper_estimates(small.run)
    both = table[table["methods"] == "SHAP, LIME"]
    assert {"spearman", "kendall tau b"} <= set(both["metric"])
    assert {"all", "correct", "wrong"} == set(both["texts shown"])


def test_a_table_without_a_column_is_named(tmp_path: Path) -> None:
    config = write_synthetic_run(tmp_path / "run", Shape(seeds=(0,), n_texts=1))
    path = tmp_path / "run" / "tables" / "heads.parquet"
    pd.read_parquet(path).drop(columns="score").to_parquet(path)
    with pytest.raises(LedgerError, match=r"tables/heads .* lacks the column\(s\) score"):
        read_run(tmp_path / "run", config)


def test_csv_reads_like_parquet_and_null_is_a_word(tmp_path: Path) -> None:
    config = write_synthetic_run(tmp_path / "run", Shape(seeds=(0,), n_texts=2))
    folder = tmp_path / "run" / "tables"
    frame = pd.read_parquet(folder / "features.parquet")
    frame.loc[0, "word"] = "null"
    frame.loc[1, "score"] = np.nan
    frame.to_parquet(folder / "features.parquet")
    frame.to_csv(folder / "features.csv", index=False)
    binary = read_run(tmp_path / "run", config).tables["features"]
    (folder / "features.parquet").unlink()
    text = read_run(tmp_path / "run", config).tables["features"]
    columns = ["seed", "trained", "word", "unknown", "method", "score"]
    pd.testing.assert_frame_equal(binary[columns], text[columns], check_exact=False)
    assert text.loc[0, "word"] == "null"
    assert np.isnan(text.loc[1, "score"])
