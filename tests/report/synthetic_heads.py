"""Invented rows about heads: their causal numbers beside the direct ones, classes, pairs and trials.

They obey the identities of a real run: a causal crosswalk has SHAP as its row sums and the heads' Shapley values as its
column sums, these add up to what the words change, and a pair loses what its heads lose alone but for its interaction.
Profiles are of the rows above them: sizes are means of the scores, a pair's interaction points to what both push to.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from tests.report.synthetic_inside import InsideRows
from tests.report.synthetic_shape import Shape

CAUSAL_METHODS = {
    "ablation_zero": ("zero", 0.8, 0.10),
    "ablation_mean": ("mean", 0.7, 0.05),
    "ablation_resample": ("resample", 0.7, 0.07),
    "shapley": ("mean", 1.0, 0.0),
    "lime": ("mean", 0.95, 0.02),
    "shapley_margin": ("mean", 1.1, 0.06),
    "leave_one_out": ("mean", 0.8, 0.05),
}


MEAN_WRITE = 0.1  # what a head writes to a typical text, beyond the empty text


def _sized(of: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What each size of a profile is the mean size of, [example head] by the name of its column."""
    return {
        "raw": of["direct_raw"],
        "direct": of["direct_centred"],
        "causal": of["shapley_margin"],
        "ablation": of["ablation_mean"],
        "indirect": of["ablation_mean"] - of["direct_centred"],
        "words_direct": of["direct_beyond_empty"],
        "words_causal": of["shapley"],
    }


