"""Key numbers of a run, each with how far another processor may move it, and why so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from study.config.limits import primary_shapley
from study.errors import LedgerError

# What moved when the same study was trained with other processor instructions (ATEN_CPU_CAPABILITY=default against
# AVX-512): no prediction, any rank correlation by 0.014 at most, any other estimate by 0.019. Versions that draw
# other random numbers train another model, and these tolerances are not made for that.
WHY: Mapping[str, str] = {
    "count": "decided by the config and the texts, so no processor changes it",
    "identity": "zero but for rounding of float32 sums over at most 40 words of a few logits each: 1e-6 was seen",
    "accuracy": "six of 200 texts; other processor instructions turned none, and texts near the boundary are few",
    "correlation": "a mean of rank correlations; one swap of two near-equal ranks in one of 12 texts moves it by about "
    "0.01, other processor instructions moved the largest by 0.014; scores at random instead move it by 0.3 or more",
    "size": "5 % of the size, at least 0.05; other processor instructions moved the largest by 0.019",
}
_ABSOLUTE = {"count": 0.0, "identity": 1e-4, "accuracy": 0.03, "correlation": 0.05}
_SHARE = 0.05  # of a size, which counts as at least 1
_STEADY = ("texts", "features", "heads", "components", "crosswalk", "removal_curves")  # rows that no weight decides
KEY_ESTIMATES: Sequence[tuple[str, str, str, str]] = (
    *(("correlation", "spearman", "shapley", method) for method in ("shap", "lime", "occlusion")),
    *(("correlation", "spearman", "shapley", method) for method in ("gradient_x_input", "integrated_gradients")),
    *(("correlation", "spearman_abs", "shapley", method) for method in ("attention", "rollout")),
    *(("correlation", "spearman_untrained", method, method) for method in ("shapley", "lime", "integrated_gradients")),
    *(("correlation", "head_spearman", m, "shapley") for m in ("direct_centred", "ablation_zero", "ablation_mean")),
    ("size", "effective_components", "shapley", ""),
    ("size", "effective_components", "two_way_shapley", ""),
    ("size", "cancellation", "shapley", ""),
    *(("size", "margin_lost_at_25", unit, "") for unit in ("words:shapley", "words:lime", "heads:shapley")),
    ("correlation", "indirect_share", "shapley_margin", "direct_centred"),
)  # kind, metric, method_a, method_b


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValue:
    """One number. kind: a key of WHY."""

    name: str
    value: float
    kind: str

    @property
    def tolerance(self) -> float:
        """How far another processor may move it, absolute."""
        return _SHARE * max(1.0, abs(self.value)) if self.kind == "size" else _ABSOLUTE[self.kind]


def key_values(tables: Mapping[str, pd.DataFrame], gates: Sequence[Mapping[str, Any]]) -> list[KeyValue]:
    """The key numbers of a run: counts, gates, identities, accuracy and a choice of estimates.

    tables: texts, features, accuracy, estimates and those of _STEADY. gates: as in gates.json.
    Raises: LedgerError for a run that lacks one of the estimates.
    """
    return [
        *_counts(tables, gates),
        *_efficiency(tables["features"], tables["texts"]),
        *_accuracies(tables["accuracy"]),
        *_estimates(tables["estimates"]),
    ]


def _counts(tables: Mapping[str, pd.DataFrame], gates: Sequence[Mapping[str, Any]]) -> Iterator[KeyValue]:
    broken = sum(not gate["passed"] for gate in gates)
    yield KeyValue(name="gates measured", value=float(len(gates)), kind="count")
    yield KeyValue(name="gates broken", value=float(broken), kind="count")
    for name in _STEADY:
        yield KeyValue(name=f"rows of {name}", value=float(len(tables[name])), kind="count")


def _efficiency(features: pd.DataFrame, texts: pd.DataFrame) -> Iterator[KeyValue]:
    """Largest |sum of a text's Shapley values - what its words do to the margin|, logits, over all models and texts."""
    text = ["dataset", "model", "seed", "trained", "example_id"]
    ends = texts.set_index(text)
    gap = ends["margin"] - ends["empty_margin"]
    method = primary_shapley(set(features["method"]))
    total = features[features["method"] == method].groupby(text)["score"].sum()
    error = (total - gap.reindex(total.index)).abs().max()
    yield KeyValue(name="largest error of a text's sum of Shapley values", value=float(error), kind="identity")


def _accuracies(accuracy: pd.DataFrame) -> Iterator[KeyValue]:
    for row in accuracy[accuracy["seed"] == "all"].itertuples(index=False):
        classifier = row.model if row.kind == "model" else row.kind
        yield KeyValue(name=f"accuracy of {classifier} on {row.dataset}", value=float(row.accuracy), kind="accuracy")


def _estimates(estimates: pd.DataFrame) -> Iterator[KeyValue]:
    every = estimates[estimates["subset"] == "all"]
    for (dataset, model), rows in every.groupby(["dataset", "model"], sort=False):
        known = rows.set_index(["metric", "method_a", "method_b"])["estimate"]
        for kind, *key in KEY_ESTIMATES:
            told = " ".join(filter(None, key))
            if tuple(key) not in known.index:
                raise LedgerError(f"this run has no estimate '{told}': explain.methods and heads.methods must name all")
            yield KeyValue(name=f"{told} ({model} on {dataset})", value=float(known[tuple(key)]), kind=kind)
