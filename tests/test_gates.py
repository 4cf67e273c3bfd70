"""Every gate passes on real numbers, and fails when the thing it guards is broken on purpose; and that one only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from study import explaining, gates, identities
from study.config import ExplainConfig
from study.explaining import batch_gates, explain_rows
from study.features import lime, shapley
from study.game.coalitions import WordGame
from study.game.fast import FastEncoderGame
from study.game.removals import MASK_WORDS
from study.model.attention import Attention
from study.model.encoder import Encoder
from study.records import Gate
from study.setting import Setting, contribute
from tests.tiny import TINY, VARIANTS, tensors, tiny_batch, tiny_model

ROWS_SHAP, ROWS_LIME = (gates.ROWS.format(method=method) for method in ("shapley", "lime"))
ALL = {
    gates.ATTENTION_VIEWS,
    gates.COMPONENTS,
    gates.PADDING,
    gates.FAST_GAME,
    gates.GAME_SUM,
    ROWS_SHAP,
    ROWS_LIME,
    gates.SHAP_EFFICIENCY,
    gates.COLUMNS,
}
CONFIG = ExplainConfig(methods=("shapley", "lime"), lime_samples=64, chunk_size=32)
BATCH = tiny_batch(5, 3, 1, n_cut=1)
FULL_BATCH = tiny_batch(TINY.max_words, 3)  # no position left to pad


def new_setting(model=None, batch=BATCH, dtype="float64", removal="mask"):
    model = model or tiny_model(dtype=getattr(torch, dtype))
    contributions, predicted = contribute(model, batch)
    return Setting(
        model=model,
        trained=True,
        batch=batch,
        class_names=("no", "yes"),
        contributions=contributions,
        predicted=predicted,
        reference_tokens=batch.token_ids[:, 1:][batch.attend[:, 1:]],
        config=CONFIG.model_copy(update={"removal": removal}),
        seed=0,
        data_seed=0,
        dtype=dtype,
    )


def measure(setting, rows=(0, 1)):
    """What a run measures for these texts: name of each gate -> the gate."""
    found = [*batch_gates(setting, "here"), *explain_rows(setting, rows).gates]
    assert len({gate.name for gate in found}) == len(found)
    return {gate.name: gate for gate in found}


def failed(found):
    return {name for name, gate in found.items() if not gate.passed}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("removal", ["mask", "delete", "attend", "resample"])
def test_untouched_all_pass(removal, dtype):
    found = measure(new_setting(removal=removal, dtype=dtype))
    assert set(found) == ALL
    assert failed(found) == set()
    for name, gate in found.items():
        view = name == gates.ATTENTION_VIEWS
        assert gate.tolerance == {"float32": 1e-5 if view else 1e-4, "float64": 1e-12 if view else 1e-9}[dtype]
        assert gate.value < gate.tolerance / 10


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_passes(variant):
    assert failed(measure(new_setting(tiny_model(VARIANTS[variant])))) == set()


def test_a_text_without_words_and_one_with_a_single_word_pass():
    found = measure(new_setting(batch=tiny_batch(0, 1)))
    assert set(found) == ALL
    assert failed(found) == set()


# ---- one break each: what is broken, and every gate that must see it ----


def wrap(owner, name, change):
    """Breaks owner.name: what it returns is given to `change`."""

    def broken(patch):
        plain = getattr(owner, name)
        patch.setattr(owner, name, lambda *args, **kwargs: change(plain(*args, **kwargs)))

    return broken


def one_slice_away_from_the_readout(heads):
    """Head 1's slice is wrong where the readout does not look: no number of the report changes, but the claim does."""
    return heads * torch.where(torch.arange(heads.shape[1]) > 0, 1.001, 1.0)[:, None, None]


def one_slice_in_the_last_layer(patch):
    plain = Attention.sum_view

    def broken(self, mixed):
        heads = plain(self, mixed)
        return one_slice_away_from_the_readout(heads) if self is LAST_LAYER[0] else heads

    patch.setattr(Attention, "sum_view", broken)


LAST_LAYER: list[Attention] = []


def one_slice_everywhere(heads):
    changed = heads.clone()
    changed[:, :, 1] *= 1.001
    return changed


def attend_to_padding(patch):
    plain = Attention.pattern
    patch.setattr(Attention, "pattern", lambda self, x, attend: plain(self, x, torch.ones_like(attend)))


def frozen_scale_in_the_fast_game(patch):
    plain = FastEncoderGame._components

    def broken(self, table, present):
        everything = torch.ones_like(present[:1])
        frozen = self.encoder.readout_scale
        scales = []
        self.encoder.readout_scale = lambda stream: scales.append(frozen(stream)) or scales[0]
        plain(self, table, everything)
        self.encoder.readout_scale = lambda stream: scales[0].expand(len(stream))
        try:
            return plain(self, table, present)
        finally:
            del self.encoder.readout_scale

    patch.setattr(FastEncoderGame, "_components", broken)


