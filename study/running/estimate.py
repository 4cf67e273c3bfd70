"""How long the tasks of a run will take: a simple model of the cost, good enough for a line at the start.

The constants are seconds on one core of a common server, measured with the default sizes; work grows linearly with
layers and width. They decide no result.
"""

from __future__ import annotations

from collections.abc import Sequence

from study.cells import cells, models_of, points
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.limits import learns
from study.running.performing import Task

WORKER_START = 8.0  # importing torch and shap, compiling on first use; once a worker
WORD_VECTORS = 14.0  # one width
DATA = 4.0
BASELINE = 1.0
TRAINING_TEXTS = 6_500  # where `max_train` does not say; the texts of a file are not counted before they are read
PLANTED_TEXTS = 4_000  # the same of planted tasks
TRAIN_ATTENTION = 0.18e-3  # a text, an epoch, a layer of width 64
TRAIN_MLP = 0.15e-3  # the same, for 256 hidden units
EVALUATION = 0.02e-3  # one coalition, a layer of width 64
EXPLAIN_TEXT = 0.04  # a text and a method drawing samples, beyond its evaluations: fits, and what packages do
DISSECT_TEXT = 0.06  # a text and its heads, beyond the causal crosswalk
TWO_WAY_ATTENTION = 1.1e-6  # one pair of a word coalition and a head subset, two layers of width 64
TWO_WAY_MLP = 2.2e-6  # the same, for 256 hidden units
SAMPLED = 0.4e-3  # one evaluation asked for by each of all samplers, from a table
SCORE_TEXT = 0.02  # a text of a cell whose truth is known
COMPARE_TEXT = 0.01  # a text of a cell
VALIDATE_TRAINING = 0.2  # of the training's own time: the shuffled-label control is tried on all training texts
EVALUATE_FIT = 0.07  # SHAP or LIME once more on a text, beyond its evaluations, other methods included
FAITHFUL = 0.15  # a text and a removal operator, a layer of width 64
MEASURE_TEXT = 0.1  # a text of a point of a sweep, beyond its evaluations
SLOW_REMOVAL = 4.0  # times as long where words close up, so that coalitions share no work
GATHER_POINT = 0.15
REPORT = 40.0
SWEEP_REPORT = 8.0


def estimate_seconds(task: Task, config: StudyConfig) -> float:
    """Seconds that one task takes on one core; 1 for a stage that is not known here."""
    name = task.stage.name
    n_cells = len(cells(config))
    if name == "data" and task.dataset is not None:
        widths = {model.d_model for model in models_of(task.dataset, config)}
        return DATA + (WORD_VECTORS * len(widths) if task.dataset.word_vectors is not None else 0.0)
    if name == "baseline":
        return BASELINE
    if name == "train" and task.model is not None and task.dataset is not None:
        return _train_seconds(task.dataset, task.model, config)
    if name == "shuffle" and task.model is not None and task.dataset is not None:
        return (1.0 + VALIDATE_TRAINING) * _train_seconds(task.dataset, task.model, config)
    if name == "explain" and task.model is not None:
        return _explain_seconds(task.model, config)
    if name == "dissect" and task.model is not None:
        return _dissect_seconds(task.model, config)
    if name == "evaluate" and task.model is not None:
        return _evaluate_seconds(task.model, config)
    if name == "converge" and task.model is not None:
        return _converge_seconds(task.model, config)
    if name == "score":
        known = [1 for d, _, _ in cells(config).values() if d.task is not None or d.shortcut is not None]
        return 1.0 + SCORE_TEXT * config.explain.n_texts * len(known)
    if name == "measure" and task.model is not None:
        return _measure_seconds(task, task.model, config)
    if name == "gather":
        return 3.0 + GATHER_POINT * len(points(config))
    if name == "compare":
        return 2.0 + COMPARE_TEXT * config.explain.n_texts * n_cells
    if name == "report":
        return REPORT if config.sweep is None else SWEEP_REPORT
    return 1.0


def estimate_run(tasks: Sequence[Task], config: StudyConfig, workers: int) -> float:
    """Seconds until `tasks` are done on `workers` processes: each stage shares its tasks out, the next one waits."""
    if not tasks:
        return 0.0
    total = WORKER_START
    for stage in dict.fromkeys(task.stage.name for task in tasks):
        seconds = [estimate_seconds(task, config) for task in tasks if task.stage.name == stage]
        total += max(max(seconds), sum(seconds) / workers)
    return total


