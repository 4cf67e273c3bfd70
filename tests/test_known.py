"""What is known of texts and heads: truth words, exact values, roles; and that it is the same whoever asks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.artefacts import save_corpus
from study.config import DatasetConfig, ModelConfig, ShortcutConfig, StudyConfig
from study.data.planted import load_planted
from study.known import (
    KnownText,
    has_truth,
    heads_of,
    known_texts,
    oracle_of,
    roles_of,
    rung_of,
    truth_heads,
    truth_words,
)
from study.ledger import write_frame
from study.records import Corpus, LabelledTexts
from study.tasks import TASKS
from tests.tasks.hand_built import CONFIG as CIRCUIT
from tests.tasks.hand_built import NAMES, draw_texts

NEGATION = DatasetConfig(name="turned", source="planted", task="negation", max_train=5, validation_size=5, test_size=20)
FOOLED = DatasetConfig(name="fooled", source="files", shortcut=ShortcutConfig(rule="single_token"))
PLAIN = DatasetConfig(name="plain", source="files")
TRAINED = ModelConfig(name="trained")


def study_of(datasets: list[DatasetConfig], models: list[ModelConfig], seeds: tuple[int, ...] = (0,)) -> StudyConfig:
    return StudyConfig(name="x", seeds=seeds, datasets=tuple(datasets), models=tuple(models))


def write_texts(run: Path, cell: str, ids: list[str], untrained: int = 1) -> None:
    """A cell's table of explained texts; the first ones were explained on the untrained control, too."""
    rows = [{"trained": True, "example_id": i} for i in ids]
    rows += [{"trained": False, "example_id": i} for i in ids[:untrained]]
    write_frame(run / "cells" / cell / "texts.parquet", pd.DataFrame(rows))


@pytest.mark.parametrize("name", NAMES)
def test_oracle_is_the_closed_form(name: str) -> None:
    task = TASKS.load(name)
    for text in draw_texts(task, 6, seed=3):
        np.testing.assert_allclose(oracle_of(task, text.words), task.shapley(text.words), atol=1e-12)


@pytest.mark.parametrize(
    ("dataset", "model", "rung"),
    [
        (NEGATION, CIRCUIT, "hand-built"),
        (NEGATION, CIRCUIT.model_copy(update={"rotate": True}), "rotated"),
        (NEGATION, CIRCUIT.model_copy(update={"rotate": True, "weight_noise": 0.1}), "rotated"),
        (NEGATION, CIRCUIT.model_copy(update={"weight_noise": 0.1}), "rotated"),  # no more what was set
        (NEGATION, TRAINED, "trained"),
        (FOOLED, TRAINED, "shortcut"),
    ],
)
def test_rung(dataset: DatasetConfig, model: ModelConfig, rung: str) -> None:
    assert rung_of(dataset, model) == rung


def test_truth_comes_from_a_task_or_a_shortcut() -> None:
    assert [has_truth(d) for d in (NEGATION, FOOLED, PLAIN)] == [True, True, False]


def test_heads_layer_by_layer_with_pads() -> None:
    found = heads_of(NEGATION, CIRCUIT)
    assert [(h["component"], h["layer"], h["head"], h["name"], h["role"]) for h in found] == [
        ("L0H0", 0, 0, "NegScope", "indirect"),
        ("L0H1", 0, 1, "Cancel+", "cancelling"),
        ("L0H2", 0, 2, "Cancel-", "cancelling"),
        ("L0H3", 0, 3, "Bias", "null"),
        ("L0H4", 0, 4, "pad", "pad"),
        ("L1H0", 1, 0, "All", "direct"),
        ("L1H1", 1, 1, "Negated", "direct"),
        ("L1H2", 1, 2, "Norm", "null"),
        ("L1H3", 1, 3, "Gazer", "null"),
        ("L1H4", 1, 4, "pad", "pad"),
    ]
    assert {h["name"]: h["undoes"] for h in found if h["undoes"]} == {"Cancel-": "Cancel+"}
    assert {h["name"]: h["fools"] for h in found if h["name"] in ("Gazer", "pad")} == {"Gazer": "attention", "pad": ""}