def forgotten_layer_norm_shift(patch):
    """Both games read the same wrong constant; the margin itself does not."""
    plain = Encoder.readout

    def broken(self, target):
        direction, constant = plain(self, target)
        return direction, constant - 0.01

    patch.setattr(Encoder, "readout", broken)


def shifted(attribution, **changes):
    return replace(attribution, **{name: change(getattr(attribution, name)) for name, change in changes.items()})


def add(amount, *places):
    def change(array):
        changed = np.array(array)
        for i, place in enumerate(places):
            changed[place] += amount * (-1) ** i
        return changed

    return change


def explained(module, name, **changes):
    return wrap(module, name, lambda attribution: shifted(attribution, **changes))


BREAKS = {
    "a slice of W_O, away from the readout": (one_slice_in_the_last_layer, {gates.ATTENTION_VIEWS}),
    "a slice of W_O": (
        wrap(Attention, "sum_view", one_slice_everywhere),
        {gates.ATTENTION_VIEWS, gates.FAST_GAME},
    ),
    "attention to padding": (attend_to_padding, {gates.PADDING}),
    "another order of components in the fast game": (
        wrap(FastEncoderGame, "_components", lambda parts: parts[:, [0, 2, 1, *range(3, parts.shape[1])]]),
        {gates.FAST_GAME},
    ),
    "frozen sigma in the fast game": (frozen_scale_in_the_fast_game, {gates.FAST_GAME, gates.GAME_SUM}),
    "a constant forgotten in both games": (forgotten_layer_norm_shift, {gates.GAME_SUM}),
    "a wrong game, plain and fast alike": (wrap(WordGame, "value", lambda v: v * 1.01), {gates.GAME_SUM}),
    "v(all) of something else": (
        explained(shapley, "explain_shapley", output=lambda v: v + 0.01),
        {gates.SHAP_EFFICIENCY},
    ),
    "one SHAP score": (
        explained(shapley, "explain_shapley", scores=add(0.01, 0)),
        {gates.SHAP_EFFICIENCY, ROWS_SHAP},
    ),
    "two SHAP scores that make up for each other": (
        explained(shapley, "explain_shapley", scores=add(0.01, 0, 2)),
        {ROWS_SHAP},
    ),
    "one LIME score": (explained(lime, "explain_lime", scores=add(0.01, 0)), {ROWS_LIME}),
    "a LIME score lost": (explained(lime, "explain_lime", scores=lambda s: s * np.nan), {ROWS_LIME}),
    "a cell of the SHAP crosswalk": (
        explained(shapley, "explain_shapley", by_component=add(0.01, (0, 1))),
        {ROWS_SHAP, gates.COLUMNS},
    ),
    "a cell of the LIME crosswalk": (explained(lime, "explain_lime", by_component=add(0.01, (0, 1))), {ROWS_LIME}),
    "two cells of one row": (
        explained(shapley, "explain_shapley", by_component=add(0.01, (0, 1), (0, 2))),
        {gates.COLUMNS},
    ),
    "a word's score and cell": (
        explained(shapley, "explain_shapley", scores=add(0.01, 0), by_component=add(0.01, (0, 1))),
        {gates.SHAP_EFFICIENCY, gates.COLUMNS},
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BREAKS)
def test_a_break_fails_exactly_its_gates(name, dtype, monkeypatch):
    setting = new_setting(dtype=dtype)
    LAST_LAYER[:] = [setting.model.layers[-1].attention]
    broken, expected = BREAKS[name]
    broken(monkeypatch)
    assert failed(measure(setting, rows=(0,))) == expected
    monkeypatch.undo()
    assert failed(measure(setting, rows=(0,))) == set()


@pytest.mark.parametrize(
    ("methods", "split"),
    [
        (("shap", "shapley", "lime"), {"shapley", "lime"}),
        (("shap", "lime"), {"shap", "lime"}),  # the package's answer, where nothing else gives Shapley values
        (("occlusion",), set()),
    ],
)
def test_one_estimate_of_shapley_values_is_split_over_components(methods, split):
    setting = new_setting()
    explained = explain_rows(replace(setting, config=setting.config.model_copy(update={"methods": methods})), (0,))
    assert {row["method"] for row in explained.tables["crosswalk"]} == split
    assert {row["method"] for row in explained.tables["features"]} == set(methods)
    names = {gate.name for gate in explained.gates}
    assert (gates.SHAP_EFFICIENCY in names) == bool(split)
    assert {gates.ROWS.format(method=method) for method in split} <= names


def test_the_breaks_cover_every_gate_alone():
    alone = {next(iter(expected)) for _, expected in BREAKS.values() if len(expected) == 1}
    assert alone == ALL - {gates.COMPONENTS}  # which the next test breaks


@pytest.mark.parametrize("kind", ["attn_bias", "mlp", "embed", "readout_bias"])
def test_a_component_left_out_fails_the_sum_of_components(kind, monkeypatch):
    """Dropped while the run's contributions are made; what is measured later is whole again."""
    plain = Encoder.contributions

    def broken(self, token_ids, attend, target):
        parts = plain(self, token_ids, attend, target)
        parts[:, self.index.where(kind)[0]] = 0.0
        return parts

    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "contributions", broken)
        setting = new_setting()
    assert failed(measure(setting)) == {gates.COMPONENTS}


