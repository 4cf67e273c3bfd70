"""The same numbers as captum, Quantus and ferret on the same removals; where they differ, how exactly and why."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import warnings

import numpy as np
import pytest
import torch

from study.metrics.faithfulness import measure
from tests.metrics.perturbed_games import perturbed, polynomial, shapley_of

N_WORDS = 10  # ferret rounds 10 to 50 % of the words down, we round up: the same here


class GameModel(torch.nn.Module):
    """A classifier of present words [example ... word], 1 where present: logits (0, margin)."""

    def __init__(self, margins_of) -> None:
        super().__init__()
        self.margins_of = margins_of

    def forward(self, x):
        margins = torch.tensor(self.margins_of(x.flatten(1).numpy() > 0.5))
        return torch.stack([torch.zeros_like(margins), margins], dim=1)


def infidelity_by_captum(model, p, *, normalize):
    from captum.metrics import infidelity

    removed = torch.tensor(p.removed, dtype=torch.float64)
    return infidelity(
        model,
        lambda x: (removed, x - removed),
        torch.ones(1, N_WORDS, dtype=torch.float64),
        torch.tensor(p.claim.support)[None],
        target=1,
        n_perturb_samples=len(removed),
        normalize=normalize,
    ).item()


@pytest.mark.parametrize("seed", range(3))
def test_infidelity_is_captums(seed):
    margins_of, rng = polynomial(N_WORDS, seed), np.random.default_rng(seed)
    for p in perturbed(margins_of, rng.normal(size=N_WORDS), rng.random(N_WORDS)):
        assert measure(p)["infidelity_error"] == pytest.approx(
            infidelity_by_captum(GameModel(margins_of), p, normalize=False)
        )


def test_scaled_infidelity_is_captums_where_its_scale_is_positive():
    """captum's is in logits squared, ours a share. It also scales by numbers below 0: then ours is 1, its is less."""
    margins_of = polynomial(N_WORDS, 1)
    scores = np.random.default_rng(0).random(N_WORDS)
    ours, flipped = perturbed(margins_of, scores, -scores)
    by_captum = infidelity_by_captum(GameModel(margins_of), ours, normalize=True)
    assert by_captum > 0
    assert measure(ours)["infidelity_scaled_error"] == pytest.approx(by_captum / np.mean(ours.lost**2))
    assert infidelity_by_captum(GameModel(margins_of), flipped, normalize=True) == pytest.approx(by_captum)
    assert measure(flipped)["infidelity_scaled_error"] == 1


def quantus():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("quantus")


def quantus_arguments(margins_of, p):
    return {
        "model": GameModel(margins_of).eval(),
        "x_batch": np.ones((1, 1, N_WORDS)),
        "y_batch": np.array([1]),
        "a_batch": p.claim.support[None, None],
        "softmax": False,
        "channel_first": True,
    }


def test_the_deletion_curve_is_pixel_flipping_of_quantus():
    """Its curve starts after the first removal, ours with the full text. Its own area calls a function that numpy
    dropped, so the area is not compared."""
    margins_of = polynomial(N_WORDS, 2)
    (p,) = perturbed(margins_of, np.random.default_rng(3).normal(size=N_WORDS))
    metric = quantus().PixelFlipping(
        features_in_step=1, perturb_baseline=0.0, normalise=False, abs=False, disable_warnings=True
    )
    assert p.deletion[1:] == pytest.approx(np.array(metric(**quantus_arguments(margins_of, p))[0]))


def test_the_insertion_curve_is_pixel_flipping_of_quantus_from_the_end():
    """Putting words back, most support first, visits the same texts as removing them, least support first."""
    margins_of = polynomial(N_WORDS, 2)
    scores = np.random.default_rng(3).normal(size=N_WORDS)
    ours, flipped = perturbed(margins_of, scores, -scores)
    metric = quantus().PixelFlipping(
        features_in_step=1, perturb_baseline=0.0, normalise=False, abs=False, disable_warnings=True
    )
    curve = np.array(metric(**quantus_arguments(margins_of, flipped))[0])
    assert ours.insertion[:-1] == pytest.approx(curve[::-1])


