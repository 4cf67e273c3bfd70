"""Look-up by name, with one helpful error.

A registry maps a name to "module:attribute". The target is imported when it is used, so listing
the names (for `--help`, say) never imports shap or torch.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from study.errors import UnknownNameError


def suggest(name: str, allowed: Iterable[str]) -> str:
    """The tail of an error message: the nearest allowed name if one is near, and all that are allowed."""
    names = list(allowed)
    if not names:
        return ""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{hint} (allowed: {', '.join(names)})"


def nearest_file(path: Path) -> str:
    """The tail of an error message about a file that is not there: where it was looked for, and a name that is near."""
    beside = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.5)
    hint = f"; did you mean '{path.parent / near[0]}'?" if near else ""
    return f"{hint} (a relative path starts at the current directory, {Path.cwd()})"


class Registry(Mapping[str, str]):
    """An ordered, read-only table of the things of one kind ("explainer", "data set", ...)."""

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(f"unknown {self.kind} '{name}'{suggest(name, self._entries)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries  # Mapping's own asks for a KeyError, which ours is not

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, name: str) -> Any:
        """The object behind `name`, imported now.

        Raises: UnknownNameError for a name that is not registered.
        """
        module, _, attribute = self[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
