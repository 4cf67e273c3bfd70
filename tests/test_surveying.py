"""What is measured on all texts at once: layers, neurons, where heads look, and heads tried on fresh texts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch

from study import surveying
from study.heads.neurons import neuron_contributions
from study.model.ablation import margins_by_subset, margins_replaced
from study.model.protocol import margins
from study.model.reference import gather_reference
from study.stats import mean_interval
from study.tables import scores_by_text, top_neurons, with_intervals
from tests.test_gates import new_setting
from tests.tiny import VARIANTS, tensors, tiny_batch, tiny_model

BATCH = tiny_batch(5, 3, 1)


def test_layers_are_a_row_a_text_and_step_and_end_at_the_margin():
    setting = new_setting(batch=BATCH)
    frame, _ = surveying.survey_layers(setting, setting.model)
    assert list(frame["step"][:5]) == ["embed", "L0.attention", "L0.mlp", "L1.attention", "L1.mlp"]
    assert list(frame["layer"][:5]) == [-1, 0, 0, 1, 1]
    last = frame[frame["order"] == 4].set_index("example_id")["lens_margin"]
    np.testing.assert_allclose(last[list(BATCH.example_id)], setting.contributions.margin, atol=1e-12)


def test_chunks_do_not_matter(monkeypatch):
    setting = new_setting(batch=BATCH)
    reference = gather_reference(setting.model, tiny_batch(5, 8, seed=30))
    together, _ = surveying.survey(setting, setting.model, reference, BATCH)
    monkeypatch.setattr(surveying, "CHUNK", 2)
    apart, gates = surveying.survey(setting, setting.model, reference, BATCH)
    assert all(gate.passed for gate in gates)
    for name, frame in together.items():
        pd.testing.assert_frame_equal(frame, apart[name], rtol=0, atol=1e-12)


def test_neurons_are_ranked_by_what_depends_on_the_text():
    setting = new_setting(batch=tiny_batch(5, 3, 9, 7))
    frame, _ = surveying.survey_neurons(setting, setting.model)
    assert len(frame) == 2 * 12
    for _, layer in frame.groupby("layer"):
        ordered = layer.sort_values("rank")
        assert (np.diff(ordered["size"]) <= 0).all()
        assert layer["share"].sum() == pytest.approx(1.0)
        assert layer["active_rate"].between(0, 1).all()
    values = neuron_contributions(setting.model, *tensors(setting.batch), torch.ones(4, dtype=torch.long)).values
    wanted = np.abs(values - values.mean(0)).mean(0)
    np.testing.assert_allclose(frame["size"], wanted.ravel(), atol=1e-12)
    assert np.abs(np.abs(values).mean(0) - wanted).max() > 1e-3  # what is the same for every text does not count
    first = frame.query("layer == 1 and rank == 1").iloc[0]
    assert top_neurons(frame, 1) == (top_neurons(frame, 1)[0], (1, int(first["neuron"])))
    assert top_neurons(frame, 1)[0][0] == 0


def test_a_model_without_mlps_has_no_neurons():
    setting = new_setting(tiny_model(VARIANTS["attention only"]))
    frame, gates = surveying.survey_neurons(setting, setting.model)
    assert gates == []
    assert not len(frame)
    assert top_neurons(frame, 3) == ()


def attention_by_hand(model, token_ids, n_words):
    """{head: [src]}: the weights of the readout's attention, from every layer's own W_Q and W_K."""
    found, stream, attend = {}, model.embed(token_ids[None]), torch.ones(1, n_words + 1, dtype=torch.bool)
    for layer, block in enumerate(model.layers):
        x, attention = block.norm_attention(stream)[0], block.attention
        for head in range(len(attention.W_Q)):
            query = x[0] @ attention.W_Q[head] + attention.b_Q[head]
            keys = [x[src] @ attention.W_K[head] + attention.b_K[head] for src in range(n_words + 1)]
            sizes = [math.exp(float(query @ key) / math.sqrt(len(query))) for key in keys]
            found[f"L{layer}H{head}"] = [size / sum(sizes) for size in sizes]
        stream = block(stream, attend)
    return found


@pytest.mark.parametrize("variant", ["two layers", "LayerNorm off", "four wide heads"])
def test_attention_of_the_readout_is_that_of_the_weights(variant, monkeypatch):
    monkeypatch.setattr(surveying, "CHUNK", 2)  # texts of several chunks, padded to different lengths
    batch = tiny_batch(5, 3, 1, 7, n_cut=2)
    setting = new_setting(tiny_model(VARIANTS[variant]), batch=batch)
    frame = surveying.survey_readout(setting, setting.model)
    names = [setting.model.index.names[k] for k in setting.model.index.where("head")]
    assert list(frame) == ["example_id", "component", "word_index", "weight"]
    assert len(frame) == sum(len(names) * (1 + n) for n in (5, 3, 1, 7))
    for i, n_words in enumerate((5, 3, 1, 7)):
        rows = frame[frame["example_id"] == f"t{i}"]
        wanted = attention_by_hand(setting.model, torch.tensor(batch.token_ids[i, : n_words + 1]), n_words)
        assert list(dict.fromkeys(rows["component"])) == names
        for name, weights in wanted.items():
            of_head = rows[rows["component"] == name]
            assert list(of_head["word_index"]) == [-1, *range(n_words)]
            np.testing.assert_allclose(of_head["weight"], weights, atol=1e-12)
    np.testing.assert_allclose(frame.groupby(["example_id", "component"])["weight"].sum(), 1.0, atol=1e-12)


def test_where_the_readout_looks_in_sum():
    setting = new_setting(batch=BATCH)
    readout = surveying.survey_readout(setting, setting.model)
    frame = surveying.sum_attention(readout)
    of_cls = readout[readout["word_index"] == -1]
    pd.testing.assert_frame_equal(
        frame[["example_id", "component"]], of_cls[["example_id", "component"]].reset_index(drop=True)
    )
    np.testing.assert_array_equal(frame["to_cls"], of_cls["weight"])
    found = frame.set_index(["example_id", "component"]).loc[("t1", "L1H0")]
    token_ids, attend = tensors(BATCH)
    row = setting.model.attention_patterns(token_ids, attend)[1, 1, 0, 0].numpy()
    seen = row[row > 0]
    assert found["to_cls"] == pytest.approx(row[0])
    assert found["entropy"] == pytest.approx(-(seen * np.log(seen)).sum())
    empty = new_setting(batch=tiny_batch(0, 1))
    alone = surveying.sum_attention(surveying.survey_readout(empty, empty.model))
    assert (alone.query("example_id == 't0'")["entropy"] == 0).all()  # a text without words: CLS sees itself
    certain = pd.DataFrame({"example_id": "a", "component": "L0H0", "word_index": [-1, 0], "weight": [0.0, 1.0]})
    with np.errstate(all="raise"):  # 0 log 0
        assert surveying.sum_attention(certain)[["to_cls", "entropy"]].to_numpy().tolist() == [[0.0, 0.0]]


def test_heads_are_tried_alone_and_beside_each_other():
    model, fresh = tiny_model(), tiny_batch(6, 2, 4, 9, 7, 5, seed=9)
    reference = gather_reference(model, tiny_batch(5, 8, seed=30))
    token_ids, attend = tensors(fresh)
    target = torch.ones(6, dtype=torch.long)
    model.b_U[1] -= margins(model.logits(token_ids, attend), target).median()  # so that predictions turn
    frame = surveying.try_heads(model, fresh, reference).set_index(["component", "partner"])
    assert len(frame) == 4 * 4  # alone, and beside three others
    kept = torch.ones(3, 2, 2, dtype=torch.bool)
    kept[1:, 1, 0] = False
    kept[2, 0, 1] = False
    found = margins_by_subset(model, model.embed(token_ids), attend, target, kept, reference.mean_fill()).numpy()
    np.testing.assert_allclose(found[:, 0], margins(model.logits(token_ids, attend), target), atol=1e-12)
    alone, beside = np.abs(found[:, 0] - found[:, 1]), np.abs(found[:, 1] - found[:, 2])
    assert frame.loc[("L1H0", ""), "mean_abs_change"] == pytest.approx(alone.mean())
    assert frame.loc[("L1H0", ""), "sd"] == pytest.approx(alone.std(ddof=1))
    assert frame.loc[("L0H1", "L1H0"), "mean_abs_change"] == pytest.approx(beside.mean())
    assert (frame["n_texts"] == 6).all()
    turned = (found[:, 1] > 0) != (found[:, 2] > 0)
    assert frame.loc[("L0H1", "L1H0"), "flipped"] == turned.mean()
    for place, (head, partner) in enumerate(itertools.permutations(range(4), 2)):
        without = [{partner}, {partner, head}]
        kept = torch.tensor([[h not in gone for h in range(4)] for gone in without]).view(-1, 2, 2)
        values = margins_by_subset(model, model.embed(token_ids), attend, target, kept, reference.mean_fill()).numpy()
        names = [f"L{h // 2}H{h % 2}" for h in (head, partner)]
        turned = (values[:, 0] > 0) != (values[:, 1] > 0)
        assert frame.loc[tuple(names), "flipped"] == turned.mean(), place
    assert frame["flipped"].nunique() > 2
    right = (found > 0) == (fresh.label[:, None] == 1)
    assert frame.loc[("L0H1", "L1H0"), "accuracy_lost"] == pytest.approx(right[:, 1].mean() - right[:, 2].mean())


def test_predictions_of_three_classes_are_those_of_the_largest_logit():
    model, fresh = tiny_model(n_classes=3), tiny_batch(6, 2, 4, 9, 5, 7, n_classes=3, seed=9)
    writes = model.readout_writes(*tensors(fresh)).sum(1)
    model.b_U -= (model.norm_readout(writes) @ model.W_U + model.b_U).median(0).values  # no class always wins
    reference = gather_reference(model, tiny_batch(5, 8, seed=30))
    _, predicted = surveying._trials(model, fresh, reference)
    token_ids, attend = tensors(fresh)
    np.testing.assert_array_equal(predicted[:, 0, 0], model.logits(token_ids, attend).argmax(-1))
    embeddings = model.embed(token_ids)
    outputs = torch.stack([reference.mean_fill().of_layer(layer, token_ids.shape[1]) for layer in range(2)], 1)
    where = torch.zeros(1, 2, 2, 1, dtype=torch.bool)
    where[0, 1, 1] = True
    by_class = [margins_replaced(model, embeddings, attend, torch.full((6,), c), outputs, where) for c in range(3)]
    np.testing.assert_array_equal(predicted[:, 0, 4], torch.stack(by_class).argmax(0))
    assert len(np.unique(predicted)) == 3


def test_no_fresh_text_gives_no_trial_and_one_no_interval():
    model = tiny_model()
    reference = gather_reference(model, BATCH)
    empty = tiny_batch(4)
    none = type(empty)(
        example_id=(), text=(), words=(), token_ids=empty.token_ids[:0], attend=empty.attend[:0],
        word_of_token=empty.word_of_token[:0], label=empty.label[:0],
    )  # fmt: skip
    frame = with_intervals(surveying.try_heads(model, none, reference), 0.95)
    assert list(frame) == [
        "component",
        "partner",
        "n_texts",
        "mean_abs_change",
        "flipped",
        "accuracy_lost",
        "low",
        "high",
    ]
    assert not len(frame)
    one = with_intervals(surveying.try_heads(model, empty, reference), 0.95)
    assert one["low"].isna().all()
    assert one["mean_abs_change"].notna().all()


def test_the_interval_of_a_mean_is_students():
    from scipy import stats

    values = np.random.default_rng(0).normal(2.0, 3.0, 12)
    low, high = mean_interval(values.mean(), values.std(ddof=1), 12, 0.9)
    wanted = stats.t.interval(0.9, 11, loc=values.mean(), scale=stats.sem(values))
    assert (low, high) == pytest.approx(wanted)


def test_scores_by_text_are_in_the_order_of_words():
    rows = [("a", "shap", i, 10.0 + i, True) for i in (2, 0, 1)] + [("a", "shap", 0, -1.0, False)]
    frame = pd.DataFrame(rows, columns=["example_id", "method", "word_index", "score", "trained"])
    found = scores_by_text(frame)
    np.testing.assert_array_equal(found["a"]["shap"], [10.0, 11.0, 12.0])
