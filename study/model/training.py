"""Training an encoder: AdamW, one learning-rate cycle, words masked at random, early stopping, resumable.

Words are masked so that the masked texts of the coalition game are not new to the model. All that is random
in an epoch is drawn from (seed, epoch) alone, so a run resumed after any epoch ends with the same weights.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from study.config import TrainingConfig
from study.errors import LedgerError, StudyError
from study.model.encoder import Encoder
from study.records import MASK_ID, FloatArray, TextBatch

WARM_UP = 0.3  # share of the steps until the learning rate peaks (Smith and Topin 2019)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """One line of a learning curve. Losses are mean cross-entropies in nats."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """All that is needed to go on after an epoch. tensors: weights, best weights and optimizer moments."""

    history: tuple[EpochResult, ...]
    tensors: dict[str, Tensor]

    def to_bytes(self) -> bytes:
        """The state as a safetensors file."""
        rows = json.dumps([[r.epoch, r.train_loss, r.validation_loss, r.validation_accuracy] for r in self.history])
        # one entry, since safetensors writes several in an order that differs from call to call
        state = json.dumps({"history": rows, "sha256": _digest(rows, self.tensors)})
        return safetensors.torch.save(self.tensors, metadata={"state": state})

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> TrainingState:
        """The state from `to_bytes`. Raises: LedgerError naming `where` when the bytes are damaged."""
        try:
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            state = json.loads(header["__metadata__"]["state"])
            tensors = safetensors.torch.load(data)
            if _digest(state["history"], tensors) != state["sha256"]:
                raise ValueError("its sha256 is not that of its content")
            rows = json.loads(state["history"])
        except Exception as error:
            raise LedgerError(f"{where} is damaged ({error}); delete it to train from the start") from error
        names = ("epoch", "train_loss", "validation_loss", "validation_accuracy")
        return cls(history=tuple(EpochResult(**dict(zip(names, r, strict=True))) for r in rows), tensors=tensors)


def train_encoder(
    model: Encoder,
    train: TextBatch,
    validation: TextBatch,
    config: TrainingConfig,
    *,
    seed: int,
    resume: TrainingState | None = None,
    after_epoch: Callable[[TrainingState], None] = lambda _state: None,
    after_step: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[EpochResult, ...]:
    """Trains in place and leaves the weights of the epoch with the lowest validation loss; the learning curve.

    after_epoch receives the state to save; after_step (steps done, steps in all).
    Stops early after `patience` epochs without a better validation loss. Few texts make short epochs: there are
    more of them then, `min_steps` optimizer steps in all, and patience grows alike.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    steps_per_epoch = math.ceil(len(train) / config.batch_size)
    n_epochs = max(config.max_epochs, math.ceil(config.min_steps / steps_per_epoch))
    patience = math.ceil(config.patience * n_epochs / config.max_epochs)
    n_steps = n_epochs * steps_per_epoch
    history: list[EpochResult] = []
    best = copy.deepcopy(model.state_dict())
    if resume is not None:
        history = list(resume.history)
        best = _restore(model, optimizer, resume)
    for epoch in range(len(history), n_epochs):
        if _out_of_patience(history, patience):
            break
        losses = []
        model.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))
            for i, rows in enumerate(_batches(train, config.batch_size)):
                step = epoch * steps_per_epoch + i
                optimizer.param_groups[0]["lr"] = one_cycle(step, n_steps, config.learning_rate)
                losses.append(_step(model, optimizer, train, rows, config))
                after_step(step + 1, n_steps)
        loss, accuracy = _validate(model, validation)
        history.append(
            EpochResult(
                epoch=epoch, train_loss=float(np.mean(losses)), validation_loss=loss, validation_accuracy=accuracy
            )
        )
        if not math.isfinite(loss):
            raise StudyError(
                f"training diverged: the validation loss is {loss} after epoch {epoch + 1}; "
                f"lower training.learning_rate (now {config.learning_rate:g})"
            )
        if loss <= min(r.validation_loss for r in history):
            best = copy.deepcopy(model.state_dict())
        after_epoch(TrainingState(history=tuple(history), tensors=_snapshot(model, optimizer, best)))
    model.load_state_dict(best)
    model.eval()
    return tuple(history)


def one_cycle(step: int, n_steps: int, peak: float) -> float:
    """The learning rate at a step: a cosine rise from peak/25 to peak, then a cosine fall to nearly zero."""
    rise = WARM_UP * n_steps
    if step < rise:
        low, high, share = peak / 25, peak, step / rise
    else:
        low, high, share = peak, peak / 1e5, (step - rise) / max(1.0, n_steps - rise)
    return high + (low - high) * (1 + math.cos(math.pi * share)) / 2


