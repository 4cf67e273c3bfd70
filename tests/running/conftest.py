"""A fake study for every test, a finished one to compare with, and a dask cluster of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One uninterrupted run, for comparison only."""
    done = Study(tmp_path_factory.mktemp("finished"))
    assert done.run() == 0
    return done


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of a cluster of two workers, which a nanny replaces when they die."""
    from study.running.dask_cluster import silenced, start_local_cluster

    with silenced(), start_local_cluster(2) as cluster:
        yield str(cluster.scheduler_address)


@pytest.fixture
def on_cluster(scheduler: str) -> dict[str, object]:
    """Settings of a run on that cluster."""
    return {"runtime__engine": "dask", "runtime__scheduler": scheduler}
