"""The explorer's data are the numbers of the tables, to three digits, each at its word, component or head."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from study.report.choose import summarise_texts
from study.report.explorer.encode import encode
from study.report.explorer.payload import build_payload, make_payload
from study.report.inputs import RunTables, pick, read_run
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows, with_second_data_set, without_table
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape

METHODS = ("shapley", "lime", "attention", "random")


def payload_of(run: RunTables) -> dict[str, Any]:
    return json.loads(make_payload(run))


def short(value: float) -> float | None:
    """As the JSON has it: test_explorer_encode.py says how."""
    return json.loads(encode(float(value)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    """Three seeds, texts cut by the model's length, causal tables for some texts only, one text predicted wrongly."""
    folder = tmp_path_factory.mktemp("explorer") / "run"
    folder.mkdir()
    shape = Shape(models=(("encoder", 16),), n_texts=6, causal_texts=3, max_words=9, methods=METHODS, evaluated_texts=0)
    found = read_run(folder, write_synthetic_run(folder, shape))
    return set_rows(found, "texts", "predicted", "positive", example_id="t001")


@pytest.fixture(scope="module")
def model(run: RunTables) -> dict[str, Any]:
    (found,) = payload_of(run)["models"]
    return found


def rows(run: RunTables, model: dict[str, Any], table: str, text: dict[str, Any], **equal: Any) -> pd.DataFrame:
    found = pick(run.tables[table], model=model["label"], seed=model["seed"], example_id=text["id"], **equal)
    found = pick(found, trained=True) if "trained" in found else found
    assert len(found)
    return found


def test_texts_and_their_words(run: RunTables, model: dict[str, Any]) -> None:
    texts = pick(run.tables["texts"], seed=model["seed"], trained=True)
    assert [t["id"] for t in model["texts"]] == list(texts["example_id"])
    assert model["classes"] == ["negative", "positive"]
    for text, row in zip(model["texts"], texts.itertuples(), strict=True):
        assert text["words"] == row.text.split()
        assert text["seen"] == min(9, row.n_words) == row.n_words - row.n_words_cut
        assert [model["classes"][text[k]] for k in ("label", "predicted", "target")] == [
            *(row.label, row.predicted, row.target)
        ]
        assert text["margin"] == short(row.margin)
        assert text["empty_margin"] == short(row.empty_margin)
        assert text["moved"] == short(row.margin - row.empty_margin)
        unknown = rows(run, model, "features", text, method="lime", unknown=True) if row.n_unknown else ()
        assert text["unknown"] == (list(unknown["word_index"]) if len(unknown) else [])
    assert any(t["seen"] < len(t["words"]) for t in model["texts"])


def test_every_score_is_that_of_the_table(run: RunTables, model: dict[str, Any]) -> None:
    for text in model["texts"]:
        assert list(text["scores"]) == list(METHODS)
        for row in rows(run, model, "features", text).itertuples():
            assert text["scores"][row.method][row.word_index] == short(row.score)
        assert all(len(scores) == len(text["words"]) for scores in text["scores"].values())


def test_every_direct_cell_is_that_of_the_table_and_rows_sum_to_the_scores(
    run: RunTables, model: dict[str, Any]
) -> None:
    for text in model["texts"]:
        assert list(text["direct"]) == ["shapley", "lime"]
        for row in rows(run, model, "crosswalk", text, kind="direct").itertuples():
            place = model["components"].index(row.component)
            assert text["direct"][row.method][row.word_index][place] == short(row.value)
        for cells, score in zip(text["direct"]["shapley"], text["scores"]["shapley"], strict=True):
            if score is not None:
                assert sum(cells) == pytest.approx(score, abs=0.006 * sum(map(abs, [*cells, score])) + 1e-3)
        lengths = [len(cells) for cells in text["direct"]["lime"]]
        n_cut = len(text["words"]) - text["seen"]
        assert lengths == [len(model["components"])] * text["seen"] + [0] * n_cut


def test_causal_cells_stand_where_there_is_a_causal_table(run: RunTables, model: dict[str, Any]) -> None:
    heads = [model["components"][k] for k in model["heads"]]
    assert heads == [f"L{layer}H{head}" for layer in range(2) for head in range(4)]
    assert [("causal" in t) for t in model["texts"]] == [True] * 3 + [False] * 3
    for text in model["texts"][:3]:
        cells = rows(run, model, "crosswalk", text, kind="causal", method="two_way_shapley")
        for row in cells.itertuples():
            assert text["causal"][row.word_index][heads.index(row.component)] == short(row.value)
        assert len(cells) == text["seen"] * len(heads)
        assert len(text["causal"]) == len(text["words"])
        made = rows(run, model, "causal", text).iloc[0]
        errors = ("sampling_error", "word_error", "head_error")
        assert [text[name] for name in errors] == [short(made[name]) for name in errors]
    assert not {"sampling_error", "word_error", "head_error"} & set(model["texts"][3])


