"""How the explorer gets into a page: styles and script only where it is, a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from study.report import rendering
from study.report.blocks import Block, Details, Explorer, Paragraph, Section
from study.report.rendering import render_html

PAYLOAD = '{"format":1,"words":["\\u003cb\\u003e","a & b"]}'
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page(*blocks: Block) -> str:
    return render_html("A title", "a-run", (), [Section(name="explorer", title="All", short="All", blocks=blocks)])


def explorer() -> Explorer:
    return Explorer("explore", PAYLOAD, (Paragraph("Shown without a script."),))


def policy(html: str) -> dict[str, str]:
    found = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html)
    assert found
    return dict(rule.split(" ", 1) for rule in unescape(found[1]).split("; "))


def test_a_page_without_an_explorer_has_no_script_and_allows_none() -> None:
    html = page(Paragraph("Nothing to explore."))
    assert "<script" not in html
    assert ".x-top" not in html
    assert "script-src" not in policy(html)
    assert policy(html)["default-src"] == "'none'"


@pytest.mark.parametrize("folded", [False, True])
def test_the_policy_allows_the_page_s_own_script_alone(folded: bool) -> None:
    html = page(Details("More", (explorer(),)) if folded else explorer())
    (script,) = SCRIPT.findall(html)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy(html)["script-src"] == f"'sha256-{digest}'"
    assert policy(html)["default-src"] == "'none'"
    assert policy(html)["img-src"] == "data:"
    assert "unsafe" not in policy(html)["script-src"]
    assert ".x-top" in html


def test_the_data_stands_in_the_page_as_it_is() -> None:
    assert f'<script type="application/json" id="explorer-data">{PAYLOAD}</script>' in page(explorer())


def test_the_static_blocks_are_in_the_page() -> None:
    html = page(explorer())
    static = re.search(r"<div[^>]*data-explorer-static>(.*?)</div>", html, re.DOTALL)
    assert static
    assert "Shown without a script." in static[1]
    assert "<div data-explorer-app hidden>" in html


def test_data_that_could_end_its_element_is_refused() -> None:
    with pytest.raises(ValueError, match=r"study\.report\.explorer\.encode"):
        page(Explorer("explore", '{"words":["</script>"]}', ()))


def test_the_script_holds_every_file_but_no_comment_and_cannot_end_its_element() -> None:
    (script,) = SCRIPT.findall(page(explorer()))
    assets = Path(rendering.__file__).parent / "assets"
    for path in assets.glob("explorer*.js"):
        for name in re.findall(r"^(?:function|const) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^(?:function|const) {name}\b", script, re.MULTILINE), (path.name, name)
    assert not re.search(r"^\s*(?://|/\*|\*)", script, re.MULTILINE)
    assert script.startswith('(() => {"use strict";')
    assert "</" not in script
    assert "<!--" not in script
    assert not re.search(r"\binnerHTML\b|\bfetch\(|\beval\(|XMLHttpRequest|https?:", script)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, which reads the script")
def test_the_script_can_be_read_without_its_comments(tmp_path: Path) -> None:
    (script,) = SCRIPT.findall(page(explorer()))
    (tmp_path / "page.js").write_text(script, encoding="utf-8")
    subprocess.run(["node", "--check", str(tmp_path / "page.js")], check=True, capture_output=True)
