"""A run against the reference: what must hold, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from study.reproduction.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison. required: it counts for the exit status; told: what was found."""

    name: str
    held: bool
    required: bool
    told: str

    @property
    def verdict(self) -> str:
        if self.held:
            return "held"
        return "NOT HELD" if self.required else "differs, as it may on another stack"


def stack_differences(kept: Reference, found: Reference) -> list[str]:
    """What differs between the two stacks, as "numpy: 2.4 kept, 2.5 here"; empty for one and the same stack."""
    names = dict.fromkeys([*kept.stack, *found.stack])
    pairs = [(name, kept.stack.get(name, "none"), found.stack.get(name, "none")) for name in names]
    return [f"{name}: {old} kept, {new} here" for name, old, new in pairs if old != new]


def check_run(kept: Reference, found: Reference) -> list[Check]:
    """Every check. On the same stack tables must be byte-identical; key values and data must hold on any."""
    same_stack = not stack_differences(kept, found)
    return [*_check_data(kept, found), *_check_tables(kept, found, same_stack), *_check_values(kept, found)]


def _check_data(kept: Reference, found: Reference) -> Iterator[Check]:
    for name, expected in kept.data.items():
        held = found.data.get(name) == expected
        yield Check(name=f"data {name}", held=held, required=True, told="same hash" if held else "another hash")


def _check_tables(kept: Reference, found: Reference, same_stack: bool) -> Iterator[Check]:
    """Hashes, required on the same stack; columns, required on any. A table that is new is told and required, too."""
    for name in dict.fromkeys([*kept.tables, *found.tables]):
        old, new = kept.tables.get(name), found.tables.get(name)
        if old is None or new is None:
            told = "not in the reference" if old is None else "missing in this run"
            yield Check(name=f"table {name}", held=False, required=True, told=told)
            continue
        held = old["sha256"] == new["sha256"]
        told = f"{new['rows']:,} rows, " + ("byte-identical" if held else f"another hash ({old['rows']:,} rows kept)")
        yield Check(name=f"table {name}", held=held, required=same_stack, told=told)
        if old["columns"] != new["columns"]:
            other = sorted(set(old["columns"]) ^ set(new["columns"])) or ["their order"]
            told = f"other columns: {', '.join(other)}"
            yield Check(name=f"columns of {name}", held=False, required=True, told=told)


def _check_values(kept: Reference, found: Reference) -> Iterator[Check]:
    for name, old in kept.values.items():
        if name not in found.values:
            yield Check(name=name, held=False, required=True, told="missing in this run")
            continue
        value, expected, tolerance = (float(v) for v in (found.values[name]["value"], old["value"], old["tolerance"]))
        told = f"{value:.6g} here, {expected:.6g} kept, tolerance {tolerance:.2g}"
        # NaN is never within a tolerance, which is what is wanted
        yield Check(name=name, held=abs(value - expected) <= tolerance, required=True, told=told)
