"""The heads of the texts of one cell: every head method, the causal crosswalk, and the ways through the model.

What `study.explaining` does for words, for heads: records of the rooms become rows of tables, identities become
gates, text by text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from study import dissection_rows as rows_of
from study import gates, identities
from study.config import HeadsConfig
from study.config.limits import primary_shapley
from study.crosswalk.causal import CausalSplit, build_causal
from study.data.opposites import Opposites, make_twin
from study.data.vocabulary import Vocabulary
from study.dissection_rows import COLUMNS
from study.explaining import Explained, Row
from study.game.heads import HeadSubject
from study.heads import HEAD_METHODS
from study.heads.batch import HeadBatch
from study.heads.circuit_size import circuit_curves
from study.heads.direct import mean_contributions
from study.heads.frozen import freeze
from study.heads.groups import group_effects
from study.heads.interventions import Item, intervene
from study.heads.neurons import neuron_contributions, neuron_game, neuron_name
from study.heads.patching import patch_heads
from study.heads.path_list import ListedPath, list_paths, path_groups
from study.heads.path_weights import weigh_paths
from study.heads.paths import trace_frozen
from study.heads.players import HeadPlay, play_heads
from study.heads.removal import removal_curves
from study.model.encoder import Encoder
from study.model.reference import HeadReference
from study.model.training import batch_tensors
from study.records import FloatArray, Gate, TextBatch
from study.seeds import rng_of
from study.setting import Setting, head_subject

ByMethod = Mapping[str, FloatArray]  # the scores of one text by the method's name
N_NEURONS_TRIED, N_PATHS_TRIED = 2, 3  # beside every head, the largest of a text are removed to see what they change


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissection:
    """One trained model and all that is needed to take its heads apart on the texts of `setting.batch`.

    reference: what heads do on the reference texts; reference_contributions: [class_ component], mean direct
    contributions there. From the explain stage: empty, by example id, [component] of the empty text; word_scores, by
    example id and method, [word], no entry for a text without words. top_neurons: (layer, neuron), those split over
    words.
    """

    setting: Setting
    model: Encoder
    config: HeadsConfig
    reference: HeadReference
    reference_contributions: FloatArray
    vocabulary: Vocabulary
    opposites: Opposites
    empty: Mapping[str, FloatArray]
    word_scores: Mapping[str, ByMethod]
    top_neurons: tuple[tuple[int, int], ...]


def reference_means(model: Encoder, reference: TextBatch, *, chunk_size: int = 128) -> FloatArray:
    """[class_ component], mean direct contribution to every class's margin over the reference texts."""
    values = []
    with torch.no_grad():
        for start in range(0, len(reference), chunk_size):
            rows = np.arange(start, min(start + chunk_size, len(reference)))
            token_ids, attend = (tensor.to(model.device) for tensor in batch_tensors(reference, rows))
            by_class = [
                model.contributions(token_ids, attend, torch.full((len(rows),), c, device=model.device))
                for c in range(model.n_classes)
            ]
            values.append(torch.stack(by_class).double().cpu().numpy())
    return mean_contributions(np.concatenate(values, axis=1))


def dissect_rows(dissection: Dissection, rows: Iterable[int]) -> Explained:
    """All that is asked about heads, for the texts at `rows` of the batch."""
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    measured: list[Gate] = []
    places = list(rows)
    batch = head_batch(dissection, places)
    attributions = [HEAD_METHODS.load(method)(batch, dissection.config) for method in dissection.config.methods]
    for effects in group_effects(batch, dissection.config):
        tables["ablations"] += rows_of.ablations(effects, batch.subjects)
    for i, row in enumerate(places):
        of_text = [by_text[i] for by_text in attributions]
        subject = batch.subjects[i]
        tables["heads"] += rows_of.heads(subject, of_text)
        tables["cost"] += rows_of.head_cost(subject, of_text)
        tables["interactions"] += rows_of.interactions(subject, batch.plays[i])
        _add_curves(tables, dissection, subject, batch.plays[i], {a.method: a.scores for a in of_text})
        measured += play_gates(dissection, batch, i)
        if row < dissection.config.causal_texts:
            measured += _add_causal(tables, dissection, batch, i)
        if row < dissection.config.patching_texts:
            tables["patching"] += _patched(dissection, subject)
        measured += _add_paths(tables, dissection, batch, i)
    return Explained(tables=tables, gates=gates.worst_of(measured))


