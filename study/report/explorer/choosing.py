"""What goes into the explorer: one training seed of every model, and as many texts as the page has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from study.cells import seeds_of
from study.report.explorer.encode import encode
from study.report.inputs import RunTables, Variant, pick
from study.report.numbers import count, listing, plural

BUDGET = 1_800_000  # bytes: the page of the default experiment has 5 MB for this, its figures and its tables
FEWEST = 10  # texts of every model, or half of them, are kept as long as there is another model to leave out
_NOTE_BYTES = 500  # room for the sentence that says what was left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSeed:
    """The seed of a variant that the explorer shows. accuracy: NaN where it is not known; why: for the reader."""

    seed: str
    accuracy: float
    n_test: int | None
    why: str


def median_seed(accuracy: Mapping[str, float]) -> str:
    """The seed of median accuracy: of an even number the lower of the two in the middle, ties in the order given."""
    return sorted(accuracy, key=lambda seed: accuracy[seed])[(len(accuracy) - 1) // 2]


def seed_accuracy(accuracy: pd.DataFrame, dataset: str, model: str) -> pd.DataFrame:
    """By seed (text), test accuracy and n_test of one model from the accuracy table, in its order; "all" left out."""
    rows = pick(accuracy, dataset=dataset, model=model, kind="model")
    rows = rows.assign(seed=rows["seed"].astype(str))
    return rows[(rows["seed"] != "all") & rows["accuracy"].notna()].set_index("seed")[["accuracy", "n_test"]]


def choose_seed(run: RunTables, variant: Variant) -> ChosenSeed | None:
    """The variant's seed of median test accuracy, among those with explained texts; None where there is none."""
    explained = list(dict.fromkeys(pick(run.of("texts", *variant), trained=True)["seed"]))
    if not explained:
        return None
    known = seed_accuracy(run.tables["accuracy"], *variant)
    known = known[known.index.isin(explained)]
    if known.empty:
        why = f"first of {len(explained)} seeds; no accuracy is known" if len(explained) > 1 else _only(run, variant)
        return ChosenSeed(seed=explained[0], accuracy=float("nan"), n_test=None, why=why)
    seed = median_seed(known["accuracy"].to_dict())
    why = f"median test accuracy of {len(known)} seeds" if len(known) > 1 else _only(run, variant)
    row = known.loc[seed]
    return ChosenSeed(seed=seed, accuracy=float(row["accuracy"]), n_test=int(row["n_test"]), why=why)


def _only(run: RunTables, variant: Variant) -> str:
    """Nothing to say where the run trained more seeds than these tables hold."""
    (model,) = [m for m in run.config.models if m.name == variant[1]]
    return "the only seed" if len(seeds_of(model, run.config)) == 1 else ""


def fit(run: RunTables, payload: Mapping[str, Any], budget: int) -> dict[str, Any]:
    """The payload with so many texts of every model that its JSON has at most `budget` bytes; it says what went.

    Every model keeps the same number of texts, those with a causal table first, then in the order of the run. Where
    that would be fewer than FEWEST (or half of them), whole models go: those that repeat another in a turned basis,
    then from the end. One text of one model always stays.
    """
    models = list(payload["models"])
    queues = [_first_choice(model["texts"]) for model in models]
    sizes = [[_bytes(model["texts"][k]) + 1 for k in queue] for model, queue in zip(models, queues, strict=True)]
    fixed = [_bytes({**model, "texts": []}) + 1 for model in models]
    room = budget - _bytes({**payload, "models": []}) - _NOTE_BYTES
    kept, leaving = list(range(len(models))), _least_interesting(run, models)
    fewest = min(FEWEST, max(map(len, sizes)) // 2)
    while len(kept) > 1 and _most(sizes, fixed, kept, room) < fewest:
        kept.remove(leaving.pop(0))
    n_texts = max(1, _most(sizes, fixed, kept, room))
    shown = [{**models[k], "texts": _some(models[k]["texts"], queues[k][:n_texts])} for k in kept]
    left_out = _left_out(models, kept, n_texts)
    return {**payload, "notes": {**payload["notes"], "left_out": left_out}, "models": shown}


def _bytes(value: Any) -> int:
    return len(encode(value).encode())


def _first_choice(texts: Sequence[Mapping[str, Any]]) -> list[int]:
    return sorted(range(len(texts)), key=lambda k: "causal" not in texts[k])


def _some(texts: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return [texts[k] for k in sorted(places)]


def _most(sizes: Sequence[Sequence[int]], fixed: Sequence[int], kept: Sequence[int], room: int) -> int:
    """How many texts of each of the models `kept` there is room for."""
    total, n_texts = sum(fixed[k] for k in kept), 0
    for n in range(max((len(sizes[k]) for k in kept), default=0)):
        total += sum(sizes[k][n] for k in kept if n < len(sizes[k]))
        if total > room:
            break
        n_texts = n + 1
    return n_texts


def _least_interesting(run: RunTables, models: Sequence[Mapping[str, Any]]) -> list[int]:
    turned = {
        run.label(dataset, m.name)
        for dataset, name in run.variants
        for m in run.config.models
        if m.name == name and (m.rotate or m.weight_noise)
    }
    return sorted(range(len(models)), key=lambda k: (models[k]["label"] not in turned, -k))


def _left_out(models: Sequence[Mapping[str, Any]], kept: Sequence[int], n_texts: int) -> str:
    """One sentence, or nothing."""
    there = sum(len(models[k]["texts"]) for k in kept)
    shown = sum(min(n_texts, len(models[k]["texts"])) for k in kept)
    gone = [model["label"] for k, model in enumerate(models) if k not in kept]
    parts = [f"{count(there - shown)} of {count(there)} texts (at most {count(n_texts)} of each model are here)"]
    parts = parts if shown < there else []
    parts += [f"{'the model' if len(gone) == 1 else plural(len(gone), 'model')} {listing(gone)}"] if gone else []
    return f"Left out to keep this page small: {listing(parts)}." if parts else ""
