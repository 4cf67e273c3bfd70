"""What the explorer shows of a text is what the tables say of it, in numbers and in words."""

from __future__ import annotations

import itertools

import pytest

from study.report.numbers import percent, short_signed
from tests.browser.conftest import Open
from tests.browser.explorer import Expected, fragment_of, number_of, printed, shown, shown_text
from tests.browser.pages import FOREIGN, HACKS, HOSTILE, LONG, Explored

pytestmark = pytest.mark.xdist_group("browser")

# hostile and with a causal table; long word, causal; plain without; cut by the model's length
TEXTS = ("t000", "t001", "t009", "t012")


@pytest.mark.parametrize("model", ["encoder", "attention-only"])
def test_scores_cells_and_sums_are_those_of_the_tables(open_page: Open, explored: Explored, model: str) -> None:
    n_cells, with_causal = 0, []
    for example in TEXTS:
        with open_page(explored.page, fragment=fragment_of(model, example)) as watched:
            assert shown_text(watched.page) == example
            found = shown(watched.page)
        expected = Expected(explored, model, example)
        assert found["margin"] == printed(expected.margin(), 2)
        check_strips(found, expected)
        n_cells += check_cells(found, expected, "direct", "shapley")
        causal = check_cells(found, expected, "causal", "two_way_shapley")
        with_causal += [example] if causal else []
        assert bool(causal) == any(cell.startswith("causal:") for cell in found["cells"])
        check_heads(found, expected)
    assert n_cells > 400
    assert with_causal == ["t000", "t001"]


def check_strips(found: dict, expected: Expected) -> None:
    scores = expected.scores()
    assert set(found["strips"]) == set(scores)
    for method, cells in found["strips"].items():
        assert [word for word, _, _ in cells] == [word for word, _ in scores[method]]
        for (_, title, _), (_, score) in zip(cells, scores[method], strict=True):
            told = title.split(",")[0].rsplit(" ", 1)[-1]
            assert told == (printed(score, 3) if score == score else "–"), (method, title)


def check_cells(found: dict, expected: Expected, kind: str, method: str) -> int:
    """Compares every cell of one crosswalk and its sums; returns how many cells there are."""
    cells = expected.cells(kind, method)
    heads = expected.head_scores("shapley" if kind == "causal" else "direct_beyond_empty")
    rows, columns = {}, {}
    for (word, component), value in cells.items():
        place = f"{kind}:{word}:{component}"
        rows[word] = rows.get(word, 0.0) + value
        columns[component] = columns.get(component, 0.0) + value
        if place not in found["cells"]:  # a bias that words hardly move: the note under the table names it
            assert component not in heads
            continue
        told = found["cells"][place].rsplit(" ", 1)[-1]
        assert told == printed(value, 3), place
        assert found["figures"][place] in (short_signed(value), printed(value, 3)), place  # the latter for ears only
    for component in heads if cells else ():
        told = number_of(found["cells"][f"{kind}:sum:{component}"])
        assert told == pytest.approx(columns[component], abs=0.01)  # the page adds up rounded cells
        assert told == pytest.approx(heads[component], abs=0.01)
    for word, total in rows.items():
        assert number_of(found["cells"][f"{kind}:{word}:sum"]) == pytest.approx(total, abs=0.01)
    return len(cells)


def check_heads(found: dict, expected: Expected) -> None:
    for grid, method in (("causal", "shapley"), ("direct", "direct_beyond_empty")):
        for component, score in expected.head_scores(method).items():
            told = found["heads"][grid][component].removeprefix(component)
            assert told == printed(score, 2), (grid, component)


def test_attention_and_bars_of_a_head_are_those_of_the_tables(open_page: Open, explored: Explored) -> None:
    expected = Expected(explored, "encoder", "t001")
    with open_page(explored.page, fragment=fragment_of("encoder", "t001")) as watched:
        page = watched.page
        for head in ("L0H1", "L1H2"):
            page.locator(f'[data-head-grid="direct"] [data-head="{head}"]').click()
            assert page.locator("#explorer-head").get_attribute("data-head-shown") == head
            weights = expected.attention(head)
            told = shown(page)["attention"]
            assert set(told) == set(weights)
            for place, weight in weights.items():
                assert told[place].rsplit(": ", 1)[1] == percent(weight, 1)
            for bars, kind, method in (
                ("head-causal", "causal", "two_way_shapley"),
                ("head-direct", "direct", "shapley"),
            ):
                cells = {w: v for (w, c), v in expected.cells(kind, method).items() if c == head}
                strongest = sorted(cells, key=lambda w: -abs(float(f"{cells[w]:.3g}")))[:5]
                picks = page.locator(f'[data-bars="{bars}"] [data-pick]')
                assert picks.evaluate_all("nodes => nodes.map(n => Number(n.dataset.pick))") == strongest
                numbers = page.locator(f'[data-bars="{bars}"] .x-number').all_inner_texts()
                assert numbers == [printed(cells[w], 2) for w in strongest]


