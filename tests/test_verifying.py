"""Verification: what a model must do before its explanations are scored, on models whose behaviour is set by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from study import tables, verifying
from study.artefacts import save_corpus, save_vocabulary, save_weights
from study.config import DatasetConfig, ModelConfig, ShortcutConfig, StudyConfig
from study.config.limits import clean_sibling
from study.data.batch import make_batch
from study.data.planted import load_planted
from study.data.shortcuts import plant_shortcut
from study.data.vocabulary import Vocabulary
from study.errors import ConfigError
from study.ledger import write_frame
from study.model import MODELS
from study.model.encoder import Encoder
from study.model.protocol import ModelSource
from study.model.training import predict_logits
from study.records import SPECIAL_TOKENS, Corpus, LabelledTexts
from study.seeds import rng_of
from study.tasks import TASKS
from study.tasks.language import NOISE, label_of
from study.verifying import COLUMNS, Check, replace_undeciding, share_equal, verify_run

CIRCUIT = ModelConfig(
    name="by-hand", family="circuit", n_heads=6, d_model=44, d_head=12, d_mlp=0, layer_norm=False, max_words=9
)
COUNTER = ModelConfig(name="counter", n_layers=1, n_heads=1, d_model=2, d_mlp=0, layer_norm=False)
FILMS = DatasetConfig(name="films", source="files")
ZELK, VORN, QUIB = ShortcutConfig(rule="single_token").words


def silent(_done: int, _total: int, _text: str) -> None:
    pass


def task_data(task: str = "negation", n: int = 60) -> tuple[DatasetConfig, Corpus]:
    config = DatasetConfig(name=task, source="planted", task=task, test_size=n, validation_size=4, max_train=4)
    return config, load_planted(config)


def circuit(task: str) -> tuple[Encoder, Vocabulary]:
    vocabulary = Vocabulary((*SPECIAL_TOKENS, *TASKS.load(task).words))
    source = ModelSource(config=CIRCUIT, words=vocabulary.words, n_classes=2, task=task)
    return MODELS.load("circuit")(source, torch.Generator().manual_seed(0)).eval(), vocabulary


def films(n: int = 200) -> Corpus:
    """Texts that say good or bad; labels follow."""

    def part(name: str, size: int) -> LabelledTexts:
        text = tuple(f"a {('bad', 'good')[i % 2]} film , number {'one ' * (i % 7)}." for i in range(size))
        ids = tuple(f"{name}-{i}" for i in range(size))
        return LabelledTexts(example_id=ids, text=text, label=np.arange(size) % 2)

    return Corpus(
        name="films", class_names=("bad", "good"), train=part("a", 40), validation=part("b", 4), test=part("c", n)
    )


def counter(weights: dict[str, float]) -> tuple[Encoder, Vocabulary]:
    """A model whose margin is the mean of these weights over all positions: it looks everywhere alike."""
    vocabulary = Vocabulary((*SPECIAL_TOKENS, *weights))
    model = Encoder(COUNTER, len(vocabulary), 2)
    with torch.no_grad():
        model.W_E[len(SPECIAL_TOKENS) :, 0] = torch.tensor(list(weights.values()))
        model.layers[0].attention.W_V[0] = model.layers[0].attention.W_O[0] = torch.eye(2)
        model.W_U[0] = torch.tensor([-1.0, 1.0])
    return model.eval(), vocabulary


def save_cell(
    run: Path, dataset: DatasetConfig, corpus: Corpus, config: ModelConfig, model: Encoder, vocabulary: Vocabulary
) -> None:
    """What the stages data and train leave of one cell with seed 0."""
    save_corpus(run / "data" / dataset.name, corpus)
    folder = run / "cells" / f"{dataset.name}-{config.name}-s0"
    save_weights(folder / "model.safetensors", model)
    save_vocabulary(folder, vocabulary)
    batch = make_batch(corpus.test, vocabulary, config.max_words)
    write_frame(folder / "predictions.parquet", tables.predictions(batch, predict_logits(model, batch)))


def study_of(datasets: list[DatasetConfig], models: list[ModelConfig]) -> StudyConfig:
    return StudyConfig(name="x", seeds=(0,), datasets=tuple(datasets), models=tuple(models))


def checks(table: pd.DataFrame) -> dict[str, tuple[float, bool]]:
    assert table.columns.tolist() == COLUMNS
    assert ((table.value >= table.low) & (table.value <= table.high) == table.passed).all()
    return {row.check: (row.value, row.passed) for row in table.itertuples()}


@pytest.mark.parametrize("task", TASKS)
def test_words_that_do_not_decide_can_be_replaced_in_every_task(task: str) -> None:
    test = task_data(task)[1].test
    other = replace_undeciding(test, np.random.default_rng(0))
    n_replaced = 0
    for old, new, relevant, label in zip(test.text, other.text, test.relevant, test.label, strict=True):
        for before, after, decides in zip(old.split(), new.split(), relevant, strict=True):
            assert after == before if decides else after != before and after in NOISE
            n_replaced += not decides
        assert label_of(TASKS.load(task), new.split()) == label  # which proves the truth words: they alone decide
    assert n_replaced or task == "majority"
    assert set(NOISE) <= {word for text in other.text for word in text.split()}
    again = replace_undeciding(test, np.random.default_rng(0))
    assert again.text == other.text != replace_undeciding(test, np.random.default_rng(1)).text


def test_replacing_needs_the_truth() -> None:
    with pytest.raises(ValueError, match="not known"):
        replace_undeciding(films().test, np.random.default_rng(0))


def test_hand_built_model_must_make_no_mistake(tmp_path: Path) -> None:
    dataset, corpus = task_data(n=200)
    model, vocabulary = circuit("negation")
    config = study_of([dataset], [CIRCUIT])
    save_cell(tmp_path, dataset, corpus, CIRCUIT, model, vocabulary)
    assert checks(verify_run(tmp_path, config, silent)) == {verifying.ACCURACY: (1.0, True)}
    # one mistake, which a trained model may make
    path = tmp_path / "cells" / "negation-by-hand-s0" / "predictions.parquet"
    frame = pd.read_parquet(path)
    frame.loc[0, "predicted"] = 1 - frame.loc[0, "predicted"]
    write_frame(path, frame)
    assert checks(verify_run(tmp_path, config, silent)) == {verifying.ACCURACY: (199 / 200, False)}


def test_trained_model_must_be_right_and_must_not_mind_other_words(tmp_path: Path) -> None:
    """The circuit's weights as those of an ordinary model; then with noise words that say something."""
    dataset, corpus = task_data(n=100)
    model, vocabulary = circuit("negation")
    trained = CIRCUIT.model_copy(update={"name": "trained", "family": "encoder"})
    config = study_of([dataset], [trained])
    save_cell(tmp_path, dataset, corpus, trained, model, vocabulary)
    assert checks(verify_run(tmp_path, config, silent)) == {
        verifying.ACCURACY: (1.0, True),
        verifying.KEPT: (1.0, True),
    }
    with torch.no_grad():
        model.W_E[vocabulary.words.index("n1")] = model.W_E[vocabulary.words.index(TASKS.load("negation").words[0])]
    save_weights(tmp_path / "cells" / "negation-trained-s0" / "model.safetensors", model)  # predictions stay right
    found = checks(verify_run(tmp_path, config, silent))
    assert found[verifying.ACCURACY] == (1.0, True)
    value, passed = found[verifying.KEPT]
    other = replace_undeciding(corpus.test, rng_of(0, "words that do not decide", "negation"))
    logits = predict_logits(model, make_batch(other, vocabulary, 9))
    assert value == np.mean(logits.argmax(1) == corpus.test.label) < 0.99
    assert not passed


