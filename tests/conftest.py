"""The small run that the tests of own texts share: made once, by the process of the group "library run"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from study.library.loading import LoadedRun


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.library.small_runs import make_run  # brings torch, which most tests do without

    return make_run(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def run(run_folder: Path) -> LoadedRun:
    from study.library.loading import load_run

    return load_run(run_folder)
