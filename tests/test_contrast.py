"""`study compare`: what it tells of small runs whose differences are known, the page, the table and the errors."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from study import ledger
from study.cli import app
from study.contrast.comparison import compare_runs, write_comparison
from study.errors import LedgerError
from study.report.contrast import build_page, measure_label
from tests.contrast_runs import mark_tables, write_run


def compare(*runs: str, results: Path, more: tuple[str, ...] = ()) -> tuple[int, str]:
    """Status and output of `study compare`; the text of an error that the program would tell."""
    done = CliRunner().invoke(app, ["compare", *runs, "--results", str(results), *more])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return 2, str(done.exception)
    return done.exit_code, done.output


def test_a_shifted_method_is_found_and_the_rest_is_not(tmp_path: Path) -> None:
    first, second = write_run(tmp_path, "before"), write_run(tmp_path, "after", lime=0.1, noise=0.005, lime_samples=99)
    contrast = compare_runs([first, second])
    rows = contrast.differences["after"].set_index(["metric", "method_b"])
    shifted, other = rows.loc[("spearman", "lime")], rows.loc[("spearman", "occlusion")]
    assert shifted["verdict"] == "beyond"
    assert shifted["difference"] == pytest.approx(0.1, abs=0.01)
    assert shifted["p_adjusted"] < 0.05
    assert abs(other["difference"]) < 0.01
    assert rows.loc[("accuracy", ""), "verdict"] == "equal"
    assert rows.index[0] == ("spearman", "lime")
    assert contrast.settings.to_dict("records") == [{"setting": "explain.lime_samples", "before": "512", "after": "99"}]
    assert set(contrast.tables["after"]["state"]) == {"different"}


def test_accuracy_is_paired_over_the_test_texts(tmp_path: Path) -> None:
    first, second = write_run(tmp_path, "before"), write_run(tmp_path, "after", right=True)
    row = compare_runs([first, second]).differences["after"].set_index("metric").loc["accuracy"]
    assert (row["estimate_b"], row["n_examples"], row["n_seeds"]) == (1.0, 12, 3)
    assert row["difference"] == pytest.approx(1 - row["estimate_a"])
    assert row["verdict"] == "beyond"


def test_identical_runs_say_so_in_one_line(tmp_path: Path) -> None:
    write_run(tmp_path, "one")
    write_run(tmp_path, "two")
    status, told = compare("one", "two", results=tmp_path)
    assert status == 0
    assert told.splitlines()[0] == "two is identical to one: all 2 tables are the same to the last byte."
    assert "after adjustment" not in told


def test_texts_that_only_share_their_ids_are_not_paired(tmp_path: Path) -> None:
    first, second = write_run(tmp_path, "one"), write_run(tmp_path, "two", text_prefix="another text", lime=0.1)
    assert set(compare_runs([first, second]).differences["two"]["pairing"]) == {"unpaired"}


def test_runs_of_other_data_and_models_say_what_has_no_counterpart(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path, "one"),
        write_run(tmp_path, "two", dataset="films"),
        write_run(tmp_path, "three", model="b"),
    ]
    contrast = compare_runs(runs)
    assert contrast.differences["two"].empty
    assert set(contrast.unmatched["two"]["only_in"]) == {"one", "two"}
    assert contrast.unmatched["three"]["n_estimates"].sum() == 6
    status, told = compare("one", "two", "three", results=tmp_path)
    assert status == 0
    assert "two and one have no estimate in common" in told
    assert "estimates of films mlp are only in two" in told
    assert (tmp_path / "comparisons" / "one-vs-two-vs-three" / "report.html").is_file()


def test_what_runs_were_made_from(tmp_path: Path) -> None:
    made = {
        "packages": {"numpy": "3"},
        "data": {"data reviews": {"texts.parquet": "ab" * 32}},
        "git_revision": "f" * 40,
    }
    runs = [write_run(tmp_path, "one"), write_run(tmp_path, "two", manifest=made)]
    mark_tables(runs[0][0], code={"game/fast.py": "0" * 64})
    origins = compare_runs(runs).origins
    assert origins[["kind", "item", "one", "two"]].to_numpy().tolist() == [
        ["code", "study/game/fast.py", "0" * 12, "–"],
        ["package", "numpy", "2", "3"],
        ["data", "data reviews: texts.parquet", "–", "abababababab"],
        ["revision", "git revision", "unknown", "f" * 12],
    ]


def test_the_table_of_differences_and_the_chosen_metric(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, name, lime=shift) for name, shift in (("a", 0.0), ("b", 0.1), ("c", 0.2))]
    page = write_comparison(compare_runs(runs, ["spearman"]), tmp_path)
    table = pd.read_csv(page.parent / "differences.csv")
    assert list(table.columns[:7]) == ["baseline", "run", "dataset", "model", "metric", "method_a", "method_b"]
    assert table.groupby("run").size().to_dict() == {"b": 2, "c": 2}
    lime = table[table["method_b"] == "lime"].set_index("run")["difference"]
    assert lime.to_dict() == pytest.approx({"b": 0.1, "c": 0.2})


@pytest.mark.parametrize(
    ("metric", "method_a", "method_b", "told"),
    [
        ("spearman_abs", "shapley", "attention", "spearman abs, SHAP and Attention"),
        ("head_spearman", "ablation_mean", "shapley", "head spearman, Mean ablation and Head Shapley"),
        ("margin_lost_at_25", "heads:shapley", "", "margin lost at 25, heads by Head Shapley"),
        ("accuracy", "", "", "accuracy"),
    ],
)
def test_estimates_are_called_by_the_names_of_the_page(metric: str, method_a: str, method_b: str, told: str) -> None:
    assert measure_label(pd.Series({"metric": metric, "method_a": method_a, "method_b": method_b})) == told


class Page(HTMLParser):
    """Addresses, ids and unclosed tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named: dict[str, Any] = dict(attrs)
        self.addresses += [named[key] for key in ("href", "src") if key in named]
        self.ids += [named["id"]] if "id" in named else []
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_whole_file_and_escapes_names(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, "one"), write_run(tmp_path, "two", lime=0.1, noise=0.02)]
    contrast = compare_runs(runs)
    text = build_page(contrast)
    page = Page(text)
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert all(a.startswith(("#", "data:")) for a in page.addresses)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(page.ids)
    assert "spearman, SHAP and LIME" in text
    assert re.search(r"differ beyond their interval", text)
    assert build_page(contrast) == text
    hostile = contrast.settings.assign(two="<script>").rename_axis(None)
    hostile.loc[0] = ["explain.<b>", "1", "<script>"]
    assert "<script>" not in build_page(dataclasses.replace(contrast, settings=hostile))


