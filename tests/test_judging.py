"""Stage `score`: hand-made tables of a cell against values by hand, and what is never scored."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study import judging
from study.artefacts import save_corpus
from study.config import DatasetConfig, ModelConfig, ShortcutConfig, StudyConfig
from study.data.planted import load_planted
from study.judging import find_pairs, judge
from study.known import heads_of
from study.ledger import write_frame
from study.metrics import HEAD_SCORES, WORD_SCORES
from study.records import Corpus, LabelledTexts
from tests.cell_tables import CROSSWALK, HEADS, NAMES, SCORED, word_rows
from tests.tasks.hand_built import CONFIG as CIRCUIT

NEGATION = DatasetConfig(name="turned", source="planted", task="negation", max_train=4, validation_size=4, test_size=8)
PLAIN = DatasetConfig(name="plain", source="files")
TRAINED = ModelConfig(name="trained", n_heads=2, d_model=8)


def silent(_done: int, _total: int, _text: str) -> None:
    pass


# pairs


def ablation_rows(effects: dict[str, tuple[float, float]], ablation: str) -> list[dict]:
    """effects: by group, on the texts t and u."""
    return [
        {"example_id": example_id, "group": group, "n_heads": 2, "ablation": ablation, "effect": effect}
        for group, values in effects.items()
        for example_id, effect in zip("tu", values, strict=True)
    ]


JOINT = {
    "L0H0+L0H1": (3.0, -3.0),
    "L0H0+L0H2": (-1.0, -2.0),
    "L0H0+L0H3": (1.0, -3.0),
    "L0H1+L0H2": (0.1, -0.02),
    "L0H1+L0H3": (2.0, 0.0),
    "L0H2+L0H3": (2.0, 1.0),
    "L0H0+L0H4": (0.0, 0.0),
    "layer 0": (5.0, 5.0),
}
OTHER = dict.fromkeys(JOINT, (9.0, 9.0))
ABLATIONS = pd.DataFrame([*ablation_rows(OTHER, "zero"), *ablation_rows(JOINT, "mean")])


def test_pairs_by_hand() -> None:
    pairs = find_pairs(CROSSWALK, SCORED, ABLATIONS, HEADS)
    keys = [(p["component_a"], p["component_b"]) for p in pairs]
    assert keys == [(a, b) for i, a in enumerate(NAMES[:4]) for b in NAMES[i + 1 : 4]]  # no pads
    by_names = {(p["name_a"], p["name_b"]): p for p in pairs}
    up_down = by_names["Up", "Down"]
    assert (up_down["found"], up_down["truth"]) == (True, True)
    assert (up_down["cosine"], up_down["norm_ratio"]) == pytest.approx((-1.0, 1.0))
    assert [up_down[k] for k in ("single_a", "single_b", "joint")] == pytest.approx([1.0, 1.5, 0.06])  # sizes, by mean
    read_up = by_names["Read", "Up"]
    assert read_up["cosine"] == pytest.approx(0.5 / math.sqrt((1 + 0.25 + 1) * (4 + 1 + 1)))
    assert [read_up[k] for k in ("single_a", "single_b", "joint")] == pytest.approx([2.0, 1.0, 3.0])
    assert [(p["found"], p["truth"]) for p in pairs].count((False, False)) == 5


def test_a_pair_that_moves_the_margin_together_is_not_found_but_stays_truth() -> None:
    joint = pd.DataFrame(ablation_rows(JOINT | {"L0H1+L0H2": (0.3, -0.02)}, "mean"))
    found = {p["name_b"]: p for p in find_pairs(CROSSWALK, SCORED, joint, HEADS) if p["name_a"] == "Up"}
    assert (found["Down"]["found"], found["Down"]["truth"]) == (False, True)


def test_truth_of_a_pair_does_not_depend_on_which_comes_first() -> None:
    heads = [dict(row) for row in HEADS]
    heads[1]["undoes"], heads[2]["undoes"] = "Down", ""
    truths = [[p["truth"] for p in find_pairs(CROSSWALK, SCORED, ABLATIONS, rows)] for rows in (HEADS, heads)]
    assert truths[0] == truths[1]
    assert sum(truths[0]) == 1


def test_order_of_rows_does_not_matter_to_pairs() -> None:
    tables = [table.sample(frac=1.0, random_state=5) for table in (CROSSWALK, SCORED, ABLATIONS)]
    for found, wanted in zip(find_pairs(*tables, HEADS), find_pairs(CROSSWALK, SCORED, ABLATIONS, HEADS), strict=True):
        texts = [key for key, value in wanted.items() if isinstance(value, str)]
        assert {key: found.pop(key) for key in texts} == {key: wanted.pop(key) for key in texts}
        assert found == pytest.approx(wanted, rel=1e-12)


def test_no_pairs_without_a_causal_crosswalk_and_none_called_without_single_effects() -> None:
    assert find_pairs(CROSSWALK[:0], SCORED, ABLATIONS, HEADS) == []
    pairs = find_pairs(CROSSWALK, SCORED[SCORED["method"] == "lime"], ABLATIONS, HEADS)
    assert len(pairs) == 6
    assert not any(p["found"] for p in pairs)
    assert all(math.isnan(p["single_a"]) for p in pairs)


# a run


def write_cell(run: Path, cell: str, corpus: Corpus, ids: list[str], heads: list[dict]) -> None:
    """The tables of one cell: Shapley values that are right in `trained` rows only, and cells drawn at random."""
    folder, rng = run / "cells" / cell, np.random.default_rng(0)
    features, crosswalk, head_table, causal = [], [], [], []
    places = {example_id: i for i, example_id in enumerate(corpus.test.example_id)}
    for example_id in ids:
        words = corpus.test.text[places[example_id]].split()
        right = np.array(corpus.test.relevant[places[example_id]], float) * (
            2 * corpus.test.label[places[example_id]] - 1
        )
        for method, scores in (("shapley", right), ("random", rng.standard_normal(len(words)))):
            features += word_rows(example_id, method, scores)
        features += word_rows(example_id, "shapley", 1 - np.abs(right), trained=False)
        names = [h["component"] for h in heads] or ["L0H0"]
        drawn = rng.standard_normal((len(words), len(names)))
        both = [(crosswalk, "shapley"), (crosswalk, "lime"), (causal, "two_way_shapley"), (causal, "leave_one_out")]
        for table, method in both:
            table += [
                {"example_id": example_id, "word_index": i, "word": words[i], "component": name, "method": method}
                | {"kind": "x", "value": float(drawn[i, k])}
                for i in range(len(words))
                for k, name in enumerate(names)
            ]
        head_table += [
            {"example_id": example_id, "component": n, "method": m, "score": float(rng.standard_normal())}
            for m in ("ablation_mean", "random")
            for n in names
        ]
    pairs = [f"{a['component']}+{b['component']}" for i, a in enumerate(heads) for b in heads[i + 1 :]]
    key = {"n_heads": 2, "ablation": "mean", "effect": 1.0}
    joint = [{"example_id": example_id, "group": pair, **key} for example_id in ids for pair in pairs]
    texts = [{"trained": True, "example_id": i} for i in ids]
    for name, rows in (("features", features), ("crosswalk", crosswalk), ("texts", texts)):
        write_frame(folder / f"{name}.parquet", pd.DataFrame(rows))
    if heads:
        for name, rows in (("causal_crosswalk", causal), ("heads", head_table), ("ablations", joint)):
            write_frame(folder / f"{name}.parquet", pd.DataFrame(rows))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, StudyConfig]:
    """A run of a hand-built model on one seed of two, a trained one on both that fails its check, and plain texts."""
    few = CIRCUIT.model_copy(update={"n_seeds": 1})
    plain = PLAIN.model_copy(update={"models": ("trained",)})
    config = StudyConfig(name="x", seeds=(3, 5), datasets=(NEGATION, plain), models=(few, TRAINED))
    corpus = load_planted(NEGATION)
    save_corpus(tmp_path / "data" / "turned", corpus)
    ids = [corpus.test.example_id[i] for i in (4, 1, 6)]
    write_cell(tmp_path, "turned-hand-built-s3", corpus, ids, heads_of(NEGATION, few))
    for seed in (3, 5):
        write_cell(tmp_path, f"turned-trained-s{seed}", corpus, ids, [])
    checks = [("hand-built", 3, True), ("trained", 3, True), ("trained", 5, False)]
    table = pd.DataFrame(
        [
            {"dataset": "turned", "model": model, "seed": seed, "check": "c", "value": 1.0, "low": 0.0, "high": 1.0}
            | {"passed": passed}
            for model, seed, passed in checks
        ]
    )
    monkeypatch.setattr(judging, "verify_run", lambda *_: table)
    return tmp_path, config


NOTHING_CHECKED = pd.DataFrame(columns=["dataset", "model", "seed", "check", "value", "low", "high", "passed"])
TABLES = {
    *("truth_words", "truth_heads", "truth_scores", "pairs", "failures", "failure_rates", "score_card"),
    "verification",
}


def test_tables_of_a_run(study: tuple[Path, StudyConfig]) -> None:
    tables = judge(*study, silent)
    assert set(tables) == TABLES
    for name in ("truth_scores", "pairs", "failures"):
        assert list(tables[name])[:3] == ["dataset", "model", "seed"]
    assert tables["truth_words"].groupby("example_id").size().tolist() == [9, 9, 9]
    assert len(tables["truth_heads"]) == 10
    scores = tables["truth_scores"]
    assert set(zip(scores["model"], scores["seed"], scores["unit"], strict=True)) == {
        *(("hand-built", 3, unit) for unit in ("words", "heads")),
        *(("trained", seed, "words") for seed in (3, 5)),  # nothing is known of its heads
    }
    assert set(scores[scores["unit"] == "heads"]["metric"]) == set(HEAD_SCORES)
    assert scores.groupby(["model", "seed", "unit", "method", "metric"]).size().unique().tolist() == [3]
    assert set(scores[scores["unit"] == "heads"]["method"]) == {
        *("ablation_mean", "random", "oracle", "reversed", "chance"),
        *(f"crosswalk_{kind}{end}" for kind in ("direct", "causal") for end in ("", "_truth_only")),
    }
    assert set(scores[scores["unit"] == "words"]["method"]) == {
        *("shapley", "random", "crosswalk_row_size", "oracle", "reversed", "chance"),
    }
    pairs = tables["pairs"]
    assert len(pairs) == 8 * 7 // 2
    assert "pad" not in set(pairs["name_a"]) | set(pairs["name_b"])
    assert pairs[pairs["truth"]][["name_a", "name_b"]].to_numpy().tolist() == [["Cancel+", "Cancel-"]]


def test_only_explanations_of_the_trained_model_are_scored(study: tuple[Path, StudyConfig]) -> None:
    scores = judge(*study, silent)["truth_scores"]
    right = scores.query("method == 'shapley' and metric == 'attribution_share_score'")["value"]
    assert (right == 1.0).all()  # rows of the control give 0


NEED_VALUES = ("oracle_spearman_score", "oracle_distance_error")
NEED_SIDES = ("sign_accuracy_score", *NEED_VALUES)


def test_exact_values_and_sides_are_asked_of_hand_built_models_only(study: tuple[Path, StudyConfig]) -> None:
    """A trained model was found to follow the rule on full texts: which words decide is known of it, and no more."""
    tables = judge(*study, silent)
    scores = tables["truth_scores"].query("unit == 'words' and method == 'shapley'")
    one_has_a_value = ("min_share_score",)  # in scope all is the "not"'s, so there is nothing to share
    for model, needed in (("hand-built", one_has_a_value), ("trained", NEED_SIDES)):
        defined = scores[scores["model"] == model].groupby("metric")["value"].count()
        assert set(defined[defined == 0].index) == set(needed)
    ideal = tables["truth_scores"].query("model == 'trained' and method == 'oracle'").dropna()
    assert set(ideal["metric"]) == set(WORD_SCORES) - set(NEED_SIDES)
    assert (ideal["value"] == 1.0).all()
    assert tables["truth_words"]["oracle"].notna().all()  # the rule's own values are still told


def test_of_a_shortcut_the_side_is_asked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = LabelledTexts(
        example_id=("a", "b"),
        text=("fine zelk .", "dull vorn , dull"),
        label=np.array([0, 1]),
        relevant=((False, True, False), (False, True, False, False)),
        own_label=np.array([1, 0]),
    )
    corpus = Corpus(name="fooled", class_names=("bad", "good"), train=texts, validation=texts, test=texts)
    save_corpus(tmp_path / "data" / "fooled", corpus)
    write_cell(tmp_path, "fooled-trained-s0", corpus, ["a", "b"], [])
    monkeypatch.setattr(judging, "verify_run", lambda *_: NOTHING_CHECKED)
    fooled = DatasetConfig(name="fooled", source="files", shortcut=ShortcutConfig(rule="single_token"))
    config = StudyConfig(name="x", seeds=(0,), datasets=(fooled,), models=(TRAINED,))
    scores = judge(tmp_path, config, silent)["truth_scores"].set_index(["metric", "method"])["value"]
    assert (scores.loc["sign_accuracy_score", "shapley"] == 1.0).all()
    assert (scores.loc["sign_accuracy_score", "oracle"] == 1.0).all()
    assert (scores.loc["sign_accuracy_score", "chance"] == 0.5).all()
    for metric in NEED_VALUES:
        assert scores.loc[metric].isna().all()


def test_a_variant_that_is_not_verified_is_not_scored(study: tuple[Path, StudyConfig]) -> None:
    card = judge(*study, silent)["score_card"].set_index("model")
    numbers = ["estimate", "low", "high", "floor", "ceiling", "relative"]
    assert card.loc["trained", numbers].isna().all(axis=None)
    assert not card.loc["trained", "verified"].any()
    assert set(card.loc["trained", "rung"]) == {"trained"}
    best = card.loc["hand-built"].query("method == 'oracle' and metric == 'precision_at_truth_score'")
    assert best["estimate"].notna().all()
    assert set(card.loc["hand-built", "rung"]) == {"hand-built"}
    assert card.loc["hand-built", "verified"].all()


def test_order_of_rows_in_the_files_of_cells_does_not_matter(study: tuple[Path, StudyConfig]) -> None:
    run, config = study
    tables = judge(run, config, silent)
    for path in sorted((run / "cells").glob("*/*.parquet")):
        write_frame(path, pd.read_parquet(path).sample(frac=1.0, random_state=2).reset_index(drop=True))
    again = judge(run, config, silent)
    for name, table in tables.items():
        keys = [c for c in table if not pd.api.types.is_numeric_dtype(table[c]) or c in ("seed", "word_index")]
        one, other = (t.sort_values(keys).reset_index(drop=True) for t in (table, again[name]))
        pd.testing.assert_frame_equal(one, other, obj=name, rtol=1e-12)


def test_a_run_in_which_nothing_is_known_has_no_tables(tmp_path: Path) -> None:
    config = StudyConfig(name="x", seeds=(0,), datasets=(PLAIN,), models=(TRAINED,))
    assert judge(tmp_path, config, silent) == {}
