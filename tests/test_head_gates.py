"""Every gate on heads passes on real numbers, and fails when what it guards is broken on purpose; that one only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from study import dissecting, gates, identities, surveying
from study.config import HeadsConfig
from study.data.opposites import Opposites, WordPair
from study.data.vocabulary import Vocabulary
from study.dissecting import Dissection, dissect_rows, reference_means
from study.dissection_rows import COLUMNS
from study.explaining import COLUMNS as EXPLAINED
from study.explaining import explain_rows
from study.game.heads import HeadGame
from study.game.shapley import ShapleyPlan
from study.heads import interventions
from study.model import ablation
from study.model.protocol import margins
from study.model.reference import gather_reference
from study.records import SPECIAL_TOKENS
from study.tables import empty_contributions, join_parts, scores_by_text, top_neurons
from tests.game.test_heads import make_head_subject
from tests.test_gates import add, failed, new_setting, shifted, wrap
from tests.tiny import N_TOKENS, VARIANTS, tiny_batch, tiny_model

OF_TEXTS = {
    gates.HEAD_GAME,
    gates.HEAD_EFFICIENCY,
    gates.SHAPLEY_WEIGHTS,
    gates.CAUSAL_ROWS,
    gates.CAUSAL_COLUMNS,
    gates.PATHS,
    gates.FROZEN,
}
ALL = OF_TEXTS | {gates.STEPS, gates.NEURONS}
WORDS = (*SPECIAL_TOKENS, *(f"w{i}" for i in range(N_TOKENS - len(SPECIAL_TOKENS))))
CONFIG = HeadsConfig(lime_samples=64, resample_draws=2, top_neurons=3)


def new_dissection(setting=None, config=CONFIG):
    """A dissection of the tiny texts, their exact SHAP scores taken from the explain stage's own code."""
    setting = setting or new_setting()
    neurons, _ = surveying.survey_neurons(setting, setting.model)
    reference = tiny_batch(6, 3, 9, seed=40, n_classes=setting.model.n_classes)
    pair = (WordPair(word="w1", opposite="w2", polarity=1.0, z=3.0),)
    explained = join_parts([explain_rows(setting, range(len(setting.batch)))], EXPLAINED)
    return Dissection(
        setting=setting,
        model=setting.model,
        config=config,
        reference=gather_reference(setting.model, reference),
        reference_contributions=reference_means(setting.model, reference),
        vocabulary=Vocabulary(words=WORDS),
        opposites=Opposites(pairs=(pair,) * setting.model.n_classes),
        empty=empty_contributions(explained["components"]),
        word_scores=scores_by_text(explained["features"]),
        top_neurons=top_neurons(neurons, config.top_neurons),
    )


def measure(dissection, rows=(0, 1)):
    """What a run measures for these texts: name of each gate -> the gate."""
    _, layers = surveying.survey_layers(dissection.setting, dissection.model)
    _, neurons = surveying.survey_neurons(dissection.setting, dissection.model)
    found = [*layers, *neurons, *dissect_rows(dissection, rows).gates]
    assert len({gate.name for gate in found}) == len(found)
    return {gate.name: gate for gate in found}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("removal", ["mask", "delete", "attend", "resample"])
def test_untouched_all_pass(removal, dtype):
    found = measure(new_dissection(new_setting(removal=removal, dtype=dtype)))
    assert set(found) == ALL
    assert failed(found) == set()
    for name, gate in found.items():
        assert gate.tolerance == {"float32": 1e-5 if name == gates.FROZEN else 1e-4, "float64": 1e-9}[dtype]
        assert gate.value < gate.tolerance / 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_passes(variant):
    config = VARIANTS[variant]
    found = measure(new_dissection(new_setting(tiny_model(config))))
    assert set(found) == (ALL if config.d_mlp else ALL - {gates.NEURONS})
    assert failed(found) == set()


def test_sampled_heads_and_words_pass():
    few = {"exact_limit": 2, "head_coalitions": 64, "crosswalk_exact_words": 2, "crosswalk_word_coalitions": 64}
    config = CONFIG.model_copy(update=few | {"crosswalk_exact_heads": 2, "crosswalk_head_coalitions": 48})
    setting = new_setting(tiny_model(VARIANTS["four wide heads"]), batch=tiny_batch(9, 7))
    assert failed(measure(new_dissection(setting, config))) == set()


