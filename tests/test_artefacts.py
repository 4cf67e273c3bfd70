"""Data sets and models as files, and back: what is known of the truth goes with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from study.artefacts import load_corpus_folder, load_encoder, save_corpus, save_weights
from study.config import DatasetConfig
from study.data.planted import load_planted
from study.errors import LedgerError
from study.ledger import read_frame
from study.model.protocol import ModelSource
from study.records import Corpus, LabelledTexts
from tests.tasks.hand_built import CONFIG, NOISY, TASKS, build, vocabulary_of


def texts(prefix: str, *, known: bool, planted: bool) -> LabelledTexts:
    return LabelledTexts(
        example_id=(f"{prefix}0", f"{prefix}1"),
        text=("a b", ""),
        label=[0, 1],  # type: ignore[arg-type]
        relevant=((False, True), ()) if known else None,
        own_label=[1, 1] if planted else None,  # type: ignore[arg-type]
    )


def same(first: LabelledTexts, second: LabelledTexts) -> bool:
    own = (first.own_label, second.own_label)
    return (
        (first.example_id, first.text, first.label.tolist(), first.relevant)
        == (second.example_id, second.text, second.label.tolist(), second.relevant)
        and [None if o is None else o.tolist() for o in own[:1]] == [None if o is None else o.tolist() for o in own[1:]]
        and (own[1] is None or own[1].dtype == first.label.dtype)
    )


@pytest.mark.parametrize("known", [(False,) * 3, (True,) * 3, (False, False, True), (True, False, True)])
@pytest.mark.parametrize("planted", [(False,) * 3, (True,) * 3, (False, True, False)])
def test_truth_comes_back_split_by_split(tmp_path: Path, known: tuple[bool, ...], planted: tuple[bool, ...]) -> None:
    splits = [texts(n, known=k, planted=p) for n, k, p in zip(("a", "b", "c"), known, planted, strict=True)]
    corpus = Corpus(name="x", class_names=("no", "yes"), train=splits[0], validation=splits[1], test=splits[2])
    assert save_corpus(tmp_path, corpus) == ["texts.parquet", "card.json"]
    back = load_corpus_folder(tmp_path)
    for before, after in zip(splits, (back.train, back.validation, back.test), strict=True):
        assert same(before, after), after
    columns = set(read_frame(tmp_path / "texts.parquet").columns)
    assert ("truth" in columns, "own_label" in columns) == (any(known), any(planted))


def test_planted_corpus_comes_back(tmp_path: Path) -> None:
    config = DatasetConfig(name="n", source="planted", task="negation", max_train=30, validation_size=9, test_size=9)
    corpus = load_planted(config)
    save_corpus(tmp_path, corpus)
    back = load_corpus_folder(tmp_path)
    assert all(same(getattr(corpus, split), getattr(back, split)) for split in ("train", "validation", "test"))
    truth = read_frame(tmp_path / "texts.parquet")["truth"]
    assert set(map(len, truth)) == {9}
    assert set("".join(truth)) == {"0", "1"}


def test_hand_built_weights_come_back_whatever_was_drawn(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = build("order", NOISY, seed=5)
    save_weights(path, model)
    source = ModelSource(config=NOISY, words=vocabulary_of(TASKS.load("order")), n_classes=2, task="order")
    loaded = load_encoder(path, source)
    assert all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True)
    )
    assert not loaded.training
    wide = replace(source, config=CONFIG.model_copy(update={"d_model": 64}))
    with pytest.raises(LedgerError, match=r"(?s)does not hold the weights of model 'hand-built' \(.*; delete it"):
        load_encoder(path, wide)
