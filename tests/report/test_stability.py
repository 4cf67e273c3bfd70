"""What the page says of stability, sanity and the sources of variance follows the tables."""

from __future__ import annotations

import pytest

from study.report.blocks import Figure, walk
from study.report.figures import grids
from study.report.inputs import RunTables
from study.report.sections import stability
from study.report.stability_findings import (
    cannot_notice,
    sanity_finding,
    stability_finding,
    step_name,
    variance_finding,
)
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows, with_rows, with_seeds, without_table

NAN = float("nan")
SEED, EDIT = ("seed_spearman", "shapley", "shapley"), ("edit_spearman_score", "shapley", "")
OPEN = "Whether training the model again moves SHAP more than changing a word of the text does"


def figure_of(run: RunTables, name: str) -> Figure:
    return next(b for b in walk(stability.build(run).blocks) if b.kind == "figure" and b.name == name)


@pytest.mark.parametrize(
    ("seed", "edit", "lead"),
    [
        ((0.5, 0.4, 0.6), (0.9, 0.8, 1.0), "Training the model again moves SHAP more than changing a word of the text"),
        ((0.9, 0.8, 1.0), (0.5, 0.4, 0.6), "Training the model again moves SHAP less than changing a word of the text"),
        ((0.8, 0.6, 1.0), (0.9, 0.8, 1.0), f"{OPEN} stays open."),
        ((0.5, NAN, NAN), (0.9, 0.8, 1.0), f"{OPEN} stays open."),
    ],
)
def test_the_seed_is_held_against_a_word_by_intervals_that_part(
    small: Written, seed: tuple[float, float, float], edit: tuple[float, float, float], lead: str
) -> None:
    run = set_estimates(set_estimates(small.run, *SEED, "all", seed), *EDIT, "all", edit)
    assert stability_finding(run).lead.startswith(lead)


def test_models_that_differ_leave_it_open(small: Written) -> None:
    run = set_estimates(set_estimates(small.run, *SEED, "all", (0.5, 0.4, 0.6)), *EDIT, "all", (0.9, 0.8, 1.0))
    run = set_estimates(run, *SEED, "all", (0.8, 0.6, 1.0), model="encoder")
    assert stability_finding(run).lead == f"{OPEN} depends on the model, or stays open."


def test_one_seed_says_how_alike_shap_stays(small: Written) -> None:
    estimates = small.run.tables["estimates"]
    run = with_rows(small.run, "estimates", estimates[~estimates["metric"].str.startswith("seed_")])
    run = set_estimates(run, *EDIT, "all", (0.75, 0.7, 0.8), model="encoder")
    found = stability_finding(run)
    assert found.lead == "With new randomness or one word edited, SHAP ranks words much alike."
    assert "With one word edited, SHAP 0.75 [0.70, 0.80] (encoder) and" in found.text
    assert "training seed" not in found.text


def test_nothing_is_said_without_rows(small: Written) -> None:
    bare = without_table(small.run, "estimates")
    for rule in (stability_finding, sanity_finding):
        assert rule(bare).text == "This run has no evidence."
    assert variance_finding(without_table(bare, "variance")).text == "This run has no evidence."
    assert stability.build(without_table(without_table(bare, "variance"), "edits")) is None


@pytest.mark.usefixtures("no_painting")
def test_the_title_names_what_changes_most(small: Written) -> None:
    run = set_estimates(small.run, "edit_spearman_score", "lime", "", "all", (0.123, 0.1, 0.2), model="encoder")
    figure = figure_of(run, "stability")
    assert figure.title == "LIME changes most, with one word edited: Spearman 0.12 (encoder)"
    assert "new randomness" in figure.note
    assert "n = 4 texts × 2 seeds per model" in figure.note  # evaluated texts
    assert "n = 6 texts × 2 seeds per model" in figure.note  # all texts, of the training seeds
    assert "95 % interval over texts and seeds" in figure.note
    assert "With two seeds the interval of their pair is over texts only." in figure.note
    assert "With two seeds" not in figure_of(with_seeds(run, 3), "stability").note
    assert "SHAP package, a second estimate of the same values, is asked once only" in figure.note