def test_attention_to_padding_shows_when_no_position_is_left_to_pad(monkeypatch):
    attend_to_padding(monkeypatch)
    assert failed(measure(new_setting(batch=FULL_BATCH), rows=(1,))) == {gates.PADDING}
    monkeypatch.undo()
    assert failed(measure(new_setting(batch=FULL_BATCH), rows=(1,))) == set()


def test_a_gate_that_fails_on_one_text_fails_for_the_run(monkeypatch):
    plain = explaining.build_direct
    monkeypatch.setattr(
        explaining,
        "build_direct",
        lambda a, index: plain(shifted(a, scores=add(0.01, 0)) if a.example_id == "t0" else a, index),
    )
    found = measure(new_setting(), rows=(0, 1, 2))
    assert failed(found) == {ROWS_SHAP, ROWS_LIME}
    assert found[ROWS_SHAP].where == "trained model, text t0"
    assert found[ROWS_SHAP].value == pytest.approx(0.01)


@pytest.mark.parametrize("where", ["W_E", "blocks.1.attention.W_O", "norm_readout.weight", "b_U"])
def test_nan_in_the_weights_never_passes(where):
    model = tiny_model()
    dict(model.named_parameters())[where].view(-1)[-1] = float("nan")
    token_ids, _ = tensors(BATCH)
    model.W_E[token_ids[0, 1]] = model.W_E[-1]  # so that the text sees the broken word
    setting = new_setting(model)
    subject = explaining.text_subject(setting, 0)
    rng = np.random.default_rng(0)
    of_game = identities.game_gates(subject, subject.new_game(), MASK_WORDS, rng, "here", "float64")
    found = [*batch_gates(setting, "here"), *of_game]
    seen = {gate.name for gate in found if not gate.passed}
    assert seen >= {gates.COMPONENTS, gates.PADDING, gates.FAST_GAME, gates.GAME_SUM}


# ---- the arithmetic of gates ----


def gate(value, name="a", where="x"):
    return Gate(name=name, value=value, tolerance=1.0, passed=bool(value <= 1.0), where=where)


@pytest.mark.parametrize("error", [np.nan, [0.0, np.nan], np.inf, [-np.inf, 0.0]])
def test_nan_and_infinity_do_not_pass(error):
    assert not gates.make_gate("any", error, "here", dtype="float32").passed


@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf])
def test_a_scale_that_is_no_number_does_not_pass(scale):
    found = gates.make_gate("any", 0.0, "here", dtype="float32", scale=scale)
    assert not found.passed
    assert np.isnan(found.value)


@pytest.mark.parametrize("error", [[], np.empty((0, 3))])
def test_nothing_to_check_is_an_error(error):
    with pytest.raises(ValueError, match="'any' got nothing to check at here"):
        gates.make_gate("any", error, "here", dtype="float64")


def test_the_largest_error_counts_in_units_of_the_scale():
    found = gates.make_gate("any", [[1e-5, -8e-4], [0.0, 1e-6]], "here", dtype="float32", scale=10.0)
    assert found.value == pytest.approx(8e-5)
    assert found.passed
    assert not gates.make_gate("any", [-8e-4], "here", dtype="float32").passed
    assert gates.make_gate("any", 5.0, "here", dtype="float32", scale=1e-9).value == 5.0  # never blown up
    assert gates.make_gate("any", 1e-4, "here", dtype="float32").passed  # at the tolerance itself


def test_the_worst_of_each_name_in_the_order_of_names():
    found = gates.worst_of(
        [gate(0.1, "b"), gate(0.2, "a"), gate(0.5, "a", "worst"), gate(0.3, "a"), gate(0.1, "b", "later")]
    )
    assert [(g.name, g.value, g.where) for g in found] == [("b", 0.1, "x"), ("a", 0.5, "worst")]
    assert gates.worst_of([]) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_nan_is_worse_than_any_number(order):
    places = [gate(0.5), gate(np.nan, where="nan"), gate(9.0)]
    (found,) = gates.worst_of(places[i] for i in order)
    assert found.where == "nan"
    assert not found.passed


def test_unknown_dtype_is_an_error():
    with pytest.raises(KeyError):
        gates.tolerance_of("any", "float16")
