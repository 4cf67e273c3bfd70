"""From the records of `study.dissecting` to rows of the tables of a cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from study.crosswalk.causal import CausalSplit, relative_error
from study.crosswalk.rows import LEAVE_ONE_OUT
from study.data.opposites import Twin
from study.game.heads import HeadSubject
from study.heads.circuit_size import CircuitPoint
from study.heads.groups import GroupEffects
from study.heads.interventions import Intervention
from study.heads.patching import Patching
from study.heads.path_list import ListedPath, PathGroup
from study.heads.path_weights import PathWeights
from study.heads.players import HeadPlay
from study.heads.players import interactions as pair_interactions
from study.heads.removal import RemovalPoint
from study.records import FloatArray, HeadAttribution

Row = dict[str, Any]
EVERYWHERE = -2  # the word index of a patch at every position
COLUMNS: Mapping[str, tuple[str, ...]] = {  # of the tables of a cell, also where a table has no rows
    "heads": ("example_id", "component", "layer", "head", "method", "kind", "ablation", "score", "error"),
    "causal_crosswalk": ("example_id", "word_index", "word", "component", "method", "kind", "value"),
    "causal": (
        *("example_id", "n_words", "n_word_coalitions", "words_exact", "n_head_coalitions", "heads_exact"),
        *("sampling_error", "word_error", "head_error"),
    ),
    "interactions": ("example_id", "component_a", "component_b", "value", "margin_value"),
    "ablations": ("example_id", "group", "n_heads", "ablation", "effect"),
    "patching": (
        *("example_id", "swapped_index", "word", "twin_word", "margin", "twin_margin", "component", "layer", "head"),
        *("place", "word_index", "at", "effect"),
    ),
    "neuron_words": ("example_id", "layer", "neuron", "word_index", "word", "effect"),
    "paths": (
        *("example_id", "path", "group", "first", "second", "hops", "word_index", "word", "contribution", "rank"),
    ),
    "path_sums": ("example_id", "group", "contribution", "size", "listed"),
    "interventions": ("example_id", "kind", "name", "word_index", "predicted", "frozen", "live"),
    "removal_curves": ("example_id", "unit", "method", "fraction", "n_removed", "n_units", "margin_lost"),
    "circuit_curves": (*("example_id", "method", "order", "n_kept", "n_heads", "fraction", "faithfulness", "margin"),),
    "head_paths": ("example_id", "component", "direct_weight", "through_later"),
    "cost": ("trained", "example_id", "method", "n_evals", "seconds"),
}


def heads(subject: HeadSubject, attributions: Iterable[HeadAttribution]) -> list[Row]:
    """One row a method and head; error is NaN where nothing is sampled."""
    index, found = subject.head_index, []
    for a in attributions:
        errors = np.full(a.scores.shape, np.nan) if a.error is None else a.error
        found += [
            {"example_id": subject.example_id, "component": name, "layer": layer, "head": head, "method": a.method}
            | {"kind": a.kind, "ablation": a.ablation or "", "score": float(a.scores[layer, head])}
            | {"error": float(errors[layer, head])}
            for name, layer, head in zip(index.names, index.layer, index.head, strict=True)
        ]
    return found


def head_cost(subject: HeadSubject, attributions: Iterable[HeadAttribution]) -> list[Row]:
    return [cost(subject, f"heads: {a.method}", a.n_evals, a.seconds) for a in attributions]


def cost(subject: HeadSubject, method: str, n_evals: int, seconds: float) -> Row:
    key = {"trained": True, "example_id": subject.example_id}
    return key | {"method": method, "n_evals": n_evals, "seconds": seconds}


def causal_cells(subject: HeadSubject, split: CausalSplit) -> list[Row]:
    """The causal crosswalk, and its cheap cousin beside it."""
    tables = ((split.crosswalk.method, split.crosswalk.cells), (LEAVE_ONE_OUT, split.leave_one_out))
    return [
        {"example_id": subject.example_id, "word_index": i, "word": word, "component": name}
        | {"method": method, "kind": split.crosswalk.kind, "value": float(cells[i, h])}
        for method, cells in tables
        for i, word in enumerate(subject.words)
        for h, name in enumerate(split.crosswalk.index.names)
    ]


def causal_text(subject: HeadSubject, split: CausalSplit, shap: FloatArray | None) -> Row:
    """How the causal crosswalk of one text was found; sampling_error: its row sums against the run's SHAP scores."""
    seen = slice(subject.n_players)
    scores = split.words.scores
    return {
        "example_id": subject.example_id,
        "n_words": len(subject.words),
        "n_word_coalitions": len(split.words.plan.masks),
        "words_exact": split.words.plan.exact,
        "n_head_coalitions": len(split.heads.plan.masks),
        "heads_exact": split.heads.plan.exact,
        "sampling_error": float("nan") if shap is None else relative_error(scores - shap[seen], shap[seen]),
        "word_error": relative_error(split.words.error, scores),
        "head_error": relative_error(split.heads.error, split.heads.scores),
    }


