"""Whether a task's heads can be built, and what a model must have for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import get_args

import numpy as np

from study.config import ModelConfig
from study.errors import ConfigError
from study.records import CLS, SPECIAL_TOKENS, FloatArray
from study.registry import suggest
from study.tasks import TASKS
from study.tasks.language import N_NULL, N_WORDS, OUT, Role, Task, null, position

Pairs = Mapping[tuple[str, str], float]


def features_of(task: Task) -> dict[str, int]:
    """The direction of every feature: CLS, words, positions, OUT, nulls, then flags in the order they are written."""
    flags = [written for spec in task.heads for _, written in spec.writes]
    return {name: i for i, name in enumerate(dict.fromkeys([CLS, *task.words, *_given_names(), *flags]))}


def head_places(task: Task) -> list[tuple[int, int]]:
    """(layer, head) of each of the task's heads: in its own order within a layer."""
    layers = [spec.layer for spec in task.heads]
    return [(layer, layers[:i].count(layer)) for i, layer in enumerate(layers)]


def check_fit(task: Task, config: ModelConfig) -> None:
    """Raises: ConfigError listing everything in which the task does not fit the model's config."""
    problems = find_misfits(task, config)
    if problems:
        lines = "\n  ".join(message for _, message in problems)
        raise ConfigError(f"task '{task.name}' does not fit model '{config.name}':\n  {lines}")


def misfits_by_name(task_name: str, config: ModelConfig) -> list[tuple[str, str]]:
    """`find_misfits` of a registered task."""
    return find_misfits(TASKS.load(task_name), config)


def find_misfits(task: Task, config: ModelConfig) -> list[tuple[str, str]]:
    """(setting, message) of everything in which the task does not fit; setting "" where the task itself is wrong."""
    wrong = [("", message) for message in _check_heads(task)]
    return wrong or _check_shape(task, config)


def factors(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(left, right), each [feature column], with left right^T = matrix exactly: one column for each distinct row.

    Or for each distinct column, where these are fewer. Rows of zeros need no column.
    """
    rows, columns = _distinct(matrix), _distinct(matrix.T)
    if len(columns) < len(rows):
        right, left = factors(matrix.T)
        return left, right
    return (matrix[:, None, :] == rows).all(-1).astype(np.float64), rows.T


def pair_matrix(pairs: Pairs, features: Mapping[str, int]) -> FloatArray:
    """[feature feature], an entry for each pair of features, the rest 0."""
    matrix = np.zeros((len(features), len(features)))
    for (first, second), value in pairs.items():
        matrix[features[first], features[second]] = value
    return matrix


def _given_names() -> list[str]:
    """Features that every task has beside CLS and its words."""
    return [*(position(p) for p in range(N_WORDS + 1)), OUT, *(null(i) for i in range(N_NULL))]


def _check_heads(task: Task) -> list[str]:
    """What is wrong with a task whatever the model."""
    if not task.heads:
        return ["it has no heads"]
    names = Counter(spec.name for spec in task.heads)
    problems = [f"{count} heads are named '{name}': rename all but one" for name, count in names.items() if count > 1]
    problems += [f"head '{s.name}' is of layer {s.layer}: layers count from 0" for s in task.heads if s.layer < 0]
    flags = {written for spec in task.heads for _, written in spec.writes}
    uses = Counter([*task.words, *SPECIAL_TOKENS, *_given_names(), *(flags - set(_given_names()))])
    twice = [word for word in dict.fromkeys(task.words) if uses[word] > 1]
    problems += [f"the word '{word}' is also a feature, a flag or another word: rename it" for word in twice]
    return problems + _check_meaning(task) + _check_reads(task)


def _check_meaning(task: Task) -> list[str]:
    """Roles that there are not, and heads that undo none of the others: the truth about heads is read off both."""
    problems, roles = [], get_args(Role)
    for spec in task.heads:
        others = [other.name for other in task.heads if other is not spec]
        if spec.role not in roles:
            problems.append(f"head '{spec.name}' has the unknown role '{spec.role}'{suggest(spec.role, roles)}")
        if spec.undoes and spec.undoes not in others:
            undone = f"undoes '{spec.undoes}', which is no other head of the task"
            problems.append(f"head '{spec.name}' {undone}{suggest(spec.undoes, others)}")
    return problems


def _check_reads(task: Task) -> list[str]:
    """Heads that read features which nothing carries by then: what a layer writes, only later layers can read."""
    problems = []
    known = [CLS, *task.words, *(position(p) for p in range(N_WORDS + 1))]
    for layer in sorted({spec.layer for spec in task.heads}):
        here = [spec for spec in task.heads if spec.layer == layer]
        for spec in here:
            read = [name for pair in spec.scores for name in pair] + [name for name, _ in spec.writes]
            unknown = [name for name in dict.fromkeys(read) if name not in known]
            where = f"head '{spec.name}' of layer {layer}"
            problems += [f"{where} reads '{n}', which no earlier layer writes{suggest(n, known)}" for n in unknown]
        known += [written for spec in here for _, written in spec.writes if written not in known]
    return problems


def _check_shape(task: Task, config: ModelConfig) -> list[tuple[str, str]]:
    """What the model lacks, with the setting that would mend it."""
    features = features_of(task)
    wanted = [
        ("n_layers", config.n_layers, max(spec.layer for spec in task.heads) + 1),
        ("n_heads", config.n_heads, max(Counter(spec.layer for spec in task.heads).values())),
        ("d_model", config.d_model, len(features)),
        ("d_head", config.d_head or config.d_model // config.n_heads, _widest(task, features)),
    ]
    problems = [(key, f"{key} is {value}, wanted {least} or more") for key, value, least in wanted if value < least]
    if config.max_words != N_WORDS:
        problems.append(
            ("max_words", f"max_words is {config.max_words}, wanted {N_WORDS}: all texts have so many words")
        )
    if config.d_mlp:
        problems.append(("d_mlp", f"d_mlp is {config.d_mlp}, wanted 0: the circuit is made of attention alone"))
    if config.layer_norm:
        problems.append(("layer_norm", "layer_norm is true, wanted false: it would mix the directions"))
    return problems


def _widest(task: Task, features: Mapping[str, int]) -> int:
    """The least d_head that holds the scores and the writes of every head."""
    maps = [pairs for spec in task.heads for pairs in (spec.scores, spec.writes)]
    return max(factors(pair_matrix(pairs, features))[0].shape[1] for pairs in maps)


def _distinct(matrix: FloatArray) -> FloatArray:
    """The distinct rows of a matrix that are not zero."""
    rows = np.unique(matrix, axis=0)
    return rows[np.abs(rows).sum(1) > 0]
