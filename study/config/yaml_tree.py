"""YAML text to plain values that remember where they stood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]

_FLOAT_TAG, _DATE_TAG = "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"
_POWER_OF_TEN = re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$")  # 1e-3, text to YAML 1.1


class Loader(yaml.SafeLoader):
    """The safe loader, but `1e-3` is a number and a date stays text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the type is PyYAML's
        first: [(tag, pattern) for tag, pattern in entries if tag != _DATE_TAG]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class Dumper(yaml.SafeDumper):
    """Writes what `Loader` reads back equal: the text "1e-3" is quoted."""


for _class in (Loader, Dumper):
    _class.add_implicit_resolver(_FLOAT_TAG, _POWER_OF_TEN, list("-+0123456789"))


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where something was written: line and column from 1 in a file, or an override (after every line of the file)."""

    from_override: bool
    line: int
    column: int
    source: str

    def __str__(self) -> str:
        return self.source if self.from_override else f"{self.source}:{self.line}:{self.column}"


@dataclass(slots=True)
class Tree:
    """Plain values, the places of their keys and of themselves, and what is wrong with their syntax."""

    source: str
    value: Any = None
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[tuple[Place, str]] = field(default_factory=list)

    def place(self, path: KeyPath, *, of_key: bool = False) -> Place:
        """The place of the value (or key) at `path`, or of the nearest thing around it."""
        if of_key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return Place(False, 1, 1, self.source)

    def get(self, *path: str | int) -> Any:
        """The value at `path`, None where there is none."""
        value = self.value
        for part in path:
            if isinstance(part, int):
                value = value[part] if isinstance(value, list) and part < len(value) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
        return value

    def entries(self, *path: str | int) -> Iterator[tuple[KeyPath, Any]]:
        """Path and value of every entry of the list at `path`; none where there is no list."""
        items = self.get(*path)
        for i, item in enumerate(items if isinstance(items, list) else []):
            yield (*path, i), item

    def place_override(self, path: KeyPath, place: Place) -> None:
        """From now on everything at and below `path` was written at `place`."""
        for places in (self.keys, self.values):
            for old in [known for known in places if known[: len(path)] == path]:
                del places[old]
            places[path] = place


def read_tree(text: str, source: str) -> Tree:
    """The one YAML document in `text`; mistakes of syntax, repeated keys included, are collected in `problems`."""
    tree = Tree(source)
    loader = None
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is not None:
            tree.value = _read_node(loader, node, tree, (), ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        tree.problems.append((_place(mark, source), error.problem or error.context or "not YAML"))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(False, before.count("\n") + 1, error.position - before.rfind("\n"), source)
        tree.problems.append((place, f"the character #x{error.character:04x} is not allowed in YAML"))
    except RecursionError:
        tree.problems.append((Place(False, 1, 1, source), "nested too deeply"))
    finally:
        if loader is not None:
            loader.dispose()
    return tree


def _place(mark: Any, source: str) -> Place:
    return Place(False, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, source)


def _read_node(loader: Loader, node: yaml.Node, tree: Tree, path: KeyPath, parents: tuple[int, ...]) -> Any:
    place = _place(node.start_mark, tree.source)
    tree.values[path] = place
    if id(node) in parents:
        tree.problems.append((place, "a value that contains itself"))
        return None
    parents = (*parents, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_read_node(loader, item, tree, (*path, i), parents) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _read_mapping(loader, node, tree, path, parents)
    try:
        value = loader.construct_object(node)
    except (yaml.MarkedYAMLError, ValueError) as error:
        problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
        tree.problems.append((place, problem or "not a plain value"))
        return None
    if value is not None and not isinstance(value, str | int | float):
        tree.problems.append((place, f"a value of the tag {node.tag} is not allowed here"))
        return None
    return value


def _read_mapping(
    loader: Loader, node: yaml.MappingNode, tree: Tree, path: KeyPath, parents: tuple[int, ...]
) -> dict[str, Any]:
    own_keys: dict[str, Place] = {}
    for key, _ in node.value:
        name, place = str(key.value), _place(key.start_mark, tree.source)
        if name in own_keys:
            tree.problems.append((place, f"the key '{name}' stands here twice, first at {own_keys[name]}"))
        own_keys.setdefault(name, place)
    loader.flatten_mapping(node)  # `<<: *anchor`; what is merged comes first, so that own keys win
    mapping = {}
    for key, item in node.value:
        place = _place(key.start_mark, tree.source)
        if not isinstance(key, yaml.ScalarNode):
            tree.problems.append((place, "a key must be plain text"))
            continue
        mapping[key.value] = _read_node(loader, item, tree, (*path, key.value), parents)
        tree.keys[(*path, key.value)] = place
    return mapping
