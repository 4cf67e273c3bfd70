"""TextClassifier: the study's encoder as a scikit-learn classifier, so that other tools work on it directly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from study.artefacts import place_model
from study.data.batch import make_batch
from study.data.vocabulary import build_vocabulary
from study.errors import InputError
from study.library.explanation import Explanation
from study.library.inputs import check_words, read_labels, read_parameters, read_texts
from study.library.known_model import KnownModel
from study.library.loading import LoadedRun, ModelKey
from study.library.one_text import TextExplainer, softmax
from study.model.encoder import build_encoder
from study.model.protocol import margins
from study.model.training import predict_logits, train_encoder
from study.records import FloatArray, IntArray, LabelledTexts
from study.seeds import rng_of, seed_of

if TYPE_CHECKING:
    from sklearn.utils import Tags


class TextClassifier(ClassifierMixin, BaseEstimator):
    """A small transformer over words. X is a list of texts (any iterable of strings), y a label a text.

    Parameters have the names and meanings that they have in a config. Their defaults suit some dozens to some
    thousands of short texts; `configs/experiment.yaml` holds those of the study's own models.

    validation_fraction: share of every class's texts on which the best epoch is chosen, one text at least of every
    class that has two; 0: it is chosen on the training texts themselves. random_state: an int for the same model
    every time. dtype: float64 by default, in which a text's prediction does not depend on its neighbours in a batch.

    Attributes after fit: classes_ [class_], ascending; known_, a KnownModel: the encoder, its vocabulary, and what its
    explanations are made from; history_, the learning curve; n_iter_, the epochs trained.
    """

    def __init__(
        self,
        *,
        n_layers: int = 2,
        n_heads: int = 4,
        d_model: int = 32,
        d_head: int | None = None,
        d_mlp: int = 64,
        layer_norm: bool = True,
        max_words: int = 60,
        dropout: float = 0.1,
        max_epochs: int = 20,
        min_steps: int = 300,
        patience: int = 5,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        label_smoothing: float = 0.1,
        word_mask_rate: float = 0.4,
        min_count: int = 2,
        max_size: int = 30_000,
        validation_fraction: float = 0.1,
        device: str = "cpu",
        dtype: str = "float64",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.d_model = d_model
        self.d_head = d_head
        self.d_mlp = d_mlp
        self.layer_norm = layer_norm
        self.max_words = max_words
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.min_steps = min_steps
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.word_mask_rate = word_mask_rate
        self.min_count = min_count
        self.max_size = max_size
        self.validation_fraction = validation_fraction
        self.device = device
        self.dtype = dtype
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, X: Iterable[str], y: Any) -> TextClassifier:
        """Learns vocabulary and weights from the texts X and their labels y (of any type, two classes or more).

        Raises: InputError naming the parameter, text or label that cannot be used; DataError when no word is
        frequent enough for the vocabulary.
        """
        config = read_parameters(self.get_params(deep=False))
        texts = read_texts(X)
        check_words(texts)
        classes, label = read_labels(y, len(texts))
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        train, validation = _hold_out(_labelled(texts, label), self.validation_fraction, seed)
        vocabulary = build_vocabulary(train.text, None, config.datasets[0].vocabulary)
        of_model = config.models[0]
        generator = torch.Generator().manual_seed(seed_of(seed, "start"))
        model = build_encoder(of_model, len(vocabulary), len(classes), generator)
        place_model(model, self.device, self.dtype)
        history = train_encoder(
            model,
            make_batch(train, vocabulary, of_model.max_words),
            make_batch(validation, vocabulary, of_model.max_words),
            config.training,
            seed=seed_of(seed, "training"),
        )
        rows = rng_of(seed, "reference set").permutation(len(train))[: config.explain.reference_size]
        self.classes_, self.history_, self.n_iter_ = classes, history, len(history)
        self.known_ = KnownModel(
            key=ModelKey(dataset=config.datasets[0].name, model=of_model.name, seed=seed),
            model=model.requires_grad_(False),
            vocabulary=vocabulary,
            class_names=tuple(map(str, classes.tolist())),
            config=config,
            data_seed=seed,
            reference=make_batch(train.take(np.sort(rows)), vocabulary, of_model.max_words),
        )
        return self

    @classmethod
    def from_run(
        cls, run: LoadedRun, dataset: str | None = None, model: str | None = None, seed: int | None = None
    ) -> TextClassifier:
        """A fitted classifier: the trained model of a run itself, as `run.explainer(dataset, model, seed)` takes it.

        Its classes_ are the names of the run's classes, ascending as after fit: where the run has its two the other
        way round, decision_function has the other sign than the margins that are explained. Its parameters are those of
        the model: a clone of it learns other texts with the same settings (but for word vectors). It has no history_
        and n_iter_.
        Raises: UnknownNameError for a data set, model or seed that the run has not; LedgerError for damaged files;
        InputError for the name of a run in place of the run.
        """
        if not isinstance(run, LoadedRun):
            raise InputError(f"from_run got {run!r}, no loaded run: write from_run(load_run({run!r}))")
        known = run.explainer(dataset, model, seed).known
        config = known.config
        (of_model,) = (part for part in config.models if part.name == known.key.model)
        (of_data,) = (part for part in config.datasets if part.name == known.key.dataset)
        sections = (of_model, config.training_of(of_model), of_data.vocabulary, config.runtime)
        values = {name: value for section in sections for name, value in section}
        values |= {"device": "cpu", "random_state": known.key.seed}
        fitted = cls(**{name: values[name] for name in cls().get_params() if name in values})
        fitted.known_, fitted.classes_ = known, np.array(sorted(known.class_names))
        return fitted

    def explainer(self) -> TextExplainer:
        """What explains texts with the fitted model: worth keeping where there are several."""
        check_is_fitted(self)
        return TextExplainer(self.known_)

    def explain(self, text: str, *, methods: Sequence[str] | None = None, causal: bool = True) -> Explanation:
        """One text explained: which words drive the margin, and through which heads; see `TextExplainer.explain`."""
        return self.explainer().explain(text, methods=methods, causal=causal)

    def decision_function(self, X: Iterable[str]) -> FloatArray:
        """Margins, logits: for two classes [example], that of the second class; else [example class_].

        A margin is the class's logit minus the mean of the others', the number that every explanation explains (for a
        run whose two classes are not in ascending order: see `from_run`).
        """
        logits = torch.tensor(self._logits(X))
        n_classes = logits.shape[1]
        columns = [margins(logits, torch.full((len(logits),), k)).numpy() for k in range(n_classes)]
        return columns[1] if n_classes == 2 else np.stack(columns, 1)

    def predict_proba(self, X: Iterable[str]) -> FloatArray:
        """[example class_], rows sum to one; columns in the order of classes_. A text may be empty."""
        return softmax(self._logits(X))

    def predict(self, X: Iterable[str]) -> np.ndarray:
        """[example], the most probable class of every text, as it stands in classes_."""
        chosen = self._logits(X).argmax(1)
        return self.classes_[chosen]

    def _logits(self, X: Iterable[str]) -> FloatArray:
        """[example class_], float64; columns in the order of classes_, which need not be that of the model."""
        check_is_fitted(self)
        texts = read_texts(X)
        unlabelled = _labelled(texts, np.zeros(len(texts), dtype=np.int64))
        model = self.known_.model
        batch = make_batch(unlabelled, self.known_.vocabulary, model.max_positions - 1)
        columns = [self.known_.class_names.index(str(name)) for name in self.classes_.tolist()]
        return predict_logits(model, batch).astype(np.float64)[:, columns]


def _labelled(texts: tuple[str, ...], label: IntArray) -> LabelledTexts:
    return LabelledTexts(example_id=tuple(f"text-{i:05d}" for i in range(len(texts))), text=texts, label=label)


def _hold_out(texts: LabelledTexts, share: float, seed: int) -> tuple[LabelledTexts, LabelledTexts]:
    """(training, validation) texts: the share of every class, at least one where it has two; share 0: all, twice.

    Raises: InputError when no class has two texts.
    """
    if share == 0:
        return texts, texts
    held: list[int] = []
    for class_ in np.unique(texts.label):
        rows = np.flatnonzero(texts.label == class_)
        n_held = min(max(1, round(share * len(rows))), len(rows) - 1)
        held += rng_of(seed, "validation", int(class_)).permutation(rows)[:n_held].tolist()
    if not held:
        raise InputError(
            f"no class of y has two texts, so none can be held out (validation_fraction {share}): give more texts, "
            "or set validation_fraction=0 to choose the best epoch on the training texts"
        )
    kept = np.setdiff1d(np.arange(len(texts)), held)
    return texts.take(kept), texts.take(np.sort(held))
