"""What a fresh reader needs: which models on which texts, margins by class, counts out of how many, plain ticks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from study.config import StudyConfig
from study.report.blocks import Paragraph
from study.report.figures.agreement import paint_length
from study.report.head_findings import carriers_finding
from study.report.inputs import RunTables
from study.report.page import render_page
from study.report.sections.one_text import margin_text
from study.report.sections.opening import opening_blocks
from study.report.subject import subject
from tests.report.conftest import Written
from tests.report.edits import set_estimates

CARD = {"class_names": ["negative", "positive"], "splits": {"train": {"negative": 3238, "positive": 3231}}}


def changed(run: RunTables, cards: dict[str, Any] | None = None, **parts: Any) -> RunTables:
    config = StudyConfig.model_validate(run.config.model_dump() | parts)
    return replace(run, config=config, cards={d.name: CARD for d in config.datasets} if cards is None else cards)


def models(*settings: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name} | more for name, more in settings]


def test_models_task_and_texts_are_told_under_the_title(small: Written) -> None:
    run = changed(small.run, seeds=[0, 1, 2])
    dataset = run.config.datasets[0].name
    n_texts = run.tables["texts"]["example_id"].nunique()
    told = (
        "encoder and attention-only are small transformers (2 layers × 4 heads, width 64; encoder with MLP blocks, "
        "attention-only without), each trained 3 times (seeds 0, 1 and 2) on 6,469 texts of "
        f"{dataset}, classes negative and positive; {n_texts} test texts are explained."
    )
    assert subject(run) == told
    first, second = [b for b in opening_blocks(run) if b.kind == "paragraph" and b.tone in ("muted", "lead")][:2]
    assert (first.text, first.tone, second.tone) == (told, "muted", "lead")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"models": models(("one", {"d_model": 512, "n_layers": 1, "n_heads": 1})), "seeds": [7]},
            "one is a transformer (1 layer × 1 head, width 512, with MLP blocks), trained once (seed 7) on 6,469 texts",
        ),
        (
            {"models": models(*[(f"m{k}", {"n_layers": k, "d_mlp": 0}) for k in (1, 2, 3, 4, 5)]), "seeds": range(10)},
            "m1, m2 and 3 more are small transformers (1 to 5 layers × 4 heads, width 64, without MLP blocks), "
            "each trained 10 times on",
        ),
        (
            {"models": models(("a", {}), ("b", {"n_seeds": 1})), "seeds": [0, 1, 2]},
            "each trained 1 to 3 times on",
        ),
    ],
)
def test_one_model_and_many(small: Written, settings: dict[str, Any], told: str) -> None:
    assert told in subject(changed(small.run, **settings))


def test_a_model_set_by_hand_is_not_called_trained(small: Written) -> None:
    planted = {"name": "negation", "source": "planted", "task": "negation"}
    run = changed(small.run, models=models(("circuit", {"family": "circuit"})), datasets=[planted])
    assert subject(run).startswith("circuit has its weights set by hand for the planted task negation, classes")
    both = models(("encoder", {}), ("circuit", {"family": "circuit"}))
    told = subject(changed(small.run, models=both, datasets=[planted]))
    assert "encoder is a small transformer" in told
    assert "; circuit has its weights set by hand" in told


def test_several_data_sets_are_counted(small: Written) -> None:
    own = small.run.config.datasets[0].model_dump()
    datasets = [own | {"name": name} for name in ("a", "b", "c", "d")]
    assert "on 4 data sets (a, b and 2 more; 6,469 training texts each)" in subject(
        changed(small.run, datasets=datasets)
    )
    only_one = changed(small.run, cards={"a": CARD}, datasets=datasets)
    assert "on 4 data sets (a, b and 2 more);" in subject(only_one)


@pytest.mark.parametrize("card", [None, {}, {"class_names": [], "splits": {}}, {"splits": None}])
def test_without_a_card_less_is_said(small: Written, card: dict[str, Any] | None) -> None:
    name = small.run.config.datasets[0].name
    run = changed(small.run, cards={} if card is None else {name: card})
    assert f") on {name}; " in subject(run)
    assert "class" not in subject(run)


def test_a_margin_names_the_class_that_it_leans_to(small: Written) -> None:
    run = replace(small.run, cards={"reviews": CARD})
    text = pd.Series({"dataset": "reviews", "margin": -2.148, "target": "positive", "label": "", "predicted": ""})
    assert margin_text(run, text) == "2.15 logits towards negative"
    assert margin_text(run, text.replace(-2.148, 1.0)) == "1.00 logits towards positive"
    many = replace(small.run, cards={"reviews": CARD | {"class_names": ["a", "b", "positive"]}})
    assert margin_text(many, text) == "2.15 logits away from positive"


def test_commands_are_set_as_code_and_other_backticks_are_not(small: Written) -> None:
    html = render_page(small.run, [Paragraph("see `make <b>` or `make coverage` & `tis `", lead="x")], [])
    assert "see `make &lt;b&gt;` or <code>make coverage</code> &amp; `tis `" in html


def test_components_are_counted_out_of_how_many(small: Written) -> None:
    run = set_estimates(small.run, "effective_components", "shapley", "", "all", (5.4, 5.0, 6.0))
    n = {v: run.of("crosswalk", *v)["component"].nunique() for v in run.variants}
    found = carriers_finding(run)
    assert f"about 5 of {min(n.values())} to {max(n.values())} components" in found.lead
    assert f"5.4 [5.0, 6.0] components of {n[run.variants[0]]}," in found.text


def test_the_axis_of_lengths_ticks_what_two_decimals_print() -> None:
    rows = pd.DataFrame({"n_words": range(4, 16), "value": [0.861 + 0.011 * k for k in range(12)], "exact": True})
    ax = paint_length({"encoder": rows}, "Spearman").axes[0]
    low, high = ax.get_ylim()
    ticks = [tick for tick in ax.get_yticks() if low - 1e-9 <= tick <= high]
    assert ticks == pytest.approx([0.85, 0.9, 0.95, 1.0])