def predict_logits(model: Encoder, batch: TextBatch, chunk_size: int = 256) -> FloatArray:
    """[example class_], logits of every text, by the plain forward pass. Leaves the model in evaluation mode."""
    model.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(batch), chunk_size):
            token_ids, attend = batch_tensors(batch, np.arange(start, min(start + chunk_size, len(batch))))
            parts.append(model.logits(token_ids.to(model.device), attend.to(model.device)).cpu().numpy())
    return np.concatenate(parts)


def batch_tensors(batch: TextBatch, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """(token_ids, attend) of some rows, cut to the longest of them; each [example pos]."""
    length = int(batch.attend[rows].sum(1).max())
    return torch.tensor(batch.token_ids[rows, :length]), torch.tensor(batch.attend[rows, :length])


def _batches(train: TextBatch, batch_size: int) -> Iterator[np.ndarray]:
    """Rows of every batch of one epoch: random, but of similar length, so that little is spent on padding."""
    lengths = train.attend.sum(1)
    order = torch.randperm(len(train)).numpy()
    pool = 16 * batch_size
    sorted_pools = [
        chunk[np.argsort(lengths[chunk], kind="stable")]
        for chunk in (order[i : i + pool] for i in range(0, len(order), pool))
    ]
    by_length = np.concatenate(sorted_pools)
    starts = np.arange(0, len(by_length), batch_size)
    for i in torch.randperm(len(starts)).tolist():
        yield by_length[starts[i] : starts[i] + batch_size]


def _step(
    model: Encoder, optimizer: torch.optim.Optimizer, train: TextBatch, rows: np.ndarray, config: TrainingConfig
) -> float:
    device = model.device
    token_ids, attend = (tensor.to(device) for tensor in batch_tensors(train, rows))
    rate = torch.rand(len(token_ids), 1) * config.word_mask_rate
    hidden = (torch.rand(token_ids.shape) < rate).to(device) & attend
    hidden[:, 0] = False
    if train.relevant is not None:
        hidden &= ~_shown_truth(train, rows, token_ids.shape[1], config.truth_shown_rate).to(device)
    logits = model(token_ids.masked_fill(hidden, MASK_ID), attend)
    label = torch.tensor(train.label[rows], device=device)
    loss = nn.functional.cross_entropy(logits, label, label_smoothing=config.label_smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _shown_truth(train: TextBatch, rows: np.ndarray, length: int, rate: float) -> Tensor:
    """[example pos], True for the truth words of a random share `rate` of the texts, which are not masked there."""
    truth = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, row in enumerate(rows):
        known = torch.tensor((train.relevant or ())[row][: length - 1], dtype=torch.bool)
        truth[i, 1 : 1 + len(known)] = known
    return truth & (torch.rand(len(rows), 1) < rate)


def _validate(model: Encoder, validation: TextBatch) -> tuple[float, float]:
    logits = torch.tensor(predict_logits(model, validation))
    label = torch.tensor(validation.label)
    loss = float(nn.functional.cross_entropy(logits, label))
    return loss, float((logits.argmax(-1) == label).double().mean())


def _out_of_patience(history: list[EpochResult], patience: int) -> bool:
    losses = [r.validation_loss for r in history]
    return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= patience


def _snapshot(model: Encoder, optimizer: torch.optim.Optimizer, best: dict[str, Tensor]) -> dict[str, Tensor]:
    tensors = {f"weights.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for i, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{name}": tensor for name, tensor in moments.items()}
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def _digest(history: str, tensors: dict[str, Tensor]) -> str:
    """sha256 of a state's content: a safetensors file is read without complaint when bytes in it have changed."""
    digest = hashlib.sha256(history.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].cpu().numpy().tobytes())
    return digest.hexdigest()


def _restore(model: Encoder, optimizer: torch.optim.Optimizer, state: TrainingState) -> dict[str, Tensor]:
    """Loads weights and optimizer moments; the best weights so far."""
    parts: dict[str, dict[str, Tensor]] = {"weights": {}, "best": {}, "optimizer": {}}
    for name, tensor in state.tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    model.load_state_dict(parts["weights"])
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in parts["optimizer"].items():
        i, _, moment = name.partition(".")
        moments.setdefault(int(i), {})[moment] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return parts["best"]
