"""`study explain` as its user meets it: what goes where, statuses, streams; the library behind it is a stand-in."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from study.cli import app
from study.errors import InputError, LedgerError, StudyError, UnknownNameError
from study.library.explanation import Explanation
from tests.showing.made import make_explanation

ROOT = Path(__file__).parents[2]
TEXTS = ("a warm film", "a dull one")


@dataclass
class StandIn:
    """A run and its explainer that note what they are asked. broken: texts whose gates break."""

    broken: tuple[str, ...] = ()
    asked: list[Any] = field(default_factory=list)
    folder: Path = Path("results/tiny")
    config: Any = None

    def explainer(self, dataset: str | None, model: str | None, seed: int | None) -> StandIn:
        if model == "mpl":
            raise UnknownNameError("run 'tiny' has no model 'mpl'; did you mean 'mlp'?")
        self.asked.append((dataset, model, seed))
        return self

    def explain(self, text: str, *, methods: tuple[str, ...] | None, causal: bool) -> Explanation:
        self.asked.append((text, methods, causal))
        return make_explanation(text, broken=text in self.broken, causal=causal)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandIn:
    stand_in = StandIn()

    def load_run(name: str, results: Path) -> StandIn:
        if name != "tiny":
            raise LedgerError(f"there is no run '{name}' in {results}; did you mean 'tiny'?")
        return stand_in

    monkeypatch.setattr("study.library.loading.load_run", load_run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return stand_in


def study(*arguments: str, stdin: str | bytes = "", status: int = 0) -> tuple[str, str]:
    """What `study explain` writes to stdout and stderr; it must end with `status`."""
    result = CliRunner().invoke(app, ["explain", *arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.stdout, result.stderr


def test_every_text_is_shown_in_order(run: StandIn) -> None:
    out, told = study(*TEXTS, "--run", "tiny")
    assert [line for line in out.splitlines() if line.startswith("“")] == [f"“{text}”" for text in TEXTS]
    assert out.count("All 2 exactness gates hold") == 2
    assert told == ""
    assert "\x1b" not in out
    assert run.asked == [(None, None, None), (TEXTS[0], None, True), (TEXTS[1], None, True)]


def test_choices_reach_the_explainer(run: StandIn) -> None:
    choices = ("--dataset", "d", "--model", "m", "--seed", "3", "--method", "lime", "--method", "random", "--no-causal")
    study("a film", "--run", "tiny", *choices)
    assert run.asked == [("d", "m", 3), ("a film", ("lime", "random"), False)]


def test_json_is_one_object_a_line_and_nothing_else(run: StandIn) -> None:
    out, told = study("--run", "tiny", "--json", stdin="a naïve film\n\n[red] \x1b[31m one\n")
    objects = [json.loads(line, parse_constant=pytest.fail) for line in out.splitlines()]
    assert [o["text"] for o in objects] == ["a naïve film", "[red] \x1b[31m one"]
    assert told == "1 text without a word left out\n"
    assert out.isascii()
    assert "\x1b" not in out
    assert objects[0]["margin"] == make_explanation("a naïve film").margin


def test_words_without_a_score_are_null(run: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "explain", lambda *_, **__: make_explanation("a b c", n_players=2))
    (line,) = study("a b c", "--run", "tiny", "--json")[0].splitlines()
    assert "NaN" not in line
    assert json.loads(line)["features"]["shapley"]["scores"][2] is None


def test_a_broken_gate_is_status_3_after_everything_was_shown(run: StandIn) -> None:
    run.broken = TEXTS[:1]
    out, _ = study(*TEXTS, "--run", "tiny", status=3)
    assert "BROKEN: 1 of 2 exactness gates" in out
    assert f"“{TEXTS[1]}”" in out
    assert len(study(*TEXTS, "--run", "tiny", "--json", status=3)[0].splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a film", "--run", "tniy"], "there is no run 'tniy' in results; did you mean 'tiny'?"),
        (["a film", "--run", "tiny", "--model", "mpl"], "did you mean 'mlp'?"),
        (["a film", "--run", "tiny", "--method", "lmie"], "unknown explainer 'lmie'; did you mean 'lime'?"),
        (["--run", "tiny", "--file", "none.txt"], "cannot read none.txt: there is no such file"),
        (["--run", "tiny"], "no text to explain"),
        ([" ", "--run", "tiny"], "no text to explain"),
        (["a film", "--run", "tiny", "--html", "."], "--html . is a folder: name a file in it, explained.html"),
    ],
)
def test_mistakes_name_what_is_allowed(run: StandIn, arguments: list[str], expected: str) -> None:
    with pytest.raises(StudyError, match=re.escape(expected)) as caught:
        study(*arguments)
    assert caught.value.exit_status == 2


def test_the_page_is_written_and_its_place_told(run: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[Path, int]] = []
    monkeypatch.setattr("study.showing.page.write_page", lambda path, _, found: written.append((path, len(found))))
    out, told = study(*TEXTS, "--run", "tiny", "--html", "out/mine.html")
    assert out.splitlines()[-1] == "wrote out/mine.html"
    out, told = study(*TEXTS, "--run", "tiny", "--html", "mine.html", "--json")
    assert told == "wrote mine.html\n"
    assert len(out.splitlines()) == 2
    assert written == [(Path("out/mine.html"), 2), (Path("mine.html"), 2)]


@pytest.mark.parametrize("name", ["results/tiny/report.html", "results/tiny/tables/mine.html"])
def test_the_page_does_not_replace_what_a_run_wrote(run: StandIn, name: str) -> None:
    page = Path(name)
    page.parent.mkdir(parents=True)
    page.write_text("its own")
    Path("results/tiny/config.resolved.yaml").touch()
    beside = Path("results/explained.html").resolve()
    with pytest.raises(InputError, match=rf"lies in the run 'tiny'.*such as {re.escape(str(beside))}"):
        study("a film", "--run", "tiny", "--html", name)
    assert page.read_text() == "its own"
    assert run.asked == []


def test_what_was_explained_before_an_error_is_on_the_page(run: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[Path, list[str]]] = []
    monkeypatch.setattr(
        "study.showing.page.write_page", lambda path, _, found: written.append((path, [e.text for e in found]))
    )
    lines = b"".join(b"%s\n" % text.encode() for text in TEXTS)
    result = CliRunner().invoke(app, ["explain", "--run", "tiny", "--html", "mine.html"], input=lines + b"\xff\n")
    assert isinstance(result.exception, InputError)
    assert "line 3, is not UTF-8" in str(result.exception)
    assert result.stderr == "wrote mine.html, of 2 texts so far\n"
    assert written == [(Path("mine.html"), list(TEXTS))]
    assert CliRunner().invoke(app, ["explain", "--run", "tiny", "--html", "mine.html"], input=b"\xff\n").exception
    assert len(written) == 1  # nothing was explained: no page


STREAM = """
import sys
from pathlib import Path
from tests.showing.test_answering import StandIn
import study.library.loading
study.library.loading.load_run = lambda name, results: StandIn()
import study.showing.page
study.showing.page.write_page = lambda path, run, explanations: None
from study.cli import main
main()
"""


def stream(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """`study explain` on the stand-in as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", STREAM, "explain", "--run", "tiny", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "80"} | environment,
    )


def test_lines_are_answered_as_they_come_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with stream(tmp_path, "--json") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text in (b"a warm film", b"a dull film"):
            process.stdin.write(text + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["text"] == text.decode()  # stdin is still open
        time.sleep(0.5)  # it waits for the next line, which never comes
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--json", "--html", "mine.html"]])
def test_a_closed_pipe_is_no_reason_to_complain(tmp_path: Path, arguments: list[str]) -> None:
    with stream(tmp_path, *arguments) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()  # as `| head` does
        _, told = process.communicate(b"a warm film\n" * 20, timeout=20)
    assert told == (b"wrote mine.html, of 1 text so far\n" if "--html" in arguments else b"")
    assert process.returncode == 0


def test_an_old_terminal_loses_no_sign(tmp_path: Path) -> None:
    with stream(tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0") as process:
        out, told = process.communicate(b"a warm film\n", timeout=20)
    assert (process.returncode, told) == (0, b"")
    assert b"\\u2212" in out
    assert b"?" not in out
