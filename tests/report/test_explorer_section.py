"""The section of the explorer: its data, and what a reader without scripts or of the Markdown sees."""

from __future__ import annotations

import json

import pytest

from study.report.blocks import Details, Explorer, Paragraph, Section, Strips, walk
from study.report.explorer.payload import make_payload
from study.report.inputs import RunTables, pick
from study.report.markdown import to_markdown
from study.report.numbers import signed
from study.report.sections import explorer
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows, with_seeds, without_table


def build(run: RunTables) -> tuple[Section, Explorer]:
    section = explorer.build(run)
    assert section is not None
    (block,) = [b for b in section.blocks if isinstance(b, Explorer)]
    return section, block


def test_the_section_holds_the_data_and_says_what_to_do(small: Written) -> None:
    section, block = build(small.run)
    assert (section.name, section.title) == ("explorer", "Explore every text")
    assert block.payload == make_payload(small.run)
    first = section.blocks[0]
    assert isinstance(first, Paragraph)
    assert "any of 2 models reads it, each by its training seed of median test accuracy" in first.text
    (intro, *_) = build(with_seeds(small.run, 1))[0].blocks
    assert isinstance(intro, Paragraph)
    assert "seed" not in intro.text


@pytest.mark.parametrize("values", [{"0": 0.9, "1": 0.7}, {"0": 0.7, "1": 0.9}])
def test_without_a_script_the_texts_of_the_same_seed_are_there(small: Written, values: dict[str, float]) -> None:
    run = small.run
    for seed, value in values.items():
        run = set_rows(run, "accuracy", "accuracy", value, model="encoder", kind="model", seed=seed)
    _, block = build(run)
    seed = min(values, key=lambda s: values[s])
    assert json.loads(block.payload)["models"][0]["seed"] == seed
    assert any(isinstance(b, Paragraph) and f"encoder, seed {seed}, reads them" in b.text for b in block.static)
    strips = [s for b in walk(block.static) if isinstance(b, Strips) for s in b.strips]
    margins = pick(run.of("texts", "reviews", "encoder"), seed=seed, trained=True)["margin"]
    assert sorted(s.label for s in strips) == sorted(signed(m) for m in margins)


def test_walk_and_markdown_go_into_the_static_blocks(small: Written) -> None:
    section, block = build(small.run)
    assert any(isinstance(b, Details) for b in walk(section.blocks))
    page = to_markdown("T", (), (section,))
    assert "Labelled negative, predicted" in page
    assert block.payload not in page


def test_a_run_without_shap_has_an_explorer_all_the_same(small: Written) -> None:
    scores = small.run.tables["features"]
    _, block = build(with_rows(small.run, "features", scores[scores["method"] == "lime"]))
    assert list(json.loads(block.payload)["models"][0]["texts"][0]["scores"]) == ["lime"]
    assert [b.text for b in block.static if isinstance(b, Paragraph)] == [explorer.NOTHING]


def test_no_text_no_section(small: Written) -> None:
    assert explorer.build(without_table(small.run, "texts")) is None
