"""A study with known answers through its command line: what is proven, what is scored, and the same once killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.tasks.hand_built import CONFIG as CIRCUIT
from tests.test_end_to_end import ROOT, command, run_study, table_hashes

undisturbed = pytest.mark.xdist_group("known answers run")  # one worker runs the study that these tests share
SECTIONS = ["score-card", "negation", "failures", "convergence", "limits"]
SIZES = {"test_size": 14, "validation_size": 10, "max_train": 120}
SEEDS = [0, 1]


def write_config(folder: Path) -> Path:
    """One task for a model set by hand, one for it and for a trained one that cannot have learned it."""
    planted = {"source": "planted", **SIZES}
    circuit = {k: v for k, v in CIRCUIT.model_dump().items() if v is not None}
    config = {
        "name": "known",
        "seeds": SEEDS,
        "datasets": [
            {"name": "single", "task": "single", "models": ["hand-built"], **planted},
            {"name": "negation", "task": "negation", **planted},
        ],
        "models": [
            {**circuit, "n_seeds": 1},
            {"name": "trained", "n_layers": 1, "n_heads": 2, "d_model": 8, "d_mlp": 8, "max_words": 9}
            | {"training": {"max_epochs": 1, "min_steps": 0}},
        ],
        "explain": {"n_texts": 8, "methods": ["shapley", "occlusion", "attention", "random"], "reference_size": 30}
        | {"untrained_texts": 0},
        "heads": {"methods": ["direct_centred", "ablation_mean", "random"], "causal_texts": 3, "patching_texts": 0}
        | {"crosswalk_exact_words": 0, "crosswalk_word_coalitions": 64, "crosswalk_head_coalitions": 64}
        | {"fresh_texts": 6, "resample_draws": 2, "top_neurons": 2, "top_paths": 2},
        "convergence": {"datasets": ["negation"], "models": ["hand-built"], "n_texts": 1, "evaluations": [40, 80, 160]}
        | {"repeats": 2, "samplers": ["odd_order", "captum_kernel"]},
        "report": {"sections": SECTIONS, "n_texts": 1},
        "runtime": {"workers": 2},
    }
    path = folder / "known.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The config and the run folder of a run on two workers."""
    folder = tmp_path_factory.mktemp("known")
    config = write_config(folder)
    done = run_study(config, folder / "results")
    assert done.returncode == 0, done.stdout + done.stderr
    return config, folder / "results" / "known"


