"""What a config says about where a run goes and what performs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.config.running import RESERVED
from study.contrast.comparison import COMPARISONS
from study.reference import card_path
from tests.test_config import GOOD, load, mistakes


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("tcp://[::1", "Invalid IPv6 URL"),
        ("tcp://head:99999", "Port out of range 0-65535"),
        ("tcp://head:port", "Port could not be cast to integer value as 'port'"),
        ("tcp://head", "it names no port"),
        ("tcp://:8786", "it names no host"),
        ("tcp://head :8786", "it names no host"),
        ("http://head:8786", "it starts with neither tcp:// nor tls://"),
        ("tcp://head:8786/status", "it goes on after the port"),
    ],
)
def test_address_that_is_none_is_told_at_its_place(tmp_path: Path, address: str, problem: str) -> None:
    text = f"{GOOD}runtime:\n  engine: dask\n  scheduler: '{address}'\n"
    told = f"runtime.scheduler: '{address}' is no address of a scheduler ({problem}): it looks like tcp://host:8786"
    assert mistakes(tmp_path, text) == f"study.yaml:11:14: {told}"


@pytest.mark.parametrize("address", ["tcp://head:8786", "tls://[::1]:1", "tcp://127.0.0.1:65535"])
def test_good_address(tmp_path: Path, address: str) -> None:
    config = load(tmp_path, f"{GOOD}runtime: {{engine: dask, scheduler: '{address}'}}\n")
    assert config.runtime.scheduler == address


@pytest.mark.parametrize("name", ["comparisons", "Reference"])
def test_folders_of_other_commands_are_no_names_of_runs(tmp_path: Path, name: str) -> None:
    told = f"name: '{name}' is no name for a run: 'comparisons' and 'reference' are folders that other commands use"
    assert mistakes(tmp_path, GOOD.replace("name: good", f"name: {name}")) == f"study.yaml:1:7: {told}"
    assert load(tmp_path, GOOD, "name=references").name == "references"


def test_reserved_names_are_those_of_the_folders(tmp_path: Path) -> None:
    assert (COMPARISONS, card_path(tmp_path / "run").parent.name) == RESERVED
