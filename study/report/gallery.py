"""The signature picture of every text that has a causal table: files beside the page, which only links to them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from study.report.choose import causal_ids
from study.report.figures.crosswalk import paint_crosswalk
from study.report.figures.style import draw_file
from study.report.inputs import RunTables
from study.report.pictures import compose
from study.report.text_rows import TextRows, rows_by_text

FOLDER = "figures/crosswalks"
LINKED_FROM = "explorer"  # the section that links to the pictures
_UNSAFE = re.compile(r"[^a-z0-9_.-]|^\.+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")  # no file names on Windows, whatever their ending
_LONGEST = 80  # characters of a file name before its ending


def safe_name(example_id: str) -> str:
    """A file name that stays in its folder, whatever the id; where the id had to be changed, its hash is in it.

    Capitals are changed: on many disks "RT-1" and "rt-1" are one file.
    """
    name = _UNSAFE.sub("_", example_id.lower())[:_LONGEST]
    name = f"_{name}" if _RESERVED.match(name) else name
    if name == example_id and name:
        return name
    return f"{name}-{hashlib.sha256(example_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def picture_path(run: RunTables, dataset: str, model: str, example_id: str) -> str:
    """Where a text's picture is, seen from the run folder."""
    name = model if len(run.config.datasets) == 1 else f"{dataset}-{model}"
    return f"{FOLDER}/{name}-s{first_seed(run)}/{safe_name(example_id)}.svg"


def first_seed(run: RunTables) -> str:
    """Of every variant's seeds only the first has pictures: heads of another seed are other heads."""
    return str(run.config.seeds[0])


def pictured_ids(run: RunTables, dataset: str, model: str) -> list[str]:
    """Texts of a variant that have a picture of their own: none where the page has no section that links to them."""
    shown = run.config.report.sections
    if shown and LINKED_FROM not in shown:
        return []
    return causal_ids(run, dataset, model, first_seed(run))


def gallery_paths(run: RunTables) -> set[str]:
    """Where all pictures of the gallery are, or will be."""
    return {picture_path(run, *v, example) for v in run.variants for example in pictured_ids(run, *v)}


def remove_stale(run: RunTables) -> list[str]:
    """Removes the pictures of an earlier gallery that this one does not draw; returns their names.

    Only what a gallery writes is touched: SVG files one folder below FOLDER, and folders that are empty then.
    """
    wanted, removed = gallery_paths(run), []
    for folder in sorted((run.folder / FOLDER).glob("*-s*")):
        if folder.is_symlink() or not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.svg")):
            name = path.relative_to(run.folder).as_posix()
            if name not in wanted:
                path.unlink()
                removed.append(name)
        if not any(folder.iterdir()):
            folder.rmdir()
    return removed


def draw_gallery(run: RunTables) -> Iterator[tuple[str, bytes]]:
    """Path and SVG of every picture, one at a time."""
    for dataset, model in run.variants:
        ids = pictured_ids(run, dataset, model)
        for example, rows in rows_by_text(run, dataset, model, first_seed(run), ids).items():
            made = compose(rows, (_about(run, dataset, model, example, rows),))
            if made:
                picture, title = made
                path = picture_path(run, dataset, model, example)
                yield path, draw_file(lambda picture=picture: paint_crosswalk(picture), title)  # type: ignore[misc]


def _about(run: RunTables, dataset: str, model: str, example: str, rows: TextRows) -> str:
    """Which text of which model this is: the file stands alone."""
    said = f"labelled {rows.text['label']}, predicted {rows.text['predicted']}"
    return f"{run.label(dataset, model)}, seed {first_seed(run)}, text {example}: {said}."
