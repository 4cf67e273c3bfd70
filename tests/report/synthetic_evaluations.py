"""The rows of an invented run that say how explanations and hypotheses stood the test; numbers only look the part."""

from __future__ import annotations

import itertools

import numpy as np

from study.config.limits import SHAPLEY_METHODS, primary_shapley
from tests.report.synthetic_shape import UNSIGNED, Shape

OPERATORS = ("mask", "delete", "resample")
FAITHFULNESS = {  # metric -> its value for a method as good as SHAP, and for one as good as chance
    "comprehensiveness_score": (1.2, 0.2),
    "comprehensiveness_normalised_score": (0.95, 0.4),
    "sufficiency_error": (0.1, 0.8),
    "sufficiency_normalised_error": (0.05, 0.5),
    "deletion_area_error": (0.3, 0.8),
    "insertion_area_score": (0.9, 0.3),
    "infidelity_error": (0.1, 1.5),
    "infidelity_scaled_error": (0.1, 0.9),
}
LEXICON = {"dull": -1.7, "weak": -1.9, "great": 3.1, "moving": 1.2, "not": -0.5, "fine": 0.8, "bad": -2.5}
HYPOTHESES = (  # hypothesis, part, claim, effect, smallest effect, verdict
    ("H1", "", "SHAP and LIME agree where the model is nearly additive & not because they are right.", 0.42, 0.3),
    ("H1", "additivity", "The nearer a model is to a sum, the more SHAP and LIME agree.", 0.42, 0.3),
    ("H1", "correctness", "Agreement says nothing of correctness.", 0.02, np.nan),
    ("H3", "", "The more a head works through later layers, the more <b>methods</b> part.", -0.25, 0.3),
    ("H5", "", "The more heads stand in for each other, the more ablations differ.", 0.1, 0.3),
    ("H6", "", "SHAP and LIME agree less on longer texts.", np.nan, 0.02),
)
CIRCUITS = ("shapley_margin", "ablation_mean", "direct_centred", "random")
VERDICTS = ("supported", "supported", "supported", "contradicted", "inconclusive", "not tested")


