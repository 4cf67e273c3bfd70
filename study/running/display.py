"""What a run shows while it goes on: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

_PLAIN_SECONDS = 30.0  # between lines of progress where there is no terminal


class Display(Protocol):
    """Lines that stay, and the progress of running tasks. A context manager."""

    def __enter__(self) -> Display: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def line(self, text: str, style: str = "") -> None: ...

    def plan(self, seconds: Mapping[str, float], workers: int) -> None:
        """Tells what tasks are expected to run, with the seconds each may take."""
        ...

    def started(self, name: str) -> None: ...

    def progressed(self, name: str, done: int, total: int, text: str) -> None: ...

    def finished(self, name: str) -> None: ...

    def tick(self) -> None: ...


class Forecast:
    """Time left: the estimate at first, more and more the pace of this run."""

    def __init__(self) -> None:
        self._expected: dict[str, float] = {}
        self._share: dict[str, float] = {}
        self._workers = 1
        self._start = time.monotonic()

    def plan(self, seconds: Mapping[str, float], workers: int) -> None:
        self._expected, self._workers, self._start = dict(seconds), workers, time.monotonic()

    def advance(self, name: str, share: float) -> None:
        """`share` of the task is done, from 0 to 1; a task that was not planned counts for nothing."""
        if name in self._expected:
            self._share[name] = share

    @property
    def done(self) -> float:
        """The share of the whole run, from 0 to 1."""
        total = sum(self._expected.values())
        return sum(self._expected[name] * share for name, share in self._share.items()) / total if total else 1.0

    def left(self) -> float:
        """Seconds."""
        estimate = (1 - self.done) * sum(self._expected.values()) / min(self._workers, max(1, len(self._expected)))
        if self.done < 0.02:
            return estimate
        pace = (time.monotonic() - self._start) * (1 - self.done) / self.done
        trust = min(1.0, 2 * self.done)
        return trust * pace + (1 - trust) * estimate

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.left()), 60)
        return f"{self.done:.0%} done, about {minutes}:{seconds:02d} left"


class PlainDisplay:
    """One line an event and every half minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._forecast = Forecast()
        self._running: dict[str, str] = {}
        self._last = time.monotonic()

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def line(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style or None, markup=False, highlight=False, soft_wrap=True)

    def plan(self, seconds: Mapping[str, float], workers: int) -> None:
        self._forecast.plan(seconds, workers)

    def started(self, name: str) -> None:
        self._running[name] = ""

    def progressed(self, name: str, done: int, total: int, text: str) -> None:
        self._running[name] = f" {done}/{total} {text}".rstrip()
        self._forecast.advance(name, done / total if total else 0.0)

    def finished(self, name: str) -> None:
        self._running.pop(name, None)
        self._forecast.advance(name, 1.0)

    def tick(self) -> None:
        if time.monotonic() - self._last >= _PLAIN_SECONDS:
            self._last = time.monotonic()
            running = "; ".join(f"{name}{text}" for name, text in self._running.items())
            self.line(f"{self._forecast}: {running}")


class LiveDisplay:
    """A bar for every running task and one for the whole run, below the lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._forecast = Forecast()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
        )
        self._bars = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._all: TaskID | None = None

    def __enter__(self) -> LiveDisplay:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def line(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style or None, markup=False, highlight=False, soft_wrap=True)

    def plan(self, seconds: Mapping[str, float], workers: int) -> None:
        self._forecast.plan(seconds, workers)
        if seconds:
            self._all = self._bars.add_task("all", total=1.0, text="")

    def started(self, name: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, text="")

    def progressed(self, name: str, done: int, total: int, text: str) -> None:
        self._forecast.advance(name, done / total if total else 0.0)
        if name in self._tasks:
            self._bars.update(self._tasks[name], completed=done, total=total, text=f"{done}/{total} {text}")

    def finished(self, name: str) -> None:
        self._forecast.advance(name, 1.0)
        if name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))

    def tick(self) -> None:
        if self._all is not None:
            self._bars.update(self._all, completed=self._forecast.done, text=str(self._forecast))


def make_display(console: Console) -> Display:
    """Bars where somebody watches, lines elsewhere."""
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)