def test_a_word_shows_its_scores_and_what_carries_it(open_page: Open, explored: Explored) -> None:
    expected = Expected(explored, "encoder", "t001")
    with open_page(explored.page, fragment=fragment_of("encoder", "t001")) as watched:
        page = watched.page
        for word in (0, 2):
            page.locator(f'[data-strip="shapley"] [data-word="{word}"]').click()
            panel = page.locator("#explorer-word")
            assert panel.get_attribute("data-word-shown") == str(word)
            for method in ("shapley", "lime"):
                told = panel.locator(f'[data-score="{method}"] b').inner_text()
                assert told == printed(expected.scores()[method][word][1], 2)
            for bars, kind, method in (
                ("word-causal", "causal", "two_way_shapley"),
                ("word-direct", "direct", "shapley"),
            ):
                values = [v for (w, _), v in expected.cells(kind, method).items() if w == word]
                strongest = sorted(values, key=lambda v: -abs(float(f"{v:.3g}")))[:12]  # as the page has them
                numbers = panel.locator(f'[data-bars="{bars}"] .x-number').all_inner_texts()
                assert numbers == [printed(v, 2) for v in strongest]


def test_another_split_shows_the_other_method(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page, fragment=fragment_of("encoder", "t009")) as watched:
        watched.page.locator('input[name="explorer-split"][value="lime"]').check()
        found = shown(watched.page)
    cells = Expected(explored, "encoder", "t009").cells("direct", "lime")
    told = {place: found["cells"].get(f"direct:{place[0]}:{place[1]}", "") for place in cells if "H" in place[1]}
    assert len(told) > 50
    assert {place: text.rsplit(" ", 1)[-1] for place, text in told.items()} == {p: printed(cells[p], 3) for p in told}


def test_markup_and_script_of_a_review_are_text(open_page: Open, explored: Explored) -> None:
    """Every text of the run is opened, in the list and in all its places, and nothing of it runs."""
    with open_page(explored.page) as watched:
        page = watched.page
        n_scripts = page.locator("script").count()
        for n, (text, _) in enumerate(HOSTILE):
            page.evaluate(f"location.hash = '{fragment_of('encoder', f't{n:03d}')}'")
            page.locator("#explorer-verdict .x-id", has_text=f"t{n:03d}").wait_for()
            words = page.locator('[data-strip="shapley"] [data-word]').all_text_contents()
            assert words == text.split()
            assert text in page.locator(f'[data-explorer-text="{n}"]').text_content().replace("  ", " ")
        for word in HACKS.split():
            assert word in page.locator("#explorer-list").text_content()
        page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
        assert page.evaluate("window.hacked") is None
        assert page.locator("[onerror], img[src='x'], img:not([src^='data:'])").count() == 0
        assert page.locator("script").count() == n_scripts
        assert (watched.complaints, LONG in page.content()) == ([], True)


# Top and left of every character of an element, but of the word itself and of spaces.
_CORNERS = """element => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest('bdi')) continue;
    for (let at = 0; at < node.length; at += 1) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const box = range.getBoundingClientRect();
      if (node.data[at].trim()) found.push([box.top, box.left]);
    }
  }
  return found;
}"""


def test_words_stand_in_their_order_whatever_their_script(open_page: Open, explored: Explored) -> None:
    """Like the rows of the tables below, from left to right; one that turns the direction turns no other."""
    with open_page(explored.page, fragment=fragment_of("encoder", "t002")) as watched:
        boxes = watched.page.locator('[data-strip="shapley"] [data-word]').evaluate_all(
            "nodes => nodes.map(n => n.getBoundingClientRect()).map(box => [box.top, box.left])"
        )
        turning = next(i for i, word in enumerate(FOREIGN.split()) if "\u202e" in word)
        watched.page.locator(f'[data-strip="shapley"] [data-word="{turning}"]').click()
        told = {
            where: watched.page.locator(where).evaluate(_CORNERS) for where in ("#explorer-brief", "#explorer-word h3")
        }
        titles = watched.page.locator(f'[data-cell^="direct:{turning}:"]').evaluate_all("all => all.map(c => c.title)")
    assert len(boxes) == len(FOREIGN.split())
    for found in (boxes, *told.values()):
        assert len(found) > 5
        for (top, left), (next_top, next_left) in itertools.pairwise(found):
            assert next_left > left or next_top > top + 12  # beside it, or on the next line
    assert all(title.startswith("\u2068\u202esuperb\u2069, ") for title in titles[:-1])