@dataclass(frozen=True, slots=True, kw_only=True)
class CausallySplit:
    """The causal crosswalk of one text; shap: [word], the scores it is held against, None without any; its gates."""

    split: CausalSplit
    shap: FloatArray | None
    gates: list[Gate]


def split_causally(dissection: Dissection, batch: HeadBatch, i: int) -> CausallySplit:
    """The causal crosswalk of text i of the batch, its draws keyed by training seed and text."""
    subject = batch.subjects[i]
    rng = rng_of(dissection.setting.seed, subject.example_id, "causal crosswalk")
    split = build_causal(subject, dissection.config, rng)
    scores = dissection.word_scores.get(subject.example_id, {})
    shap = scores.get(primary_shapley(scores))
    measured = _causal_gates(dissection, subject, split, batch.plays[i], shap)
    return CausallySplit(split=split, shap=shap, gates=measured)


def head_batch(dissection: Dissection, rows: list[int]) -> HeadBatch:
    """The texts at `rows` of the batch, ready for every head method."""
    setting = dissection.setting
    subjects = tuple(head_subject(setting, dissection.model, dissection.reference, row) for row in rows)
    token_ids, attend = (t.to(dissection.model.device) for t in batch_tensors(setting.batch, np.array(rows)))
    keys = [(setting.seed, subject.example_id, "head subsets") for subject in subjects]
    return HeadBatch(
        model=dissection.model,
        subjects=subjects,
        token_ids=token_ids,
        attend=attend,
        target=torch.tensor(setting.contributions.target[rows], device=dissection.model.device),
        margin=setting.contributions.margin[rows],
        contributions=setting.contributions.values[rows],
        empty=np.stack([dissection.empty[subject.example_id] for subject in subjects]),
        reference_contributions=dissection.reference_contributions,
        reference=dissection.reference,
        plays=tuple(play_heads(s, dissection.config, rng_of(*key)) for s, key in zip(subjects, keys, strict=True)),
        seed=setting.seed,
        data_seed=setting.data_seed,
    )


def _add_curves(
    tables: dict[str, list[Row]], dissection: Dissection, subject: HeadSubject, play: HeadPlay, heads: ByMethod
) -> None:
    """What is left of the margin when the top words or heads of a method go, and when only its top heads stay."""
    words = dissection.word_scores.get(subject.example_id, {})
    tables["removal_curves"] += rows_of.removal_points(removal_curves(subject, words, heads))
    tables["circuit_curves"] += rows_of.circuit_points(circuit_curves(subject, play, heads))


def _add_causal(tables: dict[str, list[Row]], dissection: Dissection, batch: HeadBatch, i: int) -> list[Gate]:
    """Rows of the causal crosswalk of text i of the batch, and of the neurons split over the same words; its gates."""
    subject, found = batch.subjects[i], split_causally(dissection, batch, i)
    split = found.split
    tables["causal_crosswalk"] += rows_of.causal_cells(subject, split)
    tables["causal"].append(rows_of.causal_text(subject, split, found.shap))
    tables["cost"].append(rows_of.cost(subject, "causal crosswalk", split.n_evals, split.seconds))
    if dissection.top_neurons:
        driven = split.words.weights @ neuron_game(subject, split.words.plan.masks, dissection.top_neurons)
        tables["neuron_words"] += rows_of.neuron_words(subject, dissection.top_neurons, driven)
    return found.gates


def _patched(dissection: Dissection, subject: HeadSubject) -> list[Row]:
    """Rows of the text patched from its twin; none where no word of it has an opposite."""
    twin = make_twin(subject.words, subject.n_players, subject.target, dissection.opposites)
    if twin is None:
        return []
    twin_ids = subject.token_ids.copy()
    twin_ids[twin.index + 1] = dissection.vocabulary.encode([twin.twin_word])[0]
    patching = patch_heads(dissection.model, subject.token_ids, twin_ids, subject.target, chunk_size=subject.chunk_size)
    return rows_of.patching(subject, twin, patching)


