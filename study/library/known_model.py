"""A trained model with all that explaining new texts takes, whether it comes from a run or was fitted just now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from study import ledger
from study.artefacts import load_encoder
from study.config import StudyConfig
from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.errors import LedgerError
from study.ledger.markers import written_files
from study.library.loading import ModelKey
from study.model.encoder import Encoder
from study.records import TextBatch
from study.restoring import choose_reference, data_folder, place, restore_data, source_of

if TYPE_CHECKING:
    from study.library.loading import LoadedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A trained model, in its place and its weights fixed, and what its explanations are made from.

    key: how explanations call it; its seed keys what is drawn for one model, data_seed what all seeds share.
    config: how texts are explained (explain, heads, runtime); reference: the training texts behind every reference
    mean; example_ids: by words, of the texts that were explained before; explained again they get the same numbers.
    """

    key: ModelKey
    model: Encoder
    vocabulary: Vocabulary
    class_names: tuple[str, ...]
    config: StudyConfig
    data_seed: int
    reference: TextBatch
    example_ids: Mapping[tuple[str, ...], str] = field(default_factory=dict)


def restore_model(run: LoadedRun, key: ModelKey) -> KnownModel:
    """A model of a finished run, on the CPU whatever the run used.

    Raises: LedgerError where files of the model are missing, or are not as the run wrote them.
    """
    dataset, model, folder = run.parts(key)
    _check_files(data_folder(run.folder, key.dataset), ("texts.parquet", "card.json", "vocabulary.json"))
    _check_files(folder, ("model.safetensors", "texts.parquet"))
    corpus, vocabulary = restore_data(run.folder, key.dataset)
    encoder = load_encoder(folder / "model.safetensors", source_of(dataset, model, corpus, vocabulary))
    return KnownModel(
        key=key,
        model=place(encoder, run.config, "cpu"),
        vocabulary=vocabulary,
        class_names=corpus.class_names,
        config=run.config,
        data_seed=dataset.split_seed,
        reference=choose_reference(run.config, dataset, model, corpus, vocabulary),
        example_ids=_explained(folder),
    )


def _explained(folder: Path) -> dict[tuple[str, ...], str]:
    """Example id by words, of the test texts that the run explained; of equal texts the first."""
    texts = ledger.read_frame(folder / "texts.parquet")
    texts = texts[texts["trained"]].iloc[::-1]  # the last of equal keys stays
    return {tuple(split_words(text)): str(i) for text, i in zip(texts["text"], texts["example_id"], strict=True)}


def _check_files(folder: Path, names: Sequence[str]) -> None:
    """Raises: LedgerError where a stage's file is missing, or is not, or not known to be, as the stage wrote it."""
    known = written_files(folder)
    for name in names:
        ledger.read_bytes(folder / name, known.get(name))
        if name not in known:
            raise LedgerError(
                f"no finished stage of this run says that it wrote {folder / name}, so nobody knows whether it is "
                "unchanged; `study run` makes it again"
            )
