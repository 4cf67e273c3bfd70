"""The part of the explorer's data that is said once for each model: its classes, components and heads' profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from study.report.inputs import RunTables, Variant, pick

_SIDES = {"up": "+", "down": "-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The components of one model in its order; kinds and layers beside them. heads: the names of its heads."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    layers: tuple[int, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        return tuple(name for name, kind in zip(self.names, self.kinds, strict=True) if kind == "head")

    def as_data(self) -> dict[str, Any]:
        """components, kinds, layers, and heads: the places of the heads among the components."""
        places = [self.names.index(name) for name in self.heads]
        return {"components": self.names, "kinds": self.kinds, "layers": self.layers, "heads": places}


def layout_of(components: pd.DataFrame) -> Layout:
    """The components named in the components table."""
    rows = components.drop_duplicates("component")
    return Layout(
        names=tuple(map(str, rows["component"])),
        kinds=tuple(map(str, rows["kind_of_component"])),
        layers=tuple(map(int, rows["layer"])),
    )


def class_names(run: RunTables, dataset: str, texts: pd.DataFrame) -> tuple[str, ...]:
    """The classes in the order of their numbers, from the data card.

    Without a card: those that the texts name, in the order of the alphabet, but of two the explained one last.
    """
    if known := run.cards.get(dataset, {}).get("class_names"):
        return tuple(map(str, known))
    named = {str(name) for column in ("label", "predicted", "target") for name in texts[column]} - {""}
    explained = set(texts["target"])
    return tuple(sorted(named, key=lambda name: (len(named) == 2 and {name} == explained, name)))


def profiles_of(run: RunTables, variant: Variant, seed: str, heads: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By head: its class, mean sizes in logits, where it looks on average, and the words it carries most.

    up and down: [word, mean causal cell over the texts with a causal table, their number], strongest first.
    """
    rows = pick(run.of("profiles", *variant), seed=seed).drop_duplicates("component").set_index("component")
    words = pick(run.of("profile_words", *variant), seed=seed).sort_values("rank", kind="stable")
    return {name: _profile(rows.loc[name], words[words["component"] == name]) for name in heads if name in rows.index}


def _profile(row: pd.Series, words: pd.DataFrame) -> dict[str, Any]:
    words = words.assign(value=words["causal"].astype(float))
    words = words[words["value"].notna()]
    carried = {
        key: [[str(r.word), float(r.value), int(r.n_texts)] for r in pick(words, side=side).itertuples(index=False)]
        for key, side in _SIDES.items()
    }
    sizes = {name: float(row[f"{name}_size"]) for name in ("direct", "causal", "ablation")}
    looks = {"to_cls": float(row["attention_to_cls"]), "entropy": float(row["attention_entropy"])}
    return {"class": str(row["class_"]), **sizes, **looks, **carried}
