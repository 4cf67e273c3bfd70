"""One text explained as the run explains its own, whatever the text."""

from __future__ import annotations

import re
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from study import explain, explaining, gates, ledger
from study.errors import InputError, UnknownNameError
from study.ledger.markers import Marker, read_marker, write_marker
from study.library import one_text
from study.library.explanation import Explanation
from study.library.loading import LoadedRun, load_run
from study.library.one_text import TextExplainer
from tests.library.small_runs import make_run
from tests.own_texts import MARKUP

pytestmark = pytest.mark.xdist_group("library run")
CLOSE = 1e-5  # of a batch of one text beside a batch of all, in float32
KEYS = {  # of a row, within one text
    "features": ["method", "word_index"],
    "crosswalk": ["method", "kind", "word_index", "component"],
    "components": ["component"],
    "heads": ["method", "component"],
    "readout_attention": ["component", "word_index"],
    "causal": ["example_id"],
    "texts": ["example_id"],
}


@pytest.fixture(scope="module")
def explainer(run: LoadedRun) -> TextExplainer:
    return run.explainer(seed=0)


@pytest.fixture(scope="module")
def short(run: LoadedRun) -> TextExplainer:
    """The model of seven words."""
    return run.explainer(model="short")


def explained_texts(run: LoadedRun, explainer: TextExplainer) -> pd.DataFrame:
    key, texts = explainer.key, run.table("texts")
    return texts[(texts["model"] == key.model) & (texts["seed"] == key.seed) & texts["trained"]]


def rows_in_run(run: LoadedRun, name: str, explainer: TextExplainer, example_id: str) -> pd.DataFrame:
    key, table = explainer.key, run.table(name)
    of_model = (table["model"] == key.model) & (table["seed"] == key.seed) & (table["example_id"] == example_id)
    rows = table[of_model]
    return rows[rows["trained"]] if "trained" in rows else rows


@pytest.mark.parametrize("model", ["mlp", "short"])
def test_a_test_text_of_the_run_gets_the_numbers_of_its_tables(run: LoadedRun, model: str):
    explainer = run.explainer(model=model, seed=0)
    texts = explained_texts(run, explainer)
    assert len(texts) == 4
    for text in texts.itertuples():
        found = explainer.explain(text.text, methods=run.config.explain.methods)
        assert found.example_id == text.example_id
        for name, keys in KEYS.items():
            mine = found.to_frame(name)
            theirs = rows_in_run(run, name, explainer, text.example_id)
            assert (name in ("causal", "crosswalk")) or len(theirs), name
            both = mine.merge(theirs, on=keys, suffixes=("", "_run"))
            if len(theirs) and name not in ("features", "heads", "crosswalk"):
                assert len(both) == len(mine) == len(theirs), name
            for column in ("score", "value", "contribution", "empty_contribution", "margin", "weight", "word_error"):
                if column in mine and len(both):
                    np.testing.assert_allclose(both[column], both[f"{column}_run"], atol=CLOSE, err_msg=name)
            for column in ("word", "unknown", "estimator", "predicted", "target", "n_words_cut", "kind"):
                if f"{column}_run" in both:
                    assert (both[column] == both[f"{column}_run"]).all(), (name, column)
        measured = rows_in_run(run, "features", explainer, text.example_id)
        assert set(found.to_frame()["method"]) == set(measured["method"])
        split = rows_in_run(run, "crosswalk", explainer, text.example_id)
        mine = found.to_frame("crosswalk")
        assert set(split["method"]) <= set(mine["method"])
        assert len(mine[mine["method"].isin(split["method"])]) == len(split)


