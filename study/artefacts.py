"""Data sets and models as files of a run folder, and back; the shapes that stages hand to each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import torch

from study.data.opposites import Opposites
from study.data.vocabulary import Vocabulary
from study.errors import LedgerError, StudyError
from study.ledger import read_bytes, read_frame, read_json, write_bytes, write_frame, write_json, write_text
from study.model import MODELS
from study.model.encoder import Encoder
from study.model.protocol import ModelSource
from study.records import Corpus, LabelledTexts

SPLITS = ("train", "validation", "test")


def save_corpus(folder: Path, corpus: Corpus) -> list[str]:
    """Writes texts.parquet (split, example_id, text, label, and what is known of the truth) and card.json; their names.

    Columns where something is known: `truth`, one character a word, 1 for those that decide; `own_label`.
    """
    parts = []
    for split in SPLITS:
        texts: LabelledTexts = getattr(corpus, split)
        part = pd.DataFrame({"split": split, "example_id": texts.example_id, "text": texts.text, "label": texts.label})
        if texts.relevant is not None:
            part["truth"] = ["".join("1" if known else "0" for known in row) for row in texts.relevant]
        if texts.own_label is not None:
            part["own_label"] = texts.own_label
        parts.append(part)
    write_frame(folder / "texts.parquet", pd.concat(parts, ignore_index=True))
    write_json(folder / "card.json", {"name": corpus.name, **corpus.card, "class_names": list(corpus.class_names)})
    return ["texts.parquet", "card.json"]


def load_corpus_folder(folder: Path) -> Corpus:
    """The corpus that `save_corpus` wrote."""
    frame = read_frame(folder / "texts.parquet")
    card = read_json(folder / "card.json")
    splits = {}
    for split in SPLITS:
        rows = frame[frame["split"] == split]
        splits[split] = LabelledTexts(
            example_id=tuple(rows["example_id"]),
            text=tuple(rows["text"]),
            label=rows["label"].to_numpy(),
            relevant=tuple(tuple(c == "1" for c in row) for row in rows["truth"]) if _known(rows, "truth") else None,
            own_label=rows["own_label"].to_numpy() if _known(rows, "own_label") else None,
        )
    return Corpus(name=card["name"], class_names=tuple(card["class_names"]), card=card, **splits)


def _known(rows: pd.DataFrame, column: str) -> bool:
    """Whether the column was written for these rows; where only other splits have it, theirs are empty."""
    return column in rows and bool(rows[column].notna().all())


def save_vocabulary(folder: Path, vocabulary: Vocabulary) -> str:
    """Writes vocabulary.json; its name."""
    write_text(folder / "vocabulary.json", vocabulary.to_json())
    return "vocabulary.json"


def load_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary that `save_vocabulary` wrote."""
    path = folder / "vocabulary.json"
    return Vocabulary.from_json(read_bytes(path).decode(), str(path))


def save_opposites(folder: Path, opposites: Opposites) -> str:
    """Writes opposites.json; its name."""
    write_text(folder / "opposites.json", opposites.to_json())
    return "opposites.json"


def load_opposites(folder: Path) -> Opposites:
    """The opposites that `save_opposites` wrote."""
    path = folder / "opposites.json"
    return Opposites.from_json(read_bytes(path).decode(), str(path))


def vectors_name(d_model: int) -> str:
    """The file of the word vectors of one width."""
    return f"vectors-{d_model}.safetensors"


def save_vectors(folder: Path, vectors: np.ndarray) -> str:
    """Writes word vectors [token d_model]; the file's name."""
    name = vectors_name(vectors.shape[1])
    write_bytes(folder / name, safetensors.torch.save({"W_E": torch.tensor(vectors)}))
    return name


def load_vectors(folder: Path, d_model: int) -> torch.Tensor:
    """Word vectors [token d_model] that `save_vectors` wrote."""
    return safetensors.torch.load(read_bytes(folder / vectors_name(d_model)))["W_E"]


def save_weights(path: Path, model: torch.nn.Module) -> None:
    """Writes all weights as one safetensors file."""
    write_bytes(path, safetensors.torch.save({k: v.contiguous() for k, v in model.state_dict().items()}))


def load_encoder(path: Path, source: ModelSource) -> Encoder:
    """The encoder of `source` whose weights are in `path`, ready to be explained.

    Raises: LedgerError when the file does not hold the weights of such a model.
    """
    model: Encoder = MODELS.load(source.config.family)(source, torch.Generator())
    try:
        weights = safetensors.torch.load(read_bytes(path))
        model.to(next(iter(weights.values())).dtype).load_state_dict(weights)
    except Exception as error:
        raise LedgerError(
            f"{path} does not hold the weights of model '{source.config.name}' ({error}); delete it"
        ) from error
    return model.eval()


def place_model(model: Encoder, device: str, dtype: str) -> Encoder:
    """The model on its device and in its dtype. Raises: StudyError when the device cannot be used here."""
    try:
        model.to(device=torch.device(device), dtype=getattr(torch, dtype))
    except (RuntimeError, AssertionError) as error:
        raise StudyError(f"runtime.device '{device}' cannot be used here ({error}); use runtime.device=cpu") from error
    return model