def test_what_is_written_is_told_where_and_is_there(tmp_path: Path) -> None:
    write_run(tmp_path, "one")
    write_run(tmp_path, "two", lime=0.1)
    status, told = compare("one", "two", results=tmp_path)
    written = [tmp_path / "comparisons" / "one-vs-two" / name for name in ("differences.csv", "report.html")]
    assert (status, told.splitlines()[-2:]) == (0, [f"wrote {path}" for path in written])
    assert all(path.is_file() for path in written)


def set_manifest(folder: Path, **changes: Any) -> None:
    path = folder / ledger.MANIFEST_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_mistakes_are_told_with_the_next_step(tmp_path: Path) -> None:
    write_run(tmp_path, "one")
    folder, _ = write_run(tmp_path, "two")
    told = {
        "there is no run 'tow'.*did you mean 'two'": ("one", "tow"),
        "one run is nothing to compare.*study ls": ("one",),
        "a run is named twice": ("one", "one"),
        "no run estimates the metric 'spaerman'.*did you mean 'spearman'": ("one", "two", "--metric", "spaerman"),
    }
    for message, runs in told.items():
        status, output = compare(*runs, results=tmp_path)
        assert status == 2
        assert re.search(message, output), output
    set_manifest(folder, state="failed")
    assert re.search("two is failed: only finished runs", compare("one", "two", results=tmp_path)[1])
    set_manifest(folder, state="finished", schema_version=99)
    assert re.search("schema version 99, this program reads 1", compare("one", "two", results=tmp_path)[1])
    set_manifest(folder, schema_version=1)
    with ledger.RunLock(folder):
        assert "is running now" in compare("one", "two", results=tmp_path)[1]
    (folder / "tables" / "estimates.parquet").unlink()
    assert re.search(r"estimates\.parquet is missing", compare("one", "two", results=tmp_path)[1])


def test_a_table_that_is_not_as_it_was_written_is_not_compared(tmp_path: Path) -> None:
    write_run(tmp_path, "one")
    folder, _ = write_run(tmp_path, "two")
    path = folder / "tables" / "measurements.parquet"
    changed = ledger.read_frame(path).assign(value=0.0)
    ledger.write_frame(path, changed)
    assert re.search(r"measurements\.parquet is not as this run wrote it", compare("one", "two", results=tmp_path)[1])
    path.write_bytes(path.read_bytes()[:100])
    (folder / ".stages" / "compare.json").unlink()  # nothing tells what it was
    status, told = compare("one", "two", results=tmp_path)
    assert status == 2
    assert re.search(r"measurements\.parquet is no table", told)


def test_runs_of_one_name_in_different_folders_are_told_apart(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "here", "one"), write_run(tmp_path / "there", "one", lime=0.1)]
    assert compare_runs(runs).names == ("one", "one-2")


def as_sweep(folder: Path, shift: float) -> None:
    """Turns a run folder into that of a sweep of two removal operators; `delete` is shifted."""
    for name in ("estimates", "measurements"):
        frame = ledger.read_frame(folder / "tables" / f"{name}.parquet")
        column = "estimate" if name == "estimates" else "value"
        parts = [frame.assign(removal="mask", budget=512)]
        parts.append(frame.assign(removal="delete", budget=512, **{column: frame[column] + shift}))
        ledger.write_frame(folder / "tables" / f"sweep_{name}.parquet", pd.concat(parts, ignore_index=True))
        (folder / "tables" / f"{name}.parquet").unlink()
    mark_tables(folder)


def test_sweeps_are_compared_point_by_point_and_with_sweeps_alone(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, name) for name in ("one", "two", "plain")]
    as_sweep(runs[0][0], 0.0)
    as_sweep(runs[1][0], 0.1)
    contrast = compare_runs(runs[:2])
    rows = contrast.differences["two"].set_index(["metric", "removal", "method_b"])["difference"]
    assert rows["spearman", "delete", "lime"] == pytest.approx(0.1)
    assert rows["spearman", "mask", "lime"] == 0
    assert rows["accuracy", "", ""] == 0
    assert contrast.places == ["removal", "budget"]
    with pytest.raises(LedgerError, match="one is a sweep and plain is not"):
        compare_runs([runs[0], runs[2]])