def test_the_records_say_what_the_tables_say(explainer: TextExplainer):
    found = explainer.explain(
        "the splendid tale is warm , bright zzz in the end .", methods=["lime", "shapley", "random"]
    )
    features = found.to_frame("features")
    for method, attribution in found.features.items():
        np.testing.assert_array_equal(features[features["method"] == method]["score"], attribution.scores)
    cells = found.to_frame("crosswalk").query("kind == 'direct'")
    for method, crosswalk in found.direct.items():
        assert set(found.direct) == {"shapley", "lime"}
        np.testing.assert_array_equal(cells[cells["method"] == method]["value"], crosswalk.cells.ravel())
    assert found.causal is not None
    causal = found.to_frame("crosswalk").query("method == 'two_way_shapley'")
    np.testing.assert_array_equal(causal["value"], found.causal.crosswalk.cells.ravel())
    heads = found.to_frame("heads")
    for method, of_heads in found.heads.items():
        np.testing.assert_array_equal(heads[heads["method"] == method]["score"], of_heads.scores.ravel())
    attention = found.to_frame("readout_attention")["weight"].to_numpy()
    np.testing.assert_array_equal(attention, found.attention.ravel())
    np.testing.assert_allclose(found.attention.sum(-1), 1.0, atol=1e-6)
    assert found.attention.shape == (2, 2, found.n_players + 1)
    np.testing.assert_array_equal(found.to_frame("components")["contribution"], found.contributions)
    np.testing.assert_allclose(found.contributions.sum(), found.margin, atol=CLOSE)
    np.testing.assert_allclose(found.empty_contributions.sum(), found.empty_margin, atol=CLOSE)
    np.testing.assert_allclose(found.features["shapley"].scores.sum(), found.margin - found.empty_margin, atol=CLOSE)
    two = np.log(found.probabilities[1] / found.probabilities[0])
    np.testing.assert_allclose(two, found.margin, atol=CLOSE)
    assert found.predicted == found.class_names[int(np.argmax(found.probabilities))]


def test_an_own_text_is_named_by_its_words_alone(explainer: TextExplainer):
    one = explainer.explain("An entirely NEW text", causal=False)
    same = explainer.explain("  an entirely new text ", causal=False)
    other = explainer.explain("an entirely new text .", causal=False)
    assert re.fullmatch("own-[0-9a-f]{12}", one.example_id)
    assert one.example_id == same.example_id != other.example_id
    assert one.text == "An entirely NEW text"
    pd.testing.assert_frame_equal(one.to_frame("heads"), same.to_frame("heads"))
    pd.testing.assert_frame_equal(one.to_frame("features"), same.to_frame("features"))


def test_no_number_depends_on_a_label(run: LoadedRun, run_folder: Path, tmp_path: Path):
    turned = Path(shutil.copytree(run_folder, tmp_path / "turned"))
    path = turned / "data" / "own" / "texts.parquet"
    texts = pd.read_parquet(path)
    digest = ledger.write_frame(path, texts.assign(label=1 - texts["label"]))
    marker = read_marker(path.parent, "data")
    outputs = dict(marker.outputs) | {"texts.parquet": digest}
    write_marker(path.parent, "data", Marker(state="done", key="", ingredients={}, outputs=outputs))
    text = explained_texts(run, run.explainer(seed=0))["text"].iloc[0]
    for each in (text, "a warm and clever picture"):
        one, other = (loaded.explainer(seed=0).explain(each) for loaded in (run, load_run(turned)))
        assert one.example_id == other.example_id
        assert set(one.to_frame("texts")["label"]) == {""}
        for name in KEYS:
            pd.testing.assert_frame_equal(one.to_frame(name), other.to_frame(name))


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b\u00ad"])
def test_a_text_without_words_is_told(explainer: TextExplainer, text: str):
    with pytest.raises(InputError, match="holds no word, so there is nothing to explain: give a text with at least"):
        explainer.explain(text)


def test_what_is_no_text_is_told(explainer: TextExplainer):
    with pytest.raises(InputError, match="explain got list where one text is wanted"):
        explainer.explain(["a tale"])  # type: ignore[arg-type]


def test_words_that_nobody_knows_are_flagged_and_scored(explainer: TextExplainer):
    found = explainer.explain("xyzzy plugh frobnicate")
    assert found.unknown.tolist() == [True] * 3
    assert np.isfinite(found.features["shapley"].scores).all()
    assert all(gate.passed for gate in found.gates)
    known = explainer.explain("the splendid xyzzy")
    assert known.unknown.tolist() == [False, False, True]


