"""The table of contents of a run: its stages, in order, one readable function each.

data -> baseline, train -> rate, converge, explain -> dissect, shuffle -> evaluate -> score, compare -> report. Each
function reads what earlier stages left in the run folder, writes its own files and returns their names;
`study.running.plan` decides which of them must run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from study import gates, tables
from study.artefacts import (
    load_corpus_folder,
    load_vectors,
    save_corpus,
    save_opposites,
    save_vectors,
    save_vocabulary,
    save_weights,
)
from study.cells import models_of
from study.comparing import compare
from study.config import StudyConfig
from study.converging import COLUMNS as CONVERGENCE_COLUMNS
from study.converging import converge_rows
from study.data import load_corpus, read_unlabelled
from study.data.opposites import find_opposites
from study.data.overlap import without_held_out
from study.data.vectors import learn_word_vectors
from study.data.vocabulary import build_vocabulary
from study.dissecting import dissect_rows
from study.dissection_rows import COLUMNS as DISSECTION_COLUMNS
from study.evaluation.rows import COLUMNS as EVALUATION_COLUMNS
from study.evaluation.rows import evaluate_rows
from study.explaining import COLUMNS, Explained, batch_gates, explain_rows
from study.fitting_models import shuffle_labels, split_batches, train_model
from study.judging import judge
from study.ledger import write_frame, write_json
from study.ledger.markers import partial_folder
from study.metrics.convergence import measure_needs
from study.model.baseline import predict_majority, predict_tfidf
from study.model.reference import gather_reference
from study.model.training import predict_logits
from study.model.walkthrough import WalkthroughRow, build_walkthrough
from study.preparing import (
    convergence_setting,
    encoder_of,
    first_model,
    fresh_texts,
    given,
    new_dissection,
    new_evaluation,
    read_data,
    reference_texts,
    trained_setting,
    untrained_setting,
)
from study.rating import rate_with_baselines, rate_with_model
from study.seeds import seed_of
from study.stages import StageContext
from study.surveying import survey

PART_SIZE = 5  # texts explained between two saves: a killed run loses at most so many


def prepare_data(context: StageContext) -> list[str]:
    """Loads and splits the corpus, builds the vocabulary from training text, learns word vectors."""
    dataset, folder = given(context.dataset), context.folder
    context.progress(0, 3, "reading texts")
    corpus = load_corpus(dataset)
    written = save_corpus(folder, corpus)
    vectors = dataset.word_vectors
    unlabelled = without_held_out(read_unlabelled(vectors.source), corpus) if vectors else None
    vocabulary = build_vocabulary(corpus.train.text, unlabelled, dataset.vocabulary)
    written.append(save_vocabulary(folder, vocabulary))
    if vectors and unlabelled is not None:
        for d_model in sorted({model.d_model for model in models_of(dataset, context.config)}):
            context.progress(1, 3, f"learning word vectors of width {d_model} from {vectors.source}")
            known_texts = [*unlabelled, *corpus.train.text]
            written.append(save_vectors(folder, learn_word_vectors(known_texts, vocabulary, d_model, vectors)))
    context.progress(2, 3, "pairing words with their opposites")
    widest = max(model.d_model for model in models_of(dataset, context.config))
    likeness = load_vectors(folder, widest).numpy() if vectors else None
    written.append(save_opposites(folder, find_opposites(corpus.train, corpus.n_classes, vocabulary, likeness)))
    return written


def fit_baselines(context: StageContext) -> list[str]:
    """Predictions of the majority class and of TF-IDF with logistic regression: test texts, and those people rated."""
    dataset = given(context.dataset)
    corpus = load_corpus_folder(context.folder)
    context.progress(0, 1, "fitting baselines")
    frame = pd.DataFrame({"example_id": corpus.test.example_id, "label": corpus.test.label})
    frame["majority"] = predict_majority(corpus)
    frame["tfidf_logreg"] = predict_tfidf(corpus)
    write_frame(context.folder / "baselines.parquet", frame)
    if dataset.rated is None:
        return ["baselines.parquet"]
    write_frame(context.folder / "rated_baselines.parquet", rate_with_baselines(dataset, corpus))
    return ["baselines.parquet", "rated_baselines.parquet"]


def train_cell(context: StageContext) -> list[str]:
    """Trains one model; saves weights, vocabulary, learning curve and test predictions. Resumes after any epoch.

    A family set by hand has nothing to learn: its learning curve is empty.
    """
    corpus, vocabulary = read_data(context)
    batches = split_batches(context, corpus, vocabulary)
    model, history = train_model(context, corpus, vocabulary, batches, stage="train")
    save_weights(context.folder / "model.safetensors", model)
    save_vocabulary(context.folder, vocabulary)
    write_frame(context.folder / "training.parquet", tables.training_curve(history))
    predicted = tables.predictions(batches[2], predict_logits(model, batches[2]))
    write_frame(context.folder / "predictions.parquet", predicted)
    return ["model.safetensors", "vocabulary.json", "training.parquet", "predictions.parquet"]


def rate_cell(context: StageContext) -> list[str]:
    """What the trained model says of held-out texts that people rated."""
    context.progress(0, 1, "reading rated texts")
    write_frame(context.folder / "rated_predictions.parquet", rate_with_model(context))
    return ["rated_predictions.parquet"]


def train_shuffled(context: StageContext) -> list[str]:
    """Trains the same model on the same texts with their labels shuffled: what it learns is nonsense, a control."""
    corpus, vocabulary = read_data(context)
    batches = shuffle_labels(context, split_batches(context, corpus, vocabulary))
    model, history = train_model(context, corpus, vocabulary, batches, stage="shuffle")
    save_weights(context.folder / "shuffled.safetensors", model)
    write_frame(context.folder / "shuffled_training.parquet", tables.training_curve(history))
    return ["shuffled.safetensors", "shuffled_training.parquet"]


def converge_cell(context: StageContext) -> list[str]:
    """Every sampler of word scores against the exact values, at growing numbers of evaluations, where the config asks.

    Of texts that the explain stage leaves alone as well: what counts is that all their coalitions can be evaluated.
    """
    config = context.config.convergence
    corpus, vocabulary = read_data(context)
    setting = convergence_setting(context, corpus, vocabulary)
    n_texts = len(setting.batch)
    parts = []
    for row in range(n_texts):
        context.progress(row, n_texts, "samplers against exact values")
        part_file = partial_folder(context.folder, "converge") / f"{row:05d}.json"
        parts.append(tables.resumed(part_file, partial(converge_rows, setting, (row,), config)))
    for name, frame in tables.join_parts(parts, CONVERGENCE_COLUMNS).items():
        write_frame(context.folder / f"{name}.parquet", frame)
    return ["convergence.parquet"]


def explain_cell(context: StageContext) -> list[str]:
    """Explains the chosen test texts with every method, on the trained model and on an untrained one."""
    corpus, vocabulary = read_data(context)
    settings = [trained_setting(context, corpus, vocabulary)]
    if context.config.explain.untrained_texts:
        settings.append(untrained_setting(context, corpus, vocabulary))
    n_texts, done = sum(len(s.batch) for s in settings), 0
    parts: list[Explained] = []
    for setting in settings:
        where = f"{'trained' if setting.trained else 'untrained'} model"
        parts.append(Explained(tables={}, gates=batch_gates(setting, where)))
        for start in range(0, len(setting.batch), PART_SIZE):
            context.progress(done + start, n_texts, f"explaining {where}")
            rows = range(start, min(start + PART_SIZE, len(setting.batch)))
            part_file = partial_folder(context.folder, "explain") / f"{where.split()[0]}-{start:05d}.json"
            parts.append(tables.resumed(part_file, partial(explain_rows, setting, rows)))
        done += len(setting.batch)
    frames = tables.join_parts(parts, COLUMNS)
    for name, frame in frames.items():
        write_frame(context.folder / f"{name}.parquet", frame)
    found = gates.worst_of(gate for part in parts for gate in part.gates)
    write_json(context.folder / "gates.json", tables.gate_rows(found, context.folder.name))
    contributions = tables.contributions(settings[0].batch, settings[0].contributions)
    write_frame(context.folder / "contributions.parquet", contributions)
    return [*(f"{name}.parquet" for name in frames), "gates.json", "contributions.parquet"]


def dissect_cell(context: StageContext) -> list[str]:
    """Takes the heads of the trained model apart: causal effects, the causal crosswalk, neurons, layers, paths."""
    corpus, vocabulary = read_data(context)
    setting = trained_setting(context, corpus, vocabulary)
    model, n_texts = encoder_of(context, setting), len(setting.batch)
    reference = reference_texts(context, corpus, vocabulary)
    heads = gather_reference(model, reference)
    context.progress(0, n_texts, "layers, neurons and trials of heads")
    frames, found = survey(setting, model, heads, fresh_texts(context, corpus, vocabulary))
    dissection = new_dissection(context, vocabulary, setting, reference, heads, frames["neurons"])
    parts = [Explained(tables={}, gates=found)]
    for start in range(0, n_texts, PART_SIZE):
        context.progress(start, n_texts, "dissecting heads")
        rows = range(start, min(start + PART_SIZE, n_texts))
        part_file = partial_folder(context.folder, "dissect") / f"{start:05d}.json"
        parts.append(tables.resumed(part_file, partial(dissect_rows, dissection, rows)))
    frames |= tables.join_parts(parts, DISSECTION_COLUMNS)
    frames["head_cost"] = frames.pop("cost")
    for name, frame in frames.items():
        write_frame(context.folder / f"{name}.parquet", frame)
    worst = gates.worst_of(gate for part in parts for gate in part.gates)
    write_json(context.folder / "head_gates.json", tables.gate_rows(worst, context.folder.name))
    write_json(context.folder / "reference.json", list(reference.example_id))
    return [*(f"{name}.parquet" for name in frames), "head_gates.json", "reference.json"]


def evaluate_cell(context: StageContext) -> list[str]:
    """Puts the explanations of the cell to the test: faithfulness, stability, sanity, budgets, additivity."""
    corpus, vocabulary = read_data(context)
    evaluation = new_evaluation(context, corpus, vocabulary)
    n_texts = len(evaluation.setting.batch)
    parts = []
    for row in range(n_texts):
        context.progress(row, n_texts, "evaluating explanations")
        part_file = partial_folder(context.folder, "evaluate") / f"{row:05d}.json"
        parts.append(tables.resumed(part_file, partial(evaluate_rows, evaluation, (row,))))
    frames = tables.join_parts(parts, EVALUATION_COLUMNS)
    for name, frame in frames.items():
        write_frame(context.folder / f"{name}.parquet", frame)
    return [f"{name}.parquet" for name in frames]


def score_run(context: StageContext) -> list[str]:
    """Every explanation against the words and heads that are known to decide, where any are known."""
    return _write_tables(context.folder, judge(context.run_folder, context.config, context.progress))


def compare_run(context: StageContext) -> list[str]:
    """Joins the tables of all cells, measures agreement with intervals, and profiles the heads."""
    context.progress(0, 2, "joining tables")
    run = tables.join_cells(context.run_folder, context.config)
    context.progress(1, 2, "measuring agreement, profiling heads")
    run |= compare(run, context.run_folder, context.config)
    if not (convergence := tables.join_convergence(context.run_folder, context.config)).empty:
        run |= {"convergence": convergence, "convergence_needs": measure_needs(convergence)}
    run["walkthrough"] = tables.walkthrough(walk_through(context.run_folder, context.config))
    written = _write_tables(context.folder, run)
    write_frame(context.folder / "cost.csv", tables.join_cost(context.run_folder, context.config))
    write_json(context.folder / "gates.json", tables.join_gates(context.run_folder, context.config))
    write_frame(context.folder / "hypotheses.csv", run["hypotheses"])
    return [*written, "cost.csv", "gates.json", "hypotheses.csv"]


def write_report(context: StageContext) -> list[str]:
    """Writes report.html, report.md, figures and paper tables from the tables."""
    from study.report.page import write_report as write_page

    context.progress(0, 1, "drawing figures")
    return write_page(context.run_folder, context.config)


def walk_through(run_folder: Path, config: StudyConfig) -> list[WalkthroughRow]:
    """METHODS section 1 on live tensors: the article's size, and the model of the run's first cell."""
    model, seed = first_model(run_folder, config)
    return build_walkthrough(model, torch.Generator().manual_seed(seed_of(seed, "walkthrough")))


def _write_tables(folder: Path, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Every table of the results contract as parquet and as csv; their names."""
    written = [f"tables/{name}.{ending}" for name in frames for ending in ("parquet", "csv")]
    for name in written:
        write_frame(folder / name, frames[Path(name).stem])
    return written
