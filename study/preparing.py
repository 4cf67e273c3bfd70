"""What the stages of a cell start from: its data, its models, its texts, ready to be explained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from study import restoring, tables
from study.artefacts import (
    load_corpus_folder,
    load_encoder,
    load_opposites,
    load_vectors,
    load_vocabulary,
    place_model,
)
from study.cells import cells
from study.config import StudyConfig
from study.config.limits import learns
from study.converging import choose_texts
from study.data.batch import make_batch
from study.data.vocabulary import Vocabulary, count_words
from study.dissecting import Dissection, reference_means
from study.errors import StudyError
from study.evaluation.sanity import randomise
from study.evaluation.setting import Evaluation
from study.ledger import read_frame
from study.model import MODELS
from study.model.encoder import Encoder, build_from_source
from study.model.protocol import ModelSource
from study.model.reference import HeadReference
from study.records import Corpus, IntArray, TextBatch
from study.restoring import choose_reference, make_setting, restore_data, source_of
from study.seeds import rng_of, seed_of
from study.setting import Setting
from study.stages import StageContext

T = TypeVar("T")


def new_dissection(
    context: StageContext,
    vocabulary: Vocabulary,
    setting: Setting,
    reference: TextBatch,
    heads: HeadReference,
    neurons: pd.DataFrame,
) -> Dissection:
    """The trained model, ready to be taken apart, with what earlier stages found. neurons: the cell's table."""
    model, folder = encoder_of(context, setting), context.folder
    return Dissection(
        setting=setting,
        model=model,
        config=context.config.heads,
        reference=heads,
        reference_contributions=reference_means(model, reference),
        vocabulary=vocabulary,
        opposites=load_opposites(data_folder(context)),
        empty=tables.empty_contributions(read_frame(folder / "components.parquet")),
        word_scores=tables.scores_by_text(read_frame(folder / "features.parquet")),
        top_neurons=tables.top_neurons(neurons, context.config.heads.top_neurons),
    )


