"""Heads taken out together, the rules of the classes, and what head methods cost: the page says what tables hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from study.head_classes import RULES
from study.report.inputs import RunTables
from study.report.numbers import number
from study.report.sections.head_groups import group_table
from tests.report.conftest import Written
from tests.report.edits import without_table
from tests.report.test_heads_evidence import table

GROUP = ("L0H1", "L0H0", "L1H0")


def with_effects(run: RunTables) -> RunTables:
    """The run with a named group in its config and its ablations."""
    known = run.parts["ablations", "reviews", "encoder"]
    text = known["example_id"].iloc[0]
    rows = [
        {"dataset": "reviews", "model": "encoder", "seed": seed, "example_id": text, "n_heads": 3.0}
        | {"group": "L0H0+L0H1+L1H0", "ablation": "zero", "effect": effect}
        for seed, effect in (("0", -0.75), ("1", 0.25))
    ]
    parts = {**run.parts, ("ablations", "reviews", "encoder"): pd.concat([known, pd.DataFrame(rows)])}
    config = run.config.model_copy(update={"heads": run.config.heads.model_copy(update={"groups": (GROUP,)})})
    return replace(run, parts=parts, config=config)


def test_whole_layers_are_pooled_and_named_groups_are_not(small: Written) -> None:
    found = group_table(with_effects(small.run))
    assert found is not None
    names = [column.name for column in found.columns]
    rows = [dict(zip(names, row, strict=True)) for row in found.rows]
    mine = [row for row in rows if row["model"] == "encoder"]
    named = [row for row in mine if row["group"] == "L0H0+L0H1+L1H0"]
    assert [(row["seed"], row["zero"], row["mean"]) for row in named] == [("0", "0.75", "–"), ("1", "0.25", "–")]
    ablations = small.run.of("ablations", "reviews", "encoder").query("group == 'layer 1' and ablation == 'mean'")
    sizes = ablations.assign(size=ablations["effect"].abs()).groupby("seed")["size"].mean()
    (layer,) = [row for row in mine if row["group"] == "layer 1"]
    assert layer["seed"] == "all"
    assert layer["mean"] == f"{number(sizes.min())} to {number(sizes.max())}"
    assert not any("+" in row["group"] for row in mine if row not in named), "pairs have a figure of their own"


def test_without_ablations_there_is_no_table(small: Written) -> None:
    assert group_table(without_table(small.run, "ablations")) is None


@pytest.mark.usefixtures("no_painting")
def test_every_class_is_explained_by_the_rule_that_decides_it(small: Written) -> None:
    rules = table(small.run, "heads", "table-rules")
    assert [row[0] for row in rules.rows] == list(RULES)
    for row, text in zip(rules.rows, RULES.values(), strict=True):
        assert row[1].lower() == text.lower()


@pytest.mark.usefixtures("no_painting")
def test_methods_for_heads_have_their_costs(small: Written) -> None:
    rows = [("encoder", "heads: shapley", 4, 80, 2.0), ("encoder", "causal crosswalk", 2, 1000, 3.0)]
    more = pd.DataFrame(rows, columns=["model", "method", "n_texts", "n_evals", "seconds"])
    cost = pd.concat([small.run.cost, more.assign(dataset="reviews", seed="0")], ignore_index=True)
    found = table(replace(small.run, cost=cost), "cost", "table-head-cost")
    assert found.rows == (
        ("Head Shapley", "4", "80", "2.0", "20.0", "500.0"),
        ("causal crosswalk", "2", "1,000", "3.0", "500.0", "1,500.0"),
    )
    assert np.array_equal(
        [row[0] for row in table(replace(small.run, cost=cost), "cost", "table-cost").rows],
        ["SHAP", "SHAP package", "LIME", "Random control"],
    )
