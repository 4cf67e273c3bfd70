"""An explanation as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from study.library.explanation import CausalTable, Explanation

FORMAT = 1  # of the object; a change of what is in it is a new number


def as_dict(explanation: Explanation) -> dict[str, Any]:
    """The explanation as an object that `json.dumps(..., allow_nan=False)` takes; logits unless said otherwise.

    words are numbered by their place; arrays have the axes of the record; a number that is not defined is None.
    """
    e, index = explanation, explanation.index
    places = zip(index.names, index.kind, index.layer, index.head, strict=True)
    values = zip(e.contributions, e.empty_contributions, strict=True)
    return _plain(
        {
            "format": FORMAT,
            **{"example_id": e.example_id, "dataset": e.dataset, "model": e.model, "seed": e.seed},
            **{"text": e.text, "words": e.words, "unknown": e.unknown, "n_players": e.n_players},
            **{"class_names": e.class_names, "probabilities": e.probabilities},
            **{"predicted": e.predicted, "target": e.target, "margin": e.margin, "empty_margin": e.empty_margin},
            "components": [
                {"name": name, "kind": kind, "layer": layer, "head": head}
                | {"contribution": contribution, "empty_contribution": empty}
                for (name, kind, layer, head), (contribution, empty) in zip(places, values, strict=True)
            ],
            "features": {
                method: {"estimator": a.estimator, "scores": a.scores, "n_evals": a.n_evals, "seconds": a.seconds}
                for method, a in e.features.items()
            },
            "direct": {method: {"cells": crosswalk.cells} for method, crosswalk in e.direct.items()},
            "causal": None if e.causal is None else _causal(e.causal),
            "heads": {
                method: {"kind": a.kind, "ablation": a.ablation, "scores": a.scores, "error": a.error}
                for method, a in e.heads.items()
            },
            "attention": e.attention,
            "gates": [asdict(gate) for gate in e.gates],
            "seconds": e.seconds,
        }
    )


def _causal(table: CausalTable) -> dict[str, Any]:
    return {
        "heads": table.crosswalk.index.names,
        "cells": table.crosswalk.cells,
        "leave_one_out": table.leave_one_out,
        **{"words_exact": table.words_exact, "heads_exact": table.heads_exact},
        **{"word_error": table.word_error, "head_error": table.head_error, "sampling_error": table.sampling_error},
        **{"n_evals": table.n_evals, "seconds": table.seconds},
    }


def _plain(value: Any) -> Any:
    """`value` with arrays as lists, numpy's numbers as Python's, and undefined numbers as None."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
