"""The top of the page: its table of contents in groups, and what its words mean."""

from __future__ import annotations

import re

from study.report import GROUPS, SECTIONS
from study.report.blocks import Bullets, Details, Link, Paragraph, Section
from study.report.rendering import contents_of, render_html
from study.report.sections.opening import opening_blocks
from tests.report.conftest import Written


def sections(*names: str) -> list[Section]:
    return [Section(name=name, title=name, short=name) for name in names]


def test_every_section_stands_in_one_group_in_the_order_of_the_page() -> None:
    assert [name for names in GROUPS.values() for name in names] == list(SECTIONS)


def test_contents_are_grouped_and_nothing_is_left_out() -> None:
    found = contents_of(sections("appendix", "findings", "mine", "heads"))
    assert [(group, [s.name for s in entries]) for group, entries in found] == [
        ("In short", ["findings"]),
        ("Words and heads", ["heads"]),
        ("Look around", ["appendix"]),
        ("", ["mine"]),
    ]
    page = render_html("t", "r", (), sections("findings", "heads"))
    assert re.findall(r'<span id="(contents-\d)">([^<]*)</span><ul aria-labelledby="(contents-\d)">', page) == [
        ("contents-1", "In short", "contents-1"),
        ("contents-2", "Words and heads", "contents-2"),
    ]


def test_pages_of_other_sections_have_one_plain_list() -> None:
    found = contents_of(sections("trends", "findings", "points"))
    assert [(group, [s.name for s in entries]) for group, entries in found] == [("", ["trends", "findings", "points"])]


def test_the_words_of_the_page_are_explained_in_a_fold(small: Written) -> None:
    (fold,) = [b for b in opening_blocks(small.run) if isinstance(b, Details) and "How to read" in b.summary]
    assert not fold.is_open
    (terms,) = fold.blocks
    assert isinstance(terms, Bullets)
    told = " ".join(item.lead for item in terms.items)
    for term in ("Margin", "logits", "scores", "heads", "Direct", "causal", "Crosswalk", "[a, b]", "Gates"):
        assert term in told
    assert "Shapley values" in terms.items[1].text
    assert "The 95 % interval" in terms.items[5].text


def test_links_inside_a_fold_live_and_die_as_elsewhere() -> None:
    said = Paragraph("x", (Link(label="there", anchor="findings"), Link(label="gone", anchor="nowhere")))
    (findings,) = sections("findings")
    page = render_html("t", "r", (Details("more", (said,)),), [findings])
    assert 'href="#findings">there' in page
    assert "gone" not in page