def new_evaluation(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> Evaluation:
    """The cell's trained model, the texts whose explanations are put to the test, and what was said about them."""
    config = context.config.evaluate
    n_texts = min(config.n_texts, context.config.explain.n_texts)
    batch = _test_texts(context, corpus, vocabulary, slice(n_texts))
    source, vectors = model_source(context, corpus, vocabulary), word_vectors(context)
    model = load_encoder(context.folder / "model.safetensors", source)
    shuffled, randomised = None, {}
    if "sanity" in config.measures:
        fresh = fresh_encoder(context, replace(source, word_vectors=vectors), "randomised weights")
        randomised = randomise(model, place(context, fresh))
        if config.shuffled_labels and learns(given(context.model)):
            nonsense = load_encoder(context.folder / "shuffled.safetensors", source)
            shuffled = _setting_of(context, corpus, vocabulary, nonsense, batch, trained=False)
    in_training = count_words(corpus.train.text)
    return Evaluation(
        setting=_setting_of(context, corpus, vocabulary, model, batch, trained=True),
        config=config,
        scores=tables.scores_by_text(read_frame(context.folder / "features.parquet")),
        shuffled=shuffled,
        vocabulary=vocabulary,
        likeness=(model.W_E.detach() if vectors is None else vectors).double().cpu().numpy(),
        seen=np.array([word in in_training for word in vocabulary.words]),
        randomised=randomised,
    )


def encoder_of(context: StageContext, setting: Setting) -> Encoder:
    """The setting's model. Raises: StudyError for a family whose heads cannot be replaced one by one yet."""
    if not isinstance(setting.model, Encoder):
        model = given(context.model)
        raise StudyError(
            f"model '{model.name}' is of family '{model.family}', whose heads cannot be taken apart; allowed: encoder"
        )
    return setting.model


def trained_setting(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> Setting:
    """The cell's trained model and the texts that are explained with it."""
    weights = context.folder / "model.safetensors"
    model = load_encoder(weights, model_source(context, corpus, vocabulary))
    return _setting(context, corpus, vocabulary, model, trained=True)


def untrained_setting(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> Setting:
    """The control: a model of the same shape whose weights were never trained."""
    encoder = fresh_encoder(context, model_source(context, corpus, vocabulary), "untrained control")
    return _setting(context, corpus, vocabulary, encoder, trained=False)


def convergence_setting(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> Setting:
    """The cell's trained model and the texts whose coalitions are all evaluated: see `converging.choose_texts`."""
    encoder = load_encoder(context.folder / "model.safetensors", model_source(context, corpus, vocabulary))
    order, max_words = _test_order(context, corpus), given(context.model).max_words
    texts = make_batch(corpus.test.take(order), vocabulary, max_words)
    chosen = choose_texts(texts.attend.sum(1) - 1, context.config.convergence)
    batch = make_batch(corpus.test.take(order[chosen]), vocabulary, max_words)
    return _setting_of(context, corpus, vocabulary, encoder, batch, trained=True)


def _setting(
    context: StageContext, corpus: Corpus, vocabulary: Vocabulary, encoder: Encoder, *, trained: bool
) -> Setting:
    config = context.config.explain
    n_texts = config.n_texts if trained else min(config.n_texts, config.untrained_texts)
    batch = _test_texts(context, corpus, vocabulary, slice(n_texts))
    return _setting_of(context, corpus, vocabulary, encoder, batch, trained=trained)


def _setting_of(
    context: StageContext,
    corpus: Corpus,
    vocabulary: Vocabulary,
    encoder: Encoder,
    batch: TextBatch,
    *,
    trained: bool,
) -> Setting:
    return make_setting(
        restoring.place(encoder, context.config, context.config.runtime.device),
        batch,
        reference_texts(context, corpus, vocabulary),
        config=context.config,
        class_names=corpus.class_names,
        seed=given(context.seed),
        data_seed=given(context.dataset).split_seed,
        trained=trained,
    )


def fresh_texts(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> TextBatch:
    """The test texts after the explained ones in the same order: nothing about heads was decided on them."""
    n_texts = context.config.explain.n_texts
    return _test_texts(context, corpus, vocabulary, slice(n_texts, n_texts + context.config.heads.fresh_texts))


def _test_texts(context: StageContext, corpus: Corpus, vocabulary: Vocabulary, places: slice) -> TextBatch:
    """Some of a fixed random order of the test texts, equal in every cell of the data set; explained: the first."""
    rows = _test_order(context, corpus)[places]
    return make_batch(corpus.test.take(rows), vocabulary, given(context.model).max_words)


def _test_order(context: StageContext, corpus: Corpus) -> IntArray:
    """[place]: the rows of the test texts in a random order that depends on the data set alone.

    Where something is planted in the texts, only those that it contradicts: it and not the text must have decided.
    """
    order = rng_of(given(context.dataset).split_seed, "explained texts").permutation(len(corpus.test))
    if corpus.test.own_label is None:
        return order
    return order[(corpus.test.own_label != corpus.test.label)[order]]


def reference_texts(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> TextBatch:
    """The training texts behind every reference mean, unmasked, in the order of the corpus."""
    return choose_reference(context.config, given(context.dataset), given(context.model), corpus, vocabulary)


def new_model(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> Encoder:
    """A model with fresh weights, drawn by the cell's seed, or set by hand where its family is."""
    source = replace(model_source(context, corpus, vocabulary), word_vectors=word_vectors(context))
    model: Encoder = MODELS.load(source.config.family)(source, _generator(context, "start"))
    return model


def fresh_encoder(context: StageContext, source: ModelSource, purpose: str) -> Encoder:
    """An encoder of the source's shape, never trained, drawn by the cell's seed and the purpose.

    Also where the family is set by hand: those weights have no distribution to be drawn from.
    """
    plain = source.config.model_copy(update={"family": "encoder"})
    return build_from_source(replace(source, config=plain, task=None), _generator(context, purpose))


def word_vectors(context: StageContext) -> torch.Tensor | None:
    """[token d_model], the data set's word vectors of the model's width; None where it has none."""
    if given(context.dataset).word_vectors is None:
        return None
    return load_vectors(data_folder(context), given(context.model).d_model)


def model_source(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> ModelSource:
    """What the cell's model is built from, but for word vectors."""
    return source_of(given(context.dataset), given(context.model), corpus, vocabulary)


def _generator(context: StageContext, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(given(context.seed), given(context.model).name, purpose))


def first_model(run_folder: Path, config: StudyConfig) -> tuple[Encoder, int]:
    """The model of the run's first cell, trained or set by hand, and its seed."""
    cell, (dataset, model, seed) = next(iter(cells(config).items()))
    folder = run_folder / "cells" / cell
    n_classes = load_corpus_folder(run_folder / "data" / dataset.name).n_classes
    source = ModelSource(config=model, words=load_vocabulary(folder).words, n_classes=n_classes, task=dataset.task)
    return load_encoder(folder / "model.safetensors", source), seed


def place(context: StageContext, model: Encoder) -> Encoder:
    """The model on the device and in the dtype of the config."""
    return place_model(model, context.config.runtime.device, context.config.runtime.dtype)


def read_data(context: StageContext) -> tuple[Corpus, Vocabulary]:
    """What the data stage left for the stage's data set."""
    return restore_data(context.run_folder, given(context.dataset).name)


def data_folder(context: StageContext) -> Path:
    """Where the data stage wrote the stage's data set."""
    return restoring.data_folder(context.run_folder, given(context.dataset).name)


def given(value: T | None) -> T:
    """The value. Raises: ValueError where a stage runs without what its scope promises."""
    if value is None:
        raise ValueError("this stage runs once per cell or data set and needs its data set, model and seed")
    return value
