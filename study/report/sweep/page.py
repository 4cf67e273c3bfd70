"""write_sweep_report: from the folder of a sweep to report.html, report.md and figures."""

from __future__ import annotations

from pathlib import Path

from study.config import StudyConfig
from study.ledger import write_bytes
from study.report.blocks import Block, Figure, Paragraph, Section, walk
from study.report.markdown import to_markdown
from study.report.numbers import plural
from study.report.rendering import render_html
from study.report.sections.opening import blocks_of_gates
from study.report.sections.reproduce import reproduce_sweep
from study.report.sweep.findings import answer, failed_block, findings, interval_note
from study.report.sweep.inputs import SweepTables, read_sweep
from study.report.sweep.sections import agreement_section, faithfulness_section, heads_section
from study.report.sweep.tables import points_section, trends_section

TITLE = "SHAP, LIME and heads over model size, removal operator and budget"


def write_sweep_report(folder: Path, config: StudyConfig) -> list[str]:
    """Writes the report of a sweep from its tables; returns the names of the files, relative to the folder.

    Raises: LedgerError where a table is missing.
    """
    sweep = read_sweep(folder, config)
    opening, sections = opening_blocks(sweep), build_sections(sweep)
    figures = [b for section in sections for b in walk(section.blocks) if isinstance(b, Figure)]
    files = {name: data for figure in figures for name, data in figure.files.items()}
    files["report.md"] = to_markdown(TITLE, opening, sections).encode()
    files["report.html"] = render_html(TITLE, config.name, opening, sections).encode()  # last: what people open
    for name, data in files.items():
        write_bytes(folder / name, data)
    return list(files)


def opening_blocks(sweep: SweepTables) -> tuple[Block, ...]:
    """What failed, the answer, which sweep it is, and its gates."""
    return (
        *failed_block(sweep),
        Paragraph(answer(sweep), tone="lead"),
        Paragraph(identity(sweep), tone="muted"),
        *blocks_of_gates(sweep.gates),
    )


def identity(sweep: SweepTables) -> str:
    """The sweep in one short line: name, size, config hash, revision."""
    config, n_failed = sweep.config, len(sweep.failed)
    axes = config.sweep
    parts = [config.name, plural(len(config.datasets), "data set"), plural(len(config.models), "model")]
    parts.append(plural(len(config.seeds), "seed"))
    if axes is not None:
        parts += [plural(len(axes.removals), "removal operator"), plural(len(axes.budgets), "budget")]
        parts.append(f"{plural(axes.n_texts, 'text')} a point")
    parts.append(f"{plural(len(sweep.points) - n_failed, 'point')} of {len(sweep.points)} done")
    if config_hash := sweep.manifest.get("config_hash"):
        parts.append(f"config {str(config_hash)[:8]}")
    if revision := sweep.manifest.get("git_revision"):
        changed = " with uncommitted changes" if sweep.manifest.get("git_dirty") else ""
        parts.append(f"revision {str(revision)[:8]}{changed}")
    return " · ".join(parts)


def build_sections(sweep: SweepTables) -> list[Section]:
    """Every section that has something to show."""
    first = Section(
        name="findings",
        title="Findings",
        short="Findings",
        blocks=(findings(sweep), Paragraph(interval_note(sweep), tone="muted")),
    )
    built = [
        first,
        agreement_section(sweep),
        faithfulness_section(sweep),
        heads_section(sweep),
        trends_section(sweep),
        points_section(sweep),
        reproduce_sweep(sweep.manifest, sweep.config_text, sweep.folder.name, sweep.config.name),
    ]
    return [section for section in built if section is not None]