def test_scaled_infidelity_is_faithfulness_correlation_of_quantus_without_centring():
    """Its removals all have one size; with the cosine for Pearson's correlation, the error is 1 - cosine squared."""
    margins_of, size, runs = polynomial(N_WORDS, 4), 4, 60
    (p,) = perturbed(margins_of, shapley_of(margins_of, N_WORDS))

    def cosine(a, b, batched):
        return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)

    metric = quantus().FaithfulnessCorrelation(
        nr_runs=runs,
        subset_size=size,
        similarity_func=cosine,
        perturb_baseline=0.0,
        normalise=False,
        abs=False,
        return_aggregate=False,
        disable_warnings=True,
    )
    state = np.random.get_state()  # noqa: NPY002 - the library draws from numpy's global generator
    try:
        np.random.seed(0)  # noqa: NPY002
        chosen = [np.random.choice(N_WORDS, size, replace=False) for _ in range(runs)]  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        (found,) = metric(**quantus_arguments(margins_of, p))
    finally:
        np.random.set_state(state)  # noqa: NPY002
    removed = np.array([np.isin(np.arange(N_WORDS), words) for words in chosen])
    lost = margins_of(np.ones((1, N_WORDS), dtype=bool)) - margins_of(~removed)
    ours = measure(type(p)(**{name: getattr(p, name) for name in p.__slots__} | {"removed": removed, "lost": lost}))
    assert found > 0
    assert ours["infidelity_scaled_error"] == pytest.approx(1 - found**2)


SCALE = 1e-3  # ferret measures probabilities: p = 1/2 + SCALE x margin makes its numbers SCALE x ours


class FerretHelper:
    """Stands in for ferret's model and tokenizer: a text is its words' numbers, -1 for the mask; no special tokens."""

    cls_token, mask_token_id = "[CLS]", -1

    def __init__(self, margins_of) -> None:
        self.margins_of = margins_of
        self.tokenizer = self

    def decode(self, ids):
        return " ".join(str(i) for i in ids)

    def _tokenize(self, text):
        ids = torch.tensor([[int(i) for i in text.split()]])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def _forward(self, texts, output_hidden_states):
        texts = [texts] if isinstance(texts, str) else texts
        words = [[int(i) for i in text.split() if i != "-1"] for text in texts]
        present = np.array([np.isin(np.arange(N_WORDS), row) for row in words])
        p = torch.tensor(0.5 + SCALE * self.margins_of(present))
        return None, torch.stack([torch.log(1 - p), torch.log(p)], dim=1)


@pytest.fixture
def ferret(monkeypatch):
    """ferret's faithfulness module alone: the package's own start pulls in every explainer and data set it knows."""
    spec = importlib.util.find_spec("ferret")  # installed by the Makefile without its dependencies
    package = types.ModuleType("ferret")
    package.__path__ = list(spec.submodule_search_locations)
    for name in [name for name in sys.modules if name.partition(".")[0] == "ferret"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ferret", package)
    yield importlib.import_module("ferret.evaluators.faithfulness_measures")
    for name in [name for name in sys.modules if name.startswith("ferret.")]:
        del sys.modules[name]


def by_ferret(ferret, evaluator, margins_of, scores, *, remove_tokens):
    explanation = sys.modules["ferret.explainers.explanation"].Explanation(
        text=" ".join(str(i) for i in range(N_WORDS)), tokens=["0"], scores=scores, explainer="ours", target=1
    )
    metric = getattr(ferret, evaluator).__new__(getattr(ferret, evaluator))
    metric.helper = FerretHelper(margins_of)
    removal = {"remove_tokens": remove_tokens, "based_on": "perc", "thresholds": [0.1, 0.2, 0.3, 0.4, 0.5]}
    found = metric.compute_evaluation(explanation, target=1, remove_first_last=False, removal_args=removal)
    return found.score / SCALE


@pytest.mark.parametrize("seed", range(3))
def test_aopc_is_ferrets(ferret, seed):
    """Scores above 0: with others ferret leaves words out, or, asked not to, compares an array with a list."""
    margins_of, scores = polynomial(N_WORDS, seed), np.random.default_rng(seed).random(N_WORDS) + 0.1
    (p,) = perturbed(margins_of, scores)
    ours = measure(p)
    for remove_tokens in (True, False):
        found = by_ferret(ferret, "AOPC_Comprehensiveness_Evaluation", margins_of, scores, remove_tokens=remove_tokens)
        assert ours["comprehensiveness_score"] == pytest.approx(found)
    found = by_ferret(ferret, "AOPC_Sufficiency_Evaluation", margins_of, scores, remove_tokens=True)
    assert ours["sufficiency_error"] == pytest.approx(found)


def test_sufficiency_of_ferret_by_masks_is_its_comprehensiveness(ferret):
    """A fault of the library: it masks the top words where it should keep them."""
    margins_of, scores = polynomial(N_WORDS, 1), np.random.default_rng(1).random(N_WORDS) + 0.1
    ours = measure(perturbed(margins_of, scores)[0])
    found = by_ferret(ferret, "AOPC_Sufficiency_Evaluation", margins_of, scores, remove_tokens=False)
    assert found == pytest.approx(ours["comprehensiveness_score"])
    assert found != pytest.approx(ours["sufficiency_error"])
