"""A real Chromium for the tests: which one, how it is started, and pages that keep all that goes wrong on them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    f"no Chromium for the browser tests (looked for {', '.join(NAMES)} and $STUDY_CHROMIUM): install it, on Debian "
    "`apt-get install chromium`, or set STUDY_CHROMIUM to the path of one"
)
# no sandbox: it does not start as root; the rest keeps Chromium from calling its makers, which a closed network refuses
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
TIMEOUT_MS = 30_000  # the machine does other things as well
expect.set_options(timeout=TIMEOUT_MS)
WIDE, NARROW = (1280, 900), (400, 800)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]}, "resultTypes": ["violations"]}


def find_chromium() -> str | None:
    """The path of a Chromium: what STUDY_CHROMIUM names, else the first of the known names that is installed.

    Raises: FileNotFoundError where STUDY_CHROMIUM names none; whoever names one wants it to be used.
    """
    named = os.environ.get("STUDY_CHROMIUM")
    if named and not shutil.which(named):
        raise FileNotFoundError(f"STUDY_CHROMIUM is {named!r}, which is no program: set it to the path of a Chromium")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def in_ci() -> bool:
    """Whether a missing Chromium or report is a failure, rather than a reason to skip."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def start_chromium(playwright: Playwright, executable: str) -> Browser:
    return playwright.chromium.launch(executable_path=executable, args=list(FLAGS))


@dataclass
class Watched:
    """An open page. complaints: console errors and warnings, exceptions. requests: every address it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))


@contextmanager
def opened(
    browser: Browser,
    path: Path,
    *,
    fragment: str = "",
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    script: bool = True,
) -> Iterator[Watched]:
    """The page of a file, loaded; its explorer, if it has one, can be used.

    fragment: what stands after the # of its address. script: whether scripts run.
    """
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        reduced_motion="reduce",  # jumps at once to where it would scroll
    )
    context.set_default_timeout(TIMEOUT_MS)
    try:
        watched = Watched(context.new_page())
        watched.watch()
        watched.page.goto(path.resolve().as_uri() + (f"#{fragment}" if fragment else ""), wait_until="load")
        if script and watched.page.locator("[data-explorer]").count():
            watched.page.locator("[data-explorer][data-ready]").wait_for(state="attached")
        yield watched
    finally:
        context.close()


# Every fold is opened. Of every table one row is kept: the others are like it, and take most of the time.
_UNFOLD = """() => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  for (const row of document.querySelectorAll('.table tbody tr:nth-child(n + 2)')) row.remove();
}"""


def accessibility_faults(page: Page) -> list[str]:
    """What axe calls serious or critical by WCAG 2 A and AA, on the page with its folds open: rule, place, what."""
    page.evaluate(_UNFOLD)
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{fault['id']} ({fault['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def sideways(page: Page) -> float:
    """How many pixels the page itself can be scrolled sideways; parts of it may scroll in their own frames."""
    return float(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