@pytest.mark.usefixtures("no_painting")
def test_exact_repeats_are_the_same_by_definition(small: Written) -> None:
    n = 4 * 2 * 2  # texts, seeds, models
    assert f"SHAP is exact in {n} of the {n} explanations" in figure_of(small.run, "stability").note
    run = set_rows(small.run, "features", "estimator", "sampled", example_id="t000")
    note = figure_of(run, "stability").note
    assert f"SHAP is exact in {n - 4} of the {n} explanations that were repeated; exact values are the same" in note
    run = set_rows(small.run, "features", "estimator", "sampled")
    assert f"SHAP is exact in 0 of the {n} explanations that were repeated." in figure_of(run, "stability").note


def sane(run: RunTables, n_texts: int = 20) -> RunTables:
    """Every method at 0.1 on every model that knows less, over so many texts."""
    table = run.tables["estimates"].copy()
    rows = table["metric"].str.startswith("sanity_")
    table.loc[rows, ["estimate", "low", "high", "n_examples"]] = (0.1, 0.0, 0.2, n_texts)
    return with_rows(run, "estimates", table)


def test_a_method_that_survives_is_named_with_its_number(small: Written) -> None:
    run = sane(small.run)
    assert sanity_finding(run).lead == "No explanation keeps its ranking on models that learned nothing true."
    metric = ("sanity_spearman_abs_embeddings", "lime", "lime", "all")
    found = sanity_finding(set_estimates(run, *metric, (0.5, 0.4, 0.6), model="encoder"))
    assert found.lead == "LIME keeps part of the ranking on models that learned nothing true."
    assert "LIME keeps 0.50 [0.40, 0.60] (encoder, all weights random)." in found.text
    found = sanity_finding(set_estimates(run, *metric, (0.5, -0.1, 0.9)))
    assert found.lead == "Whether every explanation notices a model that learned nothing true stays open."
    assert (
        "Above 0.3, but not told apart from 0 or from too few texts: LIME 0.50 [−0.10, 0.90] (encoder, all"
        in found.text
    )


def test_the_random_control_and_half_trained_models_give_no_verdict(small: Written) -> None:
    run = set_estimates(sane(small.run), "sanity_spearman_abs_embeddings", "random", "random", "all", (0.9, 0.8, 1.0))
    run = set_estimates(run, "sanity_spearman_abs_layer_1", "lime", "lime", "all", (0.9, 0.8, 1.0))
    assert sanity_finding(run).lead == "No explanation keeps its ranking on models that learned nothing true."
    run = set_estimates(run, "sanity_spearman_abs_labels", "lime", "lime", "all", (0.9, 0.8, 1.0))
    assert "(encoder, labels shuffled)" in sanity_finding(run).text


def test_few_texts_give_no_verdict(small: Written) -> None:
    run = sane(small.run, n_texts=9)
    assert "too few texts" in sanity_finding(run).lead
    run = set_estimates(run, "sanity_spearman_abs_labels", "lime", "lime", "all", (0.9, 0.8, 1.0))
    assert "too few texts" in sanity_finding(run).lead


@pytest.mark.usefixtures("no_painting")
def test_the_sanity_title_passes_over_what_cannot_notice_and_over_the_control(written: Written) -> None:
    run = sane(written.run)
    for method, value in (("attention", 0.2), ("occlusion", 0.3), ("random", 0.4)):
        run = set_rows(
            run, "estimates", "estimate", value, method_a=method, method_b=method, metric="sanity_spearman_abs_labels"
        )
    for step in ("layer_1", "layer_0", "embeddings"):
        run = set_estimates(run, f"sanity_spearman_abs_{step}", "random", "random", "all", (0.4, 0.3, 0.5))
    run = set_estimates(run, "sanity_spearman_abs_readout", "attention", "attention", "all", (1.0, 1.0, 1.0))
    title = figure_of(run, "sanity").title
    assert title == (
        "Occlusion changes least when the model knows less: Spearman 0.14 on average (random control 0.34)"
    )
    run = sane(written.run)
    table = run.tables["estimates"].copy()
    table.loc[table["metric"].str.startswith("sanity_"), "estimate"] = 0.05
    title = figure_of(with_rows(run, "estimates", table), "sanity").title
    assert title.startswith("No method keeps its ranking: Spearman 0.05 on average at most")