class HeadRows:
    """All rows about the heads of one trained model: `text` for every text in turn, then `finish`."""

    def __init__(self, add: Callable[..., None], *, shape: Shape, key: dict, components: list, d_mlp: int) -> None:
        self.add, self.shape, self.key = add, shape, key
        self.rng = np.random.default_rng([11, int(key["seed"]), d_mlp])
        self.place = np.array([k for k, c in enumerate(components) if c[1] == "head"])
        self.heads = [components[k] for k in self.place]
        self.names = [name for name, *_ in self.heads]
        early = np.array([1.6 if layer == 0 else 0.8 for _, _, layer, _ in self.heads])
        weight = early * self.rng.gamma(0.9, 1.0, len(self.heads)) * self.rng.choice([1, 1, 1, -0.3], len(self.heads))
        if len(weight) > 2:
            weight[2] = 0.0  # one head that nothing needs
        self.load = weight / (weight.sum() if abs(weight.sum()) > 0.3 else 1.0)
        self.load[0] += 1.0 - self.load.sum()
        self.scores: list[dict[str, np.ndarray]] = []  # of every text, [head] by method
        self.pairs: list[np.ndarray] = []
        self.cells: list[tuple[list[str], np.ndarray, np.ndarray]] = []
        self.inside = InsideRows(add, shape=shape, key=key, components=components, d_mlp=d_mlp, rng=self.rng)

    def text(self, example: str, words: list[str], direct_cells: np.ndarray, empty: np.ndarray) -> None:
        """direct_cells: [word component], rows sum to SHAP; empty: [component], contributions to the empty text."""
        rows = direct_cells.sum(axis=1)
        noise = self.rng.normal(0, 0.03, (len(words), len(self.load)))
        noise[:, self.load == 0] *= 0.05
        noise[:, 0] -= noise.sum(axis=1)
        cells = np.outer(rows, self.load) + noise
        psi, beyond = cells.sum(axis=0), direct_cells[:, self.place].sum(axis=0)
        pairs = self._pair_values(psi)
        first = len(self.scores) < self.shape.causal_texts
        self.pairs.append(pairs)
        self.scores.append(self._attributions(example, beyond, empty[self.place], psi, pairs))
        if first:
            self._crosswalk(example, words, cells, pairs)
            self.cells.append((words, cells, direct_cells[:, self.place]))
        self._ablations(example, psi, pairs)
        patched = len(self.scores) <= self.shape.patching_texts
        self.inside.text(example, words, direct_cells, empty, psi, causal=first, patched=patched)

    def _pair_values(self, psi: np.ndarray) -> np.ndarray:
        """[head head] symmetric interactions: heads 0 and 1 stand in for each other, the others hardly meet."""
        n = len(psi)
        values = self.rng.normal(0, 0.02, (n, n))
        values[:, self.load == 0] *= 0.05
        values = (values + values.T) / 2
        if n > 1:
            values[0, 1] = values[1, 0] = -0.4 * np.sign(psi.sum()) * min(abs(psi[0]), abs(psi[1]) + 0.1)
        np.fill_diagonal(values, 0.0)
        return values

    def _attributions(
        self, example: str, beyond: np.ndarray, empty: np.ndarray, psi: np.ndarray, pairs: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The scores of every method; the rows of two direct ones are written with those of the components."""
        alone = psi + pairs.sum(axis=1) / 2
        found = {"direct_beyond_empty": ("direct", "", beyond)}
        for method, (ablation, slope, noise) in CAUSAL_METHODS.items():
            base = alone if method.startswith(("ablation", "leave")) else psi
            values = slope * base + self.rng.normal(0, noise, len(psi)) * (self.load != 0)
            found[method] = ("causal", ablation, values)
        found["attention_norm"] = ("other", "", np.abs(beyond) + self.rng.gamma(2.0, 0.2, len(psi)))
        found["random"] = ("other", "", self.rng.normal(size=len(psi)))
        for method, (kind, ablation, values) in found.items():
            for (name, _, layer, head), score in zip(self.heads, values, strict=True):
                place = {"component": name, "layer": layer, "head": head}
                about = {"method": method, "kind": kind, "ablation": ablation}
                self.add("heads", **self.key, example_id=example, **place, **about, score=score, error=np.nan)
        scores = {"direct_raw": beyond + empty, "direct_centred": beyond - MEAN_WRITE}
        scores |= {method: values for method, (_, _, values) in found.items()}
        self._agreement(example, scores)
        return scores

    def _agreement(self, example: str, scores: dict[str, np.ndarray]) -> None:
        for a, b in itertools.combinations(scores, 2):
            for metric in ("head_spearman", "head_spearman_abs"):
                x, y = (np.abs(v) if metric.endswith("abs") else v for v in (scores[a], scores[b]))
                rho = float(np.corrcoef(x.argsort().argsort(), y.argsort().argsort())[0, 1]) if len(x) > 1 else np.nan
                rho = np.nan if metric == "head_spearman" and "attention_norm" in (a, b) else rho
                pair = {"metric": metric, "method_a": a, "method_b": b, "value": rho}
                self.add("measurements", **self.key, example_id=example, **pair)

    def _crosswalk(self, example: str, words: list[str], cells: np.ndarray, pairs: np.ndarray) -> None:
        """Two-way Shapley cells, and what leaving one head out changes: less, where heads stand in for each other."""
        loo = cells * np.clip(1.0 - 0.5 * np.abs(pairs).sum(axis=0) / (np.abs(cells).sum(axis=0) + 0.1), 0.0, 1.0)
        for method, values in (("two_way_shapley", cells), ("leave_one_out", loo)):
            for (w, word), (h, name) in itertools.product(enumerate(words), enumerate(self.names)):
                place = {"word_index": w, "word": word, "component": name, "method": method, "kind": "causal"}
                self.add("crosswalk", **self.key, example_id=example, **place, value=values[w, h])
        exact = len(words) <= 9
        self.add(
            "causal",
            **self.key,
            example_id=example,
            **{"n_words": len(words), "n_word_coalitions": 2 ** len(words) if exact else 512, "words_exact": exact},
            **{"n_head_coalitions": 2 ** min(len(self.names), 8), "heads_exact": len(self.names) <= 8},
            **{"sampling_error": 0.0 if exact else 0.03, "word_error": 0.0 if exact else 0.02, "head_error": 0.0},
        )
        for a, b in itertools.combinations(range(len(self.names)), 2):
            pair = {"component_a": self.names[a], "component_b": self.names[b], "margin_value": pairs[a, b]}
            self.add("interactions", **self.key, example_id=example, **pair, value=pairs[a, b] - 0.3)

    def _ablations(self, example: str, psi: np.ndarray, pairs: np.ndarray) -> None:
        alone = 0.7 * (psi + pairs.sum(axis=1) / 2)
        groups = {f"{self.names[a]}+{self.names[b]}": [a, b] for a, b in itertools.combinations(range(len(psi)), 2)}
        for layer in range(self.shape.n_layers):
            groups[f"layer {layer}"] = [k for k, head in enumerate(self.heads) if head[2] == layer]
        groups["all heads"] = list(range(len(psi)))
        for group, members in groups.items():
            effect = alone[members].sum() + pairs[np.ix_(members, members)].sum() / 2
            for ablation in ("mean",) if "+" in group else ("zero", "mean", "resample"):
                about = {"group": group, "n_heads": len(members), "ablation": ablation, "effect": effect}
                self.add("ablations", **self.key, example_id=example, **about)

    def finish(self) -> None:
        """The tables with one row a head: profiles, their words, trials on fresh texts; and the neurons."""
        of = {method: np.array([scores[method] for scores in self.scores]) for method in self.scores[0]}
        direct, causal = of["direct_centred"], of["shapley_margin"]
        share = (np.abs(causal) - direct * np.sign(causal)) / (np.abs(causal) + np.abs(direct) + 1e-9)
        toward, size = self._mean_pairs(causal)
        sizes = {f"{name}_size": np.abs(values).mean(axis=0) for name, values in _sized(of).items()}
        for h, (name, _, layer, head) in enumerate(self.heads):
            half = 2 * share[:, h].std() / np.sqrt(len(share)) if len(share) > 1 else np.nan
            middle = float(share[:, h].mean())
            partner = int(size[h].argmax()) if len(size) > 1 else -1
            of_head = {"direct": sizes["direct_size"][h], "causal": sizes["causal_size"][h]}
            interaction = toward[h, partner] if partner >= 0 else np.nan
            kind, why = self._class(of_head, middle, interaction)
            trial = 0.02 if kind == "null" else 0.6 * of_head["causal"] + 0.03
            confirmed = trial < 0.05 if kind == "null" else None
            self.add(
                "profiles",
                **self.key,
                **{"component": name, "layer": layer, "head": head},
                **{column: values[h] for column, values in sizes.items()},
                **{"words_causal_mean": of["shapley"][:, h].mean()},
                **{"indirect_share": middle, "indirect_low": middle - half, "indirect_high": middle + half},
                **{"n_undefined": 0, "words_direct_mean": of["direct_beyond_empty"][:, h].mean()},
                **{"partner": self.names[partner] if partner >= 0 else "", "interaction": interaction},
                **{"attention_to_cls": float(self.rng.uniform(0.1, 0.6)), "attention_entropy": 1.0 + 0.1 * head},
                **{"class_": kind, "reason": why, "trial_change": trial, "trial_high": 1.2 * trial},
                **{"trial_flipped": trial / 5, "trial_accuracy_lost": trial / 9},
                confirmed=confirmed,
            )
            for partner_name in ["", *[other for other in self.names if other != name]]:
                change = trial * (1.0 if partner_name == "" else float(self.rng.uniform(0.9, 1.4)))
                about = {"component": name, "partner": partner_name, "n_texts": 500, "mean_abs_change": change}
                about |= {"flipped": change / 5, "accuracy_lost": change / 9}
                self.add("trials", **self.key, **about, low=0.8 * change, high=1.2 * change)
            self._words(h, name)
        self._parting(sizes)
        self._matches()
        self.inside.finish()

    def _mean_pairs(self, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[head head] over the texts that have a row a pair: mean towards what both push to, and mean size."""
        pairs = np.array(self.pairs[: self.shape.causal_texts])
        psi = psi[: len(pairs)]
        return (pairs * np.sign(psi[:, :, None] + psi[:, None, :])).mean(axis=0), np.abs(pairs).mean(axis=0)

    def _parting(self, sizes: dict[str, np.ndarray]) -> None:
        """The three heads whose places by what they write and by what they are needed for differ most."""
        named = {name: sizes[f"{name}_size"] for name in ("raw", "direct", "causal")}
        direct, causal = named["direct"], named["causal"]
        places = {name: len(v) - v.argsort().argsort() for name, v in named.items()}
        gap = np.abs(places["direct"] - places["causal"])
        for h in [h for h in np.argsort(-gap, kind="stable")[:3] if gap[h]]:
            kind = self._class({"direct": direct[h], "causal": causal[h]}, 0.0, 0.0)
            ranks = {f"rank_{name}": place[h] for name, place in places.items()}
            about: dict[str, object] = {"reason": kind[0], "explanation": kind[1]}
            about |= {f"{n}_size": sizes[f"{n}_size"][h] for n in (*named, "ablation")}
            share = (causal[h] - direct[h]) / (causal[h] + direct[h])
            self.add("head_disagreement", **self.key, component=self.names[h], **ranks, **about, indirect_share=share)

    def _matches(self) -> None:
        """Every head with its like in each later seed."""
        for other in self.shape.seeds[self.shape.seeds.index(self.key["seed"]) + 1 :]:
            where = {"dataset": self.key["dataset"], "model": self.key["model"], "seed_a": self.key["seed"]}
            for name, _, layer, head in self.heads:
                like = f"L{layer}H{(head + 1) % self.shape.n_heads}"
                about = {"seed_b": other, "layer": layer, "head_a": name, "head_b": like}
                cosine = {"cosine": 0.8 - 0.1 * head, "cosine_others": 0.2 if self.shape.n_heads > 1 else np.nan}
                self.add("head_matches", **where, **about, **cosine)

    def _class(self, sizes: dict[str, float], share: float, interaction: float) -> tuple[str, str]:
        if max(sizes.values()) < 0.1:
            return "null", "It neither writes nor is needed."
        if interaction < -0.1:
            return "backup", "Another head stands in when it is gone."
        if sizes["causal"] > 2 * sizes["direct"]:
            return "indirect", "It is needed, but others write what it fetches."
        if sizes["direct"] > 2 * sizes["causal"]:
            return "cancelling", "What it writes, others take back."
        return ("direct", "It writes what it is needed for.") if share > -0.2 else ("mixed", "No class fits.")

    def _words(self, h: int, name: str) -> None:
        """The words that the head carries most, on either side."""
        found: dict[str, list[tuple[float, float]]] = {}
        for words, causal, direct in self.cells:
            for w, word in enumerate(words):
                found.setdefault(word, []).append((causal[w, h], direct[w, h]))
        means = {word: np.mean(values, axis=0) for word, values in found.items()}
        for side, sign in (("+", 1), ("-", -1)):
            order = sorted((w for w in means if sign * means[w][0] > 0), key=lambda w: -abs(means[w][0]))
            for rank, word in enumerate(order[:5], start=1):
                about = {"component": name, "word": word, "n_texts": len(found[word]), "side": side, "rank": rank}
                self.add("profile_words", **self.key, **about, causal=means[word][0], direct=means[word][1])
