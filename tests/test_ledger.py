"""Writes are whole or not there, reads are checked, one process holds a folder."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study import ledger
from study.errors import LedgerError, WriteError
from study.ledger import manifest
from study.ledger.markers import Marker, clear_partial, partial_folder, read_marker, write_marker

FRAME = pd.DataFrame({"word": ["null", "NA", "", 'ä,"\n\r'], "score": [0.1, np.nan, -1e-300, 3.0], "n": [1, 2, 3, 4]})


def test_write_makes_folders_and_returns_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    found = ledger.write_text(path, "ä")
    assert path.read_text(encoding="utf-8") == "ä"
    assert found == ledger.sha256_of(path)
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def _write_forever(path: str) -> None:
    for i in range(10**9):
        ledger.write_bytes(Path(path), bytes([i % 7]) * 3_000_000)


def _is_whole(data: bytes) -> bool:
    return len(data) == 3_000_000 and data.count(data[:1]) == len(data)


def test_file_is_whole_while_it_is_written_and_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for delay in (0.0, 0.003, 0.011):
        writer = multiprocessing.get_context("spawn").Process(target=_write_forever, args=(str(path),), daemon=True)
        writer.start()
        while not path.exists():
            time.sleep(0.001)
        assert all(_is_whole(path.read_bytes()) for _ in range(20))
        time.sleep(delay)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        assert _is_whole(path.read_bytes())
    (tmp_path / ".writing-0").write_text("left")
    ledger.remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    ledger.write_text(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LedgerError, match=r"cannot write .*file: No space left on device; free space"):
        ledger.write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_tables_have_equal_bytes_and_come_back(tmp_path: Path, suffix: str) -> None:
    first = ledger.write_frame(tmp_path / f"a{suffix}", FRAME)
    other_index = FRAME.set_axis([7, 8, 9, 10])
    assert ledger.write_frame(tmp_path / f"b{suffix}", other_index) == first
    back = ledger.read_frame(tmp_path / f"a{suffix}", first)
    wanted = FRAME if suffix == ".parquet" else FRAME.assign(word=["null", "NA", np.nan, 'ä,"\n\r'])
    pd.testing.assert_frame_equal(back, wanted, check_dtype=False)


def test_table_of_mixed_types_or_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a.parquet does not fit Parquet: .*seed"):
        ledger.write_frame(tmp_path / "a.parquet", pd.DataFrame({"seed": [1, "all"]}))
    with pytest.raises(ValueError, match=r"written as .parquet or .csv, not 'a.xlsx'"):
        ledger.write_frame(tmp_path / "a.xlsx", FRAME)


def test_json_has_no_numbers_that_json_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    ledger.write_json(path, {"a": [float("nan"), np.float32(0.5), np.int64(3), float("-inf")], "b": (True, None)})
    assert json.loads(path.read_text()) == {"a": ["NaN", 0.5, 3, "-Infinity"], "b": [True, None]}
    assert float(ledger.read_json(path)["a"][3]) == -np.inf


def test_changed_file_is_refused_with_both_hashes(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    expected = ledger.write_text(path, "a")
    path.write_text("b")
    with pytest.raises(LedgerError) as error:
        ledger.read_bytes(path, expected)
    told = str(error.value)
    assert all(part in told for part in (str(path), expected[:12], ledger.sha256_of(path)[:12], "Delete the file"))


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"cannot read .*none.json: No such file .*study run"):
        ledger.read_json(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"a": ')
    with pytest.raises(LedgerError, match=r"half.json is not JSON .*delete it"):
        ledger.read_json(tmp_path / "half.json")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", ".", "a/../../x"])
def test_outputs_stay_inside_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(LedgerError, match="lies outside the folder"):
        ledger.inside(tmp_path, name)
    assert ledger.inside(tmp_path, "tables/a.csv") == tmp_path / "tables" / "a.csv"


def test_link_out_of_the_folder_is_outside(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    with pytest.raises(LedgerError, match="lies outside"):
        ledger.inside(tmp_path / "run", "link/x")


def test_second_lock_names_the_holder_and_a_kill_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom study.ledger import RunLock\n"
        "with RunLock(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert ledger.is_locked(tmp_path)
    with pytest.raises(LedgerError, match=rf"in use by the process {holder.pid}: wait"), ledger.RunLock(tmp_path):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert not ledger.is_locked(tmp_path)
    with ledger.RunLock(tmp_path):
        assert ledger.is_locked(tmp_path)
    assert not ledger.is_locked(tmp_path)


@pytest.mark.parametrize("call", ["open", "pwrite"])
def test_folder_that_takes_no_lock_is_told_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    n_open = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(WriteError, match=r"cannot write .*\.lock: No space left on device; free"):
            ledger.RunLock(tmp_path).__enter__()
    assert len(list(Path("/proc/self/fd").iterdir())) == n_open
    assert not ledger.is_locked(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"cannot write .*file/run/\.lock: Not a directory"):
        ledger.RunLock(tmp_path / "file" / "run").__enter__()


@pytest.mark.parametrize("name", ["half.parquet", "half.csv"])
def test_file_that_is_no_table(tmp_path: Path, name: str) -> None:
    ledger.write_frame(tmp_path / name, FRAME)
    (tmp_path / name).write_bytes(b'"' + (tmp_path / name).read_bytes()[:30])
    with pytest.raises(LedgerError, match=f"{name} is no table .*delete it, then run again"):
        ledger.read_frame(tmp_path / name)


def test_marker_comes_back(tmp_path: Path) -> None:
    assert read_marker(tmp_path, "train") is None
    outputs = {"weights": ledger.write_text(tmp_path / "weights", "w")}
    marker = Marker(state="done", key="k", ingredients={"config": {"a": 1}}, outputs=outputs, seconds=1.5)
    write_marker(tmp_path, "train", marker)
    assert read_marker(tmp_path, "train") == marker
    ledger.write_json(tmp_path / ".stages" / "train.json", {"old": 1})
    with pytest.raises(LedgerError, match="no stage marker of this version: delete it"):
        read_marker(tmp_path, "train")


def test_partial_folder_is_emptied(tmp_path: Path) -> None:
    ledger.write_text(partial_folder(tmp_path, "train") / "checkpoint", "x")
    clear_partial(tmp_path, "train")
    clear_partial(tmp_path, "train")
    assert not partial_folder(tmp_path, "train").exists()


def test_log_goes_on_after_a_cut_line(tmp_path: Path) -> None:
    log = manifest.RunLog(tmp_path)
    log.write("start", {"n": 1})
    with (tmp_path / ledger.LOG_FILE).open("a") as file:
        file.write('{"time": "20')  # killed here
    log.write("again", {})
    lines = (tmp_path / ledger.LOG_FILE).read_text().splitlines()
    assert [json.loads(line)["event"] for line in (lines[0], lines[2])] == ["start", "again"]


def test_code_hash_sees_every_source_and_no_cache(tmp_path: Path) -> None:
    for name in ("a.py", "room/b.py", "room/page.html", "room/__pycache__/b.pyc", ".hidden/c.py"):
        ledger.write_text(tmp_path / name, name)
    before = manifest.hash_code(tmp_path)
    assert list(before) == ["a.py", "room/b.py", "room/page.html"]
    (tmp_path / "room" / "page.html").write_text("changed")
    assert manifest.digest(manifest.hash_code(tmp_path)) != manifest.digest(before)


def test_manifest_names_no_machine_and_no_folder(tmp_path: Path) -> None:
    manifest.write_manifest(
        tmp_path,
        state="finished",
        config={"seeds": [0]},
        config_hash="c",
        workers=2,
        code={"a.py": "h"},
        data={},
        wall_seconds=1.0,
        stage_seconds={},
        peak_gib=0.5,
        evaluations={"shap": 3},
    )
    text = (tmp_path / ledger.MANIFEST_FILE).read_text()
    found = manifest.read_manifest(tmp_path)
    assert found is not None
    assert found["packages"]["torch"] == manifest.package_versions()["torch"]
    assert found["machine"]["cores"] >= 1
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text
    assert str(tmp_path) not in text


def test_git_state_is_told_only_for_the_checkout_itself(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    package = tmp_path / "study"
    ledger.write_text(package / "a.py", "x")
    assert manifest.git_state(package) == {"git_revision": None, "git_dirty": None}
    git("init")
    git("add", ".")
    git("commit", "-m", "x")
    clean = manifest.git_state(package)
    assert len(clean["git_revision"]) == 40
    assert clean["git_dirty"] is False
    (package / "a.py").write_text("y")
    assert manifest.git_state(package)["git_dirty"] is True
    ledger.write_text(tmp_path / "deep" / "study" / "a.py", "x")  # somebody else's checkout around an installation
    assert manifest.git_state(tmp_path / "deep" / "study")["git_revision"] is None