@pytest.mark.usefixtures("no_pictures")
def test_the_sanity_grid_is_dark_near_zero(small: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[grids.GridPanel] = []

    def spy(rows: list[str], panels: list[grids.GridPanel], across: int) -> object:
        painted.extend(panels)
        return grids.paint_grids(rows, panels, across)

    monkeypatch.setattr(stability, "paint_grids", spy)
    metric = "sanity_spearman_abs_readout"
    run = set_estimates(small.run, metric, "shapley", "shapley", "all", (-0.8, -0.9, -0.7))
    figure = figure_of(run, "sanity")
    panel = painted[0]
    assert panel.columns == ["readout", "layer 1", "layer 0", "embeddings", "labels"]
    assert panel.cells[0, 0] == -0.8
    assert panel.shades[0, 0] == pytest.approx(0.2)  # as far from 0 as +0.8
    assert not panel.framed.any()  # no attention here
    assert "Near 0 (dark)" in figure.note
    assert "n = 4 texts × 2 seeds per model" in figure.note
    assert "no interval is drawn" in figure.note


def test_steps_have_names_and_attention_cannot_notice_the_readout() -> None:
    names = [step_name(step) for step in ("readout", "layer_1", "embeddings", "labels")]
    assert names == ["readout random", "layer 1 and above random", "all weights random", "labels shuffled"]
    assert cannot_notice("attention", "readout")
    assert cannot_notice("rollout", "readout")
    assert not cannot_notice("attention", "labels")
    assert not cannot_notice("lime", "readout")


@pytest.mark.usefixtures("no_painting")
def test_how_much_the_control_learned_is_its_best_epoch(small: Written) -> None:
    run = set_rows(small.run, "shuffled_training", "validation_accuracy", 0.6, epoch=1)
    run = set_rows(run, "shuffled_training", "validation_accuracy", 0.5, epoch=3)
    run = set_rows(run, "shuffled_training", "validation_accuracy", 0.71, epoch=2, seed="0")
    run = set_rows(run, "shuffled_training", "validation_accuracy", 0.93, epoch=2, seed="1")
    told = [b.text for b in stability.build(run).blocks if b.kind == "paragraph"]
    assert any("fit 71 to 93\u202f% (encoder) and 71 to 93\u202f% (attention-only)" in text for text in told)
    without = stability.build(without_table(run, "shuffled_training")).blocks
    assert not any("shuffled labels of their own" in b.text for b in without if b.kind == "paragraph")


def test_the_source_of_variance_is_the_largest_share(small: Written) -> None:
    found = variance_finding(small.run)
    assert found.lead == "How far SHAP and LIME agree varies most with the text."
    assert "50\u202f% text, 25\u202f% training seed, 25\u202f% explainer's own randomness" in found.text
    run = set_rows(small.run, "variance", "share", 0.9, source="explainer seed", model="encoder")
    assert variance_finding(run).lead.endswith("depends on the model.")
    run = set_rows(small.run, "variance", "share", NAN, source="training seed")
    assert "nan" not in variance_finding(run).text
    assert "nothing is known of what another one would change" not in variance_finding(run).text
    assert "nothing is known of what another one would change" in variance_finding(with_seeds(run, 1)).text


@pytest.mark.usefixtures("no_painting")
def test_the_table_of_variance_marks_what_was_cut(small: Written) -> None:
    table = next(b for b in walk(stability.build(small.run).blocks) if getattr(b, "anchor", "") == "table-variance")
    assert [c.name for c in table.columns][3:7] == [
        "training seed", "text", "seed and text together", "explainer's own randomness",
    ]  # fmt: skip
    assert table.rows[0][2:7] == ("SHAP, LIME", "25\u202f%", "50\u202f%", "0\u202f% (cut)", "25\u202f%")


@pytest.mark.usefixtures("no_painting")
def test_edited_words_are_counted(small: Written) -> None:
    table = next(b for b in walk(stability.build(small.run).blocks) if getattr(b, "anchor", "") == "table-edits")
    counts = small.run.tables["edits"].groupby("word").size()
    assert sum(int(row[2]) for row in table.rows) == counts.sum()
    assert {row[3] for row in table.rows} == {"−0.10"}
