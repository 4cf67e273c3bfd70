"""Does an explanation notice when the model no longer knows anything? One that stays the same explains no model.

Parameter randomisation, cascading from the top: the readout drawn anew, then the last layer as well, and so on down
to the embeddings. Label randomisation: a model trained on shuffled labels.

Source: Adebayo et al. 2018, Sanity checks for saliency maps.
"""

from __future__ import annotations

import copy
import time
from dataclasses import replace

from study.evaluation.setting import Evaluation, Row, Tables, attribute_again, cost_row
from study.metrics.stability import rank_correlations
from study.model.encoder import Encoder
from study.model.protocol import ClassifierModel
from study.setting import text_subject

LABELS = "labels"  # the step after those of the cascade: a model that learned shuffled labels


def measure_sanity(evaluation: Evaluation, row: int) -> Tables:
    """Rows of `sanity` for the text at `row`: scores on every randomised model against those on the trained one.

    The margin explained is always that of the class that the trained model was asked about. Only for the first
    `sanity_texts` texts.
    """
    if row >= evaluation.config.sanity_texts:
        return {}
    started = time.perf_counter()
    example_id = evaluation.setting.batch.example_id[row]
    rows: list[Row] = []
    n_evals = 0
    for order, (name, model) in enumerate(randomised_models(evaluation).items()):
        subject = text_subject(replace(evaluation.setting, model=model), row)
        again = attribute_again(evaluation, subject, evaluation.methods, "sanity", name)
        n_evals += sum(a.n_evals for a in again.values())
        for method, attribution in again.items():
            compared = rank_correlations(evaluation.scores[example_id][method], attribution.scores, method)
            key: Row = {"example_id": example_id, "randomised": name, "order": order, "method": method}
            rows += [key | {"metric": metric, "value": value} for metric, value in compared.items()]
    return {"sanity": rows, "evaluation_cost": [cost_row(example_id, "sanity", n_evals, started)]}


def randomised_models(evaluation: Evaluation) -> dict[str, ClassifierModel]:
    """Every model that knows less, by what was randomised, in the order of the cascade; shuffled labels last."""
    models = dict(evaluation.randomised)
    if evaluation.shuffled is not None:
        models[LABELS] = evaluation.shuffled.model
    return models


def randomise(model: Encoder, fresh: Encoder) -> dict[str, ClassifierModel]:
    """Copies of the model with more and more weights, from the top down, replaced by those of `fresh`.

    "readout": with the final LayerNorm; "layer 1", "layer 0": attention, MLP and LayerNorms, last layer first;
    "embeddings": of tokens and positions, which leaves nothing of the model. fresh: an untrained model of the same
    shape. Its draws must not be those that the model's training started from: weights move little from their start,
    and what stays of it would not be random.
    """
    steps: dict[str, tuple[str, ...]] = {"readout": ("W_U", "b_U", "norm_readout.")}
    steps |= {f"layer {layer}": (f"blocks.{layer}.",) for layer in reversed(range(len(model.layers)))}
    steps |= {"embeddings": ("W_E", "W_pos")}
    drawn = fresh.state_dict()
    weights, found = dict(model.state_dict()), {}
    for name, prefixes in steps.items():
        weights |= {key: drawn[key] for key in weights if key.startswith(prefixes)}
        found[name] = copy.deepcopy(model)
        found[name].load_state_dict(weights)
    return dict(found)
