"""The rows of every table of an invented run; rows and columns of its crosswalks add up as in a real one."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS, primary_shapley
from tests.report.synthetic_evaluations import EvaluationRows
from tests.report.synthetic_heads import MEAN_WRITE, HeadRows
from tests.report.synthetic_shape import METRICS, NOISE, UNSIGNED, Shape, component_rows
from tests.report.synthetic_texts import VALENCE, is_unknown


def loadings(components: list[tuple[str, str, int, int]], rng: np.random.Generator) -> np.ndarray:
    """How a word's effect is divided over components: sums to one, some negative."""
    size = {"embed": 0.0, "head": 1.0, "attn_bias": 0.02, "mlp": 3.0, "readout_bias": 0.0}
    weight = np.array([size[kind] * rng.normal(0.6, 0.8) for _, kind, _, _ in components])
    weight[1] += 0.5
    return weight / (weight.sum() if abs(weight.sum()) > 0.5 else 0.5 * np.sign(weight.sum() or 1))


class Writer:
    """Collects the rows of every table, then writes the folder."""

    def __init__(self, shape: Shape, seed: int = 7) -> None:
        self.shape = shape
        self.rng = np.random.default_rng(seed)
        self.rows: dict[str, list[dict[str, object]]] = {}
        self.cost: list[dict[str, object]] = []
        self.last = np.zeros((0, 0))  # [word component] of the text written last

    def add(self, table: str, **row: object) -> None:
        self.rows.setdefault(table, []).append(row)

    def cell(self, model: str, d_mlp: int, seed: int) -> None:
        """All tables of one trained model."""
        components = component_rows(self.shape, d_mlp)
        share = loadings(components, self.rng)
        empty = self.rng.normal(0, 0.15, len(components))
        key = {"dataset": "reviews", "model": model, "seed": seed}
        for epoch in range(1, 7):
            accuracy = 0.79 - 0.25 * np.exp(-epoch) + self.rng.normal(0, 0.004)
            losses = {"train_loss": 0.7 * np.exp(-epoch / 4), "validation_loss": 0.5 + 0.01 * (epoch - 4) ** 2}
            self.add("training", **key, epoch=epoch, **losses, validation_accuracy=accuracy)
        accuracy = 0.79 + self.rng.normal(0, 0.005)
        self.add("accuracy", **key, kind="model", accuracy=accuracy, low=accuracy - 0.025, high=accuracy + 0.025)
        dissected = HeadRows(self.add, shape=self.shape, key=key, components=components, d_mlp=d_mlp)
        sentences = list(itertools.islice(itertools.cycle(enumerate(self.shape.sentences)), self.shape.n_texts))
        for n, (i, (text, label)) in enumerate(sentences):
            example = f"t{n:03d}"
            label = (label + i) % len(self.shape.classes) if len(self.shape.classes) > 2 else label
            self.text(key, example, text, label, components, share, empty, trained=True)
            if self.shape.dissected:
                dissected.text(example, text.split()[: self.shape.max_words], self.last, empty)
            if n < 8:
                self.text(key, example, text, label, components, share, empty, trained=False)
        if self.shape.dissected:
            dissected.finish()
        self.evaluations(key, [(f"t{n:03d}", text.split()) for n, (_, (text, _)) in enumerate(sentences)])
        for k, method in enumerate(self.shape.methods):
            evals = {"shapley": 9000, "shap": 9002, "lime": 1000, "occlusion": 20, "integrated_gradients": 32}.get(
                method, 1
            )
            n_evals = evals * self.shape.n_texts
            self.cost.append(
                {**key, "method": method, "n_texts": self.shape.n_texts, "n_evals": n_evals, "seconds": 2.0 + k}
            )

    def evaluations(self, key, texts) -> None:
        """How the explanations of the first texts stood the test, and what is said of all rated words."""
        rows = EvaluationRows(self.add, shape=self.shape, rng=np.random.default_rng([23, int(key["seed"])]))
        if self.shape.evaluated_texts:
            rows.cell(key, texts[: self.shape.evaluated_texts])
        if self.shape.evaluated_texts and self.shape.dissected:
            rows.circuits(key, [example_id for example_id, _ in texts])

    def text(self, key, example, text, label, components, share, empty, *, trained: bool) -> None:
        """One explained text: scores, crosswalk, components and measurements."""
        rng, shape = self.rng, self.shape
        words = text.split()
        known = words[: shape.max_words]
        signal = np.array([VALENCE.get(w, rng.normal(0, 0.04)) for w in known])
        signal = signal * rng.uniform(0.7, 1.3, len(known)) * (1.0 if trained else 0.05)
        cells = np.outer(signal, share) + rng.normal(0, 0.03, (len(known), len(share)))
        contribution = empty + cells.sum(axis=0)
        margin = contribution.sum()
        self.last = cells
        names = shape.classes
        target = names[1] if len(names) == 2 else names[label]
        predicted = (
            (names[1] if margin > 0 else names[0]) if len(names) == 2 else names[(label + (margin < -0.5)) % len(names)]
        )
        texts = {"text": text, "label": names[label], "predicted": predicted, "target": target, "margin": margin}
        counts = {
            "n_words": len(words),
            "n_words_cut": len(words) - len(known),
            "n_unknown": sum(map(is_unknown, words)),
        }
        self.add("texts", **key, trained=trained, example_id=example, **texts, empty_margin=empty.sum(), **counts)
        scores = self.features(key, example, words, cells.sum(axis=1), trained)
        if not trained:
            return
        for (name, kind, layer, head), value, base in zip(components, contribution, empty, strict=True):
            place = {"component": name, "layer": layer, "head": head}
            self.add(
                "components",
                **key,
                example_id=example,
                kind_of_component=kind,
                contribution=value,
                empty_contribution=base,
                **place,
            )
            for method, score in (
                (("direct_raw", value), ("direct_centred", value - base - MEAN_WRITE)) if kind == "head" else ()
            ):
                fixed = {"kind": "direct", "ablation": "", "error": np.nan}
                self.add("heads", **key, example_id=example, **place, method=method, score=score, **fixed)
        lime = 0.93 * cells + rng.normal(0, 0.015, cells.shape)
        for (method, values), w, c in itertools.product(
            ((primary_shapley(shape.methods), cells), ("lime", lime)), range(len(known)), range(len(components))
        ):
            if method in shape.methods:
                place = {"word_index": w, "word": words[w], "component": components[c][0]}
                self.add(
                    "crosswalk", **key, example_id=example, **place, method=method, kind="direct", value=values[w, c]
                )
        self.measure(key, example, scores, cells)

    def features(self, key, example, words, truth, trained: bool) -> dict[str, np.ndarray]:
        scores = {}
        for method in self.shape.methods:
            slope, noise = NOISE[method]
            values = slope * truth + self.rng.normal(0, noise or 0.02, len(truth))
            if method in ("attention", "rollout"):
                values = self.rng.dirichlet(np.ones(len(truth)) + 2 * np.abs(truth))
            scores[method] = truth if method == primary_shapley(self.shape.methods) else values
            for w, word in enumerate(words):
                score = scores[method][w] if w < len(truth) else float("nan")
                fixed = {
                    "estimator": "exact" if method in SHAPLEY_METHODS else method,
                    "n_evals": 2 ** min(len(truth), 14),
                }
                row = {"word_index": w, "word": word, "unknown": is_unknown(word), "method": method, "score": score}
                self.add("features", **key, trained=trained, example_id=example, **row, **fixed)
        return scores

    def measure(self, key, example, scores, cells) -> None:
        for a, b in itertools.combinations(self.shape.methods, 2):
            rho = np.nan
            if len(cells) > 1:
                rho = float(np.corrcoef(np.argsort(np.argsort(scores[a])), np.argsort(np.argsort(scores[b])))[0, 1])
            for metric in METRICS:
                unsigned = {a, b} & set(UNSIGNED) and metric not in ("spearman_abs", "feature_agreement_at_k3")
                value = np.nan if unsigned else rho * (1.0 if metric.startswith("spearman") else 0.9)
                self.add("measurements", **key, example_id=example, metric=metric, method_a=a, method_b=b, value=value)
        for method in set(self.shape.methods) & {primary_shapley(self.shape.methods), "lime"}:
            size = np.abs(cells)
            effective = float(np.mean(size.sum(1) ** 2 / (size**2).sum(1)))
            kappa = float(np.mean(size.sum(1) / (np.abs(cells.sum(1)) + 0.01)))
            for metric, value in (("effective_components", effective), ("cancellation", kappa)):
                self.add(
                    "measurements", **key, example_id=example, metric=metric, method_a=method, method_b="", value=value
                )
        for method in self.shape.methods:
            value = float(self.rng.normal(0.1, 0.2))
            for metric in ("spearman_untrained", "spearman_abs_untrained"):
                value = np.nan if method in UNSIGNED and metric == "spearman_untrained" else value
                self.add(
                    "measurements",
                    **key,
                    example_id=example,
                    metric=metric,
                    method_a=method,
                    method_b=method,
                    value=value,
                )

    def estimates(self) -> None:
        """Means over texts and seeds, with intervals that only look like intervals."""
        values = pd.DataFrame(self.rows["measurements"])
        texts = pd.DataFrame(self.rows["texts"]).query("trained")
        texts["correct"] = texts["label"] == texts["predicted"]
        values = values.merge(texts[["model", "seed", "example_id", "correct"]], on=["model", "seed", "example_id"])
        keys = ["dataset", "model", "metric", "method_a", "method_b"]
        values["undefined"] = values["value"].isna()
        for subset, rows in (("all", values), ("correct", values[values.correct]), ("wrong", values[~values.correct])):
            table = rows.groupby(keys, sort=True).agg(
                estimate=("value", "mean"), sd=("value", "std"), n=("value", "count"),
                n_examples=("example_id", "nunique"), n_seeds=("seed", "nunique"), n_undefined=("undefined", "sum"),
            )  # fmt: skip
            half = 2 * table["sd"] / np.sqrt(table["n"].clip(lower=1))
            table = table.assign(subset=subset, low=table["estimate"] - half, high=table["estimate"] + half, level=0.95)
            for row in table.drop(columns=["sd", "n"]).reset_index().to_dict("records"):
                self.add("estimates", **row)

    def summaries(self) -> None:
        """Accuracy over seeds and of the baselines."""
        n_seeds = len(self.shape.seeds)
        if self.shape.evaluated_texts:
            EvaluationRows(self.add, shape=self.shape, rng=self.rng).summaries()
        for row in self.rows["accuracy"]:
            row.update(level=0.95, n_test=1000, n_seeds=1)
        for model, _ in self.shape.models:
            mean = float(np.mean([r["accuracy"] for r in self.rows["accuracy"] if r["model"] == model]))
            self.accuracy(model, "all", "model", mean, n_seeds)
        self.accuracy("", "all", "majority", 0.5, 1)
        self.accuracy("", "all", "tfidf_logreg", 0.772, 1)
        for row in self.rows["accuracy"]:
            row["seed"] = str(row["seed"])

    def accuracy(self, model: str, seed: str, kind: str, value: float, n_seeds: int) -> None:
        bounds = {"accuracy": value, "low": value - 0.02, "high": value + 0.02}
        self.add(
            "accuracy",
            dataset="reviews",
            model=model,
            seed=seed,
            kind=kind,
            **bounds,
            level=0.95,
            n_test=1000,
            n_seeds=n_seeds,
        )

    def walkthrough(self) -> None:
        steps = [
            {"step": "1", "operation": "one-hot input", "in_1": "", "in_2": "", "out": "1x20x50000"},
            {"step": "2", "operation": "token embedding", "in_1": "1x20x50000", "in_2": "50000x512", "out": "1x20x512"},
            {"step": "check", "operation": "both views", "in_1": "", "in_2": "", "out": "", "difference": 3.6e-15}
            | {"tolerance": 1e-12},
        ]  # fmt: skip
        for size, step in itertools.product(("article", "trained"), steps):
            self.add("walkthrough", size=size, **{"difference": float("nan"), "tolerance": float("nan")} | step)