def _add_paths(tables: dict[str, list[Row]], dissection: Dissection, batch: HeadBatch, i: int) -> list[Gate]:
    """Rows of the paths of text i and of the writes taken out one by one; their gates."""
    subject, model = batch.subjects[i], dissection.model
    where, dtype = f"trained model, text {subject.example_id}", dissection.setting.dtype
    token_ids = torch.as_tensor(subject.token_ids, device=model.device)
    text = freeze(model, token_ids, subject.target)
    paths = trace_frozen(text)
    listed = list_paths(paths, subject.words, model.index, dissection.config.top_paths)
    groups = path_groups(paths)
    tables["paths"] += rows_of.paths(subject, listed)
    tables["path_sums"] += rows_of.path_sums(subject, groups, listed)
    tables["head_paths"] += rows_of.head_paths(subject, weigh_paths(text, paths))
    found = intervene(model, token_ids, subject.target, _items(batch, i, listed))
    tables["interventions"] += rows_of.interventions(subject, found)
    margin = float(batch.margin[i])
    total = sum(group.contribution for group in groups) - margin
    by_head = paths.by_head() - batch.contributions[i, model.index.where("head")]
    errors = np.array([item.predicted - item.frozen for item in found])
    return [
        gates.make_gate(gates.PATHS, np.append(by_head, total), where, dtype=dtype, scale=abs(margin)),
        gates.make_gate(gates.FROZEN, errors, where, dtype=dtype, scale=abs(margin)),
    ]


def _items(batch: HeadBatch, i: int, listed: list[ListedPath]) -> list[Item]:
    """The writes of text i by heads, and the largest by neurons and along paths, to be taken out."""
    index = batch.model.index
    items = [Item(kind="head", name=index.names[k]) for k in index.where("head")]
    row = slice(i, i + 1)
    neurons = neuron_contributions(batch.model, batch.token_ids[row], batch.attend[row], batch.target[row]).values[0]
    order = np.argsort(-np.abs(neurons), axis=None, kind="stable")[:N_NEURONS_TRIED]
    for place in order:
        layer, neuron = np.unravel_index(place, neurons.shape)
        items.append(Item(kind="neuron", name=neuron_name(int(layer), int(neuron))))
    return items + [Item(kind="path", name=p.path, word_index=p.word_index) for p in listed[:N_PATHS_TRIED]]


def play_gates(dissection: Dissection, batch: HeadBatch, i: int) -> list[Gate]:
    """The gates of text i of the batch as a game of its heads."""
    subject, play = batch.subjects[i], batch.plays[i]
    where, dtype = f"trained model, text {subject.example_id}", dissection.setting.dtype
    fit = play.plan.fit(play.words_effect)
    gap = play.words_effect[-1] - play.words_effect[0] - fit.scores.sum()
    scale = float(max(abs(play.full[-1]), abs(play.empty[-1])))
    rng = rng_of(dissection.setting.seed, subject.example_id, "head gates")
    return [
        gates.make_gate(gates.SHAPLEY_WEIGHTS, fit.linearity_error(), where, dtype=dtype),
        gates.make_gate(gates.HEAD_EFFICIENCY, gap, where, dtype=dtype, scale=scale),
        *identities.head_game_gates(subject, rng, where, dtype),
    ]


def _causal_gates(
    dissection: Dissection, subject: HeadSubject, split: CausalSplit, play: HeadPlay, shap: FloatArray | None
) -> list[Gate]:
    """Rows against SHAP and columns against the heads' Shapley values: those of the run where both are exact, too.

    The sums hold by construction even for weights that mix up players; that is what the weights' own gate is for.
    """
    where, dtype = f"trained model, text {subject.example_id}", dissection.setting.dtype
    scale = float(max(abs(play.full[-1]), abs(play.empty[-1])))
    seen, cells = slice(subject.n_players), split.crosswalk.cells
    rows = [split.crosswalk.row_residual[seen]]
    shap_is_exact = subject.n_players <= dissection.setting.config.exact_limit
    if shap is not None and shap_is_exact and split.words.plan.exact:
        rows.append(shap[seen] - cells[seen].sum(1))
    columns = [split.crosswalk.column_residual]
    if play.plan.exact and split.heads.plan.exact:
        columns.append(play.plan.weights(play.words_effect) @ play.words_effect - cells[seen].sum(0))
    linear = max(split.words.linearity_error(), split.heads.linearity_error())
    return [
        gates.make_gate(gates.SHAPLEY_WEIGHTS, linear, where, dtype=dtype),
        gates.make_gate(gates.CAUSAL_ROWS, np.append(np.concatenate(rows), 0.0), where, dtype=dtype, scale=scale),
        gates.make_gate(gates.CAUSAL_COLUMNS, np.concatenate(columns), where, dtype=dtype, scale=scale),
    ]
