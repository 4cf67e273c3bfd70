"""Every page that the study writes, in a real browser: quiet, self-contained, accessible, and it fits."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import NARROW, WIDE, accessibility_faults, in_ci, sideways
from tests.browser.conftest import Open
from tests.browser.pages import Explored, write_compared, write_swept

pytestmark = pytest.mark.xdist_group("browser")  # one worker has the Chromium and the report

ROOT = Path(__file__).parents[2]
LOOKS = [(WIDE, False), (NARROW, True)]  # every width and either light once: the whole page takes seconds
SCREENSHOTS = Path(__file__).parent / "screenshots"
MADE_BY_SMOKE = ("smoke", "known_answers_smoke", "sweep_smoke")


@pytest.fixture(scope="package")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_swept(tmp_path_factory.mktemp("swept"))


@pytest.fixture(scope="package")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_compared(tmp_path_factory.mktemp("compared"))


@pytest.fixture(params=MADE_BY_SMOKE)
def smoke_report(request: pytest.FixtureRequest) -> Path:
    """A report of `make smoke`: in CI, or where STUDY_REPORTS names the folder of runs; there it must exist."""
    folder = os.environ.get("STUDY_REPORTS") or (str(ROOT / "results") if in_ci() else "")
    if not folder:
        pytest.skip("reports of `make smoke`: set STUDY_REPORTS=results, or CI=true, to have them opened")
    path = Path(folder) / request.param / "report.html"
    assert path.exists(), f"{path} is missing: `make smoke` writes it"
    return path


FAULTY = """<!doctype html><html lang="en"><title>Faulty</title><main><h1>Faulty</h1>
<p style="color: #bbb; background: #fff">too pale</p><details><summary>fold</summary><img src="nowhere.png"></details>
<div style="width: 600px">wide</div><script>console.error("said"); fetch("http://127.0.0.1:9/"); nowhere()</script>"""


def leaves(requests: list[str], path: Path) -> list[str]:
    """The requests that go anywhere but to the page itself or into it."""
    own = path.resolve().as_uri()
    return [address for address in requests if address.split("#")[0] != own and not address.startswith("data:")]


def keep(page: Page, name: str, place: str = "h1") -> None:
    """A screenshot of what the window shows from `place` on, kept beside the tests to be looked at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.locator(place).first.evaluate("node => (node.querySelector('h2') || node).scrollIntoView({block: 'start'})")
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    print(f"screenshot: {SCREENSHOTS / name}.png")


def test_a_faulty_page_is_found_out(open_page: Open, tmp_path: Path) -> None:
    """What the other tests look for is found where it is: otherwise they would say nothing."""
    path = tmp_path / "faulty.html"
    path.write_text(FAULTY, encoding="utf-8")
    with open_page(path, size=NARROW) as watched:
        assert sideways(watched.page) > 100
        assert {fault.split(" ")[0] for fault in accessibility_faults(watched.page)} == {"color-contrast", "image-alt"}
        assert {"said", "nowhere is not defined"} <= set(watched.complaints)
        assert [Path(address).name for address in leaves(watched.requests, path)] == ["nowhere.png", "127.0.0.1:9"]


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_the_report_is_quiet_accessible_and_fits(
    open_page: Open, explored: Explored, size: tuple[int, int], dark: bool
) -> None:
    with open_page(explored.page, size=size, dark=dark) as watched:
        keep(watched.page, f"report-{size[0]}-{'dark' if dark else 'light'}")
        assert sideways(watched.page) == 0
        keep(watched.page, f"explorer-{size[0]}-{'dark' if dark else 'light'}", "#explorer")
        keep(watched.page, f"crosswalks-{size[0]}-{'dark' if dark else 'light'}", "#explorer-tables")
        assert accessibility_faults(watched.page) == []
        assert sideways(watched.page) == 0  # nor with every fold open
        ids = watched.page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
        assert len(ids) == len(set(ids))
        assert watched.complaints == []
        assert leaves(watched.requests, explored.page) == []


@pytest.mark.parametrize("dark", [False, True])
def test_pages_of_sweeps_and_comparisons_are_so_too(open_page: Open, swept: Path, compared: Path, dark: bool) -> None:
    for name, path in (("sweep", swept), ("comparison", compared)):
        with open_page(path, size=NARROW, dark=dark) as watched:
            keep(watched.page, f"{name}-{NARROW[0]}-{'dark' if dark else 'light'}")
            assert accessibility_faults(watched.page) == []
            assert sideways(watched.page) == 0, name
            assert (watched.complaints, leaves(watched.requests, path)) == ([], [])


def test_reports_of_real_runs_are_so_too(open_page: Open, smoke_report: Path) -> None:
    with open_page(smoke_report, size=NARROW) as watched:
        assert accessibility_faults(watched.page) == []
        assert sideways(watched.page) == 0
        assert (watched.complaints, leaves(watched.requests, smoke_report)) == ([], [])
    with open_page(smoke_report) as watched:
        keep(watched.page, f"{smoke_report.parent.name}-{WIDE[0]}")


def test_every_picture_is_drawn(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page) as watched:
        sizes = watched.page.evaluate(
            "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth, () => 0)))"
        )
    assert len(sizes) > 10
    assert min(sizes) > 50


def test_links_within_the_page_lead_to_what_is_there(open_page: Open, explored: Explored) -> None:
    """From the contents by keyboard, and back with the browser's own button."""
    with open_page(explored.page) as watched:
        page = watched.page
        first = page.locator("nav a").first
        first.focus()
        page.keyboard.press("Enter")
        name = first.get_attribute("href") or ""
        assert page.url.endswith(name)
        assert abs(page.locator(name).locator("h2").bounding_box()["y"]) < 120  # type: ignore[index]
        page.go_back()
        assert not page.url.endswith(name)


def test_the_report_prints_as_a_paper_of_sane_length(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page) as watched:
        paper = watched.page.pdf(prefer_css_page_size=True)
        watched.page.emulate_media(media="print")
        assert watched.page.locator("nav").is_hidden()
        assert watched.page.locator("h1").is_visible()
    n_pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    print(f"{n_pages} pages, {len(paper) / 1e6:.1f} MB")
    assert 5 < n_pages < 60