def test_words_beyond_the_model_have_no_score_and_are_listed(short: TextExplainer):
    found = short.explain("the splendid tale is warm in the end , xyzzy")
    assert found.n_players == 7
    assert found.words[7:] == found.cut == ("end", ",", "xyzzy")
    for attribution in found.features.values():
        assert np.isnan(attribution.scores).tolist() == [False] * 7 + [True] * 3
    assert np.isnan(found.causal.crosswalk.cells[7:]).all()
    assert found.to_frame("texts")["n_words_cut"].tolist() == [3]
    assert found.attention.shape[-1] == 8
    assert not found.unknown[9]  # the model never reads it
    assert all(gate.passed for gate in found.gates)


def test_markup_is_text(explainer: TextExplainer):
    found = explainer.explain(MARKUP)
    assert "<" in found.words
    assert found.text == MARKUP
    assert all(gate.passed for gate in found.gates)


def test_one_word_is_a_text(explainer: TextExplainer):
    found = explainer.explain("splendid")
    (score,) = found.features["shapley"].scores
    np.testing.assert_allclose(score, found.margin - found.empty_margin, atol=CLOSE)
    assert all(gate.passed for gate in found.gates)


def test_all_gates_are_measured_on_the_text(explainer: TextExplainer):
    found = explainer.explain("a clumsy , hollow scene")
    assert {gate.name for gate in found.gates} == {
        *(gates.ATTENTION_VIEWS, gates.COMPONENTS, gates.PADDING, gates.FAST_GAME, gates.GAME_SUM),
        *(gates.ROWS.format(method="shapley"), gates.ROWS.format(method="lime")),
        *(gates.SHAP_EFFICIENCY, gates.COLUMNS, gates.SHAPLEY_WEIGHTS, gates.HEAD_EFFICIENCY, gates.HEAD_GAME),
        *(gates.CAUSAL_ROWS, gates.CAUSAL_COLUMNS),
    }
    assert all(gate.passed for gate in found.gates)
    without = explainer.explain("a clumsy , hollow scene", methods=["occlusion"], causal=False)
    assert gates.CAUSAL_ROWS not in {gate.name for gate in without.gates}
    assert gates.HEAD_EFFICIENCY in {gate.name for gate in without.gates}


def test_a_broken_identity_is_told_by_its_gate(explainer: TextExplainer, monkeypatch: pytest.MonkeyPatch):
    right = explaining.build_direct

    def wrong(attribution, index):
        crosswalk = right(attribution, index)
        residual = crosswalk.row_residual + 0.01
        return type(crosswalk)(
            **{f.name: getattr(crosswalk, f.name) for f in fields(crosswalk)} | {"row_residual": residual}
        )

    monkeypatch.setattr(explaining, "build_direct", wrong)
    found = explainer.explain("a clumsy scene", causal=False)
    assert {gate.name for gate in found.gates if not gate.passed} == {
        gates.ROWS.format(method="shapley"),
        gates.ROWS.format(method="lime"),
    }


def test_methods_are_chosen_by_name(explainer: TextExplainer):
    assert list(explainer.explain("a tale", causal=False).features) == ["shapley", "lime"]
    chosen = explainer.explain("a tale", methods=["occlusion", "random", "occlusion"], causal=False)
    assert list(chosen.features) == ["occlusion", "random"]
    assert chosen.to_frame()["method"].tolist() == ["occlusion"] * 2 + ["random"] * 2  # each once
    assert not chosen.direct
    assert chosen.causal is None
    assert not len(chosen.to_frame("causal"))
    assert not len(chosen.to_frame("crosswalk"))
    assert chosen.shap == "occlusion"
    assert explainer.explain("a tale", methods=["lime", "shapley"], causal=False).shap == "shapley"