def test_components_heads_and_attention_are_those_of_the_tables(run: RunTables, model: dict[str, Any]) -> None:
    heads = [model["components"][k] for k in model["heads"]]
    named = {"head_shapley": "shapley", "ablation_mean": "ablation_mean", "direct_centred": "direct_centred"}
    for text in model["texts"]:
        table = rows(run, model, "components", text)
        assert model["components"] == list(table["component"])
        assert (model["kinds"], model["layers"]) == (list(table["kind_of_component"]), list(table["layer"]))
        assert text["beyond"] == [short(v) for v in table["contribution"] - table["empty_contribution"]]
        assert set(text["heads"]) == set(named)
        for key, method in named.items():
            scores = rows(run, model, "heads", text, method=method).set_index("component")["score"]
            assert text["heads"][key] == [short(scores[head]) for head in heads]
        weights = rows(run, model, "readout_attention", text)
        assert len(weights) == len(heads) * (1 + text["seen"])
        for row in weights.itertuples():
            assert text["attention"][heads.index(row.component)][row.word_index + 1] == short(row.weight)


def test_texts_are_sorted_by_the_numbers_of_the_rules(run: RunTables, model: dict[str, Any]) -> None:
    summary = summarise_texts(run, "reviews", "encoder", model["seed"]).set_index("example_id")
    for text in model["texts"]:
        row = summary.loc[text["id"]]
        assert text["sort"] == {
            "sure": short(abs(row["margin"])),
            **{name: short(row[name]) for name in ("gap", "hidden", "parted")},
            "wrong": int(row["label"] != row["predicted"]),
        }
    assert len({text["sort"]["wrong"] for text in model["texts"]}) == 2
    assert model["texts"][-1]["sort"]["parted"] is None


def test_profiles_of_heads(run: RunTables, model: dict[str, Any]) -> None:
    profiles = pick(run.tables["profiles"], seed=model["seed"]).set_index("component")
    assert list(model["profiles"]) == [model["components"][k] for k in model["heads"]]
    for name, found in model["profiles"].items():
        row = profiles.loc[name]
        assert found["class"] == row["class_"]
        for key, column in (("direct", "direct_size"), ("causal", "causal_size"), ("ablation", "ablation_size")):
            assert found[key] == short(row[column])
        assert (found["to_cls"], found["entropy"]) == (short(row["attention_to_cls"]), short(row["attention_entropy"]))
        for key, side in (("up", "+"), ("down", "-")):
            words = pick(run.tables["profile_words"], seed=model["seed"], component=name, side=side)
            assert found[key] == [[w.word, short(w.causal), w.n_texts] for w in words.sort_values("rank").itertuples()]
    unknown = set_rows(run, "profile_words", "causal", float("nan"), component="L0H0")
    profile = payload_of(unknown)["models"][0]["profiles"]["L0H0"]
    assert (profile["up"], profile["down"]) == ([], [])  # never direct cells in their place


def test_methods_say_on_which_scale_they_are(run: RunTables) -> None:
    found = payload_of(run)
    assert [(m["name"], m["kind"]) for m in found["methods"]] == [
        *(("shapley", "signed"), ("lime", "signed"), ("attention", "unsigned"), ("random", "own")),
    ]
    assert found["methods"][0]["label"] == "SHAP"
    assert (found["format"], found["run"], found["splits"]) == (1, "synthetic", ["shapley", "lime"])
    assert found["notes"] == {"left_out": ""}


def test_the_order_of_rows_does_not_matter(run: RunTables) -> None:
    mixed = run
    for name in ("features", "crosswalk", "heads", "readout_attention", "causal", "profile_words"):
        mixed = with_rows(mixed, name, run.tables[name].sample(frac=1, random_state=0))
    assert make_payload(mixed) == make_payload(run)


def test_words_known_to_decide(run: RunTables) -> None:
    truth = [("t001", i, i in (2, 5)) for i in range(8)] + [("t002", 0, False)]
    frame = pd.DataFrame(truth, columns=["example_id", "word_index", "relevant"]).assign(dataset="reviews")
    known = dataclasses.replace(run, tables={**run.tables, "truth_words": frame})
    texts = {t["id"]: t for t in payload_of(known)["models"][0]["texts"]}
    assert (texts["t001"]["truth"], texts["t002"]["truth"]) == ([2, 5], [])
    assert "truth" not in texts["t000"]


