"""One Chromium and one invented report for all browser tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import MISSING, WIDE, Watched, find_chromium, in_ci, opened, start_chromium
from tests.browser.pages import Explored, write_explored


class Open(Protocol):
    def __call__(
        self,
        path: Path,
        *,
        fragment: str = "",
        size: tuple[int, int] = WIDE,
        dark: bool = False,
        script: bool = True,
    ) -> AbstractContextManager[Watched]: ...


@pytest.fixture(scope="package")  # not session: while it is open, asyncio.run of other tests would be refused
def browser() -> Iterator[Browser]:
    """A running Chromium; without one, tests are skipped, in CI they fail."""
    executable = find_chromium()
    if executable is None:
        pytest.fail(MISSING) if in_ci() else pytest.skip(MISSING)
    with sync_playwright() as playwright:
        chromium = start_chromium(playwright, executable)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Open:
    """Opens a file in a fresh window, as a context: `with open_page(path, dark=True) as watched`."""

    def open_one(path: Path, **how: object) -> AbstractContextManager[Watched]:
        return opened(browser, path, **how)  # type: ignore[arg-type]

    return open_one


@pytest.fixture(scope="package")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Explored:
    """The report of an invented run whose reviews hold what a page must survive."""
    return write_explored(tmp_path_factory.mktemp("explored") / "synthetic")
