"""Training the model of a cell: on its labels, or on shuffled ones as a control."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from study.config.limits import learns
from study.data.batch import make_batch
from study.data.vocabulary import Vocabulary
from study.ledger import read_bytes, write_bytes
from study.ledger.markers import partial_folder
from study.model.encoder import Encoder
from study.model.training import EpochResult, TrainingState, train_encoder
from study.preparing import given, new_model, place
from study.records import Corpus, TextBatch
from study.seeds import rng_of, seed_of
from study.stages import StageContext


def split_batches(context: StageContext, corpus: Corpus, vocabulary: Vocabulary) -> tuple[TextBatch, ...]:
    """Training, validation and test texts, as the cell's model reads them."""
    max_words = given(context.model).max_words
    return tuple(make_batch(texts, vocabulary, max_words) for texts in (corpus.train, corpus.validation, corpus.test))


def shuffle_labels(context: StageContext, batches: tuple[TextBatch, ...]) -> tuple[TextBatch, ...]:
    """The batches with the labels of the training texts permuted, and these same texts for validation as well.

    There is nothing in shuffled labels that holds for other texts. What the control must have learned is the training
    texts by heart, so the epoch kept is the one that fits them best, and no epoch is the last for want of progress
    elsewhere. Its validation accuracy is how much of the nonsense it learned. Test labels stay.

    Source: Adebayo et al. 2018, section 4.2 (data randomisation).
    """
    rng = rng_of(given(context.seed), "shuffled labels")
    nonsense = replace(batches[0], label=rng.permutation(batches[0].label))
    return nonsense, nonsense, *batches[2:]


def train_model(
    context: StageContext, corpus: Corpus, vocabulary: Vocabulary, batches: tuple[TextBatch, ...], *, stage: str
) -> tuple[Encoder, tuple[EpochResult, ...]]:
    """The trained model and its learning curve, resumed from the checkpoint of the `stage`; set by hand: no curve."""
    config, seed = given(context.model), given(context.seed)
    model = place(context, new_model(context, corpus, vocabulary))
    if not learns(config):
        return model, ()
    checkpoint = partial_folder(context.folder, stage) / "training.safetensors"
    resume = TrainingState.from_bytes(read_bytes(checkpoint), str(checkpoint)) if checkpoint.exists() else None
    history = train_encoder(
        model,
        batches[0],
        batches[1],
        context.config.training_of(config),
        seed=seed_of(seed, "training"),
        resume=resume,
        after_epoch=lambda state: _save(checkpoint, state),
        after_step=lambda done, total: context.progress(done, total, "training"),
    )
    return model, history


def _save(path: Path, state: TrainingState) -> None:
    write_bytes(path, state.to_bytes())
