"""What the page says of itself is counted in this run: texts, seeds, intervals, limits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from study.report import SECTIONS
from study.report.blocks import Bullets, Code, Figure, Table, walk
from study.report.figures.agreement import exact_split, length_bins
from study.report.head_findings import writers_finding
from study.report.inputs import RunTables
from study.report.measures import agreement_by_text
from study.report.notes import findings_note, interval_note, size_note, untrained_size_note
from study.report.numbers import number
from study.report.sections.opening import gate_blocks
from tests.report.conftest import Written
from tests.report.edits import not_evaluated, set_rows, with_rows, with_second_data_set, with_seeds

VARIANT = ("reviews", "encoder")


def test_one_seed_has_no_interval_over_seeds(small: Written) -> None:
    assert interval_note(small.run) == "95 % interval over texts and seeds"
    assert "right against wrong predictions (given these seeds" in findings_note(not_evaluated(small.run))
    assert "right against wrong" not in findings_note(small.run)  # its findings say nothing of it
    assert "p: sign-flip test" in findings_note(small.run)
    assert "sign-flip" not in findings_note(not_evaluated(small.run))
    alone = with_seeds(small.run, 1)
    assert interval_note(alone) == "95 % interval over texts (one seed)"
    assert "crossed" not in findings_note(alone)
    assert "one training seed" in findings_note(alone)
    assert findings_note(alone) in SECTIONS.load("findings")(alone).blocks[-1].text


def test_texts_are_counted_in_each_variant(small: Written) -> None:
    assert size_note(small.run) == "n = 6 texts × 2 seeds per model"
    run = with_second_data_set(small.run)
    assert size_note(run) == "n = 6 texts × 2 seeds per model"
    texts = run.tables["texts"]
    run = with_rows(run, "texts", texts[(texts["dataset"] == "reviews") | (texts["example_id"] < "t004")])
    assert "6 texts × 2 seeds (encoder · reviews)" in size_note(run)
    assert "4 texts × 2 seeds (encoder · films)" in size_note(run)
    assert size_note(run, [("films", "encoder")]) == "n = 4 texts × 2 seeds per model"


def test_the_untrained_control_counts_its_own_values(small: Written) -> None:
    values = small.run.tables["measurements"]
    untrained = values["metric"].str.endswith("_untrained")
    run = with_rows(small.run, "measurements", values[~untrained | values["example_id"].isin(["t000", "t001"])])
    assert untrained_size_note(run) == "n = 2 texts × 2 seeds per model"
    run = set_rows(run, "measurements", "value", np.nan, example_id="t001")
    assert untrained_size_note(run) == "n = 1 text × 2 seeds per model"


@pytest.mark.parametrize(
    ("kind", "lead"), [("embed", "The embedding writes the largest"), ("head", "Heads write the largest")]
)
def test_the_largest_share_is_not_called_most(small: Written, kind: str, lead: str) -> None:
    run = set_rows(small.run, "components", "contribution", 100.0, kind_of_component=kind)
    found = writers_finding(run).lead.split(";")[0]
    assert found.startswith(lead)
    assert "most" not in found


def test_gate_errors_are_given_in_their_own_units(small: Written) -> None:
    (table,) = [b for b in walk(gate_blocks(small.run)) if b.kind == "table"]
    assert "Attention views: absolute" in table.note
    assert "|v(all words)|" in table.note


def limits(run: RunTables) -> dict[str, str]:
    (bullets,) = SECTIONS.load("limits")(run).blocks
    assert isinstance(bullets, Bullets)
    return {item.lead: item.text for item in bullets.items}


def test_limits_say_how_much_of_shap_is_exact(small: Written) -> None:
    assert "24 explanations" in limits(small.run)["SHAP is exact here."]
    some = set_rows(small.run, "features", "estimator", "kernel", method="shapley", example_id="t002")
    assert "In 20 of 24 explanations" in limits(some)["SHAP is exact only for some texts."]
    none = set_rows(small.run, "features", "estimator", "kernel", method="shapley")
    assert "In 0 of 24 explanations" in limits(none)["SHAP is sampled for every text."]
    lime = small.run.tables["features"].query("method == 'lime'")
    assert not any(lead.startswith("SHAP is") for lead in limits(with_rows(small.run, "features", lime)))


@pytest.mark.parametrize(
    ("n", "lead", "kind"),
    [
        (1, "One seed.", "No interval here speaks of another training run"),
        (9, "Few seeds.", "two-way t intervals"),
        (10, "Intervals resample seeds and texts.", "pigeonhole bootstrap"),
    ],
)
def test_limits_follow_the_number_of_seeds(small: Written, n: int, lead: str, kind: str) -> None:
    assert kind in limits(with_seeds(small.run, n))[lead]


def test_limits_quote_how_often_intervals_hold_the_truth(small: Written) -> None:
    run = with_seeds(small.run, 4)
    assert "is not known here: `make coverage`" in limits(run)["Few seeds."]
    kept = [(3, "seeds alike", 0.96), (3, "pairs of seeds", 0.91), (5, "seeds alike", 0.5)]
    table = pd.DataFrame(kept, columns=["n_seeds", "design", "coverage"]).assign(nominal=0.95, method="two-way t")
    told = limits(dataclasses.replace(run, coverage=table))["Few seeds."]
    assert "with 3 seeds and 2 kinds of data" in told
    assert "91 to 96\u202f% of cases, least for pairs of seeds" in told


def test_the_split_between_exact_and_sampled_is_where_the_run_has_it() -> None:
    rows = pd.DataFrame({"n_words": [3.0, 5.0, 8.0, 9.0], "exact": [True, True, False, False]}, dtype=object)
    assert exact_split(rows) == 6.5
    assert exact_split(rows.assign(exact=True)) is None
    assert exact_split(rows.assign(exact=np.nan)) is None
    assert exact_split(rows.assign(exact=[True, False, True, False])) is None  # a long text, cut, is exact


@pytest.mark.usefixtures("no_painting")
def test_the_figure_of_lengths_reads_the_estimator(small: Written) -> None:
    assert agreement_by_text(small.run, VARIANT)["exact"].eq(True).all()
    some = set_rows(small.run, "features", "estimator", "kernel", method="shapley", example_id="t002", seed="1")
    rows = agreement_by_text(some, VARIANT).set_index("example_id")["exact"]
    assert not rows["t002"]
    assert rows.drop("t002").eq(True).all()
    (figure,) = [b for b in SECTIONS.load("features")(some).blocks if isinstance(b, Figure) and b.name == "length"]
    assert "SHAP is exact in 8 dots, sampled in 2" in figure.note
    assert figure.title == "SHAP–LIME agreement of every text"  # too few texts for the steps, so none is named
    assert "Dark steps" not in figure.note


@pytest.mark.usefixtures("no_painting")
def test_the_title_of_lengths_quotes_the_steps_that_are_drawn(written: Written) -> None:
    (figure,) = [
        b for b in SECTIONS.load("features")(written.run).blocks if isinstance(b, Figure) and b.name == "length"
    ]
    first, *_, last = length_bins(agreement_by_text(written.run, VARIANT))
    for part in (first, last):
        assert (
            f"{number(part.median)} at {part.shortest:.0f} to {part.longest:.0f} words (n = {part.n})" in figure.title
        )
    assert "Dark steps" in figure.note


def agreement_table(run: RunTables) -> Table:
    (table,) = [
        b for b in SECTIONS.load("features")(run).blocks if isinstance(b, Table) and b.anchor == "table-agreement"
    ]
    return table


@pytest.mark.usefixtures("no_painting")
def test_undefined_values_have_a_column_only_where_there_are_some(small: Written) -> None:
    clean = set_rows(small.run, "estimates", "n_undefined", 0.0)
    assert [c.name for c in agreement_table(clean).columns] == ["metric", "encoder", "attention-only"]
    assert "No value is undefined." in agreement_table(clean).note
    some = set_rows(clean, "estimates", "n_undefined", 2.0, metric="spearman", model="encoder")
    assert "encoder: undefined" in [c.name for c in agreement_table(some).columns]
    assert "left out and counted" in agreement_table(some).note
    for table in (agreement_table(clean), agreement_table(some)):
        assert "cut at the metric's bounds" in table.note
        assert "feature agreement, k\u00a0=\u00a01" in [row[0] for row in table.rows]


def test_commands_run_from_a_checkout_and_the_article_is_explained(small: Written) -> None:
    (code,) = [b for b in SECTIONS.load("reproduce")(small.run).blocks if isinstance(b, Code)]
    commands = [line for line in code.text.splitlines() if not line.startswith("#")]
    assert commands
    assert all(line.startswith(".venv/bin/study ") for line in commands)
    titles = [b.title for b in SECTIONS.load("walkthrough")(small.run).blocks if isinstance(b, Table)]
    assert "tutorial (sequence 20, vocabulary 50,000, width 512, 8 heads)" in titles[0]


@pytest.mark.parametrize(
    ("factors", "told"),
    [
        ((0.9, 0.7), "Centring takes away 10 to 30\u202f% (encoder)"),
        ((1.05, 0.68), "Centring changes the heads' raw size by −32 to +5\u202f% (encoder)"),
    ],
)
def test_centring_takes_away_only_what_becomes_smaller(small: Written, factors: tuple[float, float], told: str) -> None:
    heads = small.run.tables["heads"].copy()
    heads["score"] = [
        1.0 if method == "direct_raw" else factors[int(seed)]
        for method, seed in zip(heads["method"], heads["seed"], strict=True)
    ]
    assert told in writers_finding(with_rows(small.run, "heads", heads)).text


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("no_pictures")
def test_curves_without_any_finite_loss_are_survived(small: Written) -> None:
    run = set_rows(small.run, "training", "validation_loss", np.nan, model="encoder")
    run = set_rows(run, "training", "train_loss", np.nan, model="encoder")
    (figure,) = [b for b in SECTIONS.load("model")(run).blocks if isinstance(b, Figure) and b.name == "curves"]
    assert "no epoch of encoder, where it is not a number; epoch" in figure.title


@pytest.mark.usefixtures("no_painting")
def test_the_accuracy_title_names_every_data_set(small: Written) -> None:
    run = set_rows(with_second_data_set(small.run), "accuracy", "n_test", 500, dataset="films")
    figure = SECTIONS.load("model")(dataclasses.replace(run, cards={})).blocks[0]
    assert "reviews: encoder" in figure.title
    assert "films: encoder" in figure.title
    assert figure.note.startswith("n = 1,000 and 500 test texts")
