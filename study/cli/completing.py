"""What the shell offers on the tab key: runs, config files, explainers. Called at every key press: nothing heavy."""

from __future__ import annotations

from pathlib import Path

import typer

_STORED_CONFIG = "config.resolved.yaml"  # ledger.CONFIG_FILE: what makes a folder a run


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The runs of `--results` (before it on the line), or else of results/, whose names start so."""
    results = Path(ctx.params.get("results") or "results")
    return sorted(
        path.parent.name for path in results.glob(f"*/{_STORED_CONFIG}") if path.parent.name.startswith(incomplete)
    )


def config_files(incomplete: str) -> list[str]:
    """The YAML files that start so, here and in configs/; with a folder before, those in that folder."""
    folder, slash, _ = incomplete.rpartition("/")
    folders = [folder + slash] if slash else ["", "configs/"]
    return [name for prefix in folders for name in _yaml_files(prefix) if name.startswith(incomplete)]


def explainers(incomplete: str) -> list[str]:
    """The names of explainers that start so."""
    from study.features import EXPLAINERS

    return [name for name in EXPLAINERS if name.startswith(incomplete)]


def _yaml_files(prefix: str) -> list[str]:
    """The YAML files of one folder, spelled as they would be typed."""
    folder = Path(prefix or ".").expanduser()
    return [prefix + path.name for path in sorted(folder.glob("*.y*ml")) if path.is_file()]
