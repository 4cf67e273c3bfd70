"""Checks of where a run goes and what performs it: its name, and the address of a dask scheduler."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from study.config.yaml_tree import Place, Tree

RESERVED = ("comparisons", "reference")  # folders beside the runs that hold something else


def check_running(tree: Tree) -> Iterable[tuple[Place, str]]:
    """Places and messages of a reserved name, an address that is none, and one that nothing uses."""
    name = tree.get("name")
    if isinstance(name, str) and name.casefold() in RESERVED:  # case: some disks do not tell A from a
        what = " and ".join(f"'{reserved}'" for reserved in RESERVED)
        yield tree.place(("name",)), f"name: '{name}' is no name for a run: {what} are folders that other commands use"
    place, scheduler = ("runtime", "scheduler"), tree.get("runtime", "scheduler")
    if scheduler is None:
        return
    if tree.get("runtime", "engine") != "dask":
        message = "runtime.scheduler is for the engine 'dask' only: set `engine: dask`, or remove it"
        yield tree.place(place, of_key=True), message
    if isinstance(scheduler, str) and (problem := _address_problem(scheduler)):
        message = f"runtime.scheduler: '{scheduler}' is no address of a scheduler ({problem})"
        yield tree.place(place), f"{message}: it looks like tcp://host:8786"


def _address_problem(address: str) -> str:
    """What is wrong with an address; empty where nothing is."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("tcp", "tls"):
        return "it starts with neither tcp:// nor tls://"
    if not parts.hostname or any(letter.isspace() for letter in address):
        return "it names no host"
    if not port:
        return "it names no port"
    return "it goes on after the port" if parts.path or parts.query or parts.fragment or parts.username else ""