@pytest.mark.parametrize(
    ("methods", "kind", "message"),
    [
        (["lime", "shaply"], UnknownNameError, r"unknown explainer 'shaply'; did you mean 'shapley'\?"),
        ("shapley", InputError, r"methods is 'shapley': give a list of names, \['shapley'\]"),
        ([], InputError, "no method to explain with; allowed: shapley, shap, lime"),
    ],
)
def test_methods_that_cannot_be_are_told_before_any_work(
    explainer: TextExplainer, methods, kind, message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(one_text, "explain_text", lambda *_: pytest.fail("a method has been at work"))
    with pytest.raises(kind, match=message):
        explainer.explain("a tale", methods=methods)


def test_probabilities_are_those_of_the_run(run: LoadedRun, run_folder: Path, explainer: TextExplainer):
    texts = pd.read_parquet(run_folder / "data" / "own" / "texts.parquet").query("split == 'test'")
    predicted = pd.read_parquet(run_folder / "cells" / "own-mlp-s0" / "predictions.parquet")
    assert list(texts["example_id"]) == list(predicted["example_id"])
    found = explainer.predict_proba(texts["text"].tolist())
    logits = predicted[["logit_0", "logit_1"]].to_numpy()
    np.testing.assert_allclose(np.log(found[:, 1] / found[:, 0]), logits[:, 1] - logits[:, 0], atol=CLOSE)
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-12)
    assert explainer.class_names == ("bad", "good")


def test_probabilities_of_nothing(explainer: TextExplainer):
    empty, text = explainer.predict_proba(["", "a splendid tale"])
    found = explainer.explain("a splendid tale", causal=False)
    np.testing.assert_allclose(text, found.probabilities, atol=CLOSE)
    assert empty.sum() == pytest.approx(1.0)
    assert explainer.predict_proba([]).shape == (0, 2)
    with pytest.raises(InputError, match=r"got one text: give a list of texts, \[text\]"):
        explainer.predict_proba("a splendid tale")
    with pytest.raises(InputError, match=r"text 1 is None \(NoneType\): give strings only"):
        explainer.predict_proba(["a tale", None])  # type: ignore[list-item]
    arrays = explainer.predict_proba(np.array(["", "a splendid tale"]))  # as shap and lime give them
    np.testing.assert_array_equal(arrays, [empty, text])


def test_no_tensor_is_left_in_the_record(explainer: TextExplainer):
    def parts(value):
        yield value
        if hasattr(value, "__dataclass_fields__"):
            for field in fields(value):
                yield from parts(getattr(value, field.name))
        elif isinstance(value, dict):
            for part in value.values():
                yield from parts(part)
        elif isinstance(value, list | tuple):
            for part in value:
                yield from parts(part)

    found = list(parts(explainer.explain("a tale")))
    assert len(found) > 100
    assert not [value for value in found if isinstance(value, torch.Tensor | torch.nn.Module)]


def test_three_classes_and_words_drawn_in_place_of_absent_ones(tmp_path: Path):
    run = make_run(tmp_path, n_classes=3, overrides=("explain.n_texts=1", "seeds=[3]", "explain.removal=resample"))
    found = explain("the long story is quiet", "tiny", results=run.parent, causal=False)
    assert isinstance(found, Explanation)
    assert found.target == found.predicted
    assert len(found.probabilities) == 3
    chosen, rest = (
        np.log(found.probabilities.max()),
        np.delete(np.log(found.probabilities), found.probabilities.argmax()),
    )
    np.testing.assert_allclose(chosen - rest.mean(), found.margin, atol=CLOSE)
    assert all(gate.passed for gate in found.gates)
    explainer = load_run(run).explainer()
    (text,) = explained_texts(load_run(run), explainer)["text"]
    again = explainer.explain(text, causal=False)
    theirs = rows_in_run(load_run(run), "features", explainer, again.example_id).query("method == 'shapley'")
    np.testing.assert_allclose(again.features["shapley"].scores, theirs["score"], atol=CLOSE)
