"""What the explorer of an open page shows, and what the tables say that it should."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd
from playwright.sync_api import Page

from study.report.inputs import pick
from study.report.numbers import signed
from tests.browser.pages import Explored

DATASET = "reviews"
_READ = """() => {
  const all = (where, from) => [...(from || document).querySelectorAll(where)];
  const titles = (nodes, key) => Object.fromEntries(nodes.map((n) => [n.dataset[key], n.title]));
  return {
    margin: document.querySelector('[data-margin]').textContent,
    strips: Object.fromEntries(all('[data-strip]').map((row) => [
      row.dataset.strip,
      all('[data-word]', row).map((c) => [c.textContent, c.title, getComputedStyle(c).backgroundColor]),
    ])),
    cells: Object.fromEntries(all('[data-cell]').map((c) => [c.dataset.cell, c.title])),
    figures: Object.fromEntries(all('[data-cell]').map((c) => [c.dataset.cell, c.textContent])),
    heads: Object.fromEntries(all('[data-head-grid]').map((grid) => [
      grid.dataset.headGrid, Object.fromEntries(all('[data-head]', grid).map((b) => [b.dataset.head, b.textContent])),
    ])),
    attention: titles(all('[data-attention]'), 'attention'),
    colours: all('.explorer [class*=" d"], .explorer [class^="d"]').map((c) => c.className),
  };
}"""


def fragment_of(model: str, example: str) -> str:
    return "text=" + "/".join(quote(part, safe="") for part in (DATASET, model, example))


def named_text(page: Page) -> tuple[str, str]:
    """Model and example id of the address."""
    _, model, example = map(unquote, page.url.split("#text=")[1].split("/"))
    return model, example


def shown_text(page: Page) -> str:
    """Example id of the text that is shown."""
    return page.locator("#explorer-verdict .x-id").inner_text()


def shown(page: Page) -> dict[str, Any]:
    """Every number of the text that is shown, as printed, and the colours they stand on."""
    return page.evaluate(_READ)


def payload(page: Page) -> dict[str, Any]:
    return json.loads(page.locator("#explorer-data").text_content() or "")


def edited(page: Path, path: Path, edit: Callable[[dict], None]) -> Path:
    """The same page with other data in its explorer."""
    html = page.read_text(encoding="utf-8")
    start = html.index('id="explorer-data">') + len('id="explorer-data">')
    end = html.index("</script>", start)
    data = json.loads(html[start:end])
    edit(data)
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    path.write_text(html[:start] + text + html[end:], encoding="utf-8")
    return path


def printed(value: float, decimals: int) -> str:
    """A value of the tables as the page prints it: as the tables print it, but from 1 on with three digits."""
    size = abs(float(f"{value:.3g}"))
    return signed(value, decimals if size < 1 else min(decimals, max(0, 2 - math.floor(math.log10(size)))))


def number_of(text: str) -> float:
    """The number at the end of a printed text: "+0.12" or "L0H0: −1.20"."""
    return float(text.rsplit(" ", 1)[-1].replace("−", "-"))


@dataclass(frozen=True)
class Expected:
    """One text by one model, from the tables of the run."""

    explored: Explored
    model: str
    example: str

    def rows(self, table: str, **equal: object) -> pd.DataFrame:
        frame = self.explored.table(table)
        if "trained" in frame:
            frame = frame[frame["trained"]]
        return pick(frame, dataset=DATASET, model=self.model, example_id=self.example, **equal)

    def margin(self) -> float:
        return float(self.rows("texts")["margin"].iloc[0])

    def scores(self) -> dict[str, list[tuple[str, float]]]:
        """Word and score of every word, by method."""
        rows = self.rows("features").sort_values("word_index")
        return {m: list(zip(part["word"], part["score"], strict=True)) for m, part in rows.groupby("method")}

    def cells(self, kind: str, method: str) -> dict[tuple[int, str], float]:
        rows = self.rows("crosswalk", kind=kind, method=method)
        return {(r.word_index, r.component): r.value for r in rows.itertuples()}

    def head_scores(self, method: str) -> dict[str, float]:
        rows = self.rows("heads", method=method)
        return dict(zip(rows["component"], rows["score"], strict=True))

    def attention(self, component: str) -> dict[str, float]:
        rows = self.rows("readout_attention", component=component)
        return dict(zip(rows["word_index"].astype(str), rows["weight"], strict=True))
