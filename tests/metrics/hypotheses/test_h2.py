"""H2: where SHAP and LIME part, on invented scores whose disagreement is known word by word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.crosswalk.rows import cancellation
from study.metrics.hypotheses.evidence import Run
from study.metrics.hypotheses.h2 import disagreement_on_null
from tests.metrics.hypotheses import simulated as sim
from tests.metrics.hypotheses.simulated import confirmatory


def rng(seed=0):
    return np.random.default_rng(seed)


TASKS = ("single", "order", "negation")


@pytest.mark.parametrize(
    ("single", "others", "verdict"),
    [(0.8, 0.3, "supported"), (0.3, 0.8, "contradicted"), (0.5, 0.5, "contradicted"), (0.6, 0.5, "inconclusive")],
)
def test_h2(single, others, verdict):
    tables = sim.null_word_tables({"single": single, "order": others, "negation": others}, rng())
    (row,) = confirmatory("H2", tables, datasets=(), tasks=TASKS).to_dict("records")
    assert row["effect"] == pytest.approx(single - others, abs=0.03)
    assert row["verdict"] == verdict, row["reason"]
    assert row["reason"].endswith("one half on both sides, however many words do nothing.")


@pytest.mark.parametrize("task", ["context", "order", "negation", "induction"])
def test_h2_takes_every_task_in_which_words_interact(task):
    tables = sim.null_word_tables({"single": 0.8, task: 0.3}, rng())
    assert confirmatory("H2", tables, datasets=(), tasks=("single", task)).loc[""]["verdict"] == "supported"


def test_h2_gives_equal_errors_one_half_however_many_words_are_null():
    """SHAP right, LIME off by the same on every word: normalised, what null words get the deciding ones lose."""
    random, parts, truth = rng(), [], []
    for task, n_truth in (("single", 1), ("order", 3)):
        cells = sim.make_cells(200, datasets=(task,), seeds=(0,))
        shap = np.tile(np.where(np.arange(9) < n_truth, 1.0, 0.0), (len(cells), 1))
        lime = shap + random.normal(0, 0.02, shap.shape)
        parts += [sim.of_words(cells, 9, method=m, score=s) for m, s in (("shapley", shap), ("lime", lime))]
        words = sim.of_words(cells, 9)[["dataset", "example_id", "word_index"]]
        truth.append(words.assign(relevant=words["word_index"] < n_truth))
    cells = sim.make_cells(1, datasets=("single", "order"), seeds=(0,))
    tables = {"features": pd.concat(parts), "truth_words": pd.concat(truth), "verification": sim.verified(cells)}
    config = sim.make_config("H2", datasets=(), tasks=("single", "order"))
    shares = disagreement_on_null(Run(tables=tables, config=config, cancellation=cancellation))
    by_task = shares.groupby("dataset")["value"].mean()
    assert by_task.to_dict() == pytest.approx({"single": 0.5, "order": 0.5}, abs=0.05)


def test_h2_by_hand():
    texts = pd.DataFrame({"dataset": "single", "model": "m", "seed": 0, "example_id": ["a", "b", "c"]})
    scores = {  # SHAP, LIME: sizes 4 and 2; the same but for scale and rounding; nothing at all
        "a": ([3.0, 1.0, 0.0, np.nan], [1.0, 0.0, -1.0, np.nan]),
        "b": ([2.0, 1.0, 0.0, np.nan], [4.0 + 1e-8, 2.0, 0.0, np.nan]),
        "c": ([0.0] * 4, [1.0] * 4),
    }
    parts = [
        sim.of_words(texts, 4, method=method, score=[scores[text][i] for text in "abc"])
        for i, method in enumerate(("shapley", "lime"))
    ]
    truth = [
        {"dataset": "single", "example_id": text, "word_index": i, "relevant": i == 0}
        for text in "abc"
        for i in range(4)
    ]
    tables = {"features": pd.concat(parts), "truth_words": pd.DataFrame(truth), "verification": sim.verified(texts)}
    run = Run(tables=tables, config=sim.make_config("H2", tasks=("single",)), cancellation=cancellation)
    found = disagreement_on_null(run).set_index("example_id")
    apart = np.abs(np.array([3, 1, 0]) / 4 - np.array([1, 0, -1]) / 2)  # 1/4, 1/4, 1/2
    assert found.loc["a", "value"] == pytest.approx(apart[1:].sum() / apart.sum())
    assert found.loc[["b", "c"], "value"].isna().all()


def test_h2_needs_both_kinds_of_tasks():
    tables = sim.null_word_tables({"single": 0.5}, rng(), n_texts=12)
    row = confirmatory("H2", tables, datasets=(), tasks=("single",)).loc[""]
    assert row["verdict"] == "not tested"
    assert "No verified model was explained on the planted tasks 'single' and one of" in row["reason"]
