"""The stages `shuffle` and `evaluate` on sentences of our own: what they write; killing them changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from study import pipeline
from study.config import StudyConfig
from study.config.loading import load_config
from study.evaluation.rows import COLUMNS, MEASURES
from study.evaluation.sanity import randomised_models
from study.fitting_models import shuffle_labels, split_batches
from study.preparing import fresh_encoder, model_source, new_evaluation, new_model, read_data
from study.records import PAD_ID
from study.running.estimate import estimate_seconds
from study.running.plan import allowed_names, build_tasks
from study.stages import STAGES, StageContext
from tests.own_texts import write_study

EXPLAIN = {
    "n_texts": 6,
    "methods": ["shapley", "lime", "occlusion", "attention"],  # without the shap package, which is slow to import
    "exact_limit": 5,
    "shapley_evals": 56,
    "lime_samples": 40,
    "reference_size": 20,
    "untrained_texts": 0,
}
EVALUATE = {
    **{"n_texts": 3, "removals": ["mask", "delete"], "infidelity_samples": 10, "repeats": 2, "edits": 1},
    **{"sanity_texts": 2, "additivity_masks": 64, "fixed_evals": 64, "evals_per_word": 8},
}


class Interrupted(Exception):
    """What a test raises in place of a kill."""


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """A cell whose stages before `evaluate` are done."""
    folder = tmp_path_factory.mktemp("cell")
    config = load_config(write_study(folder, explain=EXPLAIN, evaluate=EVALUATE), [], allowed_names())
    context = new_context(config, folder / "run")
    pipeline.prepare_data(replace(context, folder=folder / "run" / "data" / "own"))
    for stage in (pipeline.train_cell, pipeline.train_shuffled, pipeline.explain_cell):
        stage(context)
    return context


def new_context(config: StudyConfig, run_folder: Path) -> StageContext:
    return StageContext(
        config=config,
        run_folder=run_folder,
        folder=run_folder / "cells" / "own-mlp-s0",
        progress=lambda done, total, text: None,
        dataset=config.datasets[0],
        model=config.models[0],
        seed=0,
    )


@pytest.fixture
def cell(explained: StageContext, tmp_path: Path) -> StageContext:
    """A copy of that cell, to write into."""
    shutil.copytree(explained.run_folder, tmp_path / "run")
    return new_context(explained.config, tmp_path / "run")


def interrupted_at(place: int) -> Callable[[int, int, str], None]:
    def progress(done: int, total: int, text: str) -> None:
        if done == place:
            raise Interrupted

    return progress


def results_of(folder: Path) -> dict[str, pd.DataFrame]:
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in COLUMNS}
    return {name: frame.drop(columns="seconds", errors="ignore") for name, frame in frames.items()}


def test_labels_are_shuffled_among_the_training_texts_and_nothing_else(cell: StageContext) -> None:
    batches = split_batches(cell, *read_data(cell))
    train, validation, test = shuffle_labels(cell, batches)
    assert validation is train  # the epoch kept is the one that learned the most nonsense
    assert test is batches[2]
    assert train.example_id == batches[0].example_id
    np.testing.assert_array_equal(train.token_ids, batches[0].token_ids)
    np.testing.assert_array_equal(np.bincount(train.label), np.bincount(batches[0].label))
    kept = float((train.label == batches[0].label).mean())
    assert 0.3 < kept < 0.7  # two classes: chance
    again, other = (shuffle_labels(replace(cell, seed=seed), batches)[0].label for seed in (0, 1))
    np.testing.assert_array_equal(again, train.label)
    assert (other != train.label).any()


def test_training_on_shuffled_labels_leaves_another_model_and_its_curve(cell: StageContext) -> None:
    written = pipeline.train_shuffled(cell)
    assert written == ["shuffled.safetensors", "shuffled_training.parquet"]
    curve = pd.read_parquet(cell.folder / "shuffled_training.parquet")
    assert list(curve["epoch"]) == [0, 1]
    weights, nonsense = (
        safetensors.torch.load_file(cell.folder / f"{name}.safetensors") for name in ("model", "shuffled")
    )
    assert set(weights) == set(nonsense)
    assert not torch.equal(weights["W_U"], nonsense["W_U"])


def test_interrupted_training_on_shuffled_labels_ends_the_same(cell: StageContext) -> None:
    pipeline.train_shuffled(cell)
    whole = (cell.folder / "shuffled.safetensors").read_bytes()
    shutil.rmtree(cell.folder / ".partial")
    (cell.folder / "shuffled.safetensors").unlink()
    steps = []
    pipeline.train_shuffled(replace(cell, progress=lambda done, total, text: steps.append(done)))
    per_epoch = max(steps) // 2
    shutil.rmtree(cell.folder / ".partial")
    with pytest.raises(Interrupted):
        pipeline.train_shuffled(replace(cell, progress=interrupted_at(per_epoch + 1)))
    assert (cell.folder / ".partial" / "shuffle" / "training.safetensors").exists()
    steps.clear()
    pipeline.train_shuffled(replace(cell, progress=lambda done, total, text: steps.append(done)))
    assert min(steps) == per_epoch + 1  # the first epoch is not trained again
    assert (cell.folder / "shuffled.safetensors").read_bytes() == whole


def test_every_table_is_written_with_rows_and_its_columns(cell: StageContext) -> None:
    assert pipeline.evaluate_cell(cell) == [f"{name}.parquet" for name in COLUMNS]
    frames = {name: pd.read_parquet(cell.folder / f"{name}.parquet") for name in COLUMNS}
    for name, frame in frames.items():
        assert tuple(frame) == COLUMNS[name]
        assert len(frame), name
    cost = frames["evaluation_cost"]
    assert set(cost["method"]) == set(MEASURES)  # what each measure cost
    assert cost.groupby("method").size().to_dict() == {name: 2 if name == "sanity" else 3 for name in MEASURES}
    assert (cost["seconds"] > 0).all()
    assert (cost["n_evals"] > 0).all()
    steps = frames["sanity"].drop_duplicates("order").set_index("order")["randomised"]
    assert steps.to_dict() == dict(enumerate(["readout", "layer 1", "layer 0", "embeddings", "labels"]))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_interrupted_evaluation_ends_with_the_same_tables(
    cell: StageContext, undisturbed: dict[str, pd.DataFrame], place: int
) -> None:
    with pytest.raises(Interrupted):
        pipeline.evaluate_cell(replace(cell, progress=interrupted_at(place)))
    parts = sorted((cell.folder / ".partial" / "evaluate").glob("*.json"))
    assert len(parts) == place
    before = [part.stat().st_mtime_ns for part in parts]
    pipeline.evaluate_cell(cell)
    assert [part.stat().st_mtime_ns for part in parts] == before  # what was done is not done again
    for name, frame in results_of(cell.folder).items():
        pd.testing.assert_frame_equal(frame, undisturbed[name], check_exact=True)


@pytest.fixture(scope="module")
def undisturbed(explained: StageContext, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    run_folder = tmp_path_factory.mktemp("undisturbed") / "run"
    shutil.copytree(explained.run_folder, run_folder)
    context = new_context(explained.config, run_folder)
    pipeline.evaluate_cell(context)
    return results_of(context.folder)


def test_measures_that_are_not_asked_for_leave_empty_tables(cell: StageContext) -> None:
    config = cell.config.model_copy(
        update={"evaluate": cell.config.evaluate.model_copy(update={"measures": ("additivity",)})}
    )
    (cell.folder / "shuffled.safetensors").unlink()  # not needed
    pipeline.evaluate_cell(replace(cell, config=config))
    rows = {name: len(frame) for name, frame in results_of(cell.folder).items()}
    assert {name for name, n in rows.items() if n} == {"additivity", "evaluation_cost"}
    assert all(tuple(pd.read_parquet(cell.folder / f"{name}.parquet")) == COLUMNS[name] for name in COLUMNS)


def test_an_evaluation_knows_the_training_words_and_models_that_know_nothing(cell: StageContext) -> None:
    corpus, vocabulary = read_data(cell)
    evaluation = new_evaluation(cell, corpus, vocabulary)
    assert evaluation.setting.batch.example_id == tuple(evaluation.scores)[:3]
    seen = {word for word, known in zip(vocabulary.words, evaluation.seen, strict=True) if known}
    assert seen == {word for word in vocabulary.words if any(word in text.split() for text in corpus.train.text)}
    assert list(randomised_models(evaluation)) == ["readout", "layer 1", "layer 0", "embeddings", "labels"]
    trained = evaluation.setting.model.state_dict()
    nothing = evaluation.randomised["embeddings"].state_dict()
    assert all(not torch.equal(trained[name], nothing[name]) for name in trained if trained[name].dim() > 1)
    start = new_model(cell, corpus, vocabulary).state_dict()
    matrices = [name for name in start if start[name].dim() > 1 and not name.rsplit(".", 1)[-1].startswith("b_")]
    assert not any(torch.equal(start[name], nothing[name]) for name in matrices)  # not what training started from
    again = new_evaluation(cell, corpus, vocabulary).randomised["embeddings"].state_dict()
    assert all(torch.equal(again[name], nothing[name]) for name in again)


def test_fresh_weights_keep_word_vectors_and_are_an_encoders_for_every_family(cell: StageContext) -> None:
    source = model_source(cell, *read_data(cell))
    vectors = torch.zeros(len(source.words), source.config.d_model)
    vectors[5:8] = torch.randn(3, source.config.d_model, generator=torch.Generator().manual_seed(0))
    circuit = source.config.model_copy(update={"family": "circuit"})
    drawn = fresh_encoder(cell, replace(source, word_vectors=vectors), "randomised weights")
    by_hand = fresh_encoder(cell, replace(source, config=circuit, task="negation"), "randomised weights")
    torch.testing.assert_close(drawn.W_E[5:8], vectors[5:8])
    assert not drawn.W_E[PAD_ID].any()
    torch.testing.assert_close(by_hand.W_U, drawn.W_U)
    assert by_hand.W_U.std() > 0


def test_estimates_grow_with_what_is_asked() -> None:
    config = load_config(
        Path(__file__).parents[1] / "configs" / "experiment.yaml", ["datasets.0.rated=null"], allowed_names()
    )
    tasks = {task.stage.name: task for task in build_tasks(config, STAGES)}

    def seconds(stage: str = "evaluate", **changed: object) -> float:
        evaluate = config.evaluate.model_copy(update=changed)
        return estimate_seconds(tasks[stage], config.model_copy(update={"evaluate": evaluate}))

    assert seconds("shuffle") > seconds("train")
    whole = seconds()
    assert 60 < whole < 300  # measured: 40 texts in two to three minutes
    for changed in ({"repeats": 10}, {"edits": 6}, {"n_texts": 80}, {"sanity_texts": 20}, {"fixed_evals": 4096}):
        assert seconds(**changed) > whole + 1
    parts = [seconds(measures=(measure,)) - seconds(measures=()) for measure in MEASURES]
    assert sum(parts) == pytest.approx(whole - seconds(measures=()))
    assert all(part > 1 for part in parts)