def test_a_text_without_words_and_one_with_a_single_word_pass():
    found = measure(new_dissection(new_setting(batch=tiny_batch(0, 1))))
    assert set(found) == ALL
    assert failed(found) == set()


def test_three_classes_pass():
    assert failed(measure(new_dissection(new_setting(tiny_model(n_classes=3))))) == set()


# ---- one break each: what is broken, and every gate that must see it ----


def wrong_heads_in_the_last_layer(patch):
    """The shared walk over subsets alone is wrong; the plain forward pass is not, nor is the explain stage."""
    plain = ablation._finish
    patch.setattr(
        ablation, "_finish", lambda walk, block, stream, mixed, some: plain(walk, block, stream, 1.01 * mixed, some)
    )


def scores_shifted(patch):
    """The run's SHAP scores are not those of the crosswalk's game."""
    plain = dissecting._add_causal

    def broken(tables, dissection, batch, i):
        shifted_scores = {k: {m: s + 0.01 for m, s in v.items()} for k, v in dissection.word_scores.items()}
        return plain(tables, replace(dissection, word_scores=shifted_scores), batch, i)

    patch.setattr(dissecting, "_add_causal", broken)


def cells_shifted(*places):
    def change(split):
        return replace(split, crosswalk=shifted(split.crosswalk, cells=add(0.01, *places)))

    return wrap(dissecting, "build_causal", change)


def weights_of_a_player(patch):
    """The heads' Shapley values of the players' game are off; the crosswalk's own are not."""
    plain = dissecting.play_heads

    class Wrong(ShapleyPlan):
        def weights(self, guide):
            found = ShapleyPlan.weights(self, guide)
            found[0, -1] += 0.01
            return found

    def broken(subject, config, rng):
        play = plain(subject, config, rng)
        return replace(play, plan=Wrong(masks=play.plan.masks, exact=play.plan.exact))

    patch.setattr(dissecting, "play_heads", broken)


def neighbours_values(patch):
    """Every player gets the next one's value: all sums hold, and every single number is wrong."""
    plain = ShapleyPlan.weights
    patch.setattr(ShapleyPlan, "weights", lambda self, guide: np.roll(plain(self, guide), 1, axis=0))