class EvaluationRows:
    """Adds the rows of evaluations to a `synthetic_rows.Writer`."""

    def __init__(self, add, *, shape: Shape, rng: np.random.Generator) -> None:
        self.add, self.shape, self.rng = add, shape, rng
        self.shap = primary_shapley(shape.methods)
        self.drawing = [m for m in (self.shap, "lime") if m in shape.methods]
        second = set(SHAPLEY_METHODS) - {self.shap}
        self.again = [m for m in shape.methods if m not in second]

    def cell(self, key, examples) -> None:
        """All of one trained model; examples: (id, words)."""
        for epoch in range(1, 4):
            accuracy = 0.5 + 0.15 * epoch + self.rng.normal(0, 0.01)
            losses = {"train_loss": 0.7 / epoch, "validation_loss": 0.7 / epoch, "validation_accuracy": accuracy}
            self.add("shuffled_training", **key, epoch=epoch, **losses)
        for example_id, words in examples:
            place = key | {"example_id": example_id}
            self.faithfulness(place)
            self.repeats(place)
            self.edits(place, words)
            self.sanity(place)
            self.plausibility(place)
        self.ratings(key)

    def measurement(self, place, metric: str, a: str, b: str, value: float) -> None:
        self.add("measurements", **place, metric=metric, method_a=a, method_b=b, value=value)

    def faithfulness(self, place) -> None:
        methods = [(m, "mask") for m in self.shape.methods] + [(m, "delete") for m in self.drawing]
        for (method, asked), operator in itertools.product(methods, OPERATORS):
            for metric, (good, poor) in FAITHFULNESS.items():
                how = 0.1 if method == "random" else 0.3 if method in UNSIGNED else 0.95
                value = how * good + (1 - how) * poor + self.rng.normal(0, 0.02)
                value = np.nan if method in UNSIGNED and metric.startswith("infidelity") else value
                by = {"method": method, "explained_under": asked, "removed_by": operator}
                self.add("faithfulness", **place, **by, metric=metric, value=value)
                name = method if asked == "mask" else f"{method}@{asked}"
                self.measurement(place, f"{metric}_{operator}", name, "", value)
            for order, fraction in itertools.product(("deletion", "insertion"), (0.0, 0.5, 1.0)):
                curve = {"order": order, "fraction": fraction, "n_removed": int(10 * fraction), "margin": 1 - fraction}
                self.add("perturbation_curves", **place, **by, **curve)

    def repeats(self, place) -> None:
        for (a, b), repeat in itertools.product(itertools.combinations_with_replacement(self.drawing, 2), range(2)):
            value = 0.97 + self.rng.normal(0, 0.01)
            self.add("repeats", **place, repeat=repeat, metric="spearman", method_a=a, method_b=b, value=value)
        for a, b in itertools.combinations_with_replacement(self.drawing, 2):
            self.measurement(place, "repeat_spearman", a, b, 0.97 + self.rng.normal(0, 0.01))
        for method in self.drawing:
            word = {"word_index": 0, "word": "a", "score_mean": 0.1, "score_sd": 0.01, "n_repeats": 2}
            self.add("word_stability", **place, method=method, **word)

    def edits(self, place, words) -> None:
        swapped = {"edit": 0, "word_index": 0, "word": words[0], "new_word": "<i>"}
        self.add("edits", **place, **swapped, margin=1.0, edited_margin=0.9)
        for method in self.again:
            for metric in ("edit_spearman_score", "edit_spearman_abs_score", "edit_sensitivity_error"):
                if method not in UNSIGNED or metric != "edit_spearman_score":
                    value = 0.9 + self.rng.normal(0, 0.02)
                    self.add("edit_stability", **place, edit=0, method=method, metric=metric, value=value)
                    self.measurement(place, metric, method, "", value)

    def sanity(self, place) -> None:
        layers = [f"layer {n}" for n in reversed(range(self.shape.n_layers))]
        for order, step in enumerate(("readout", *layers, "embeddings", "labels")):
            for method in self.again:
                value = 1.0 if method in UNSIGNED and step == "readout" else self.rng.normal(0.0, 0.1)
                row = {"randomised": step, "order": order, "method": method}
                self.add("sanity", **place, **row, metric="spearman_abs", value=value)
                name = f"sanity_spearman_abs_{step.replace(' ', '_')}"
                self.measurement(place, name, method, method, value)

    def plausibility(self, place) -> None:
        for method in self.shape.methods:
            value = 0.2 if method == "random" else 0.5 + self.rng.normal(0, 0.05)
            self.measurement(place, "plausibility_average_precision_score", method, "", value)
        self.measurement(place, "plausibility_chance", "chance", "", 0.2)

    def circuits(self, key, example_ids) -> None:
        """CPR and CMD; the first method is the best, the control the worst."""
        for example_id, (rank, method) in itertools.product(example_ids, enumerate(CIRCUITS)):
            place = key | {"example_id": example_id}
            gained = 0.2 if method == "random" else 0.9 - 0.1 * rank
            self.measurement(place, "circuit_performance_score", method, "", gained + self.rng.normal(0, 0.01))
            self.measurement(place, "circuit_distance_error", method, "", 1 - gained + self.rng.normal(0, 0.01))
            for n_kept in range(3):
                curve = {"order": "support", "n_kept": n_kept, "n_heads": 2, "fraction": n_kept / 2}
                self.add("circuit_curves", **place, method=method, **curve, faithfulness=n_kept / 2)

    def ratings(self, key) -> None:
        for (word, rating), method in itertools.product(LEXICON.items(), self.shape.methods):
            score = 0.3 * rating + self.rng.normal(0, 0.1)
            people = {"rating": rating, "rating_sd": 0.5}
            self.add("ratings", **key, word=word, **people, method=method, score_mean=score, n_texts=2)

    def summaries(self) -> None:
        """Tables over all cells."""
        level, n = 0.95, self.shape.n_texts
        for model, _ in self.shape.models:
            self._over_seeds({"dataset": "reviews", "model": model}, level, n)
        for kind in ("majority", "tfidf_logreg"):
            self._rated({"dataset": "reviews", "model": ""}, kind, level)
        for number, ((name, part, claim, effect, smallest), verdict) in enumerate(
            zip(HYPOTHESES, VERDICTS, strict=True)
        ):
            for model in ("", *(m for m, _ in self.shape.models if part or name != "H1")):
                bounds = {"effect": effect, "low": effect - 0.05, "high": effect + 0.05, "level": level}
                p = {"p": 0.001 * (number + 1), "p_adjusted": 0.002 * (number + 1), "smallest_effect": smallest}
                counts = {"n_examples": n, "n_seeds": len(self.shape.seeds), "n_undefined": 0}
                where = {"dataset": "reviews" if model else "", "model": model}
                reason = (
                    "Too few texts."
                    if verdict == "not tested"
                    else f"The interval ({effect - 0.05:.3f} to {effect + 0.05:.3f}) says so & no more."
                )
                self.add(
                    "hypotheses", hypothesis=name, part=part, claim=claim, **where, **bounds, **p,
                    equivalence_band=0.1, verdict=verdict, reason=reason, **counts,
                )  # fmt: skip

    def _over_seeds(self, where, level: float, n: int) -> None:
        sources = ("training seed", "example", "training seed x example", "explainer seed")
        shares = (0.25, 0.5, 0.0, 0.25)
        counts = {"n_seeds": len(self.shape.seeds), "n_examples": n}
        for source, share in zip(sources, shares, strict=True):
            if len(self.drawing) == 2:
                pair = {"metric": "spearman", "method_a": self.shap, "method_b": "lime"}
                rest = {"is_cut": share == 0, "n_repeats": 2, "n_undefined": 0}
                self.add(
                    "variance", **where, **pair, source=source, variance=share / 100, share=share, **rest, **counts
                )
        for metric, operator, (a, b) in itertools.product(
            FAITHFULNESS, OPERATORS, itertools.combinations(self.shape.methods, 2)
        ):
            known = {"difference": 0.01, "low": -0.01, "high": 0.03, "level": level, "effect_size": 0.2}
            tested = {"p": 0.4, "p_adjusted": 0.6, "n_undefined": 0}
            names = {"metric": f"{metric}_{operator}", "method_a": a, "method_b": b}
            self.add("comparisons", **where, **names, **known, **tested, **counts)
        if len(self.shape.seeds) > 1:
            for method in self.shape.methods:
                metric = "seed_spearman_abs" if method in UNSIGNED else "seed_spearman"
                self._estimate(where, metric, method, method, 0.6, level, n)
        for method in [m for m in self.shape.methods if m not in UNSIGNED]:
            self._estimate(where, "rating_spearman", method, "rating", 0.5, level, n)
        self._rated(where, "model", level)

    def _rated(self, where, kind: str, level: float) -> None:
        spearman = dict.fromkeys(("spearman", "spearman_low", "spearman_high"), np.nan if kind == "majority" else 0.6)
        bounds = {"accuracy": 0.7, "low": 0.65, "high": 0.75, "level": level, "n_texts": 400}
        self.add("rated_texts", **where, seed="all", kind=kind, **bounds, **spearman)

    def _estimate(self, where, metric: str, a: str, b: str, value: float, level: float, n: int) -> None:
        bounds = {"estimate": value, "low": value - 0.1, "high": value + 0.1, "level": level}
        counts = {"n_examples": n, "n_seeds": len(self.shape.seeds), "n_undefined": 0}
        self.add("estimates", **where, metric=metric, method_a=a, method_b=b, subset="all", **bounds, **counts)