def test_a_run_without_heads_or_lime(run: RunTables) -> None:
    bare = run
    for name in ("causal", "readout_attention", "profiles", "profile_words", "heads", "accuracy"):
        bare = without_table(bare, name)
    cells, scores = run.tables["crosswalk"], run.tables["features"]
    bare = with_rows(bare, "crosswalk", cells[(cells["kind"] == "direct") & (cells["method"] != "lime")])
    bare = with_rows(bare, "features", scores[scores["method"] != "lime"])
    found = payload_of(bare)
    assert found["splits"] == ["shapley"]
    (model,) = found["models"]
    assert model["profiles"] == {}
    assert model["accuracy"] is None
    for text in model["texts"]:
        assert not {"causal", "word_error", "attention"} & set(text)
        assert (text["heads"], list(text["direct"])) == ({}, ["shapley"])
        assert "lime" not in text["scores"]
        assert text["sort"]["gap"] is None


def test_causal_cells_without_their_errors(run: RunTables) -> None:
    text = payload_of(without_table(run, "causal"))["models"][0]["texts"][0]
    assert "causal" in text
    assert (text["word_error"], text["head_error"]) == (None, None)


def test_tables_of_one_text_that_nobody_labelled(run: RunTables) -> None:
    """As a page about a reader's own text has them: one seed, no accuracy, no profile, no data card."""
    own = ("texts", "features", "crosswalk", "components", "heads", "causal", "readout_attention")
    alone = run
    for name, table in run.tables.items():
        if "model" in table:
            kept = table.iloc[:0] if name not in own else pick(table, seed="2", example_id="t000")
            alone = with_rows(alone, name, kept)
    alone = set_rows(alone, "texts", "label", "", example_id="t000")
    (model,) = payload_of(alone)["models"]
    assert (model["seed"], model["why_seed"], model["accuracy"], model["n_test"]) == ("2", "", None, None)
    assert model["profiles"] == {}
    (text,) = model["texts"]
    assert text["label"] is None
    assert text["sort"]["wrong"] is None
    assert {"causal", "attention", "direct"} <= set(text)
    assert model["classes"][text["target"]] == "positive"
    assert text["target"] == len(model["classes"]) - 1


def test_a_text_without_words(run: RunTables) -> None:
    empty = run
    for name in ("features", "crosswalk"):
        table = run.tables[name]
        empty = with_rows(empty, name, table[table["example_id"] != "t000"])
    for column in ("n_words", "n_words_cut"):
        empty = set_rows(empty, "texts", column, 0, example_id="t000")
    text = payload_of(empty)["models"][0]["texts"][0]
    assert (text["words"], text["seen"], text["unknown"]) == ([], 0, [])
    assert text["direct"] == {"shapley": [], "lime": []}
    assert text["attention"][0][1:] == []
    assert "causal" not in text


def test_three_classes_and_the_order_of_the_card(small: Written) -> None:
    run = set_rows(small.run, "texts", "label", "mixed", example_id="t001")
    (first, *_) = payload_of(run)["models"]
    assert first["classes"] == ["mixed", "negative", "positive"]
    assert first["texts"][1]["label"] == 0
    card = {"class_names": ["positive", "negative", "mixed"]}
    (first, *_) = payload_of(dataclasses.replace(run, cards={"reviews": card}))["models"]
    assert first["classes"] == card["class_names"]
    assert [t["label"] for t in first["texts"][:2]] == [0, 2]


def test_of_two_classes_without_a_card_the_explained_one_is_the_second(small: Written) -> None:
    texts = small.run.tables["texts"]
    names = {"negative": "yes", "positive": "good"}
    renamed = texts.assign(**{column: texts[column].map(names) for column in ("label", "predicted", "target")})
    (first, *_) = payload_of(with_rows(small.run, "texts", renamed))["models"]
    assert first["classes"] == ["yes", "good"]
    assert {text["target"] for text in first["texts"]} == {1}


def test_every_model_of_every_data_set(small: Written) -> None:
    models = payload_of(with_second_data_set(small.run))["models"]
    assert [m["dataset"] for m in models] == ["reviews", "reviews", "films", "films"]
    assert len({m["label"] for m in models}) == 4


def test_a_text_is_data(small: Written) -> None:
    bad = "</script><b>\u2028&"
    data = make_payload(set_rows(small.run, "features", "word", bad, example_id="t000", word_index=0))
    assert not set(data) & set("<>&\u2028\u2029")
    assert json.loads(data)["models"][0]["texts"][0]["words"][0] == bad


def test_a_score_that_is_not_defined_is_null(small: Written) -> None:
    run = set_rows(small.run, "features", "score", np.nan, example_id="t000", method="lime", word_index=1)
    scores = payload_of(run)["models"][0]["texts"][0]["scores"]
    assert scores["lime"][1] is None
    assert None not in scores["shapley"]


def test_no_text_no_payload(small: Written) -> None:
    assert make_payload(without_table(small.run, "texts")) == ""
    assert build_payload(small.run)["models"]