def test_a_third_layer_is_all_pads() -> None:
    deep = heads_of(NEGATION, CIRCUIT.model_copy(update={"n_layers": 3}))
    assert [h["role"] for h in deep[:10]] == [h["role"] for h in heads_of(NEGATION, CIRCUIT)]
    assert [h["role"] for h in deep[10:]] == ["pad"] * 5


def test_heads_of_models_that_are_not_set_by_hand_are_not_known() -> None:
    assert heads_of(NEGATION, TRAINED) == []
    assert heads_of(FOOLED, TRAINED) == []
    assert heads_of(PLAIN, CIRCUIT) == []
    table = truth_heads(study_of([NEGATION, PLAIN.model_copy(update={"models": ("trained",)})], [TRAINED, CIRCUIT]))
    assert list(table) == ["dataset", "model", "component", "layer", "head", "name", "role", "fools", "undoes"]
    assert set(zip(table["dataset"], table["model"], strict=True)) == {("turned", "hand-built")}
    assert len(table) == 10
    assert list(truth_heads(study_of([PLAIN], [TRAINED]))) == list(table)


def test_known_texts_do_not_depend_on_the_model_that_comes_first(tmp_path: Path) -> None:
    """Cells hold their texts in the same order; only that they hold them counts."""
    corpus = load_planted(NEGATION)
    save_corpus(tmp_path / "data" / "turned", corpus)
    ids = [corpus.test.example_id[i] for i in (11, 2, 7)]
    write_texts(tmp_path, "turned-hand-built-s4", ids)
    write_texts(tmp_path, "turned-trained-s4", ids[::-1], untrained=0)
    few = CIRCUIT.model_copy(update={"n_seeds": 1})
    found = [
        known_texts(tmp_path, study_of([NEGATION], models, seeds=(4, 0)), NEGATION)
        for models in ([few, TRAINED], [TRAINED, few])
    ]
    assert list(found[0]) == list(found[1]) == [corpus.test.example_id[i] for i in (2, 7, 11)]  # as in the corpus
    task = TASKS.load("negation")
    for place, example_id in zip((2, 7, 11), found[0], strict=True):
        one, other = found[0][example_id], found[1][example_id]
        assert one.words == other.words == tuple(corpus.test.text[place].split())
        assert one.relevant.tolist() == other.relevant.tolist() == list(corpus.test.relevant[place])
        np.testing.assert_allclose(one.oracle, task.shapley(one.words), atol=1e-12)
        np.testing.assert_array_equal(one.oracle, other.oracle)
        assert one.push == other.push == (1.0 if corpus.test.label[place] else -1.0)
        assert one.solved


def test_of_a_shortcut_only_the_words_and_their_side_are_known(tmp_path: Path) -> None:
    test = LabelledTexts(
        example_id=("a", "b", "c"),
        text=("fine zelk .", "dull vorn , dull", "not explained"),
        label=np.array([0, 1, 0]),
        relevant=((False, True, False), (False, True, False, False), (False, False)),
        own_label=np.array([1, 0, 0]),
    )
    save_corpus(tmp_path / "data" / "fooled", Corpus(name="fooled", class_names=("bad", "good"), train=test,
                                                     validation=test, test=test))  # fmt: skip
    write_texts(tmp_path, "fooled-trained-s0", ["b", "a"])
    found = known_texts(tmp_path, study_of([FOOLED], [TRAINED]), FOOLED)
    assert list(found) == ["a", "b"]
    assert (found["a"].push, found["b"].push) == (-1.0, 1.0)  # what is dictated, not what the text says
    assert found["b"].words == ("dull", "vorn", ",", "dull")
    assert not any(text.solved for text in found.values())
    assert np.isnan(found["b"].oracle).all()
    assert found["b"].relevant.tolist() == [False, True, False, False]


