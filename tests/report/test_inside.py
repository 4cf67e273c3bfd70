"""Layers, neurons, paths, twins and interventions: what the section says is what the tables hold."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.report import SECTIONS
from study.report.blocks import Paragraph, walk
from study.report.inputs import RunTables, pick
from study.report.inside_measures import (
    layer_means,
    neuron_curves,
    neuron_drivers,
    neurons_for_half,
    patched_shares,
    twin_changes,
    twins,
)
from study.report.numbers import percent, signed
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
    assert "in 3 of the 256 neurons of layer 0 of encoder and 3 of the 256 neurons of layer 1 of encoder" in title


@pytest.mark.usefixtures("no_painting")
def test_a_run_without_mlps_has_no_neurons_and_no_mlp_paths(small: Written) -> None:
    assert small.run.of("neurons", "reviews", "attention-only").empty
    alone = small.run
    for name in ("neurons", "neuron_words"):
        alone = with_rows(alone, name, alone.tables[name].iloc[:0])
    found = SECTIONS.load("inside")(alone)
    assert not [b for b in walk(found.blocks) if "neuron" in getattr(b, "name", getattr(b, "anchor", ""))]
    assert blocks_of(small.run, "inside", type(table(small.run, "inside", "table-steps")))["table-neurons-encoder"]


NEURON = {"seed": "0", "layer": 0, "neuron": 1}


def with_neuron_words(run: RunTables, rows: list[tuple[str, str, float]]) -> RunTables:
    """One neuron, split over these (text, word, effect) alone."""
    words = [
        {"dataset": "reviews", "model": "encoder", **NEURON, "example_id": e, "word_index": 0, "word": w, "effect": v}
        for e, w, v in rows
    ]
    return with_rows(run, "neuron_words", pd.DataFrame(words))


def test_the_words_that_drive_a_neuron_are_split_by_sign_and_words_of_one_text_come_last(small: Written) -> None:
    found = [("t0", "warm", 0.5), ("t1", "warm", 0.3), ("t0", "mess", -0.7), ("t1", "funny", 0.2), ("t2", "funny", 0.2)]
    found += [
        ("t0", "earns", 0.9),
        ("t0", "rare", 2.0),
        ("t0", "rare", 2.0),
        ("t1", "dull", -0.1),
        ("t2", "dull", -0.1),
    ]
    up, down = neuron_drivers(with_neuron_words(small.run, found), VARIANT, "0", 0.0, 1.0)
    assert up == [("warm", 2), ("funny", 2), ("rare", 1)]  # twice in one text is one text
    assert down == [("dull", 2), ("mess", 1)]


@pytest.mark.usefixtures("no_painting")
def test_neurons_words_are_counted_over_the_texts_that_were_split(small: Written) -> None:
    run = small.run
    causal = run.tables["causal"]
    run = with_rows(run, "causal", causal[causal["example_id"].isin(["t000", "t001"])])
    run = set_rows(run, "neurons", "rank", 1, model="encoder", **NEURON)
    run = with_neuron_words(run, [("t0", "warm", 0.5), ("t1", "warm", 0.3), ("t0", "mess", -0.7)])
    found = table(run, "inside", "table-neurons-encoder")
    row = next(row for row in found.rows if row[0] == "L0N1")
    assert row[-2:] == ("warm (2)", "mess (1)")
    assert "over the 2 texts with a causal crosswalk" in found.note
    assert "logits, over 6 texts" in found.note


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


def with_twins(run: RunTables, folder: Path, polarity: float) -> RunTables:
    """Every twin swaps "warm", of this leaning to positive, and moves a margin of +1 to −1; in one text, to +3."""
    target = folder / "data" / "reviews"
    target.mkdir(parents=True)
    pairs = [[["warm", "dull", -polarity, -2.0]], [["warm", "dull", polarity, 2.0]]]
    (target / "opposites.json").write_text(json.dumps({"schema": 1, "classes": pairs}))
    cards = {"reviews": {"class_names": ["negative", "positive"]}}
    run = dataclasses.replace(run, folder=folder, cards=cards)
    for column, value in (("word", "warm"), ("margin", 1.0), ("twin_margin", -1.0)):
        run = set_rows(run, "patching", column, value)
    return set_rows(run, "patching", "twin_margin", 3.0, example_id="t000")


@pytest.mark.usefixtures("no_painting")
@pytest.mark.parametrize("polarity", [1.2, -1.2])
def test_twins_are_told_by_sign_and_by_the_leaning_of_the_word(small: Written, tmp_path: Path, polarity: float) -> None:
    run = with_twins(small.run, tmp_path, polarity)
    changes = twin_changes(run, VARIANT)
    up = changes["example_id"] == "t000"
    assert changes["flips"].tolist() == (~up).tolist()
    assert changes["expected"].tolist() == [float(u == (polarity < 0)) for u in up]
    share = float(changes["expected"].mean())
    text = " ".join(b.text for b in SECTIONS.load("inside")(run).blocks if isinstance(b, Paragraph))
    assert f"sign in {percent(float(changes['flips'].mean()))} of the twins" in text
    assert f"moves the expected way in {percent(share)}" in text
    assert "used most like it" in text
    assert "its opposite" not in text


@pytest.mark.usefixtures("no_painting")
def test_a_run_that_does_not_know_the_leaning_says_nothing_of_it(small: Written) -> None:
    assert twin_changes(small.run, VARIANT)["expected"].isna().all()
    text = " ".join(b.text for b in SECTIONS.load("inside")(small.run).blocks if isinstance(b, Paragraph))
    assert "changes its sign in" in text
    assert "expected" not in text.lower()
