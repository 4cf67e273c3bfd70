"""Which seed the explorer shows, and what it leaves out where the page would become too large."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from study.report.explorer.choosing import FEWEST, choose_seed, fit, median_seed, seed_accuracy
from study.report.explorer.encode import encode
from study.report.explorer.payload import make_payload
from study.report.inputs import RunTables, pick
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows, with_seeds, without_table

ENCODER = ("reviews", "encoder")


@pytest.mark.parametrize(
    ("accuracy", "wanted"),
    [
        ({"0": 0.8, "1": 0.7, "2": 0.75}, "2"),
        ({"0": 0.8, "1": 0.7}, "1"),  # of two the lower
        ({"0": 0.8, "1": 0.9, "2": 0.7, "3": 0.85}, "0"),
        ({"5": 0.7, "1": 0.7, "2": 0.7}, "1"),  # ties in the order given, not of the numbers
        ({"9": 0.7}, "9"),
    ],
)
def test_the_seed_of_median_accuracy(accuracy: dict[str, float], wanted: str) -> None:
    assert median_seed(accuracy) == wanted


def with_accuracy(run: RunTables, values: dict[str, float]) -> RunTables:
    for seed, value in values.items():
        run = set_rows(run, "accuracy", "accuracy", value, model="encoder", kind="model", seed=seed)
    return run


def test_the_seed_is_read_from_the_accuracy_of_single_seeds(small: Written) -> None:
    for values, wanted in (({"0": 0.9, "1": 0.7}, "1"), ({"0": 0.6, "1": 0.7}, "0")):
        run = with_accuracy(small.run, {**values, "all": 0.1})
        chosen = choose_seed(run, ENCODER)
        assert chosen is not None
        assert (chosen.seed, chosen.accuracy) == (wanted, values[wanted])
        assert (chosen.why, chosen.n_test) == ("median test accuracy of 2 seeds", 1000)
        model = json.loads(make_payload(run))["models"][0]
        assert (model["seed"], model["accuracy"], model["n_test"]) == (wanted, values[wanted], 1000)
        margins = pick(run.of("texts", *ENCODER), seed=wanted, trained=True)["margin"]
        assert [t["margin"] for t in model["texts"]] == [float(f"{v:.3g}") for v in margins]


def test_accuracy_by_seed_leaves_out_that_over_seeds_and_baselines(small: Written) -> None:
    table = small.run.tables["accuracy"]
    found = seed_accuracy(table, *ENCODER)
    wanted = table[(table["model"] == "encoder") & table["seed"].isin(["0", "1"])]
    assert found["accuracy"].to_dict() == dict(zip(wanted["seed"], wanted["accuracy"], strict=True))
    numbered = table[table["seed"] != "all"].assign(seed=lambda t: t["seed"].astype(int))
    assert list(seed_accuracy(numbered, *ENCODER).index) == ["0", "1"]


def test_a_seed_without_texts_is_not_chosen(small: Written) -> None:
    texts = small.run.tables["texts"]
    run = with_rows(small.run, "texts", texts[texts["seed"] == "0"])
    chosen = choose_seed(with_accuracy(run, {"0": 0.9, "1": 0.7}), ENCODER)
    assert chosen is not None
    assert (chosen.seed, chosen.why) == ("0", "")  # the run has two seeds: this is not the only one


def test_what_is_said_of_the_seed(small: Written) -> None:
    unknown = choose_seed(without_table(small.run, "accuracy"), ENCODER)
    assert unknown is not None
    assert (unknown.seed, unknown.n_test) == ("0", None)
    assert unknown.why == "first of 2 seeds; no accuracy is known"
    texts = small.run.tables["texts"]
    alone = choose_seed(with_seeds(with_rows(small.run, "texts", texts[texts["seed"] == "0"]), 1), ENCODER)
    assert alone is not None
    assert alone.why == "the only seed"
    assert choose_seed(without_table(small.run, "texts"), ENCODER) is None


def invented(n_texts: tuple[int, ...], labels: tuple[str, ...] = ("encoder", "attention-only")) -> dict[str, Any]:
    """A payload of texts of about 1,000 bytes; every second one has a causal table."""
    models = [
        {
            "label": label,
            "texts": [{"id": f"{label} {k}", "words": "x" * 980} | ({"causal": []} if k % 2 else {}) for k in range(n)],
        }
        for label, n in zip(labels, n_texts, strict=True)
    ]
    return {"notes": {"left_out": ""}, "models": models}


def ids(payload: dict[str, Any]) -> list[list[str]]:
    return [[text["id"].split()[-1] for text in model["texts"]] for model in payload["models"]]


def test_all_is_kept_where_there_is_room(small: Written) -> None:
    whole = invented((20, 20))
    assert fit(small.run, whole, 100_000) == whole


def test_as_many_texts_of_every_model_as_there_is_room_for(small: Written) -> None:
    whole = invented((30, 12))
    found = fit(small.run, whole, 30_000)
    assert len(encode(found)) <= 30_000
    first, second = ids(found)
    assert len(first) > len(second) == 12
    assert first == sorted(first, key=int)
    assert sum(int(k) % 2 for k in first) == 15  # all that have a causal table
    n_gone = 42 - len(first) - len(second)
    assert found["notes"]["left_out"] == (
        f"Left out to keep this page small: {n_gone} of 42 texts (at most {len(first)} of each model are here)."
    )
    more = len(fit(small.run, whole, 32_100)["models"][0]["texts"])
    assert len(first) < more <= len(first) + 2
    even = fit(small.run, invented((30, 30)), 30_000)
    assert [len(model["texts"]) for model in even["models"]] == [14, 14]


def test_models_go_before_fewer_than_the_fewest_texts_stay(small: Written) -> None:
    found = fit(small.run, invented((30, 30)), 15_000)
    assert [m["label"] for m in found["models"]] == ["encoder"]
    assert len(found["models"][0]["texts"]) >= FEWEST
    assert "and the model attention-only." in found["notes"]["left_out"]
    turned = small.run.config.models[0].model_copy(update={"rotate": True})
    config = small.run.config.model_copy(update={"models": (turned, *small.run.config.models[1:])})
    found = fit(dataclasses.replace(small.run, config=config), invented((30, 30)), 15_000)
    assert [m["label"] for m in found["models"]] == ["attention-only"]


def test_one_text_always_stays(small: Written) -> None:
    found = fit(small.run, invented((30, 30)), 100)
    assert ids(found) == [["1"]]


def test_the_bytes_of_a_real_payload_are_within_its_budget(small: Written) -> None:
    whole = make_payload(small.run)
    budget = len(whole.encode())
    assert make_payload(small.run, budget) == whole
    for less in (budget - 1, budget // 2):
        data = make_payload(small.run, less)
        assert len(data.encode()) <= less
        assert json.loads(data)["notes"]["left_out"]
