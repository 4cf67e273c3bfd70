"""The pictures beside the page: one a text with a causal table, safe names, linked, the same bytes every time."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path, PurePosixPath

import pytest

from study.report import gallery, page
from study.report.blocks import Details, walk
from study.report.gallery import FOLDER, draw_gallery, picture_path, pictured_ids, safe_name
from study.report.sections import explorer
from tests.report.conftest import Written
from tests.report.edits import with_rows, with_second_data_set


def test_every_text_with_a_causal_table_has_a_file_that_the_page_links(written: Written) -> None:
    wanted = set()
    for dataset, model in written.run.variants:
        ids = pictured_ids(written.run, dataset, model)
        assert len(ids) == written.config.heads.causal_texts
        wanted |= {picture_path(written.run, dataset, model, example) for example in ids}
    files = {name for name in written.files if name.startswith(FOLDER)}
    assert files == wanted
    assert f"{FOLDER}/encoder-s0/t000.svg" in files
    assert {p.relative_to(written.folder).as_posix() for p in (written.folder / FOLDER).rglob("*.*")} == files
    assert set(re.findall(rf'href="({FOLDER}/[^"]*)"', written.html)) == files
    assert set(re.findall(rf"\(({FOLDER}/[^)]*)\)", written.markdown)) == files
    assert all((written.folder / name).read_bytes().startswith(b"<?xml") for name in files)


def test_pictures_are_not_inside_the_page(written: Written) -> None:
    figures = [name for name in written.files if name.startswith("figures/") and name.endswith(".svg")]
    on_page = [name for name in figures if not name.startswith(FOLDER)]
    assert len(figures) > len(on_page) > 10
    assert written.html.count("<img") == len(on_page)
    assert len((written.folder / "report.html").read_bytes()) < 5_000_000


@pytest.mark.parametrize(
    "example",
    [
        *("../x", "a/b", "..", ".", "", "/etc/passwd", "a\\b", "x" * 300, "ü", "a b", 'x" onload="y', "\udcff", "-"),
        *("CON", "con", "nul.txt", "LPT1", "Rt-1"),
    ],
)
def test_names_stay_in_their_folder(example: str) -> None:
    name = safe_name(example)
    assert re.fullmatch(r"[a-z0-9_-][a-z0-9_.-]*", name)
    assert not re.match(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", name)  # no files on Windows
    assert len(name) < 100
    assert PurePosixPath(f"{FOLDER}/m-s0/{name}.svg").parent == PurePosixPath(f"{FOLDER}/m-s0")


def test_different_ids_have_different_names() -> None:
    ids = ["a/b", "a_b", "a\\b", "../b", ".._b", "x" * 81, "x" * 82, "rt-1", "rt-1.0", "RT-1", "Rt-1"]
    assert len({safe_name(i).lower() for i in ids}) == len(ids)  # one disk may not tell capitals
    assert safe_name("rt-05821") == "rt-05821"


def test_an_id_that_is_a_path_is_written_inside_the_folder(small: Written) -> None:
    run = small.run
    for table in ("texts", "features", "crosswalk", "components", "heads", "causal"):
        frame = run.tables[table]
        run = with_rows(run, table, frame.assign(example_id=frame["example_id"].replace({"t000": "../../x"})))
    paths = [path for path, _ in draw_gallery(run)]
    assert len(paths) == len(set(paths)) == 2 * 6
    assert all(".." not in PurePosixPath(path).parts and path.startswith(f"{FOLDER}/") for path in paths)
    html_links = [link.path for links in explorer._links(run, "reviews").values() for link in links]
    assert sorted(html_links) == sorted(paths)


def test_two_drawings_have_the_same_bytes_and_depend_on_the_tables(small: Written) -> None:
    first, again = next(draw_gallery(small.run)), next(draw_gallery(small.run))
    assert first == again
    frame = small.run.tables["crosswalk"]
    other = next(draw_gallery(with_rows(small.run, "crosswalk", frame.assign(value=frame["value"] * 2))))
    assert other[0] == first[0]
    assert other[1] != first[1]


def test_models_of_several_data_sets_do_not_share_a_folder(small: Written) -> None:
    run = with_second_data_set(small.run)
    paths = {picture_path(run, *variant, "t000") for variant in run.variants}
    assert len(paths) == len(run.variants) == 4
    section = explorer.build(run)
    assert section is not None
    summaries = [b.summary for b in walk(section.blocks) if isinstance(b, Details)]
    assert any("films" in s and "pictures of 6 texts" in s for s in summaries)


def test_only_the_first_seed_has_pictures(small: Written) -> None:
    assert gallery.first_seed(small.run) == "0"
    assert all("-s0/" in path for path, _ in draw_gallery(small.run))


def test_stale_pictures_go_and_nothing_else(small: Written, tmp_path: Path) -> None:
    run = dataclasses.replace(small.run, folder=tmp_path)
    kept = sorted(gallery.gallery_paths(run))[0]
    names = [kept, f"{FOLDER}/encoder-s0/gone.svg", f"{FOLDER}/encoder-s0/mine.txt", f"{FOLDER}/old-s3/t000.svg"]
    names += ["figures/kinds.svg", f"{FOLDER}/own.svg"]
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "far.svg").write_text("x")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / FOLDER / "link-s0").symlink_to(outside)
    assert gallery.remove_stale(run) == [names[1], names[3]]
    assert {name for name in names if (tmp_path / name).exists()} == set(names) - {names[1], names[3]}
    assert not (tmp_path / FOLDER / "old-s3").exists()
    assert (outside / "far.svg").exists()


def test_a_report_written_again_keeps_no_picture_of_the_first(
    small: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tmp_path / FOLDER / "encoder-s0" / "t999.svg"
    stale.parent.mkdir(parents=True)
    stale.write_text("x")
    monkeypatch.setattr(page, "read_run", lambda *_: dataclasses.replace(small.run, folder=tmp_path))
    for name in ("build_sections", "draw_gallery", "opening_blocks"):
        monkeypatch.setattr(page, name, lambda *_: [])
    page.write_report(tmp_path, small.config)
    assert not stale.exists()
