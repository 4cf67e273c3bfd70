"""Invented rows about what happens inside: layers, neurons, paths, patching, interventions and removals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.report.synthetic_shape import Shape

FRACTIONS = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
TOP_PATHS, TOP_NEURONS = 12, 3
WORD_METHODS = {"shapley": 1.0, "shap": 0.99, "lime": 0.9, "random": 0.0}
HEAD_METHODS = {
    **{"shapley_margin": 1.0, "shapley": 0.95, "direct_centred": 0.6, "direct_beyond_empty": 0.6},
    **{"ablation_mean": 0.9, "random": 0.0},
}


class InsideRows:
    """Rows of one trained model; `text` for every text in turn, then `finish`."""

    def __init__(self, add: Callable[..., None], *, shape: Shape, key: dict, components: list, d_mlp: int, rng) -> None:
        self.add, self.shape, self.key, self.components, self.d_mlp, self.rng = add, shape, key, components, d_mlp, rng

    def text(self, example, words, cells, empty, psi, *, causal: bool, patched: bool) -> None:
        """cells: [word component]; empty: [component]; psi: [head] Shapley values."""
        about = {**self.key, "example_id": example}
        contribution = empty + cells.sum(axis=0)
        self._layers(about, contribution)
        self._attention(about, example, words)
        self._paths(about, words, contribution, list_them=causal)
        self._removals(about, words, cells.sum(axis=1), psi, contribution.sum())
        if causal:
            self._interventions(about, words, contribution)
            if self.d_mlp:
                self._neuron_words(about, words, cells.sum(axis=1))
        if patched and words:
            self._patching(about, words, cells.sum(axis=1), psi, contribution.sum())

    def _layers(self, about: dict, contribution: np.ndarray) -> None:
        constant = sum(v for v, c in zip(contribution, self.components, strict=True) if c[1] == "readout_bias")
        steps = {("embed", -1): 0.0}
        for value, (_, kind, layer, _) in zip(contribution, self.components, strict=True):
            if kind != "readout_bias":
                name = "embed" if kind == "embed" else f"L{layer}.{'mlp' if kind == 'mlp' else 'attention'}"
                steps[name, layer] = steps.get((name, layer), 0.0) + value
        so_far = constant
        for order, ((step, layer), value) in enumerate(steps.items()):
            so_far += value
            lens = so_far if order == len(steps) - 1 else 0.8 * so_far + self.rng.normal(0, 0.05)
            place = {"step": step, "order": order, "layer": layer, "lens_margin": lens}
            self.add("layers", **about, **place, contribution=value)
            side = np.sign(contribution.sum())
            for name, number in (("lens_margin", lens), ("adds", value)):
                self.add(
                    "measurements", **about, metric=f"{name}_{step}", method_a="", method_b="", value=side * number
                )

    def _attention(self, about: dict, example: str, words: list[str]) -> None:
        """What the readout looks at, by every head: CLS first, then the words that have a position."""
        # its own generator: the other rows stay as they are
        rng = np.random.default_rng([31, int(self.key["seed"]), *example.encode()])
        for name, kind, *_ in self.components:
            for i, weight in enumerate(rng.dirichlet(np.ones(1 + len(words))) if kind == "head" else ()):
                self.add("readout_attention", **about, component=name, word_index=i - 1, weight=weight)

    def _paths(self, about: dict, words: list[str], contribution: np.ndarray, *, list_them: bool) -> None:
        found: list[dict] = []
        sums: dict[str, list[float]] = {}
        for value, (name, kind, layer, _) in zip(contribution, self.components, strict=True):
            if kind in ("attn_bias", "readout_bias", "embed"):
                sums.setdefault("bias" if kind.endswith("bias") else "embed", []).append(value)
            elif kind == "mlp":
                sums.setdefault("MLP", []).append(value)
            else:
                found += self._parts(name, layer, words, value)
        for part in found:
            sums.setdefault(part["group"], []).append(part["contribution"])
        found.sort(key=lambda p: -abs(p["contribution"]))
        listed = found[:TOP_PATHS]
        for rank, part in enumerate(listed, start=1):
            row = {k: v for k, v in part.items() if k != "group"}
            self.add("paths", **about, **row, rank=rank)
        for group, parts in sums.items():
            shown = sum(p["contribution"] for p in listed if p["group"] == group)
            size = float(np.abs(parts).sum())
            self.add("path_sums", **about, group=group, contribution=float(np.sum(parts)), size=size, listed=shown)

    def _parts(self, name: str, layer: int, words: list[str], value: float) -> list[dict]:
        """The paths through one head; they sum to what the head contributes."""
        firsts = [""] if layer == 0 else ["", f"L{layer - 1}H0", f"L{layer - 1}H{self.shape.n_heads - 1}"]
        firsts += [f"L{layer - 1}.mlp"] if layer > 0 and self.d_mlp else []
        n = len(words) + 1
        weight = self.rng.dirichlet(np.full(len(firsts) * n, 0.3)).reshape(len(firsts), n)
        parts = []
        for f, first in enumerate(firsts):
            for w, word in enumerate(["[CLS]", *words]):
                group = "word > head" if not first else "MLP > head" if "mlp" in first else "word > head > head"
                path = f"{first} > {name}" if first else name
                about = {"path": path, "first": first or name, "second": name if first else ""}
                place = {"hops": 2 if first else 1, "word_index": w - 1, "word": word}
                parts.append(about | place | {"contribution": value * weight[f, w], "group": group})
        return parts

    def _interventions(self, about: dict, words: list[str], contribution: np.ndarray) -> None:
        for value, (name, kind, layer, _) in zip(contribution, self.components, strict=True):
            if kind not in ("head", "mlp"):
                continue
            what = ("head", name) if kind == "head" else ("neuron", f"L{layer}N7")
            live = value * (0.6 if layer == 0 else 1.0) + self.rng.normal(0, 0.04)
            frozen = value + self.rng.normal(0, 1e-7)
            row = {"kind": what[0], "name": what[1], "word_index": -2, "predicted": value}
            self.add("interventions", **about, **row, frozen=frozen, live=live)
            if kind == "head" and words:
                part = {"kind": "path", "name": name, "word_index": 0, "predicted": value / 3}
                self.add("interventions", **about, **part, frozen=frozen / 3, live=live / 3)

    def _neuron_words(self, about: dict, words: list[str], scores: np.ndarray) -> None:
        for layer in range(self.shape.n_layers):
            for neuron in range(TOP_NEURONS):
                sign = 1 if neuron % 2 == 0 else -1
                for w, word in enumerate(words):
                    effect = 0.3 / (neuron + 1) * max(sign * scores[w], 0.0) * sign + self.rng.normal(0, 0.005)
                    place = {"layer": layer, "neuron": neuron, "word_index": w, "word": word, "effect": effect}
                    self.add("neuron_words", **about, **place)

    def _patching(self, about: dict, words: list[str], scores: np.ndarray, psi: np.ndarray, margin: float) -> None:
        swapped = int(np.abs(scores).argmax())
        change = -1.6 * scores[swapped]
        twin = {"swapped_index": swapped, "word": words[swapped], "twin_word": "awful" if change < 0 else "great"}
        twin |= {"margin": margin, "twin_margin": margin + change}
        share = np.abs(psi) / (np.abs(psi).sum() or 1.0)
        heads = [c for c in self.components if c[1] == "head"]
        for (name, _, layer, head), part in zip(heads, share, strict=True):
            effect = 0.8 * change * part + self.rng.normal(0, 0.01)
            place = {"component": name, "layer": layer, "head": head}
            self.add("patching", **about, **twin, **place, place="all", word_index=-2, at="", effect=effect)
            for w, at in enumerate(["[CLS]", *words], start=-1):
                value = effect * (0.7 if w == swapped else 0.3 if w == -1 else 0.0)
                where = {"place": "position", "word_index": w, "at": at, "effect": value}
                self.add("patching", **about, **twin, **place, **where)

    def _removals(self, about: dict, words: list[str], scores: np.ndarray, psi: np.ndarray, margin: float) -> None:
        """Margin lost when the units with the largest scores are taken away first."""
        sign = np.sign(margin) or 1.0
        for unit, values, methods in (
            ("words", scores, {m: quality for m, quality in WORD_METHODS.items() if m in self.shape.methods}),
            ("heads", psi, HEAD_METHODS),
        ):
            for method, quality in methods.items():
                seen = quality * values + (1 - quality) * self.rng.normal(0, np.std(values) + 0.05, len(values))
                order = np.argsort(-sign * seen)
                for fraction in (0.0, *FRACTIONS):
                    n = int(np.ceil(fraction * len(values)))
                    lost = float(sign * values[order[:n]].sum())
                    row = {"unit": unit, "method": method, "fraction": fraction, "n_removed": n, "n_units": len(values)}
                    self.add("removal_curves", **about, **row, margin_lost=lost)
                    if fraction:
                        names = {"metric": f"margin_lost_at_{100 * fraction:g}", "method_a": f"{unit}:{method}"}
                        self.add("measurements", **about, **names, method_b="", value=lost)

    def finish(self) -> None:
        """One row a neuron of every MLP: its size falls with its rank."""
        if not self.d_mlp:
            return
        for layer in range(self.shape.n_layers):
            size = np.sort(self.rng.gamma(0.25, 0.1, self.d_mlp))[::-1]
            for neuron, value in enumerate(size):
                row = {"layer": layer, "neuron": neuron, "size": value, "share": value / size.sum()}
                row |= {"mean": 0.2 * value, "active_rate": float(self.rng.uniform(0.05, 0.9)), "rank": neuron + 1}
                self.add("neurons", **self.key, **row)