def interactions(subject: HeadSubject, play: HeadPlay) -> list[Row]:
    """value: in the effect of the words; margin_value: in the margin itself."""
    names = subject.head_index.names
    pairs, of_words = pair_interactions(play.plan, play.words_effect)
    _, of_margin = pair_interactions(play.plan, play.full)
    return [
        {"example_id": subject.example_id, "component_a": names[a], "component_b": names[b]}
        | {"value": float(word_value), "margin_value": float(margin_value)}
        for (a, b), word_value, margin_value in zip(pairs, of_words, of_margin, strict=True)
    ]


def ablations(effects: GroupEffects, subjects: Sequence[HeadSubject]) -> list[Row]:
    return [
        {"example_id": subject.example_id, "group": group, "n_heads": n_heads, "ablation": effects.ablation}
        | {"effect": float(effects.effect[i, g])}
        for i, subject in enumerate(subjects)
        for g, (group, n_heads) in enumerate(zip(effects.groups, effects.n_heads, strict=True))
    ]


def patching(subject: HeadSubject, twin: Twin, found: Patching) -> list[Row]:
    """One row a head for all positions together, then one a position; the last layer is read at CLS alone."""
    index = subject.head_index
    last = max(index.layer)
    key = {"example_id": subject.example_id, "swapped_index": twin.index, "word": twin.word}
    key |= {"twin_word": twin.twin_word, "margin": found.margin, "twin_margin": found.twin_margin}
    rows = []
    for name, layer, head in zip(index.names, index.layer, index.head, strict=True):
        of_head = key | {"component": name, "layer": layer, "head": head}
        whole = float(found.whole[layer, head])
        rows.append(of_head | {"place": "all", "word_index": EVERYWHERE, "at": "", "effect": whole})
        n_positions = 1 if layer == last else subject.n_players + 1
        rows += [
            of_head
            | {"place": "position", "word_index": pos - 1, "at": subject.words[pos - 1] if pos else "[CLS]"}
            | {"effect": float(found.by_position[layer, head, pos])}
            for pos in range(n_positions)
        ]
    return rows


def neuron_words(subject: HeadSubject, neurons: Sequence[tuple[int, int]], effects: FloatArray) -> list[Row]:
    """effects: [player neuron], Shapley values of the words in each neuron's contribution."""
    return [
        {"example_id": subject.example_id, "layer": layer, "neuron": neuron, "word_index": i}
        | {"word": subject.words[i], "effect": float(effects[i, k])}
        for k, (layer, neuron) in enumerate(neurons)
        for i in range(subject.n_players)
    ]


def paths(subject: HeadSubject, listed: Iterable[ListedPath]) -> list[Row]:
    return [{"example_id": subject.example_id, **asdict(path)} for path in listed]


def path_sums(subject: HeadSubject, groups: Iterable[PathGroup], listed: Sequence[ListedPath]) -> list[Row]:
    """One row a kind of path; listed: the sum of those of its paths that are listed."""
    return [
        {"example_id": subject.example_id, **asdict(group)}
        | {"listed": float(sum(path.contribution for path in listed if path.group == group.group))}
        for group in groups
    ]


def interventions(subject: HeadSubject, found: Iterable[Intervention]) -> list[Row]:
    return [{"example_id": subject.example_id, **asdict(item)} for item in found]


def removal_points(points: Iterable[RemovalPoint]) -> list[Row]:
    return [asdict(point) for point in points]


def circuit_points(points: Iterable[CircuitPoint]) -> list[Row]:
    return [asdict(point) for point in points]


def head_paths(subject: HeadSubject, weights: PathWeights) -> list[Row]:
    """One row a head: the size of its direct paths, and of those through heads of later layers, logits."""
    names = subject.head_index.names
    return [
        {"example_id": subject.example_id, "component": name, "direct_weight": float(direct)}
        | {"through_later": float(later)}
        for name, direct, later in zip(names, weights.direct, weights.later, strict=True)
    ]
