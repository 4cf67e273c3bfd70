"""The classifier explains its texts as a run explains its own, and a run's model is a classifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, get_scorer, roc_auc_score

from study.errors import InputError, UnknownNameError
from study.library import known_model
from study.library.classifier import TextClassifier
from study.library.loading import LoadedRun, ModelKey
from tests.library.test_classifier import TINY, X, Y

pytestmark = pytest.mark.xdist_group("library run")
TEXT = "the warm tale is stale again"


def test_it_explains_the_margin_that_it_decides_by() -> None:
    model = TextClassifier(**TINY).fit(X, Y)
    found = model.explain(TEXT)
    assert (found.dataset, found.model, found.seed) == ("classifier", "classifier", model.known_.key.seed)
    assert found.class_names == ("bad", "good")
    assert found.target == "good"
    assert found.margin == pytest.approx(model.decision_function([TEXT])[0], abs=1e-12)
    assert found.probabilities == pytest.approx(model.predict_proba([TEXT])[0], abs=1e-12)
    assert found.predicted == model.predict([TEXT])[0]
    scores = found.features["shapley"].scores
    assert scores.sum() == pytest.approx(found.margin - found.empty_margin, abs=1e-9)
    np.testing.assert_allclose(found.direct["shapley"].cells.sum(1), scores, atol=1e-9)
    assert found.causal is not None
    np.testing.assert_allclose(found.causal.crosswalk.cells.sum(1), scores, atol=1e-9)
    assert all(gate.passed and gate.tolerance <= 1e-9 for gate in found.gates)


def test_an_explanation_is_the_same_every_time_and_as_long_as_asked() -> None:
    model = TextClassifier(**TINY).fit(X, Y)
    first, again = (model.explain(TEXT, methods=["lime"], causal=False) for _ in range(2))
    assert set(first.features) == {"lime"}
    assert first.causal is None
    np.testing.assert_array_equal(first.features["lime"].scores, again.features["lime"].scores)
    other = TextClassifier(**TINY | {"random_state": 1}).fit(X, Y).explain(TEXT, methods=["lime"], causal=False)
    assert not np.allclose(first.features["lime"].scores, other.features["lime"].scores)


def test_labels_that_are_numbers_are_named_by_their_digits() -> None:
    found = TextClassifier(**TINY).fit(X, [3] * 10 + [12] * 5 + [-1] * 5).explain(TEXT, causal=False)
    assert found.class_names == ("-1", "3", "12")
    assert found.target == found.predicted


def test_explained_before_it_learned() -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        TextClassifier().explain(TEXT)


def test_the_model_of_a_run_is_a_classifier(run: LoadedRun) -> None:
    explainer = run.explainer("own", "mlp", 1)
    model = TextClassifier.from_run(run, "own", "mlp", 1)
    assert model.classes_.tolist() == list(explainer.class_names)
    texts = run.table("texts").query("model == 'mlp' and seed == 1 and trained")
    assert len(texts)
    np.testing.assert_array_equal(model.predict_proba(texts["text"]), explainer.predict_proba(list(texts["text"])))
    np.testing.assert_allclose(model.decision_function(texts["text"]), texts["margin"], atol=1e-5)
    assert model.predict(texts["text"]).tolist() == texts["predicted"].tolist()
    assert model.score(texts["text"], texts["label"]) == accuracy_score(texts["label"], texts["predicted"])
    text = texts["text"].iloc[0]
    ours, theirs = (face.explain(text, causal=False).features["lime"].scores for face in (model, explainer))
    np.testing.assert_array_equal(ours, theirs)


def test_classes_of_a_run_ascend_whatever_their_order_there(run: LoadedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TextClassifier.from_run(run, model="short")
    restored = known_model.restore_model
    names = ("plus", "minus")  # of bad and good: the second of the run comes first

    def renamed(run: LoadedRun, key: ModelKey) -> known_model.KnownModel:
        return replace(restored(run, key), class_names=names)

    monkeypatch.setattr(known_model, "restore_model", renamed)
    model = TextClassifier.from_run(run, model="short")
    assert model.classes_.tolist() == ["minus", "plus"]
    texts = run.table("texts").query("model == 'short' and trained").drop_duplicates("example_id")
    theirs, ours = plain.predict_proba(texts["text"]), model.predict_proba(texts["text"])
    np.testing.assert_array_equal(ours, theirs[:, ::-1])
    np.testing.assert_array_equal(model.decision_function(texts["text"]), -plain.decision_function(texts["text"]))
    assert model.predict(texts["text"]).tolist() == [names[k] for k in theirs.argmax(1)]
    labels = [names[k] for k in (0, 1, 1, 0)]
    right = roc_auc_score([label == "plus" for label in labels], ours[:, 1])
    assert get_scorer("roc_auc")(model, list(texts["text"]), labels) == right
    found = model.explain(texts["text"].iloc[0], methods=["shapley"], causal=False)
    assert found.margin == pytest.approx(-model.decision_function([found.text])[0], abs=1e-6)
    assert found.target == "minus"


def test_the_model_of_a_run_brings_its_settings(run: LoadedRun) -> None:
    model = TextClassifier.from_run(run, model="short")
    settings = {"n_layers": 2, "n_heads": 2, "d_model": 8, "d_mlp": 0, "max_words": 7, "max_epochs": 2, "min_steps": 0}
    assert {name: model.get_params()[name] for name in settings} == settings
    assert (model.random_state, model.dtype, model.batch_size, model.learning_rate) == (0, "float32", 16, 0.01)
    learned = clone(model).fit(X, Y)
    assert learned.known_.model.index == model.known_.model.index
    assert learned.classes_.tolist() == ["bad", "good"]
    with pytest.raises(UnknownNameError, match="did you mean 'short'"):
        TextClassifier.from_run(run, model="shrt")
    with pytest.raises(InputError, match=r"from_run got 'smoke', no loaded run: write from_run\(load_run\('smoke'\)\)"):
        TextClassifier.from_run("smoke")  # type: ignore[arg-type]
