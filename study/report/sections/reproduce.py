"""Section: how to get these numbers again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from study.report.blocks import Block, Code, Details, Paragraph, Section
from study.report.inputs import RunTables
from study.report.sections.model import flatten
from study.report.tables import make_table

_SHOWN = (
    "schema_version",
    "config_hash",
    "code_digest",
    "git_revision",
    "git_dirty",
    "seeds",
    "threads_per_process",
    "processes",
)
_GROUPS = ("machine", "data", "evaluations")


def build(run: RunTables) -> Section:
    """Commands, hashes, versions and the resolved config."""
    return reproduce(run.manifest, run.config_text, _commands(run.folder.name, run.config.name, "run"))


def reproduce_sweep(manifest: Mapping[str, Any], config_text: str, folder: str, name: str) -> Section:
    """The same of a sweep. folder: its name among the results."""
    return reproduce(manifest, config_text, _commands(folder, name, "sweep"))


def reproduce(manifest: Mapping[str, Any], config_text: str, commands: str) -> Section:
    """The section, from what a run folder says of itself."""
    about = "On one machine, the same config and revision give the same tables to the last byte; seconds differ."
    blocks: list[Block] = [Paragraph(about), Code(commands)]
    manifest = dict(manifest)
    shown = [leaf for key in _SHOWN if key in manifest for leaf in flatten(manifest[key], key)]
    shown += [leaf for key in _GROUPS if key in manifest for leaf in flatten(manifest[key], key)]
    if shown:
        blocks.append(_table(shown, "table-manifest", "This run"))
    packages: Any = manifest.get("packages", {})
    if packages:
        blocks.append(Details("Package versions", (_table(flatten(packages), "table-packages", "Package versions"),)))
    if config_text:
        blocks.append(Details("Resolved config", (Code(config_text),)))
    return Section(name="reproduce", title="How to reproduce", short="Reproduce", blocks=tuple(blocks))


def _commands(folder: str, name: str, command: str) -> str:
    """Shell commands that make this run, and this page, again. command: "run" or "sweep"."""
    return "\n".join(
        (
            "# this page again, from the tables of the run",
            f".venv/bin/study report results/{folder}",
            "# the run again, beside this one",
            f".venv/bin/study {command} results/{folder}/config.resolved.yaml name={name}-again",
        )
    )


def _table(rows: list[tuple[str, str]], anchor: str, title: str) -> Any:
    return make_table(
        pd.DataFrame(rows, columns=["entry", "value"]),
        {},
        anchor=anchor,
        title=title,
        source="",
        left=("entry", "value"),
    )
