"""The command line as its user meets it: help, statuses, errors without tracebacks, lists of runs."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))  # the workers import the fake stages by name

from fake_stages import STAGES

from study import ledger
from study.cli import app
from study.config import StudyConfig
from study.config.loading import parse_config

ROOT = Path(__file__).parents[1]
CONFIG = """\
name: fake
seeds: [0]
datasets: [{name: reviews, source: rotten_tomatoes}]
models: [{name: a}]
explain: {n_texts: 40, untrained_texts: 10}
runtime: {workers: 1}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a config; the stages are the fake ones."""
    (tmp_path / "fake.yaml").write_text(CONFIG)
    stages = tuple(replace(stage, code=("errors.py",)) for stage in STAGES)
    monkeypatch.setattr("study.running.runs.STAGES", stages)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(*arguments: str) -> tuple[int, str]:
    """Status and output of a command, in this process."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "study", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PATH": ""},
    )


def stored(folder: Path, name: str = "fake") -> StudyConfig:
    return parse_config((folder / "results" / name / ledger.CONFIG_FILE).read_text(), "stored")


def test_every_command_and_option_is_documented() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert list(commands) == [
        "run",
        "sweep",
        "report",
        "explain",
        "fetch",
        "compare",
        "reproduce",
        "keep-score-card",
        "ls",
        "validate",
        "walkthrough",
    ]
    for name, found in commands.items():
        assert found.help, name
        told = study(name, "--help")[1]
        for parameter in found.params:
            assert parameter.help, f"{name} {parameter.name}"
            assert parameter.help.split(":")[0][:30] in told
            assert all(option in told for option in parameter.opts if option.startswith("--"))


def test_help_names_the_commands_and_the_statuses(tmp_path: Path) -> None:
    done = command("--help", folder=tmp_path)
    assert done.returncode == 0
    names = ("run", "sweep", "report", "keep-score-card", "ls", "validate", "walkthrough")
    for word in (*names, "Exit status: 0 done, 1 a stage failed"):
        assert word in done.stdout


def test_help_is_short_and_shows_how_to_explain_and_to_complete() -> None:
    told = study("--help")[1]
    assert len(told.splitlines()) < 32
    assert "--install-completion" in told
    assert "--show-completion" in told
    explained = study("explain", "--help")[1]
    assert '\n  study explain "a warm and funny film" --run experiment\n' in explained
    assert "\n  study explain --run experiment --json < reviews.txt\n" in explained
    assert max(map(len, explained.splitlines())) <= 80
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        assert "completion" not in study(name, "--help")[1]


def test_the_command_has_one_name_however_it_is_started(tmp_path: Path) -> None:
    assert command("--help", folder=tmp_path).stdout.startswith("Usage: study ")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["explain", "--help"], ["ls"]])
def test_light_commands_import_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom study.cli import app\n"
        f"try:\n    app({arguments!r})\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'shap', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_readme_style_session(folder: Path) -> None:
    status, told = study("run", "fake.yaml")
    assert status == 0, told
    assert "\nwrote results/fake/report.html\n" in told
    status, told = study("run", "fake.yaml")
    assert (status, told.count("unchanged")) == (0, 6)
    status, told = study("report", "fake")
    assert (status, "run   report: asked for" in told) == (0, True)
    assert told.splitlines()[-1] == "wrote results/fake/report.html"
    status, told = study("ls")
    assert status == 0
    assert re.search(r"fake +finished +20\S+ +reviews a 0.750 +all 1 hold", told), told


def test_overrides_and_options_are_part_of_the_config(folder: Path) -> None:
    assert study("run", "fake.yaml", "name=other", "explain.ig_steps=7", "--limit", "20", "--workers", "2")[0] == 0
    config = stored(folder, "other")
    assert (config.explain.ig_steps, config.explain.n_texts, config.explain.untrained_texts) == (7, 20, 10)
    assert config.runtime.workers == 2


def test_other_config_on_the_same_folder(folder: Path) -> None:
    assert study("run", "fake.yaml")[0] == 0
    with pytest.raises(Exception, match=r"explain.n_texts: 40 there, 5 now"):
        study("run", "fake.yaml", "--limit", "5")
    assert study("run", "fake.yaml", "--limit", "5", "--update")[0] == 0
    assert stored(folder).explain.n_texts == 5
    assert study("run", "fake.yaml", "--update", "--results", "elsewhere")[0] == 0
    assert (folder / "elsewhere" / "fake" / "report.html").exists()