def describe_seconds(seconds: float) -> str:
    """ "40 s", "12 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _layers(model: ModelConfig) -> float:
    """Layers, counted in layers of width 64."""
    return model.n_layers * model.d_model / 64


def _train_seconds(dataset: DatasetConfig, model: ModelConfig, config: StudyConfig) -> float:
    if not learns(model):
        return 1.0
    texts = dataset.max_train or (PLANTED_TEXTS if dataset.task else TRAINING_TEXTS)
    mlp = TRAIN_MLP * model.d_mlp / 256
    training = config.training_of(model)
    epochs = max(training.max_epochs, training.min_steps * training.batch_size / texts)
    return texts * epochs * _layers(model) * (TRAIN_ATTENTION + mlp)


def _evaluate_seconds(model: ModelConfig, config: StudyConfig) -> float:
    """SHAP and LIME again and again on every text, and everything else on the way."""
    evaluate, explain = config.evaluate, config.explain
    n_texts = min(evaluate.n_texts, explain.n_texts)
    layers = _layers(model)
    again = (explain.shapley_evals + explain.lime_samples) * EVALUATION * layers + 2 * EVALUATE_FIT
    budgets = 2 * (evaluate.fixed_evals + evaluate.evals_per_word * 21) * EVALUATION * layers + 4 * EVALUATE_FIT / 2
    per_text = {
        "faithfulness": len(evaluate.removals) * FAITHFUL * layers + len(evaluate.explained_under) * again,
        "stability": (evaluate.repeats + evaluate.edits) * again,
        "sanity": (model.n_layers + 3) * again * min(1.0, evaluate.sanity_texts / n_texts),
        "budgets": budgets,
        "additivity": (explain.lime_samples + evaluate.additivity_masks) * EVALUATION * layers + 0.04,
    }
    return 2.0 + n_texts * sum(per_text[measure] for measure in evaluate.measures)


def _converge_seconds(model: ModelConfig, config: StudyConfig) -> float:
    """All coalitions of every text, then every sampler at every number of evaluations below."""
    convergence = config.convergence
    n_coalitions = 2 ** min(convergence.n_words, model.max_words)
    asked = sum(e for e in convergence.evaluations if e < n_coalitions) * convergence.repeats
    return 10.0 + convergence.n_texts * (n_coalitions * _layers(model) * EVALUATION + asked * SAMPLED)


def _explain_seconds(model: ModelConfig, config: StudyConfig) -> float:
    explain = config.explain
    evaluations = {
        "shapley": explain.shapley_evals,
        "shap": explain.shap_evals,
        "lime": explain.lime_samples,
        "integrated_gradients": 3 * explain.ig_steps,
    }
    drawn = [evaluations[method] for method in explain.methods if method in evaluations]
    per_text = sum(drawn) * EVALUATION * _layers(model) + EXPLAIN_TEXT * len(drawn)
    return (explain.n_texts + min(explain.untrained_texts, explain.n_texts)) * per_text


def _measure_seconds(task: Task, model: ModelConfig, config: StudyConfig) -> float:
    """SHAP, LIME, and all subsets of the heads, of every text of a point."""
    n_texts = config.sweep.n_texts if config.sweep is not None else 0
    n_heads = model.n_layers * model.n_heads
    subsets = 2**n_heads if n_heads <= config.heads.exact_limit else config.heads.head_coalitions
    plain = 1.0 if task.removal in ("mask", "attend") else SLOW_REMOVAL
    evaluation = EVALUATION * plain * _layers(model)
    per_text = MEASURE_TEXT + 2 * (task.budget or 0) * evaluation + 2 * subsets * TWO_WAY_MLP * _layers(model)
    return 1.0 + n_texts * per_text


def _dissect_seconds(model: ModelConfig, config: StudyConfig) -> float:
    heads, n_texts = config.heads, config.explain.n_texts
    n_heads = model.n_layers * model.n_heads
    subsets = 2**n_heads if n_heads <= heads.crosswalk_exact_heads else heads.crosswalk_head_coalitions
    evaluation = (TWO_WAY_ATTENTION + TWO_WAY_MLP * model.d_mlp / 256) * _layers(model) / 2
    per_crosswalk = heads.crosswalk_word_coalitions * subsets * evaluation
    return n_texts * DISSECT_TEXT + min(n_texts, heads.causal_texts) * per_crosswalk