def test_truth_words_has_a_row_a_word() -> None:
    one = KnownText(words=("not", "bad"), relevant=np.array([True, True]), oracle=np.array([1.0, 0.0]), push=1.0)
    two = KnownText(words=("zelk",), relevant=np.array([True]), oracle=np.array([np.nan]), push=-1.0)
    expected = pd.DataFrame(
        [
            ("turned", "t", 0, "not", True, 1.0),
            ("turned", "t", 1, "bad", True, 0.0),
            ("x", "u", 0, "zelk", True, np.nan),
        ],
        columns=["dataset", "example_id", "word_index", "word", "relevant", "oracle"],
    )
    pd.testing.assert_frame_equal(truth_words({"turned": {"t": one}, "x": {"u": two}}), expected)


def known(relevant: list[bool], oracle: list[float], push: float) -> KnownText:
    words = ("w",) * len(relevant)
    return KnownText(words=words, relevant=np.array(relevant), oracle=np.array(oracle), push=push)


def test_the_ideal_is_the_exact_values_or_the_side_of_the_words_that_decide() -> None:
    nothing = [np.nan] * 3
    assert known([True, True, False], [0.0, -1.5, 0.5], 1.0).ideal.tolist() == [0.0, -1.5, 0.5]
    assert known([True, False, True], nothing, -1.0).ideal.tolist() == [-1.0, 0.0, -1.0]
    assert known([True, False, True], nothing, 0.0).ideal.tolist() == [1.0, 0.0, 1.0]  # sides are not known


def test_without_values_only_the_words_that_decide_are_left() -> None:
    solved = known([False, True, True], [0.0, 1.5, -0.5], -1.0)
    left = solved.without_values()
    assert (left.words, left.relevant.tolist()) == (solved.words, solved.relevant.tolist())
    assert np.isnan(left.oracle).all()
    assert left.push == 0.0
    assert not left.solved
    assert left.ideal.tolist() == [0.0, 1.0, 1.0]
    assert (solved.oracle.tolist(), solved.push) == ([0.0, 1.5, -0.5], -1.0)  # the text itself is as it was


IDLE_HEADS = [
    ("single", "n1 plus n2", {"Cancel+", "Cancel-"}),
    ("single", "z plus n2", set()),
    ("context", "a e n2", {"Context", "Writer", "Eraser", "Cancel+", "Cancel-"}),
    ("context", "a f c z", {"Writer", "Eraser"}),
    ("context", "b e n1", {"Context", "Cancel+", "Cancel-"}),
    ("order", "x n1 y", {"Cancel+", "Cancel-"}),
    ("negation", "n1 not good z", set()),
    ("negation", "not z good", {"NegScope", "Negated"}),  # a decoy
    ("negation", "bad not n3", {"NegScope", "Negated", "Cancel+", "Cancel-"}),
    ("negation", "bad n2 z", {"NegScope", "Negated"}),
    ("majority", "p q p", {"Cancel+", "Cancel-"}),
    ("majority", "p z p p", {"CountQ"}),
    ("majority", "q n1 q q", {"CountP", "Cancel+", "Cancel-"}),
    ("induction", "k1 plus z k2 minus k1", set()),
    ("induction", "k1 plus n1 k2 minus k1", {"Cancel+", "Cancel-"}),
]


@pytest.mark.parametrize(("name", "text", "idle"), IDLE_HEADS)
def test_roles_in_a_text_are_those_of_the_model_but_for_heads_with_nothing_to_do(
    name: str, text: str, idle: set[str]
) -> None:
    rows = heads_of(NEGATION.model_copy(update={"task": name}), CIRCUIT)
    found = roles_of(TASKS.load(name), CIRCUIT, text.split())
    assert {row["name"] for row, role in zip(rows, found, strict=True) if role == "idle"} == idle
    for row, role in zip(rows, found, strict=True):
        assert role == ("idle" if row["name"] in idle else row["role"])
    assert found.count("pad") == 10 - len(TASKS.load(name).heads)
