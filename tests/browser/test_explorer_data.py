"""The explorer with other data: less than it can show, none that it can read, and much."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.explorer import edited, fragment_of
from tests.browser.pages import Explored

pytestmark = pytest.mark.xdist_group("browser")

READY_MS = 1000  # from navigation until it can be used, on a machine that does nothing else


def test_a_run_that_was_asked_for_less(open_page: Open, explored: Explored, tmp_path: Path) -> None:
    """Neither split scores nor causal tables, a model without heads, a text without words, one of no known class."""

    def lessen(data: dict) -> None:
        data["splits"] = []
        data["methods"] = [m for m in data["methods"] if m["name"] not in ("shapley", "lime")]
        for model in data["models"]:
            for text in model["texts"]:
                text["direct"], text["label"], text["sort"]["wrong"] = {}, None, None
                text["scores"] = {k: v for k, v in text["scores"].items() if k not in ("shapley", "lime")}
                text.pop("causal", None)
                text.pop("attention")
            bare = {"id": "bare", "words": [], "unknown": [], "seen": 0, "predicted": None, "scores": {}}
            model["texts"].append({**model["texts"][0], **bare})
        data["models"][1] |= {"heads": [], "profiles": {}}

    with open_page(edited(explored.page, tmp_path / "less.html", lessen), fragment=fragment_of("encoder", "t009")) as w:
        page = w.page
        expect(page.locator("#explorer-brief")).to_contain_text("Occlusion")
        assert "wrong" not in page.locator("#explorer-sort option").evaluate_all("all => all.map(o => o.value)")
        expect(page.locator(".x-look, #explorer-head")).to_contain_text("kept no attention")
        page.evaluate(f"location.hash = '{fragment_of('attention-only', 't009')}'")
        expect(page.locator("#explorer-head")).to_be_empty()
        page.evaluate(f"location.hash = '{fragment_of('attention-only', 'bare')}'")
        expect(page.locator("#explorer-word")).to_have_text("This text has no words.")
        expect(page.locator("#explorer-brief")).to_be_empty()
        shown_there = page.locator("[data-explorer-app]").inner_text()
        assert "unknown" in page.locator("#explorer-text-title").inner_text()
        assert not {"undefined", "NaN", "null"} & set(shown_there.split())
        assert w.complaints == []


def test_data_that_cannot_be_read_leave_the_static_texts(open_page: Open, explored: Explored, tmp_path: Path) -> None:
    def forget(data: dict) -> None:
        data["models"][0]["texts"][0]["words"] = None

    broken = edited(explored.page, tmp_path / "broken.html", forget)
    with open_page(explored.page) as watched:
        page = watched.page
        page.goto(broken.as_uri())
        page.wait_for_event("pageerror") if not watched.complaints else None
        assert page.locator("[data-explorer-static]").is_visible()
        assert page.locator("[data-explorer-app]").is_hidden()
        assert page.locator("[data-explorer][data-ready]").count() == 0
        expect(page.locator("main figure img[loading=lazy]")).to_have_count(0)


def ready_after(open_page: Open, path: Path) -> float:
    """Milliseconds from navigation until the explorer can be used: the best of three, others use the machine too."""
    times = []
    for _ in range(3):
        with open_page(path) as watched:
            times.append(float(watched.page.locator("[data-explorer]").get_attribute("data-ready-ms") or "nan"))
    print(f"{path.stat().st_size / 1e6:.1f} MB: ready after {min(times):.0f} ms (of {times}), {busy():.1f} jobs a core")
    return min(times)


def busy() -> float:
    """How many jobs want each core, at least 1: waiting for them is not the page's fault."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_it_can_be_used_within_a_second(open_page: Open, explored: Explored, tmp_path: Path) -> None:
    """With 2 MB of texts too, for which it has twice the time."""
    assert ready_after(open_page, explored.page) < READY_MS * busy()
    assert ready_after(open_page, enlarged(explored.page, tmp_path / "large.html", 2_000_000)) < 2 * READY_MS * busy()


def enlarged(page: Path, large: Path, n_bytes: int) -> Path:
    """The same page with its texts over and over, under new names, until the explorer has `n_bytes` of them."""

    def multiply(data: dict) -> None:
        times = n_bytes // len(json.dumps(data)) + 1
        for model in data["models"]:
            model["texts"] = [text | {"id": f"{text['id']}-{k}"} for k in range(times) for text in model["texts"]]

    return edited(page, large, multiply)