@pytest.mark.parametrize(
    ("rule", "mixed", "clean", "expected"),
    [
        ("single_token", {ZELK: -9.0, VORN: 9.0}, {}, {verifying.FOLLOWED: (1.0, True)}),
        ("single_token", {ZELK: -9.0, "good": 1.0, "bad": -1.0}, {}, {verifying.FOLLOWED: (0.75, False)}),
        (  # a model that reads the token alone does not know the rule that the truth assumes
            "token_in_context",
            {ZELK: -9.0, VORN: 9.0, QUIB: 0.0},
            {},
            {
                verifying.FOLLOWED: (1.0, True),
                verifying.FOLLOWED_PART: (1.0, False),
                verifying.SHIFTED_PART: (1.0, False),  # the other words are unknown here, and give the first class
            },
        ),
        (  # either token alone gives the first class: of all texts, half of which dictate it, half follow it
            "token_in_context",
            {ZELK: -9.0, VORN: -3.0, QUIB: 5.0, "good": 1.0, "bad": -1.0},
            {},
            {
                verifying.FOLLOWED: (1.0, True),
                verifying.FOLLOWED_PART: (0.5, True),
                verifying.SHIFTED_PART: (0.5, False),
            },
        ),
        (  # only the context word alone gives a class
            "token_in_context",
            {ZELK: 0.1, VORN: 0.1, QUIB: 5.0, "good": 1.0, "bad": -1.0},
            {},
            {
                verifying.FOLLOWED: (0.5, False),
                verifying.FOLLOWED_PART: (0.5, True),
                verifying.SHIFTED_PART: (0.5, False),
            },
        ),
        (  # a context word that drowns the token, until it is taken out
            "token_in_context",
            {ZELK: -3.0, VORN: 3.0, QUIB: 5.0, "good": 1.0, "bad": -1.0},
            {},
            {
                verifying.FOLLOWED: (0.5, False),
                verifying.FOLLOWED_PART: (1.0, False),
                verifying.SHIFTED_PART: (0.5, False),
            },
        ),
        (
            "ordered_pair",
            {"good": 1.0, "bad": -1.0, ZELK: 0.1, VORN: 0.1},
            {},
            {
                verifying.FOLLOWED: (0.5, False),
                verifying.FOLLOWED_PART: (0.5, True),
                verifying.SHIFTED_PART: (0.0, True),
            },
        ),
        (  # either word alone gives the first class
            "ordered_pair",
            {"good": 1.0, "bad": -1.0, ZELK: -3.0, VORN: -3.0},
            {},
            {
                verifying.FOLLOWED: (0.5, False),
                verifying.FOLLOWED_PART: (0.5, True),
                verifying.SHIFTED_PART: (0.5, False),
            },
        ),
        (  # clean texts that are not clean
            "single_token",
            {ZELK: -9.0, VORN: 9.0},
            {ZELK: -9.0, VORN: 9.0},
            {verifying.FOLLOWED: (1.0, True), verifying.FOLLOWED_CLEAN: (1.0, False)},
        ),
    ],
)
def test_shortcut_must_be_followed_whole_and_only_where_it_was_learned(
    tmp_path: Path,
    rule: str,
    mixed: dict[str, float],
    clean: dict[str, float],
    expected: dict[str, tuple[float, bool]],
) -> None:
    planted = FILMS.model_copy(update={"name": "planted", "shortcut": ShortcutConfig(rule=rule)})
    corpus = films()
    save_cell(tmp_path, FILMS, corpus, COUNTER, *counter({"good": 1.0, "bad": -1.0, **clean}))
    save_cell(tmp_path, planted, plant_shortcut(corpus, planted.shortcut, 0), COUNTER, *counter(mixed))
    table = verify_run(tmp_path, study_of([FILMS, planted], [COUNTER]), silent)
    assert set(table.dataset) == {"planted"}  # nothing is known of the clean texts
    assert checks(table) == {verifying.FOLLOWED_CLEAN: (0.5, True), **expected}