def test_failing_gate_and_failing_stage_set_the_status(folder: Path) -> None:
    ledger.write_json(folder / "results" / "behaviour.json", {"explain reviews-a-s0": "gate"})
    assert study("run", "fake.yaml")[0] == 3
    assert "1 of 1 broken" in study("ls")[1]
    ledger.write_json(folder / "results" / "behaviour.json", {"explain reviews-a-s0": "raise"})
    assert study("run", "fake.yaml", "name=second")[0] == 1
    assert re.search(r"second +failed", study("ls")[1])


def test_list_tells_what_state_a_run_is_in(folder: Path) -> None:
    assert "no runs in results; `study run CONFIG` makes one" in study("ls")[1]
    study("run", "fake.yaml")
    manifest = folder / "results" / "fake" / ledger.MANIFEST_FILE
    finished = manifest.read_text()
    manifest.write_text(finished.replace('"finished"', '"running"'))
    assert re.search(r"fake +interrupted", study("ls")[1])
    with ledger.RunLock(folder / "results" / "fake"):
        assert re.search(r"fake +running", study("ls")[1])
    manifest.write_text("{")
    assert re.search(r"fake +damaged", study("ls")[1])
    manifest.unlink()
    assert re.search(r"fake +unfinished", study("ls")[1])


def test_validate_prints_the_whole_config_and_writes_nothing(folder: Path) -> None:
    status, told = study("validate", "fake.yaml", "seeds=[5]")
    assert status == 0
    assert parse_config(told, "printed").seeds == (5,)
    assert [p.name for p in folder.iterdir()] == ["fake.yaml"]


def test_mistakes_go_to_stderr_without_a_traceback_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "fake.yaml").write_text(CONFIG.replace("seeds", "seds").replace("n_texts: 40", "n_texts: many"))
    done = command("run", "fake.yaml", "explain.methods=[lmie]", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == "error: 4 mistakes in the config fake.yaml:"
    assert lines[1].startswith("fake.yaml:1:1: the key 'seeds' is missing")
    assert lines[2].startswith("fake.yaml:2:1: unknown key 'seds'; did you mean 'seeds'?")
    assert lines[3].startswith('fake.yaml:5:20: explain.n_texts: must be a valid integer, got "many"')
    assert "explain.methods.0: unknown explainer 'lmie'; did you mean 'lime'?" in lines[4]
    assert len(lines) == 5
    assert [p.name for p in tmp_path.iterdir()] == ["fake.yaml"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["report", "smok"], "error: there is no run 'smok' in results; did you mean 'smoke'? (allowed: smoke)"),
        (["walkthrough", "--run", "x"], "error: there is no run 'x' in results (allowed: smoke)"),
        (["report", "x", "--results", "none"], "error: there is no run 'x', and none at all in none"),
        (["validate", "none.yaml"], "error: cannot read the config none.yaml: No such file or directory"),
        (["run", "fake.yaml", "--limit", "0"], "--limit"),
        (["rnu"], "rnu"),
    ],
)
def test_other_mistakes_of_the_user(tmp_path: Path, arguments: list[str], expected: str) -> None:
    (tmp_path / "fake.yaml").write_text(CONFIG)
    ledger.write_text(tmp_path / "results" / "smoke" / ledger.CONFIG_FILE, CONFIG)
    done = command(*arguments, folder=tmp_path)
    assert done.returncode == 2, done
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_kept_is_told_where(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other commands that write are asked in their own tests: compare, reproduce, fetch."""
    ledger.write_text(folder / "results" / "known" / ledger.CONFIG_FILE, CONFIG)
    monkeypatch.setattr("study.reference.keep_score_card", lambda run: run.parent / "reference" / "score_card.csv")
    status, told = study("keep-score-card", "known")
    assert status == 0
    assert told.splitlines()[0] == "wrote results/reference/score_card.csv"


def test_walkthrough_shows_the_steps_and_keeps_them(folder: Path) -> None:
    status, told = study("walkthrough")
    assert status == 0
    assert "1x20x512" in told
    assert "holds, allowed" in told
    assert "wrote results/walkthrough.csv" in told
    lines = (folder / "results" / "walkthrough.csv").read_text().splitlines()
    assert lines[0].startswith("size,step,operation")


@pytest.mark.parametrize("difference", [0.5, float("nan")])
def test_walkthrough_with_a_broken_identity_ends_with_the_status_of_gates(
    folder: Path, monkeypatch: pytest.MonkeyPatch, difference: float
) -> None:
    from study.model.walkthrough import WalkthroughRow

    broken = WalkthroughRow(
        size="article",
        step="check",
        operation="views",
        in_1="",
        in_2="",
        out="1",
        difference=difference,
        tolerance=1e-5,
    )
    monkeypatch.setattr("study.running.walkthrough.build_walkthrough", lambda model, generator: [broken])
    status, told = study("walkthrough")
    assert status == 3
    assert "BROKEN" in told
