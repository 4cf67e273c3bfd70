"""The classifier of texts: what it learns, and what it promises to scikit-learn, on texts of our own."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning

from study.library.classifier import TextClassifier
from study.records import CLS_ID

TINY = {"n_layers": 1, "n_heads": 2, "d_model": 8, "d_mlp": 8, "max_epochs": 1, "min_steps": 0, "random_state": 0}
METHODS = ("predict", "predict_proba", "decision_function")
X = [
    f"the {word} {thing} is {word} again"
    for word in ("warm", "bright", "stale", "bleak")
    for thing in ("tale", "story", "scene", "cast", "score")
]
Y = ["good"] * 10 + ["bad"] * 10


@pytest.fixture(scope="module")
def fitted() -> TextClassifier:
    return TextClassifier(**TINY).fit(X, Y)


def test_it_learns_which_words_decide() -> None:
    model = TextClassifier(n_layers=1, d_model=16, d_mlp=16, min_steps=120, batch_size=6, random_state=0).fit(X, Y)
    assert model.score(X, Y) == 1.0
    assert model.predict(["a warm , bright picture", "a stale and bleak picture"]).tolist() == ["good", "bad"]
    assert model.predict_proba(["warm", "stale"])[:, 1].round(1).tolist() == pytest.approx([0.9, 0.1], abs=0.2)
    assert model.n_iter_ == len(model.history_)
    assert model.history_[-1].train_loss < model.history_[0].train_loss


def test_outputs_agree_with_each_other(fitted: TextClassifier) -> None:
    probabilities, margin = fitted.predict_proba(X), fitted.decision_function(X)
    assert fitted.classes_.tolist() == ["bad", "good"]
    assert probabilities.shape == (20, 2)
    assert margin.shape == (20,)
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-margin)), rtol=1e-12)
    assert fitted.predict(X).tolist() == np.where(margin > 0, "good", "bad").tolist()
    assert fitted.score(X, Y) == np.mean(fitted.predict(X) == np.array(Y))


def test_several_classes_of_whole_numbers() -> None:
    labels = np.array([7, -1, 3, 7] * 5)
    model = TextClassifier(**TINY).fit(X, labels)
    margin, probabilities = model.decision_function(X), model.predict_proba(X)
    assert model.classes_.tolist() == [-1, 3, 7]
    assert model.predict(X).dtype == labels.dtype
    assert margin.shape == (20, 3)
    np.testing.assert_allclose(margin.sum(1), 0, atol=1e-12)
    assert model.predict(X).tolist() == model.classes_[margin.argmax(1)].tolist()
    others = (np.log(probabilities).sum(1, keepdims=True) - np.log(probabilities)) / 2
    np.testing.assert_allclose(margin, np.log(probabilities) - others, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "texts", [tuple(X), iter(X), np.array(X), np.array(X, dtype=object), pd.Series(X), pd.Index(X)], ids=type
)
def test_texts_come_in_any_one_dimensional_form(texts: Any, fitted: TextClassifier) -> None:
    np.testing.assert_array_equal(fitted.predict_proba(texts), fitted.predict_proba(X))


@pytest.mark.parametrize("labels", [tuple(Y), np.array(Y), np.array(Y, dtype=object), pd.Series(Y)], ids=type)
def test_labels_come_in_any_one_dimensional_form(labels: Any, fitted: TextClassifier) -> None:
    model = TextClassifier(**TINY).fit(X, labels)
    assert model.classes_.tolist() == ["bad", "good"]
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("method", METHODS)
def test_no_text_is_judged_by_its_neighbours(method: str, fitted: TextClassifier) -> None:
    """Texts of unlike length, since the shorter ones are padded. scikit-learn: subset and order invariance."""
    texts = [*X, "", "warm", "warm " * 80, "never seen words"]
    ask = getattr(fitted, method)
    whole, order = ask(texts), np.random.default_rng(0).permutation(len(texts))
    _same(whole, np.concatenate([ask([text]) for text in texts]))
    _same(whole[order], ask([texts[i] for i in order]))


def _same(a: np.ndarray, b: np.ndarray) -> None:
    if a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    else:
        assert a.tolist() == b.tolist()


def test_random_state_decides_the_model(fitted: TextClassifier) -> None:
    def margin(state: Any) -> np.ndarray:
        return TextClassifier(**{**TINY, "random_state": state}).fit(X, Y).decision_function(X)

    first = fitted.decision_function(X)
    np.testing.assert_array_equal(margin(0), first)
    np.testing.assert_array_equal(margin(np.random.RandomState(0)), first)
    assert not np.allclose(margin(1), first)
    assert not np.allclose(margin(None), margin(None))


def test_fitting_again_starts_anew_and_leaves_the_callers_random_numbers_alone(fitted: TextClassifier) -> None:
    model = clone(fitted)
    assert not hasattr(model, "classes_")
    np.random.seed(3)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert model.fit(X[:8] + X[12:], Y[:8] + Y[12:]) is model
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    np.testing.assert_array_equal(model.fit(X, Y).decision_function(X), fitted.decision_function(X))


def test_neither_fitting_nor_asking_changes_what_is_public(fitted: TextClassifier) -> None:
    model = clone(fitted)
    before = copy.deepcopy(model.get_params())
    texts, labels = list(X), list(Y)
    model.fit(texts, labels)
    assert (texts, labels) == (X, Y)
    assert model.get_params() == before
    assert {name for name in vars(model) if name not in before} == {*("classes_", "history_", "known_", "n_iter_")}
    held = dict(vars(model))
    for method in METHODS:
        getattr(model, method)(texts)
    assert all(vars(model)[name] is value for name, value in held.items())
    assert vars(model).keys() == held.keys()


def test_it_can_be_pickled(fitted: TextClassifier) -> None:
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301, our own bytes
    assert again.predict(X).tolist() == fitted.predict(X).tolist()
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_texts_held_out_choose_the_epoch_and_are_not_learned() -> None:
    words = [f"only{i} in {i % 4}" for i in range(20)]
    settings = TINY | {"min_count": 1}
    split = TextClassifier(**settings, validation_fraction=0.2).fit(words, Y)
    whole = TextClassifier(**settings, validation_fraction=0).fit(words, Y)
    known = [sum(word.startswith("only") for word in model.known_.vocabulary.words) for model in (split, whole)]
    assert known == [16, 20]
    assert [len(model.known_.reference) for model in (split, whole)] == [16, 20]
    assert np.bincount(split.known_.reference.label).tolist() == [8, 8]


def test_a_class_of_one_text_is_learned_not_held_out() -> None:
    model = TextClassifier(**TINY, validation_fraction=0.9).fit(X, ["rare", *Y[1:]])
    assert model.classes_.tolist() == ["bad", "good", "rare"]
    assert np.bincount(model.known_.reference.label).tolist() == [1, 1, 1]


def test_a_text_is_read_up_to_max_words() -> None:
    model = TextClassifier(**TINY, max_words=3).fit(X, Y)
    np.testing.assert_array_equal(
        model.predict_proba(["the warm tale"]), model.predict_proba(["the warm tale is bleak"])
    )
    model.set_params(max_words=60)  # for the next fit; the fitted model still has three positions
    assert model.predict_proba(["the warm tale is bleak"]).shape == (1, 2)


def test_an_empty_text_is_the_answer_to_nothing(fitted: TextClassifier) -> None:
    empty, blank = fitted.predict_proba(["", " \n"])
    np.testing.assert_array_equal(empty, blank)
    batch = fitted.known_.model.logits(*_one_row([CLS_ID])).numpy()
    np.testing.assert_allclose(np.log(empty), batch[0] - np.log(np.exp(batch).sum()), rtol=1e-12)


def _one_row(ids: list[int]) -> tuple[Any, Any]:
    import torch

    tokens = torch.tensor([ids])
    return tokens, torch.ones_like(tokens, dtype=torch.bool)


def test_parameters_may_be_numbers_of_numpy() -> None:
    numbers = {"n_heads": np.int64(2), "validation_fraction": np.float32(0.5), "layer_norm": np.bool_(False)}
    model = TextClassifier(**TINY | numbers).fit(X, Y)
    assert len(model.known_.reference) == 10
    assert not model.known_.config.models[0].layer_norm


def test_labels_in_a_column_are_read_with_a_warning(fitted: TextClassifier) -> None:
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = TextClassifier(**TINY).fit(X, np.array(Y)[:, None])
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))
