"""Files that lie inside installed packages: found by their place, checked by their hash, no code of theirs run."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from study.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile:
    """One file of one version of a package.

    package: its folder's name when installed; requirement: what pip is asked for; parts: the path inside the folder.
    """

    package: str
    requirement: str
    parts: tuple[str, ...]
    sha256: str

    def path(self) -> Path:
        """Where the installed package keeps it. Raises: DataError when the package is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise DataError(
                f"the package {self.package} is not installed: run `pip install {self.requirement}` (or `make setup`)"
            )
        return Path(spec.submodule_search_locations[0]).joinpath(*self.parts)

    def read(self) -> bytes:
        """Its content. Raises: DataError when it is not there, or not the one recorded here."""
        path = self.path()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {path} ({error.strerror}): reinstall {self.requirement}") from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise DataError(
                f"{path} has sha256 {found}, but the study was made for {self.sha256}: install exactly "
                f"{self.requirement}"
            )
        return content