BREAKS = {
    "heads of the last layer in the shared walk": (
        wrong_heads_in_the_last_layer,
        {gates.HEAD_GAME, gates.CAUSAL_ROWS},
    ),
    "SHAP of another game": (scores_shifted, {gates.CAUSAL_ROWS}),
    "one causal cell": (cells_shifted((0, 1)), {gates.CAUSAL_ROWS, gates.CAUSAL_COLUMNS}),
    "two causal cells of a row": (cells_shifted((0, 1), (0, 2)), {gates.CAUSAL_COLUMNS}),
    "two causal cells of a column": (cells_shifted((0, 1), (1, 1)), {gates.CAUSAL_ROWS}),
    "one head's weights": (
        weights_of_a_player,
        {gates.HEAD_EFFICIENCY, gates.SHAPLEY_WEIGHTS, gates.CAUSAL_COLUMNS},
    ),
    "each player's value given to the next": (neighbours_values, {gates.SHAPLEY_WEIGHTS, gates.CAUSAL_ROWS}),
    "the path of one head": (
        wrap(dissecting, "trace_frozen", lambda paths: shifted(paths, one_hop=add(0.01, (0, 0), (0, 1)))),
        {gates.PATHS},
    ),
    "the embedding's path": (
        wrap(dissecting, "trace_frozen", lambda paths: replace(paths, embed=paths.embed + 0.01)),
        {gates.PATHS},
    ),
    "the frozen replay": (wrap(interventions, "_frozen_margin", lambda margin: 1.01 * margin), {gates.FROZEN}),
    "what one layer adds": (
        wrap(surveying, "margins_by_layer", lambda found: shifted(found, adds=add(0.01, (0, 1)))),
        {gates.STEPS},
    ),
    "one neuron": (
        wrap(surveying, "neuron_contributions", lambda found: shifted(found, values=add(0.01, (0, 0, 1)))),
        {gates.NEURONS},
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_fails_exactly_its_gates(name, monkeypatch):
    dissection = new_dissection()
    broken, expected = BREAKS[name]
    broken(monkeypatch)
    assert failed(measure(dissection)) == expected
    monkeypatch.undo()
    assert failed(measure(dissection)) == set()


def test_values_given_to_the_next_player_show_where_everything_is_sampled(monkeypatch):
    few = {"exact_limit": 2, "head_coalitions": 64, "crosswalk_exact_words": 2, "crosswalk_word_coalitions": 64}
    config = CONFIG.model_copy(update=few | {"crosswalk_exact_heads": 2, "crosswalk_head_coalitions": 48})
    setting = new_setting(tiny_model(VARIANTS["four wide heads"]), batch=tiny_batch(9))
    dissection = new_dissection(setting, config)
    neighbours_values(monkeypatch)
    assert failed(measure(dissection, [0])) == {gates.SHAPLEY_WEIGHTS}


@pytest.mark.parametrize("seed", range(8))
def test_the_full_text_is_among_what_the_game_of_heads_is_tried_on(seed, monkeypatch):
    plain = HeadGame._evaluate

    def broken(self, words, kept):
        return plain(self, words, kept) + 0.01 * words.all(1)[:, None]

    subject = make_head_subject(tiny_model(), n_words=9)
    monkeypatch.setattr(HeadGame, "_evaluate", broken)
    (gate,) = identities.head_game_gates(subject, np.random.default_rng(seed), "here", "float64")
    assert not gate.passed


def test_the_breaks_cover_every_gate():
    assert set.union(*(expected for _, expected in BREAKS.values())) == ALL


def test_nan_in_the_weights_never_passes():
    model = tiny_model()
    model.layers[1].attention.W_O.view(-1)[-1] = float("nan")
    methods = tuple(method for method in CONFIG.methods if method != "lime")  # whose ridge refuses such numbers
    healthy = new_dissection(config=CONFIG.model_copy(update={"methods": methods}))
    found = measure(replace(healthy, setting=new_setting(model), model=model))
    assert failed(found) == ALL - {gates.SHAPLEY_WEIGHTS}  # whose exact weights know nothing of the model


# ---- the tables that come out ----


def test_tables_have_their_columns_and_the_texts_they_promise():
    config = CONFIG.model_copy(update={"causal_texts": 1, "patching_texts": 2})
    dissection = new_dissection(config=config)
    part = dissect_rows(dissection, range(3))
    for name, columns in COLUMNS.items():
        for row in part.tables[name]:
            assert tuple(row) == columns, name
    texts = {name: {row["example_id"] for row in part.tables[name]} for name in part.tables}
    assert texts["heads"] == texts["paths"] == texts["interactions"] == {"t0", "t1", "t2"}
    assert texts["causal"] == texts["causal_crosswalk"] == texts["neuron_words"] == {"t0"}
    assert texts["patching"] <= {"t0", "t1"}
    assert {row["method"] for row in part.tables["heads"]} == set(config.methods)


def test_patching_swaps_the_word_that_has_an_opposite():
    dissection = new_dissection()
    rows = dissect_rows(dissection, [0]).tables["patching"]
    token_ids = torch.tensor(dissection.setting.batch.token_ids[:1])
    token_ids[0, 2] = WORDS.index("w2")  # w1 is the second word, after CLS and w0
    twin = dissection.model.logits(token_ids, torch.ones_like(token_ids, dtype=torch.bool))
    assert rows[0]["twin_margin"] == pytest.approx(float(margins(twin, torch.tensor([1]))))
    assert {(row["swapped_index"], row["word"], row["twin_word"]) for row in rows} == {(1, "w1", "w2")}
    whole = [row for row in rows if row["place"] == "all"]
    assert [row["component"] for row in whole] == ["L0H0", "L0H1", "L1H0", "L1H1"]
    positions = [row for row in rows if row["place"] == "position" and row["component"] == "L0H0"]
    assert [row["at"] for row in positions] == ["[CLS]", "w0", "w1", "w2", "w3", "w4"]
    assert abs(whole[0]["effect"]) > 0


def test_parts_do_not_depend_on_each_other():
    dissection = new_dissection()
    together = dissect_rows(dissection, [0, 1]).tables
    apart = [dissect_rows(dissection, [row]).tables for row in (0, 1)]
    for name in ("heads", "causal_crosswalk", "interventions", "removal_curves"):
        joined = apart[0][name] + apart[1][name]
        values = [[v for v in row.values() if isinstance(v, float)] for row in together[name]]
        wanted = [[v for v in row.values() if isinstance(v, float)] for row in joined]
        np.testing.assert_allclose(np.array(values), np.array(wanted), atol=1e-12, err_msg=name)
