"""Layers, neurons, paths, twins and interventions: what the section says is what the tables hold."""

from __future__ import annotations

import numpy as np
import pytest

from study.report import SECTIONS
from study.report.blocks import Paragraph, walk
from study.report.inputs import pick
from study.report.inside_measures import (
    intervention_errors,
    layer_means,
    listed_shares,
    neuron_curves,
    neuron_drivers,
    neurons_for_half,
    patched_shares,
    twins,
)
from study.report.numbers import percent, percent_range, signed
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows, with_rows
from tests.report.test_heads_evidence import VARIANT, blocks_of, figure, table


@pytest.mark.usefixtures("no_painting")
def test_the_title_names_the_step_that_adds_most(small: Written) -> None:
    run = small.run
    for label, value in (("negative", -7.111), ("positive", 8.222)):
        layers = run.tables["layers"].copy()
        texts = pick(run.tables["texts"], trained=True, label=label, model="encoder")["example_id"]
        rows = (layers["step"] == "L0.mlp") & layers["example_id"].isin(texts) & (layers["model"] == "encoder")
        layers.loc[rows, "contribution"] = value
        run = with_rows(run, "layers", layers)
    title = figure(run, "inside", "layers").title
    assert title.startswith("L0.mlp adds most in encoder (−7.11 to negative texts and +8.22 to positive texts)")


def test_layer_means_match_a_loop(small: Written) -> None:
    texts = pick(small.run.of("texts", *VARIANT), trained=True, seed="1", label="negative")["example_id"]
    rows = pick(small.run.of("layers", *VARIANT), seed="1", step="L1.attention")
    wanted = rows[rows["example_id"].isin(texts)]
    found = pick(layer_means(small.run, VARIANT), seed="1", step="L1.attention", label="negative")
    assert found["lens"].item() == pytest.approx(wanted["lens_margin"].mean())
    assert found["added"].item() == pytest.approx(wanted["contribution"].mean())


@pytest.mark.usefixtures("no_painting")
def test_steps_are_quoted_with_their_intervals(small: Written) -> None:
    run = set_estimates(small.run, "adds_L1.mlp", "", "", "all", (0.765, 0.7, 0.8), model="encoder")
    rows = {row[:2]: row[2:] for row in table(run, "inside", "table-steps").rows}
    assert rows["encoder", "L1.mlp"][1] == "0.77 [0.70, 0.80]"
    assert ("attention-only", "L1.mlp") not in rows


@pytest.mark.usefixtures("no_painting")
def test_half_of_the_writing_is_counted_in_neurons(small: Written) -> None:
    neurons = small.run.tables["neurons"].copy()
    first = neurons["rank"] <= 4
    neurons["share"] = np.where(first, 0.2, 0.2 / 252)
    run = with_rows(small.run, "neurons", neurons)
    assert set(neurons_for_half(neuron_curves(run, VARIANT))) == {3.0}
    title = figure(run, "inside", "neurons").title
    assert "3 of 256 (layer 0 of encoder) and 3 of 256 (layer 1 of encoder)" in title


@pytest.mark.usefixtures("no_painting")
def test_a_run_without_mlps_has_no_neurons_and_no_mlp_paths(small: Written) -> None:
    assert small.run.of("neurons", "reviews", "attention-only").empty
    alone = small.run
    for name in ("neurons", "neuron_words"):
        alone = with_rows(alone, name, alone.tables[name].iloc[:0])
    found = SECTIONS.load("inside")(alone)
    assert not [b for b in walk(found.blocks) if "neuron" in getattr(b, "name", getattr(b, "anchor", ""))]
    assert blocks_of(small.run, "inside", type(table(small.run, "inside", "table-steps")))["table-neurons-encoder"]


def test_the_words_that_drive_a_neuron_are_split_by_sign(small: Written) -> None:
    where = {"seed": "0", "model": "encoder", "layer": 0, "neuron": 1}
    run = set_rows(small.run, "neuron_words", "effect", 0.0, **where)
    for word, value in (("warm", 0.5), ("mess", -0.7), ("funny", 0.2)):
        run = set_rows(run, "neuron_words", "effect", value, **where, word=word)
    assert neuron_drivers(run, VARIANT, "0", 0.0, 1.0) == (["warm", "funny"], ["mess"])


@pytest.mark.usefixtures("no_painting")
def test_listed_paths_and_their_share_of_the_margin(small: Written) -> None:
    sums = small.run.tables["path_sums"].copy()
    sums["listed"] = sums["contribution"] * np.where(sums["seed"] == "0", 0.25, 0.5)
    run = with_rows(small.run, "path_sums", sums)
    assert listed_shares(run, VARIANT).tolist() == pytest.approx([0.25, 0.5])
    text = " ".join(b.text for b in SECTIONS.load("inside")(run).blocks if isinstance(b, Paragraph))
    assert f"add up to {percent_range(0.25, 0.5)} in encoder" in text
    found = table(run, "inside", "table-paths")
    rows = pick(run.of("paths", *VARIANT), seed="0", example_id=found.note.split("text ")[1][:4])
    assert [r[3] for r in found.rows] == [signed(v, 3) for v in rows.sort_values("rank")["contribution"]]
    assert signed(float(rows["contribution"].sum())) in found.note


@pytest.mark.usefixtures("no_painting")
def test_patching_shares_are_weighted_by_the_change(small: Written) -> None:
    rows = pick(small.run.of("patching", *VARIANT), place="all", seed="0", component="L1H1")
    towards = change = 0.0
    for row in rows.itertuples():
        delta = row.twin_margin - row.margin
        towards += row.effect if delta > 0 else -row.effect
        change += abs(delta)
    shares = patched_shares(small.run, VARIANT)
    assert shares.loc["0", "L1H1"] == pytest.approx(towards / change)
    run = set_rows(small.run, "patching", "effect", 9.0, place="all", component="L1H1", model="encoder", seed="1")
    run = set_rows(run, "patching", "margin", 0.0)
    run = set_rows(run, "patching", "twin_margin", 10.0)
    assert f"L1H1 of encoder, seed 1 ({percent(0.9)})" in figure(run, "inside", "patching").title
    assert twins(run, VARIANT, "1")["component"].eq("L1H1").all()


@pytest.mark.usefixtures("no_painting")
def test_the_map_of_positions_marks_the_swapped_word(small: Written) -> None:
    found = figure(small.run, "inside", "patching-positions")
    example = found.note.split("text ")[1].split(":")[0]
    rows = pick(small.run.of("patching", *VARIANT), seed="0", place="position", example_id=example)
    top = rows.loc[rows["effect"].abs().idxmax()]
    assert found.title == (
        f"“{top['word']}” to “{top['twin_word']}”: most through {top['component']} at “{top['at']}” "
        f"({signed(top['effect'])})"
    )


@pytest.mark.usefixtures("no_painting")
def test_the_largest_error_of_a_prediction_is_in_the_title(small: Written) -> None:
    rows = small.run.tables["interventions"].copy()
    place = rows.index[rows["model"] == "attention-only"][3]
    rows.loc[place, "frozen"] = rows.loc[place, "predicted"] - 0.5
    run = with_rows(small.run, "interventions", rows)
    assert figure(run, "inside", "interventions").title.endswith("largest |predicted − frozen| 5.0e−01 logits")
    errors = intervention_errors(run, VARIANT).set_index("kind")
    heads = pick(run.of("interventions", *VARIANT), kind="head")
    assert errors.loc["head", "live"] == pytest.approx((heads["predicted"] - heads["live"]).abs().median())
