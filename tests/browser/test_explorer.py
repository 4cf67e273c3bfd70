"""Using the explorer: by mouse, by keyboard alone, by address and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import NARROW, sideways
from tests.browser.conftest import Open
from tests.browser.explorer import fragment_of, named_text, payload, shown, shown_text
from tests.browser.pages import LONG, Explored

pytestmark = pytest.mark.xdist_group("browser")


def listed(page: Page) -> list[int]:
    """Places of the texts in the list, in its order."""
    found = page.locator("[data-explorer-text]").evaluate_all("all => all.map(o => Number(o.dataset.explorerText))")
    return [int(place) for place in found]


def focused(page: Page, attribute: str) -> str | None:
    return page.evaluate(f"document.activeElement.getAttribute('{attribute}')")


def test_choosing_by_mouse(open_page: Open, explored: Explored) -> None:
    """A text, a word, a head, the next text, another model: each shows at once, and the address follows."""
    with open_page(explored.page) as watched:
        page = watched.page
        texts = payload(page)["models"][0]["texts"]
        third = listed(page)[2]
        page.locator(f'[data-explorer-text="{third}"]').click()
        assert shown_text(page) == texts[third]["id"]
        assert named_text(page) == ("encoder", texts[third]["id"])
        page.locator('[data-strip="lime"] [data-word="1"]').click()
        assert page.locator("#explorer-word").get_attribute("data-word-shown") == "1"
        page.locator('[data-strip="shapley"] [data-word="2"]').hover()
        assert page.locator("#explorer-word").get_attribute("data-word-shown") == "2"
        page.locator('[data-table="direct"] thead [data-head="L1H1"]').click()
        assert page.locator("#explorer-head").get_attribute("data-head-shown") == "L1H1"
        page.locator("#explorer-next").click()
        assert shown_text(page) == texts[listed(page)[3]]["id"]
        assert page.locator("#explorer-head").get_attribute("data-head-shown") == "L1H1"  # stays
        page.locator("#explorer-prev").click()
        assert shown_text(page) == texts[third]["id"]
        page.locator("#explorer-model").select_option(label="attention-only")
        assert named_text(page) == ("attention-only", texts[third]["id"])
        assert watched.complaints == []


def test_searching_and_filtering(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page) as watched:
        page = watched.page
        texts = payload(page)["models"][0]["texts"]
        everything = listed(page)
        assert sorted(everything) == list(range(len(texts)))
        page.locator("#explorer-search").fill("SUPERB film")
        wanted = {n for n, t in enumerate(texts) if "superb" in " ".join(t["words"]) and "film" in " ".join(t["words"])}
        assert wanted
        assert set(listed(page)) == wanted
        page.locator("#explorer-search").fill("no text has this")
        assert listed(page) == []
        expect(page.locator("#explorer-count")).to_contain_text("No text fits")
        page.locator("#explorer-search").fill("")
        for name, fits in {
            "wrong": lambda t: t["label"] != t["predicted"],
            "right": lambda t: t["label"] == t["predicted"],
            "causal": lambda t: bool(t.get("causal")),
            "all": lambda t: True,
        }.items():
            page.locator("#explorer-filter").select_option(name)
            assert set(listed(page)) == {n for n, t in enumerate(texts) if fits(t)}, name
        assert watched.complaints == []


def test_sorting(open_page: Open, explored: Explored) -> None:
    """By what the payload says; confidence and errors also by what the tables say."""
    with open_page(explored.page) as watched:
        page = watched.page
        texts = payload(page)["models"][0]["texts"]
        for name in ("sure", "gap", "hidden", "parted", "wrong"):
            page.locator("#explorer-sort").select_option(name)
            keys = [texts[n]["sort"][name] for n in listed(page)]
            known = [key for key in keys if key is not None]
            assert len(set(known)) > 1, name
            assert keys == sorted(known, reverse=True) + [None] * (len(keys) - len(known)), name
        page.locator("#explorer-sort").select_option("sure")
        rows = explored.table("texts").query("trained and model == 'encoder'").set_index("example_id")
        by_size = rows["margin"].abs().sort_values(ascending=False).index.tolist()
        assert [texts[n]["id"] for n in listed(page)] == by_size
        page.locator("#explorer-order").click()
        assert [texts[n]["id"] for n in listed(page)] == by_size[::-1]


def test_everything_by_keyboard_alone(open_page: Open, explored: Explored) -> None:
    """Search, list, strips, words, heads and the scale, reached with Tab and used with arrows, Enter and space."""
    with open_page(explored.page) as watched:
        page = watched.page
        texts = payload(page)["models"][0]["texts"]
        press = page.keyboard.press
        page.locator("#explorer h2 a").focus()
        tab_until(page, "id", "explorer-search")
        page.keyboard.type("film")
        order = listed(page)
        assert 2 < len(order) < len(texts)
        tab_until(page, "id", "explorer-list")
        press("Home")
        press("ArrowDown")
        assert shown_text(page) == texts[order[1]]["id"] == named_text(page)[1]
        press("End")
        assert shown_text(page) == texts[order[-1]]["id"]
        press("Home")
        press("Enter")
        assert focused(page, "data-method") is not None  # a word of the strips
        press("Home")
        press("ArrowRight")
        assert focused(page, "data-word") == "1"
        assert page.locator("#explorer-word").get_attribute("data-word-shown") == "1"
        press("ArrowDown")
        assert focused(page, "data-word") == "1"
        assert focused(page, "data-method") == "lime"
        press("Enter")
        assert page.locator('[data-strip="lime"] [data-word="1"]').get_attribute("aria-selected") == "true"
        tab_until(page, "name", "explorer-scale")
        press("ArrowRight")
        assert page.locator('input[value="relative"]').is_checked()
        before = page.locator("#explorer-head").get_attribute("data-head-shown")
        tab_until(page, "data-head", None)
        press("ArrowDown")
        press("Enter")
        after = page.locator("#explorer-head").get_attribute("data-head-shown")
        assert after == focused(page, "data-head")
        assert after != before
        assert watched.complaints == []


def tab_until(page: Page, attribute: str, value: str | None) -> None:
    """Presses Tab until an element with this attribute (of this value, if any) has the focus, and it can be seen."""
    for _ in range(40):
        page.keyboard.press("Tab")
        here = focused(page, attribute)
        if here is not None and value in (None, here):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{attribute}={here} has the focus, but nothing shows it"
            return
    pytest.fail(f"40 presses of Tab do not reach {attribute}={value}")


def test_an_address_opens_its_text_and_back_returns(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page, fragment=fragment_of("attention-only", "t004")) as watched:
        page = watched.page
        assert shown_text(page) == "t004"
        assert page.locator("#explorer-model option:checked").inner_text() == "attention-only"
        assert page.locator("#explorer-title").evaluate("n => n.getBoundingClientRect().top < innerHeight")
        other = next(n for n in listed(page) if n != 4)
        page.locator(f'[data-explorer-text="{other}"]').click()
        assert shown_text(page) != "t004"
        page.go_back()
        expect(page.locator("#explorer-verdict .x-id")).to_have_text("t004")
        page.go_forward()
        expect(page.locator("#explorer-verdict .x-id")).not_to_have_text("t004")


def test_back_returns_to_what_was_there_before_the_arrow_keys(open_page: Open, explored: Explored) -> None:
    """A run of steps is one entry; after going back, the next step begins another."""
    with open_page(explored.page) as watched:
        page = watched.page
        order = listed(page)
        chosen = page.locator(f'[data-explorer-text="{order[2]}"]')
        chosen.click()
        example = shown_text(page)
        page.locator("#explorer-list").focus()
        page.keyboard.press("ArrowDown")
        for _ in range(2):
            assert shown_text(page) != example
            page.go_back()
            expect(page.locator("#explorer-verdict .x-id")).to_have_text(example)
            page.keyboard.press("ArrowDown")
            page.keyboard.press("ArrowDown")


def test_a_new_order_shows_the_top_of_the_list(open_page: Open, explored: Explored) -> None:
    """And chooses nothing; the button says in which order the texts are."""
    with open_page(explored.page, size=NARROW) as watched:
        page = watched.page
        page.locator("#explorer-list").focus()
        page.keyboard.press("Home")
        chosen = shown_text(page)
        page.locator("#explorer-order").click()
        expect(page.locator("#explorer-order")).to_have_text("Smallest first")
        assert page.locator("#explorer-order").get_attribute("aria-pressed") == "true"
        assert shown_text(page) == chosen
        assert payload(page)["models"][0]["texts"][listed(page)[-1]]["id"] == chosen
        assert page.locator("#explorer-list").evaluate("list => list.scrollTop") == 0


def test_a_button_at_its_end_keeps_the_focus(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page) as watched:
        page = watched.page
        page.locator(f'[data-explorer-text="{listed(page)[1]}"]').click()
        page.locator("#explorer-prev").focus()
        for _ in range(2):
            page.keyboard.press("Enter")
            assert focused(page, "id") == "explorer-prev"
            assert named_text(page)[1] == payload(page)["models"][0]["texts"][listed(page)[0]]["id"]
        assert page.locator("#explorer-prev").get_attribute("aria-disabled") == "true"
        assert watched.complaints == []


def test_an_address_of_no_text_is_told(open_page: Open, explored: Explored) -> None:
    for fragment in (fragment_of("encoder", "nowhere"), "text=%E0%A4%A", "text=<b>/x/y"):
        with open_page(explored.page, fragment=fragment) as watched:
            expect(watched.page.locator("#explorer-message")).to_contain_text("does not have")
            assert shown_text(watched.page)  # some text is shown all the same
            assert watched.complaints == []


def test_the_scale_changes_colours_and_no_number(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page, fragment=fragment_of("encoder", "t009")) as watched:
        absolute = shown(watched.page)
        watched.page.locator('input[name="explorer-scale"][value="relative"]').check()
        relative = shown(watched.page)
    for what in ("cells", "heads", "attention", "margin"):
        assert relative[what] == absolute[what], what
    for method, cells in absolute["strips"].items():
        told = [(word, title) for word, title, _ in relative["strips"][method]]
        assert told == [(word, title) for word, title, _ in cells]
    colours = [[colour for _, _, colour in found["strips"]["shapley"]] for found in (absolute, relative)]
    assert colours[0] != colours[1]
    assert absolute["colours"] != relative["colours"]


def test_without_scripts_the_static_texts_are_there(open_page: Open, explored: Explored) -> None:
    with open_page(explored.page, script=False) as watched:
        page = watched.page
        assert page.locator("[data-explorer-app]").is_hidden()
        assert page.locator("[data-explorer-static]").is_visible()
        assert page.locator("#explorer-search").is_hidden()
        page.locator("[data-explorer-static] summary").first.click()
        assert page.locator("[data-explorer-static] .strip-words").first.is_visible()
        assert page.locator("main figure img").first.is_visible()
        assert sideways(page) == 0
    with open_page(explored.page) as watched:
        assert watched.page.locator("[data-explorer-app]").is_visible()
        assert watched.page.locator("[data-explorer-static]").is_hidden()


@pytest.mark.parametrize("example", ["t000", "t001", "t002", "t012"])
def test_no_text_makes_a_narrow_window_scroll_sideways(open_page: Open, explored: Explored, example: str) -> None:
    with open_page(explored.page, fragment=fragment_of("encoder", example), size=NARROW) as watched:
        assert shown_text(watched.page) == example
        assert sideways(watched.page) == 0
        words = watched.page.locator('[data-strip="shapley"] [data-word]').all_inner_texts()
        assert (LONG in words) == (example == "t001")
        longest = max(range(len(words)), key=lambda i: len(words[i]))
        watched.page.locator(f'[data-strip="shapley"] [data-word="{longest}"]').click()
        assert words[longest] in watched.page.locator("#explorer-word h3").inner_text()
        assert sideways(watched.page) == 0
