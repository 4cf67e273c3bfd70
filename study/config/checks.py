"""What a config must satisfy beyond its schema: registered names, no repetitions, settings that fit each other.

The checks of `check_tree` read the plain tree, so that they also run where the schema already found mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.config import DatasetConfig, StudyConfig
from study.config.evaluating import check_evaluation
from study.config.known_answers import Misfits, check_circuits, check_settings
from study.config.limits import WITHIN_WORDS, clean_sibling, describe_heads, fewest_coalitions
from study.config.running import check_running
from study.config.yaml_tree import KeyPath, Place, Tree
from study.registry import nearest_file, suggest

_FILES_ONLY = ("path", "text_column", "label_column", "id_column", "on_bad_row")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedNames:
    """What the rooms know and this module does not: the names in their registries, and which task fits which model.

    rated_problem: by the name of rated texts, what keeps them from being used here, None for nothing.
    """

    datasets: Sequence[str]
    unlabelled: Sequence[str]
    lexicons: Sequence[str]
    rated: Sequence[str]
    models: Sequence[str]
    explainers: Sequence[str]
    removals: Sequence[str]
    head_methods: Sequence[str]
    samplers: Sequence[str]
    sections: Sequence[str]
    tasks: Sequence[str]
    misfits: Misfits
    rated_problem: Callable[[str], str | None]


def check_tree(tree: Tree, allowed: AllowedNames) -> Iterable[tuple[Place, str]]:
    """Places and messages of unknown names, repetitions, and settings of a data set that do not fit its source."""
    yield from _check_names(tree, allowed)
    yield from _check_unique(tree)
    yield from _check_files(tree, allowed)
    yield from _check_rated(tree, allowed)
    yield from check_settings(tree)
    yield from check_running(tree)


def check_together(tree: Tree, config: StudyConfig, allowed: AllowedNames) -> Iterable[tuple[Place, str]]:
    """What must fit between sections that are each valid."""
    asked = tree.get("explain", "n_texts") is not None  # the default means all texts where there are fewer
    for dataset in config.datasets:
        if asked and config.explain.n_texts > dataset.test_size:
            message = f"explain.n_texts {config.explain.n_texts} is more than the {dataset.test_size} test texts"
            yield tree.place(("explain", "n_texts")), f"{message} of data set '{dataset.name}'"
    explain = config.explain
    longest = max(model.max_words for model in config.models)
    if "shap" in explain.methods and longest > explain.exact_limit and explain.shap_evals <= 2 * longest:
        yield _too_few(tree, "shap_evals", explain.shap_evals, longest, 2 * longest + 1)
    least = fewest_coalitions(longest)
    sampled = longest > explain.exact_limit and 2**longest > explain.shapley_evals
    if "shapley" in explain.methods and sampled and explain.shapley_evals < least:
        yield _too_few(tree, "shapley_evals", explain.shapley_evals, longest, least)
    yield from _check_heads(tree, config, longest)
    yield from _check_cells(tree, config)
    yield from _check_shortcuts(tree, config)
    yield from _check_convergence(tree, config)
    yield from _check_sweep(tree, config, longest)
    yield from check_evaluation(tree, config)
    yield from check_circuits(tree, config, allowed.misfits)


def _check_cells(tree: Tree, config: StudyConfig) -> Iterable[tuple[Place, str]]:
    """Models that run nowhere, and cells that would share a folder."""
    for i, model in enumerate(config.models):
        if not any(dataset.runs(model.name) for dataset in config.datasets):
            message = f"model '{model.name}' runs on no data set: name it under datasets.<name>.models, or remove it"
            yield tree.place(("models", i, "name")), message
    pairs: dict[str, str] = {}
    for dataset in config.datasets:
        for i, model in enumerate(config.models):
            if not dataset.runs(model.name):
                continue
            folder, pair = f"{dataset.name}-{model.name}".casefold(), f"'{dataset.name}' and '{model.name}'"
            if folder in pairs:
                yield tree.place(("models", i, "name")), f"{pair} share the folder name of {pairs[folder]}: rename one"
            pairs.setdefault(folder, pair)


def _too_few(tree: Tree, key: str, asked: int, longest: int, least: int) -> tuple[Place, str]:
    message = f"explain.{key} {asked} is too few for texts of {longest} words (models.max_words): at least {least}"
    return tree.place(("explain", key)), message


def _check_convergence(tree: Tree, config: StudyConfig) -> Iterable[tuple[Place, str]]:
    """Samplers that are asked for are measured somewhere."""
    convergence = config.convergence
    pairs = [(d.name, m.name) for d in config.datasets for m in config.models if d.runs(m.name)]
    if convergence.datasets and not any(convergence.covers(*pair) for pair in pairs):
        message = "convergence: no model of `models` runs on a data set of `datasets`, so nothing would be measured"
        yield tree.place(("convergence",), of_key=True), f"{message}: name a pair that runs together"


def _check_sweep(tree: Tree, config: StudyConfig, longest: int) -> Iterable[tuple[Place, str]]:
    """Budgets that suffice for the longest texts, and as many texts as there are."""
    if config.sweep is None:
        return
    least = fewest_coalitions(longest)
    for i, budget in enumerate(config.sweep.budgets):
        if budget < least and 2**longest > budget:
            message = f"sweep.budgets.{i}: {budget} evaluations are too few for texts of {longest} words"
            yield tree.place(("sweep", "budgets", i)), f"{message} (models.max_words): at least {least}"
    for dataset in config.datasets:
        if tree.get("sweep", "n_texts") is not None and config.sweep.n_texts > dataset.test_size:
            message = f"sweep.n_texts {config.sweep.n_texts} is more than the {dataset.test_size} test texts"
            yield tree.place(("sweep", "n_texts")), f"{message} of data set '{dataset.name}'"


def _check_shortcuts(tree: Tree, config: StudyConfig) -> Iterable[tuple[Place, str]]:
    """Words that differ, real texts, models that read far enough, and the same ones without the shortcut."""
    for i, dataset in enumerate(config.datasets):
        if dataset.shortcut is None:
            continue
        place, name = tree.place(("datasets", i, "shortcut"), of_key=True), f"datasets.{i}.shortcut"
        words = dataset.shortcut.words
        if len(set(words)) < len(words):
            yield tree.place(("datasets", i, "shortcut", "words")), f"{name}.words: {list(words)} must all differ"
        if dataset.task is not None:
            yield place, f"{name}: the task '{dataset.task}' has a truth of its own: remove `shortcut` or `task`"
            continue
        here = [m.name for m in config.models if dataset.runs(m.name)]
        missing = ", ".join(f"'{model}'" for model in here if clean_sibling(dataset, model, config) is None)
        if missing:
            advice = f"add a data set with the settings of '{dataset.name}', another name and no `shortcut`"
            yield place, f"{name}: {missing} must also run on the same texts without it, to verify it: {advice}"
        for j, model in enumerate(config.models):
            if dataset.runs(model.name) and model.max_words < WITHIN_WORDS:
                less = f"models.{j}.max_words {model.max_words} is less than the {WITHIN_WORDS} first words"
                message = f"{less} among which the shortcut of data set '{dataset.name}' is planted"
                yield tree.place(("models", j, "max_words")), message


def _check_heads(tree: Tree, config: StudyConfig, longest: int) -> Iterable[tuple[Place, str]]:
    """Groups of heads that every model has, and samples that are large enough for the players."""
    most = max(model.n_layers * model.n_heads for model in config.models)
    heads = config.heads
    for key, limit, n, what in (
        ("crosswalk_word_coalitions", heads.crosswalk_exact_words, longest, "words (models.max_words)"),
        ("crosswalk_head_coalitions", heads.crosswalk_exact_heads, most, "heads"),
        ("head_coalitions", heads.exact_limit, most, "heads"),
    ):
        asked, least = getattr(heads, key), fewest_coalitions(n)
        if n > limit and asked < least:
            yield tree.place(("heads", key)), f"heads.{key} {asked} is too few for {n} {what}: at least {least}"
    for i, group in enumerate(heads.groups):
        place = tree.place(("heads", "groups", i))
        if len(set(group)) < len(group) or not group:
            yield place, f"heads.groups.{i}: {list(group)} must name one head or more, each once"
        for model in config.models:
            known = [f"L{layer}H{head}" for layer in range(model.n_layers) for head in range(model.n_heads)]
            for name in sorted(set(group) - set(known)):
                has = describe_heads(model.n_layers, model.n_heads)
                yield place, f"heads.groups.{i}: unknown head '{name}': model '{model.name}' has {has}"


def _check_names(tree: Tree, allowed: AllowedNames) -> Iterable[tuple[Place, str]]:
    named: list[tuple[KeyPath, str, Sequence[str]]] = [(("explain", "removal"), "removal operator", allowed.removals)]
    for path, _ in tree.entries("datasets"):
        named.append(((*path, "source"), "data set", allowed.datasets))
        named.append(((*path, "word_vectors", "source"), "unlabelled text", allowed.unlabelled))
        named.append(((*path, "task"), "task", allowed.tasks))
        named.append(((*path, "lexicon"), "lexicon", allowed.lexicons))
        named.append(((*path, "rated"), "rated texts", allowed.rated))
    named += [((*path, "family"), "model family", allowed.models) for path, _ in tree.entries("models")]
    named += [(path, "explainer", allowed.explainers) for path, _ in tree.entries("explain", "methods")]
    for where in (("sweep", "removals"), ("evaluate", "removals"), ("evaluate", "explained_under")):
        named += [(path, "removal operator", allowed.removals) for path, _ in tree.entries(*where)]
    named += [(path, "head method", allowed.head_methods) for path, _ in tree.entries("heads", "methods")]
    named += [(path, "sampler", allowed.samplers) for path, _ in tree.entries("convergence", "samplers")]
    named += [(path, "report section", allowed.sections) for path, _ in tree.entries("report", "sections")]
    for key, kind in (("datasets", "data set of this config"), ("models", "model of this config")):
        here = [str(item.get("name")) for _, item in tree.entries(key) if isinstance(item, dict)]
        lists = [("convergence", key), *((*path, key) for path, _ in tree.entries("datasets") if key == "models")]
        named += [(path, kind, here) for where in lists for path, _ in tree.entries(*where)]
    for path, kind, names in named:
        value = tree.get(*path)
        if isinstance(value, str) and value not in names:
            yield tree.place(path), f"{'.'.join(map(str, path))}: unknown {kind} '{value}'{suggest(value, names)}"


def _check_unique(tree: Tree) -> Iterable[tuple[Place, str]]:
    methods = (("explain", "methods"), ("heads", "methods"), ("report", "sections"))
    convergence = [("convergence", key) for key in ("datasets", "models", "samplers", "evaluations")]
    convergence += [("sweep", "removals"), ("sweep", "budgets")]
    evaluate = [("evaluate", key) for key in ("measures", "removals", "explained_under")]
    running = [(*path, "models") for path, _ in tree.entries("datasets")]
    lists = (*running, *methods, *convergence, *evaluate, ("compare", "top_k"))
    for where in (("datasets",), ("models",), ("seeds",), *lists):
        first: dict[str, KeyPath] = {}
        for path, item in tree.entries(*where):
            value: Any = item.get("name") if isinstance(item, dict) else item
            if not isinstance(value, str | int):
                continue
            known = first.setdefault(str(value).casefold(), path)  # case: some disks do not tell A from a
            if known != path:
                message = f"{'.'.join(map(str, path))}: '{value}' is here twice, first at {tree.place(known)}"
                yield tree.place(path), message


def _check_files(tree: Tree, allowed: AllowedNames) -> Iterable[tuple[Place, str]]:
    for path, item in tree.entries("datasets"):
        if not isinstance(item, dict) or not isinstance(source := item.get("source"), str):
            continue
        name = ".".join(map(str, path))
        file = item.get("path")
        if source == "files" and file is None:
            yield tree.place((*path, "source")), f"{name}: the source 'files' needs a `path`"
        elif source == "files" and isinstance(file, str) and not Path(file).is_file():
            yield tree.place((*path, "path")), f"{name}.path: there is no file '{file}'{nearest_file(Path(file))}"
        for key in _FILES_ONLY if source != "files" and source in allowed.datasets else ():
            if key in item and item[key] != DatasetConfig.model_fields[key].default:
                message = f"{name}.{key} is for the source 'files' only, not '{source}': remove it"
                yield tree.place((*path, key), of_key=True), message


def _check_rated(tree: Tree, allowed: AllowedNames) -> Iterable[tuple[Place, str]]:
    """Rated texts and words that lie on this machine, for data sets of real texts."""
    for path, _ in tree.entries("datasets"):
        name, rated = ".".join(map(str, path)), tree.get(*path, "rated")
        if tree.get(*path, "source") == "planted":
            for key in ("lexicon", "rated"):
                if tree.get(*path, key) is not None:
                    message = f"{name}.{key} is for texts that people wrote, not for the source 'planted': remove it"
                    yield tree.place((*path, key), of_key=True), message
        elif isinstance(rated, str) and rated in allowed.rated and (problem := allowed.rated_problem(rated)):
            yield tree.place((*path, "rated")), f"{name}.rated: {problem}"