def table(run: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(run / "tables" / f"{name}.parquet")


@undisturbed
def test_cells_and_gates(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    cells = {"single-hand-built-s0", "negation-hand-built-s0", "negation-trained-s0", "negation-trained-s1"}
    assert {path.name for path in (run / "cells").iterdir()} == cells
    gates = json.loads((run / "gates.json").read_text())
    assert {gate["cell"] for gate in gates} == cells
    assert all(gate["passed"] for gate in gates), gates


@undisturbed
def test_accuracy_is_over_the_seeds_that_a_model_has(finished: tuple[Path, Path]) -> None:
    rows = table(finished[1], "accuracy").query("dataset == 'negation' and kind == 'model'")
    accuracy = rows.set_index(["model", "seed"])
    assert set(accuracy.index) == {
        *(("hand-built", seed) for seed in ("0", "all")),
        *(("trained", seed) for seed in ("0", "1", "all")),
    }
    assert accuracy.loc[("hand-built", "all"), ["accuracy", "n_seeds"]].tolist() == [1.0, 1]
    trained = accuracy.loc["trained"]
    assert trained.loc["all", "n_seeds"] == 2
    assert trained.loc["all", "accuracy"] == pytest.approx(trained.loc[["0", "1"], "accuracy"].mean())


@undisturbed
def test_the_hand_built_model_is_verified_and_the_trained_one_or_not_scored(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    passed = table(run, "verification").groupby(["dataset", "model"])["passed"].all().to_dict()
    assert passed.pop(("negation", "trained")) in (True, False)
    assert passed == {("single", "hand-built"): True, ("negation", "hand-built"): True}
    card = table(run, "score_card").set_index("model")
    assert not card.loc["trained", "verified"].any()  # one epoch on 120 texts
    assert card.loc["trained", "estimate"].isna().all()
    assert card.loc["hand-built", "verified"].all()


@undisturbed
def test_score_card_of_words(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    card = table(run, "score_card").query("unit == 'words' and model == 'hand-built'")
    assert set(card["rung"]) == {"hand-built"}
    assert set(card["method"]) == {
        *("shapley", "occlusion", "attention", "random", "crosswalk_row_size", "chance", "oracle", "reversed")
    }
    single = card.query("dataset == 'single'").set_index(["method", "metric"])["estimate"]
    for method in ("oracle", "shapley"):
        best = single[method].drop("min_share_score")  # one word has all
        assert best.to_numpy() == pytest.approx([1, 1, 1, 1, 1, 0], abs=1e-5), best
    # the word in scope of a negation gets 0: one of two is found, and the other by chance among eight
    truth = table(run, "truth_words").query("dataset == 'negation'").groupby("example_id")["relevant"].sum()
    in_scope = truth.index[truth == 2]
    scores = table(run, "truth_scores").query("metric == 'precision_at_truth_score' and model == 'hand-built'")
    assert len(in_scope) > 1
    for method in ("oracle", "shapley"):
        found = scores[(scores["method"] == method) & scores["example_id"].isin(in_scope)]["value"]
        assert found.to_numpy() == pytest.approx([(1 + 1 / 8) / 2] * len(in_scope))
    failures = table(run, "failures").query("model == 'hand-built' and dataset == 'negation' and method == 'shapley'")
    assert set(failures["example_id"]) == set(in_scope)
    assert failures["size"].to_numpy() == pytest.approx([4.0] * len(in_scope), abs=1e-4)
    assert failures["interaction"].abs().to_numpy() == pytest.approx([4.0] * len(in_scope))


@undisturbed
def test_heads_and_the_pairs_that_undo_each_other(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    assert set(table(run, "truth_scores").query("unit == 'heads'")["model"]) == {"hand-built"}
    heads = table(run, "truth_heads")
    assert heads.groupby("dataset").size().to_dict() == {"single": 10, "negation": 10}
    pairs = table(run, "pairs")
    assert pairs["found"].tolist() == pairs["truth"].tolist()
    found = pairs[pairs["found"]][["dataset", "name_a", "name_b"]].to_numpy().tolist()
    assert found == [[dataset, "Cancel+", "Cancel-"] for dataset in ("single", "negation")]


@undisturbed
def test_convergence_where_the_config_asks(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    convergence = table(run, "convergence")
    assert set(zip(convergence["dataset"], convergence["model"], strict=True)) == {("negation", "hand-built")}
    keys = convergence.groupby(["sampler", "evaluations"]).size()
    assert keys.to_dict() == {(s, e): 2 for s in ("captum_kernel", "odd_order") for e in (40, 80, 160)}
    exact = convergence.query("sampler == 'odd_order' and evaluations == 160")["error"]
    assert np.all(exact < 1e-6)  # no more than three words interact
    needs = table(run, "convergence_needs")
    assert set(needs["sampler"]) == {"odd_order", "captum_kernel"}
    assert not (run / "cells" / "single-hand-built-s0" / "convergence.parquet").exists()


@undisturbed
def test_the_report_has_the_sections(finished: tuple[Path, Path]) -> None:
    page = (finished[1] / "report.html").read_text()
    for name in SECTIONS:
        assert f'<section id="{name}"' in page, name


@undisturbed
def test_a_run_killed_while_it_converges_ends_with_the_same_tables(finished: tuple[Path, Path]) -> None:
    """The first time on one worker, the second on two."""
    config, run = finished
    results = config.parent / "killed"
    with (config.parent / "killed.log").open("w") as log:
        child = subprocess.Popen(
            command(config, results, "--workers", "1"), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    marker = results / "known" / "cells" / "negation-hand-built-s0" / ".stages" / "converge.json"
    deadline = time.monotonic() + 150
    while not marker.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.poll() is None, (config.parent / "killed.log").read_text()
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert json.loads(marker.read_text())["state"] == "started", (config.parent / "killed.log").read_text()
    done = run_study(config, results)
    assert done.returncode == 0, done.stdout + done.stderr
    assert table_hashes(results / "known") == table_hashes(run)
