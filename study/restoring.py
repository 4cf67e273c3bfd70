"""A cell of a run, read back from its folder: its data, its model's shape, and a setting that explains texts with it.

What stages and the library face both start from; the stages' own part is `study.preparing`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from study.artefacts import load_corpus_folder, load_vocabulary, place_model
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.data.batch import make_batch
from study.data.vocabulary import Vocabulary
from study.model.encoder import Encoder
from study.model.protocol import ModelSource
from study.records import Corpus, TextBatch
from study.seeds import rng_of
from study.setting import Setting, contribute


def data_folder(run_folder: Path, dataset: str) -> Path:
    """Where the data stage wrote a data set."""
    return run_folder / "data" / dataset


def restore_data(run_folder: Path, dataset: str) -> tuple[Corpus, Vocabulary]:
    """What the data stage left for a data set."""
    folder = data_folder(run_folder, dataset)
    return load_corpus_folder(folder), load_vocabulary(folder)


def source_of(dataset: DatasetConfig, model: ModelConfig, corpus: Corpus, vocabulary: Vocabulary) -> ModelSource:
    """What a cell's model is built from, but for word vectors."""
    return ModelSource(config=model, words=vocabulary.words, n_classes=corpus.n_classes, task=dataset.task)


def choose_reference(
    config: StudyConfig, dataset: DatasetConfig, model: ModelConfig, corpus: Corpus, vocabulary: Vocabulary
) -> TextBatch:
    """The training texts behind every reference mean, unmasked, in the order of the corpus."""
    order = rng_of(dataset.split_seed, "reference set").permutation(len(corpus.train))
    rows = np.sort(order[: config.explain.reference_size])
    return make_batch(corpus.train.take(rows), vocabulary, model.max_words)


def place(model: Encoder, config: StudyConfig, device: str) -> Encoder:
    """The model on a device, in the dtype of the config, its weights fixed."""
    return place_model(model, device, config.runtime.dtype).requires_grad_(False).eval()


def make_setting(
    model: Encoder,
    batch: TextBatch,
    reference: TextBatch,
    *,
    config: StudyConfig,
    class_names: tuple[str, ...],
    seed: int,
    data_seed: int,
    trained: bool,
) -> Setting:
    """A model in its place, ready to explain the texts of the batch. reference: from `choose_reference`."""
    contributions, predicted = contribute(model, batch)
    return Setting(
        model=model,
        trained=trained,
        batch=batch,
        class_names=class_names,
        contributions=contributions,
        predicted=predicted,
        reference_tokens=reference.token_ids[:, 1:][reference.attend[:, 1:]],
        config=config.explain,
        seed=seed,
        data_seed=data_seed,
        dtype=config.runtime.dtype,
    )
