"""What the page says beside people's ratings, and of circuits, follows the tables."""

from __future__ import annotations

import pytest

from study.report.blocks import Figure, walk
from study.report.inputs import RunTables
from study.report.sections import people
from study.report.sections.circuits import circuit_blocks
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows, with_rows, with_second_data_set, without_table

NAN = float("nan")
Values = tuple[float, float, float]


def rated(run: RunTables, values: Values, **where: object) -> RunTables:
    for method in ("shapley", "lime"):
        run = set_estimates(run, "rating_spearman", method, "rating", "all", values, **where)
    return run


def figure_of(run: RunTables, name: str) -> Figure:
    return next(b for b in people.build(run).blocks if b.kind == "figure" and b.name == name)


@pytest.mark.parametrize(
    ("values", "lead"),
    [
        ((0.8, 0.7, 0.9), "Scores of words follow people's ratings of them largely."),
        ((0.5, 0.4, 0.6), "Scores of words follow people's ratings of them in part."),
        ((0.2, 0.1, 0.3), "Scores of words follow people's ratings of them weakly."),
        ((0.2, -0.1, 0.5), "Whether scores of words follow people's ratings of them stays open."),
        ((0.6, NAN, NAN), "Whether scores of words follow people's ratings of them stays open."),
        ((-0.4, -0.5, -0.3), "Scores of words run against people's ratings of them."),
    ],
)
def test_the_lead_follows_the_intervals(small: Written, values: Values, lead: str) -> None:
    found = people.people_finding(rated(small.run, values))
    assert found.lead == lead
    assert "nan" not in found.text


def test_models_that_differ_are_not_told_as_one(small: Written) -> None:
    run = rated(rated(small.run, (0.5, 0.4, 0.6)), (0.1, -0.2, 0.4), model="encoder")
    found = people.people_finding(run)
    assert "depends on the model or the method" in found.lead
    assert "SHAP 0.10 [−0.20, 0.40] (encoder) and 0.50 [0.40, 0.60] (attention-only)" in found.text
    assert people.people_finding(without_table(run, "estimates")).text == "This run has no evidence."


@pytest.mark.usefixtures("no_painting")
def test_words_are_counted_on_the_side_where_people_put_them(small: Written) -> None:
    run = small.run
    for word, score in {
        "dull": -1.0,
        "weak": 1.0,
        "great": 1.0,
        "moving": 0.0,
        "not": NAN,
        "fine": 1,
        "bad": -1,
    }.items():
        run = set_rows(run, "ratings", "score_mean", score, word=word)
    figure = figure_of(run, "ratings")
    assert figure.title == "SHAP moves 4 of 6 rated words to the side where people put them"  # a score of 0 has no side
    assert "encoder. n = 6 words × 2 seeds" in figure.note
    assert "No interval" in figure.note


@pytest.mark.usefixtures("no_painting")
def test_the_most_plausible_is_so_over_all_models(small: Written) -> None:
    metric = "plausibility_average_precision_score"
    run = set_estimates(small.run, metric, "lime", "", "all", (0.9, 0.8, 1.0), model="attention-only")
    run = set_estimates(run, metric, "lime", "", "all", (0.5, 0.4, 0.6), model="encoder")
    run = set_estimates(run, metric, "shapley", "", "all", (0.6, 0.5, 0.7))
    run = set_estimates(run, metric, "shap", "", "all", (0.9, 0.8, 1.0))  # the second estimate of SHAP is no rival
    title = "LIME comes nearest to naming the words that people rated: 0.70 on average, random order 0.20"
    near = "; in part of the models intervals of up to 1 other reach its own"
    assert figure_of(run, "plausibility").title == title + near
    apart = set_estimates(run, metric, "shapley", "", "all", (0.3, 0.25, 0.35))
    assert figure_of(apart, "plausibility").title == title
    both = set_estimates(run, metric, "shapley", "", "all", (0.6, 0.5, 0.85))
    assert figure_of(both, "plausibility").title == title + "; the interval of 1 other reaches its own"
    run = set_estimates(run, "plausibility_chance", "chance", "", "all", (0.95, 0.9, 1.0))
    title = "No method names the words that people rated before random order does (0.95)"
    assert figure_of(run, "plausibility").title == title
    assert "n = 4 texts × 2 seeds per model; 95 % interval over texts and seeds" in figure_of(run, "plausibility").note


@pytest.mark.usefixtures("no_painting")
def test_rated_texts_hold_models_and_baselines(small: Written) -> None:
    run = set_rows(small.run, "rated_texts", "accuracy", 0.811, kind="tfidf_logreg")
    table = next(b for b in people.build(run).blocks if b.kind == "table")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["TF-IDF + logistic regression"] == ("0.811", "[0.650, 0.750]", "0.60", "[0.60, 0.60]", "400")
    assert rows["majority class"][2:4] == ("–", "")  # no margin, no rank
    assert set(rows) == {"encoder", "attention-only", "TF-IDF + logistic regression", "majority class"}
    table = next(b for b in people.build(with_second_data_set(run)).blocks if b.kind == "table")
    assert "majority class · films" in {row[0] for row in table.rows}
    assert "no evidence that anything carries over" in table.note


def test_no_section_without_ratings(small: Written) -> None:
    run = without_table(without_table(without_table(small.run, "ratings"), "rated_texts"), "estimates")
    assert people.build(run) is None


def circuits(run: RunTables) -> Figure:
    return next(b for b in circuit_blocks(run) if b.kind == "figure")


@pytest.mark.usefixtures("no_painting")
def test_the_title_names_the_method_of_each_model_that_keeps_most(small: Written) -> None:
    assert circuits(small.run).title == "Shapley of the margin keeps most of the margin with few heads"
    metric = "circuit_performance_score"
    run = set_estimates(small.run, metric, "direct_centred", "", "all", (1.3, 1.2, 1.4), model="attention-only")
    title = (
        "Shapley of the margin (encoder) and Direct (centred) (attention-only) keep most of the margin with few heads"
    )
    assert circuits(run).title == title
    run = set_estimates(run, metric, "shapley_margin", "", "all", (1.25, 1.21, 1.29), model="attention-only")
    assert circuits(run).title == f"{title}; in part of the models intervals of up to 1 other reach its own"
    assert "n = 6 texts × 2 seeds per model; 95 % interval over texts and seeds" in circuits(run).note


@pytest.mark.usefixtures("no_painting")
def test_the_control_is_no_winner(small: Written) -> None:
    run = set_estimates(small.run, "circuit_performance_score", "random", "", "all", (2.0, 1.9, 2.1), model="encoder")
    assert circuits(run).title.startswith("Not every model has a method")


@pytest.mark.usefixtures("no_painting")
def test_both_areas_stand_in_the_table(small: Written) -> None:
    run = set_estimates(small.run, "circuit_distance_error", "random", "", "all", (0.444, 0.4, 0.5), model="encoder")
    run = set_estimates(run, "circuit_distance_error", "ablation_mean", "", "all", (NAN, NAN, NAN), model="encoder")
    table = next(b for b in walk(circuit_blocks(run)) if b.kind == "table")
    assert ("encoder", "CMD", "Random control", "0.44", "[0.40, 0.50]", "6", "0") in table.rows
    assert not any(row[:3] == ("encoder", "CMD", "Mean ablation") for row in table.rows)


def test_no_circuits_without_rows(small: Written) -> None:
    table = small.run.tables["estimates"]
    assert circuit_blocks(with_rows(small.run, "estimates", table[~table["metric"].str.startswith("circuit_")])) == []
