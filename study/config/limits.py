"""What both the check of a config and the code that obeys it must agree on."""

from __future__ import annotations

from collections.abc import Container

from study.config import DatasetConfig, ModelConfig, StudyConfig

SHAPLEY_METHODS = ("shapley", "shap")  # explainers that estimate Shapley values: the study's own, the shap package's

HAND_BUILT = frozenset({"circuit"})  # model families whose weights are set, not trained

WITHIN_WORDS = 50  # shortcuts are planted among so many first words of a text: what every model must read


def primary_shapley(methods: Container[str]) -> str:
    """Which of SHAPLEY_METHODS stands for SHAP among `methods`: "shapley", or "shap" where only that is there.

    Its values are split over components and shown as SHAP; "shapley" where neither is there.
    """
    return next((method for method in SHAPLEY_METHODS if method in methods), SHAPLEY_METHODS[0])


def learns(model: ModelConfig) -> bool:
    """Whether the model is trained; the others are set by hand."""
    return model.family not in HAND_BUILT


def has_shuffled_control(config: StudyConfig, model: ModelConfig) -> bool:
    """Whether the model is trained once more, on shuffled labels, to see whether explanations notice."""
    return "sanity" in config.evaluate.measures and config.evaluate.shuffled_labels and learns(model)


def fewest_coalitions(n_players: int) -> int:
    """The least number of sampled coalitions that a Shapley fit accepts: twice as many pairs as players."""
    return 4 * (n_players + 1)


def clean_sibling(dataset: DatasetConfig, model: str, config: StudyConfig) -> DatasetConfig | None:
    """The first data set with the same texts in the same split, no shortcut, and this model on it; None without one."""
    wanted = dataset.model_copy(update={"shortcut": None})
    free = ("name", "models", "vocabulary", "word_vectors")  # may differ: they do not decide which texts there are
    for other in config.datasets:
        runs = other.runs(model)
        if runs and other.model_copy(update={key: getattr(dataset, key) for key in free}) == wanted:
            return other
    return None


def describe_heads(n_layers: int, n_heads: int) -> str:
    """Which heads a model has, for an error message: "layers 0-1, heads 0-3"."""
    return f"{_span('layer', n_layers)}, {_span('head', n_heads)}"


def _span(kind: str, n: int) -> str:
    return f"{kind} 0 only" if n == 1 else f"{kind}s 0-{n - 1}"
