"""A run folder of the negation task with three models and round numbers: two texts, the second with a negated word."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd

from study.config import StudyConfig
from study.report.inputs import RunTables, read_run

HEADS = {  # component: (name, role); the layer and the head are in the component
    "L0H0": ("NegScope", "indirect"),
    "L0H1": ("Cancel+", "cancelling"),
    "L0H2": ("Cancel-", "cancelling"),
    "L0H3": ("pad", "pad"),
    "L1H0": ("All", "direct"),
    "L1H1": ("Negated", "direct"),
    "L1H2": ("Gazer", "null"),
    "L1H3": ("pad", "pad"),
}
COMPONENTS = ("embed", *HEADS, "readout_bias")
TEXTS = {"t0": ("not", "n1", "bad", "n2"), "t1": ("n1", "not", "bad", "z")}
RELEVANT = {"t0": {2: -1.0}, "t1": {1: 1.0, 2: 0.0}}  # exact values by word_index
DIRECT = {
    "t0": {(2, "L1H0"): -2.0},
    "t1": {
        **{(1, "L1H1"): 2.0, (2, "L1H0"): -2.0, (2, "L1H1"): 2.0},
        **{(3, "L0H1"): 6.0, (3, "L0H2"): -6.0},
    },
}
CAUSAL = {
    "t0": {(2, "L1H0"): -2.0},
    "t1": {
        **{(1, "L0H0"): 1.0, (1, "L1H1"): 1.0},
        **{(2, "L0H0"): 1.0, (2, "L1H0"): -2.0, (2, "L1H1"): 1.0},
        **{(3, "L0H1"): 6.0, (3, "L0H2"): -6.0},
    },
}
MODELS = ("hand-built", "rotated", "trained")
SCORES = {"shapley": 1.0, "lime": 0.5}  # of the cells of the direct table; LIME also gives every word that decides 0.6


def make_config(tmp: Path) -> StudyConfig:
    circuit = {"family": "circuit", "n_layers": 2, "n_heads": 4, "d_model": 32, "d_mlp": 0, "layer_norm": False}
    return StudyConfig.model_validate(
        {
            "name": "known",
            "seeds": [0],
            "datasets": [{"name": "turned", "source": "planted", "task": "negation"}],
            "models": [
                {"name": "hand-built", **circuit},
                {"name": "rotated", **circuit, "rotate": True},
                {"name": "trained", "n_layers": 2, "n_heads": 4, "d_model": 32, "d_mlp": 0},
            ],
            "explain": {"n_texts": 2, "methods": list(SCORES)},
        }
    )


def negation_run(folder: Path, *, verified: tuple[str, ...] = MODELS) -> RunTables:
    """The tables as read from a folder. verified: the models that the score card counts."""
    (folder / "tables").mkdir(parents=True)
    for name, rows in make_tables(verified).items():
        pd.DataFrame(rows).to_parquet(folder / "tables" / f"{name}.parquet", index=False)
    return read_run(folder, make_config(folder))


def make_tables(verified: tuple[str, ...]) -> dict[str, list[dict[str, object]]]:
    tables: dict[str, list[dict[str, object]]] = {}
    for model, (example, words) in itertools.product(MODELS, TEXTS.items()):
        where = {"dataset": "turned", "model": model, "seed": 0, "example_id": example}
        for name, rows in _text_tables(example, words).items():
            tables.setdefault(name, []).extend([{**where, **row} for row in rows])
    tables["truth_words"] = [
        {"dataset": "turned", "example_id": example, "word_index": i, "word": word}
        | {"relevant": i in RELEVANT[example], "oracle": RELEVANT[example].get(i, 0.0)}
        for example, words in TEXTS.items()
        for i, word in enumerate(words)
    ]
    tables["truth_heads"] = [
        {"dataset": "turned", "model": model, "component": c, "layer": int(c[1]), "head": int(c[3])}
        | {"name": name, "role": role, "fools": "", "undoes": "Cancel+" if name == "Cancel-" else ""}
        for model in MODELS[:2]
        for c, (name, role) in HEADS.items()
    ]
    card = {"unit": "words", "metric": "precision_at_truth_score", "method": "shapley", "level": 0.95}
    card |= dict.fromkeys(("estimate", "low", "high", "floor", "ceiling", "relative"), 0.5)
    card |= {"n_examples": 2, "n_seeds": 1, "n_undefined": 0}
    tables["score_card"] = [
        {"dataset": "turned", "model": m, "rung": m, **card, "verified": m in verified} for m in MODELS
    ]
    pair = {"dataset": "turned", "model": "hand-built", "seed": 0, "cosine": -1.0, "norm_ratio": 1.0}
    tables["pairs"] = [
        pair | {"component_a": "L0H1", "component_b": "L0H2", "name_a": "Cancel+", "name_b": "Cancel-"}
        | {"single_a": 1.5, "single_b": 1.5, "joint": 0.0, "found": True, "truth": True},
        pair | {"component_a": "L1H0", "component_b": "L1H1", "name_a": "All", "name_b": "Negated"}
        | {"single_a": 2.0, "single_b": 2.1, "joint": 1.9, "found": False, "truth": False},
    ]  # fmt: skip
    missed = {"dataset": "turned", "seed": 0, "example_id": "t1", "word_index": 2, "word": "bad", "method": "shapley"}
    missed |= {"score": 0.0, "largest": 2.0, "size": 4.0, "components": "L1H1 +2.00, L1H0 -2.00"}
    tables["failures"] = [
        {**missed, "model": m, "partner_index": 1, "partner": "not", "interaction": 4.0} for m in MODELS
    ]
    rate = {"n_words": 3, "n_texts": 2, "n_seeds": 1, "level": 0.95, "low": 0.1, "high": 0.8}
    rate |= {"text_share": 0.5, "text_low": 0.1, "text_high": 0.9, "dataset": "turned"}
    tables["failure_rates"] = [
        {**rate, "model": m, "method": method, "n_missed": missed, "share": missed / 3}
        for m in MODELS
        for method, missed in (("shapley", 1), ("lime", 0))
    ]
    return tables


def _text_tables(example: str, words: tuple[str, ...]) -> dict[str, list[dict[str, object]]]:
    total = sum(DIRECT[example].values())
    text = {
        "trained": True,
        "text": " ".join(words),
        "label": "positive",
        "predicted": "positive",
        "target": "positive",
    }
    text |= {"margin": total, "empty_margin": 0.0, "n_words": len(words), "n_words_cut": 0, "n_unknown": 0}
    features, crosswalk = [], []
    for i, word in enumerate(words):
        for method, factor in SCORES.items():
            cells = {c: factor * DIRECT[example].get((i, c), 0.0) for c in COMPONENTS}
            cells["embed"] += 0.6 if method == "lime" and i in RELEVANT[example] else 0.0
            base = {"word_index": i, "word": word, "method": method}
            features.append(
                {**base, "trained": True, "unknown": False, "estimator": "exact", "n_evals": 16}
                | {"score": sum(cells.values())}
            )
            crosswalk += [{**base, "kind": "direct", "component": c, "value": v} for c, v in cells.items()]
        crosswalk += [
            {"word_index": i, "word": word, "method": method, "kind": "causal", "component": c}
            | {"value": CAUSAL[example].get((i, c), 0.0)}
            for c in HEADS
            for method in ("two_way_shapley", "leave_one_out")
        ]
    components = [
        {"component": c, "contribution": sum(v for (_, d), v in DIRECT[example].items() if d == c)}
        | {"empty_contribution": 0.0, "kind_of_component": "head" if c in HEADS else c}
        | {"layer": int(c[1]) if c in HEADS else -1, "head": int(c[3]) if c in HEADS else -1}
        for c in COMPONENTS
    ]
    causal = {"n_words": len(words), "n_word_coalitions": 16, "words_exact": True, "n_head_coalitions": 256}
    causal |= {"heads_exact": True, "sampling_error": 0.0, "word_error": 0.0, "head_error": 0.0}
    return {"texts": [text], "features": features, "crosswalk": crosswalk, "components": components, "causal": [causal]}
