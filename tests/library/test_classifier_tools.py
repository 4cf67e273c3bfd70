"""Other people's tools work on the classifier directly: shap, lime, and scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from study.library.classifier import TextClassifier
from tests.library.test_classifier import TINY, X, Y

TEXT = "the warm tale is stale again"


@pytest.fixture(scope="module")
def trained() -> TextClassifier:
    """It knows which words are good: of warm and stale in one text both count."""
    return TextClassifier(**TINY | {"d_model": 16, "min_steps": 120, "batch_size": 6}).fit(X, Y)


def test_shap_explains_its_probabilities(trained: TextClassifier) -> None:
    import shap

    names = trained.classes_.tolist()
    explainer = shap.Explainer(trained.predict_proba, shap.maskers.Text(r"\W+"), output_names=names, silent=True)
    found = explainer([TEXT])
    words = [word.strip() for word in found.data[0]]
    good = dict(zip(words, found.values[0][:, 1], strict=True))
    assert words == TEXT.split()
    assert good["warm"] > 0.05
    assert good["stale"] < -0.05
    whole = trained.predict_proba([TEXT])[0]
    np.testing.assert_allclose(found.base_values[0] + found.values[0].sum(0), whole, atol=1e-6)


def test_lime_explains_its_probabilities(trained: TextClassifier) -> None:
    from lime.lime_text import LimeTextExplainer

    explainer = LimeTextExplainer(class_names=trained.classes_.tolist(), random_state=0)
    found = explainer.explain_instance(TEXT, trained.predict_proba, num_samples=80)
    good = dict(found.as_list())
    assert good["warm"] > 0.05
    assert good["stale"] < -0.05
    np.testing.assert_allclose(found.predict_proba, trained.predict_proba([TEXT])[0])


def test_in_a_pipeline_after_a_step_that_gives_texts(trained: TextClassifier) -> None:
    shorten = FunctionTransformer(lambda texts: [text.replace("again", "") for text in texts])
    pipeline = make_pipeline(shorten, TextClassifier(**TINY)).fit(X, Y)
    assert "again" not in pipeline[-1].known_.vocabulary.words
    assert "again" in trained.known_.vocabulary.words
    np.testing.assert_array_equal(pipeline.predict_proba([TEXT]), pipeline.predict_proba([TEXT[:-6]]))


def test_cross_validation_and_its_report() -> None:
    scores = cross_val_score(TextClassifier(**TINY), X, Y, cv=2, scoring="roc_auc", error_score="raise")
    assert scores.shape == (2,)
    assert ((scores >= 0) & (scores <= 1)).all()
    predicted = cross_val_predict(TextClassifier(**TINY), X, Y, cv=2)
    report = classification_report(Y, predicted, output_dict=True, zero_division=0)
    assert report["accuracy"] == np.mean(predicted == np.array(Y))


def test_a_search_over_its_parameters() -> None:
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    model = TextClassifier(**TINY | {"max_epochs": 20, "batch_size": 4, "word_mask_rate": 0, "validation_fraction": 0})
    search = GridSearchCV(model, {"learning_rate": np.array([1e-9, 0.02])}, cv=folds, error_score="raise").fit(X, Y)
    assert search.best_params_ == {"learning_rate": 0.02}
    assert search.best_score_ > search.cv_results_["mean_test_score"][0] + 0.2
    assert search.predict(X).tolist() == Y


def test_its_probabilities_calibrated() -> None:
    calibrated = CalibratedClassifierCV(TextClassifier(**TINY), cv=2).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(1), 1)
    plain = [fold.estimator.decision_function(X) for fold in calibrated.calibrated_classifiers_]
    assert len(plain) == 2
    assert not np.allclose(*plain)


def test_votes_beside_another_classifier() -> None:
    other = make_pipeline(TfidfVectorizer(), LogisticRegression())
    both = VotingClassifier([("encoder", TextClassifier(**TINY)), ("words", other)], voting="soft").fit(X, Y)
    encoder, words = both.estimators_
    np.testing.assert_allclose(
        both.predict_proba(X), (encoder.predict_proba(X) + words.predict_proba(X)) / 2, rtol=1e-12
    )