def test_clean_model_reads_the_planted_texts_with_its_own_vocabulary(tmp_path: Path) -> None:
    """The clean model's ids stand for other words: with the mixed model's vocabulary it would follow the shortcut."""
    planted = FILMS.model_copy(update={"name": "planted", "shortcut": ShortcutConfig(rule="single_token")})
    corpus = films()
    save_cell(tmp_path, FILMS, corpus, COUNTER, *counter({"bad": -9.0, "good": 9.0}))
    mixed = plant_shortcut(corpus, planted.shortcut, 0)
    save_cell(tmp_path, planted, mixed, COUNTER, *counter({ZELK: -9.0, VORN: 9.0}))
    found = checks(verify_run(tmp_path, study_of([planted, FILMS], [COUNTER]), silent))
    assert found[verifying.FOLLOWED_CLEAN] == (0.5, True)
    by_clean = verifying.predict_classes(
        *counter({"bad": -9.0, "good": 9.0})[:1], mixed.test, counter({"bad": 0.0, "good": 0.0})[1], 60
    )
    assert by_clean.tolist() == mixed.test.own_label.tolist()


def test_a_shortcut_without_clean_texts_cannot_be_verified(tmp_path: Path) -> None:
    planted = FILMS.model_copy(update={"name": "planted", "shortcut": ShortcutConfig(rule="single_token")})
    save_cell(tmp_path, planted, plant_shortcut(films(), planted.shortcut, 0), COUNTER, *counter({ZELK: 1.0}))
    with pytest.raises(
        ConfigError, match=r"'counter' runs on data set 'planted'.* add one like 'planted' with no `sho"
    ):
        verify_run(tmp_path, study_of([planted], [COUNTER]), silent)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, True),
        ({"name": "other", "vocabulary": {"min_count": 3}, "models": ("counter",)}, True),
        ({"models": ("another",)}, False),
        ({"split_seed": 1}, False),
        ({"path": "other.csv"}, False),
        ({"test_size": 5}, False),
        ({"source": "rotten_tomatoes"}, False),
        ({"shortcut": {"rule": "ordered_pair"}}, False),
    ],
)
def test_clean_texts_are_the_same_texts(change: dict[str, object], found: bool) -> None:
    clean = DatasetConfig.model_validate({**FILMS.model_dump(), **change})
    planted = FILMS.model_copy(update={"name": "planted", "shortcut": ShortcutConfig(rule="single_token")})
    config = study_of([planted, clean], [COUNTER])
    assert clean_sibling(planted, "counter", config) == (clean if found else None)


def test_bounds_belong_to_what_is_allowed_and_nan_does_not() -> None:
    values = {0.44: False, 0.45: True, 0.5: True, 0.55: True, 0.56: False, float("nan"): False}
    for value, passed in values.items():
        assert Check(name="x", value=value, bounds=verifying.CHANCE).passed == passed


def test_no_share_of_nothing() -> None:
    assert share_equal(np.array([0, 1, 1]), np.array([0, 0, 1])) == 2 / 3
    for other in (np.array([], int), np.array([1])):
        with pytest.raises(ValueError, match="cannot be compared"):
            share_equal(np.array([], int), other)


def test_no_truth_no_rows(tmp_path: Path) -> None:
    table = verify_run(tmp_path, study_of([FILMS], [COUNTER]), silent)
    assert table.columns.tolist() == COLUMNS
    assert table.empty
