"""Config files and `key=value` overrides -> StudyConfig; every mistake at its place, all at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from study.config import Section, StudyConfig
from study.config.checks import AllowedNames, check_together, check_tree
from study.config.yaml_tree import Dumper, KeyPath, Loader, Place, Tree, read_tree
from study.errors import ConfigError
from study.registry import suggest


def load_config(path: Path, overrides: Sequence[str], allowed: AllowedNames) -> StudyConfig:
    """The config in `path`, changed by overrides (`explain.n_texts=20`, `models.0.n_layers=1`).

    Raises: ConfigError listing every mistake as `file:line:column: ...` or `override 'x=y': ...`.
    """
    tree = read_tree(_read_text(path), str(path))
    if tree.value is None and not tree.problems:
        raise ConfigError(f"{path}:1:1: the config is empty; configs/experiment.yaml shows a complete one")
    if not tree.problems:  # a file that cannot be read gives no sensible further mistakes
        for number, override in enumerate(overrides, start=1):
            _apply_override(tree, override, number)
    problems = list(tree.problems)
    config = None
    if not any(place.source == str(path) for place, _ in problems):
        config, found = _validate(tree)
        problems += [*found, *check_tree(tree, allowed)]
        if config is not None and not problems:
            problems += check_together(tree, config, allowed)
    if problems or config is None:
        raise ConfigError(_list_problems(problems, path))
    return config


def dump_config(config: StudyConfig) -> str:
    """Every setting of a config, defaults included, as YAML that loads back equal."""
    return yaml.dump(config.model_dump(mode="json"), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def parse_config(text: str, where: str) -> StudyConfig:
    """The config that `dump_config` wrote; names and files are not checked again.

    Raises: ConfigError naming `where` for text that is no config of this version.
    """
    try:
        return StudyConfig.model_validate_json(json.dumps(yaml.load(text, Loader=Loader)), strict=True)  # noqa: S506
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigError(f"{where} is not a config of this version: {error}") from None


def limit_texts(config: StudyConfig, limit: int) -> StudyConfig:
    """The config with at most `limit` texts explained, on the trained and on the untrained model."""
    explain = config.explain
    fewer = {
        "n_texts": min(explain.n_texts, limit),
        "untrained_texts": min(explain.untrained_texts, limit),
    }
    return config.model_copy(update={"explain": explain.model_copy(update=fewer)})


def deciding_settings(config: StudyConfig) -> dict[str, Any]:
    """Every setting that decides a number of the run, as plain values: all but what performs the work."""
    settings = config.model_dump(mode="json")
    for key in ("engine", "scheduler", "workers"):
        del settings["runtime"][key]
    return settings


def config_hash(config: StudyConfig) -> str:
    """sha256 of the deciding settings."""
    text = json.dumps(deciding_settings(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def flatten_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings as one level of dotted keys; entries of lists go by their `name`, where they have one."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            flat.update({f"{key}.{k}": v for k, v in flatten_settings(value).items()})
        elif isinstance(value, list) and value and all(isinstance(v, dict) and "name" in v for v in value):
            flat.update({f"{key}.{k}": v for k, v in flatten_settings({v["name"]: v for v in value}).items()})
        else:
            flat[key] = value
    return flat


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        near = suggest(path.name, sorted(p.name for p in path.parent.glob("*.yaml"))) if path.parent.is_dir() else ""
        raise ConfigError(f"cannot read the config {path}: {error.strerror}{near}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ConfigError(f"{path}:{line}:{column}: not UTF-8 text; save the file as UTF-8") from None


def _list_problems(problems: list[tuple[Place, str]], path: Path) -> str:
    lines = [f"{place}: {message}" for place, message in sorted(problems)]
    return lines[0] if len(lines) == 1 else "\n".join([f"{len(lines)} mistakes in the config {path}:", *lines])


def _apply_override(tree: Tree, override: str, number: int) -> None:
    place = Place(True, number, 0, f"override '{override}'")
    key, equals, text = override.partition("=")
    parts = key.split(".")
    if not equals or not all(parts):
        tree.problems.append((place, "must look like key=value, for instance explain.n_texts=20"))
        return
    parsed = read_tree(text, place.source)
    if parsed.problems:
        tree.problems += [(place, message) for _, message in parsed.problems]
        return
    parent, path = tree.value, ()  # type: Any, KeyPath
    for i, part in enumerate(parts):
        step = _step_into(parent, part)
        if isinstance(step, _Mistake):
            tree.problems.append((place, f"{'.'.join(parts[:i]) or 'the config'} {step}"))
            return
        path = (*path, step)
        if i == len(parts) - 1:
            parent[step] = parsed.value
            tree.place_override(path, place)
        else:
            if isinstance(parent, dict) and parent.get(str(step)) is None:
                parent[step] = {}
                tree.place_override(path, place)
            parent = parent[step]


class _Mistake(str):
    __slots__ = ()


def _step_into(parent: Any, part: str) -> str | int | _Mistake:
    """`part` as a key of the section or index of the list `parent`, or what is wrong with it."""
    if isinstance(parent, dict):
        return part
    if not isinstance(parent, list):
        return _Mistake("has no settings below it")
    names = [item.get("name") if isinstance(item, dict) else None for item in parent]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(parent):
        return int(part)
    return _Mistake(
        f"is a list of {len(parent)}: '{part}' must be an index from 0 to {len(parent) - 1} or a name in it"
    )


def _validate(tree: Tree) -> tuple[StudyConfig | None, list[tuple[Place, str]]]:
    try:
        # as JSON, since pydantic's strict mode takes a list for a tuple only there
        return StudyConfig.model_validate_json(json.dumps(tree.value), strict=True), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        # pydantic does not count wrong entries, so that a list of them is "too short" as well
        return None, [_explain(tree, d) for d in details if not (d["type"] == "too_short" and d["input"])]


def _explain(tree: Tree, detail: ErrorDetails) -> tuple[Place, str]:
    """Place and message of one of pydantic's errors."""
    path: KeyPath = tuple(detail["loc"])
    name, kind = ".".join(map(str, path)), detail["type"]
    if kind == "extra_forbidden":
        return tree.place(path, of_key=True), f"unknown key '{name}'{suggest(str(path[-1]), _keys_at(path[:-1]))}"
    if kind == "missing":
        return tree.place(path), f"the key '{name}' is missing"
    if kind == "string_pattern_mismatch":
        wanted = {"device": "must be cpu, cuda or cuda:<number>"}.get(
            str(path[-1]), "must be 1 to 64 letters, digits, '_', '-' or '.', the first a letter or digit"
        )
    elif kind == "too_short":
        wanted = "must have at least one entry"
    else:
        wanted = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    got = "" if kind == "value_error" else f", got {_shorten(detail['input'])}"
    return tree.place(path), f"{name or 'the config'}: {wanted}{got}"


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _keys_at(path: KeyPath) -> list[str]:
    section: type[Section] = StudyConfig
    for part in path:
        if isinstance(part, str):
            section = next(_sections_in(section.model_fields[part].annotation))
    return list(section.model_fields)


def _sections_in(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)
