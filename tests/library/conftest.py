"""The small run that the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.library.loading import LoadedRun, load_run
from tests.library.small_runs import make_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def run(run_folder: Path) -> LoadedRun:
    return load_run(run_folder)
