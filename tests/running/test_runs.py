"""Whole runs of small fake stages: what is skipped, what runs again, what is refused."""

from __future__ import annotations

import json
import os
from io import StringIO

import pytest
from fake_run import CONFIG
from fake_stages import STAGES
from rich.console import Console

from study import ledger
from study.config import DatasetConfig
from study.config.loading import dump_config, parse_config
from study.errors import LedgerError
from study.ledger.manifest import read_manifest
from study.running.display import PlainDisplay
from study.running.runs import rewrite_report
from tests.fake_study import CELLS, Study, change

# whole runs


def test_second_run_skips_everything_and_the_manifest_stays(study: Study) -> None:
    assert study.run(runtime__workers=2) == 0
    assert "12 of 12 tasks to do with 2 processes: about" in study.said
    assert f"wrote {study.run_folder}/report.html" in study.said
    before, manifest = study.hashes(), (study.run_folder / ledger.MANIFEST_FILE).read_bytes()
    assert len(study.performed()) == 9
    assert study.run(runtime__workers=2) == 0
    assert study.performed() == []
    assert study.said.count("unchanged") == 12
    assert "tasks to do" not in study.said
    assert study.hashes() == before
    assert (study.run_folder / ledger.MANIFEST_FILE).read_bytes() == manifest


def test_manifest_and_log_tell_the_run(finished: Study) -> None:
    manifest = read_manifest(finished.run_folder)
    assert manifest is not None
    assert manifest["state"] == "finished"
    assert manifest["evaluations"] == {"shap": 8, "lime": 4}
    assert manifest["seeds"] == [0, 1]
    assert set(manifest["data"]["data reviews"]) == {"texts.txt"}
    assert len(manifest["stage_seconds"]) == 12
    events = [json.loads(line) for line in (finished.run_folder / ledger.LOG_FILE).read_text().splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert sum(event.get("state") == "done" for event in events) == 12


def test_number_of_workers_changes_nothing(
    study: Study, finished: Study, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert study.run() == 0
    lines = (study.results / "performed.txt").read_text().splitlines()
    assert len({line.split("pid=")[1] for line in lines}) == 1
    assert f"pid={os.getpid()} " not in lines[0]
    assert all(line.endswith("threads=1") for line in lines)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    study.performed()
    assert study.run(runtime__workers=3) == 0
    assert study.performed() == []
    study_of_two = Study(tmp_path_factory.mktemp("two"))
    assert study_of_two.run(runtime__workers=2) == 0
    ours, theirs = study_of_two.hashes(), finished.hashes()
    config = ours.pop(ledger.CONFIG_FILE), theirs.pop(ledger.CONFIG_FILE)
    assert config[0] != config[1]  # the config tells the workers
    assert ours == theirs


def test_changed_config_is_refused_then_updated_in_place(study: Study) -> None:
    study.run()
    study.performed()
    before = study.hashes()
    with pytest.raises(LedgerError) as error:
        study.run(explain__lime_samples=500)
    told = str(error.value)
    assert "explain.lime_samples: 1000 there, 500 now" in told
    assert "`name=fake-2`" in told
    assert "`--update`" in told
    assert study.hashes() == before
    assert study.run(update=True, explain__lime_samples=500) == 0
    assert study.performed() == [*(f"explain {cell}" for cell in CELLS), "report fake"]
    assert "run   explain reviews-a-s0: config changed: explain.lime_samples 1000 -> 500" in study.said
    assert "run   compare: its input changed: explain reviews-a-s0, explain reviews-a-s1" in study.said
    with pytest.raises(LedgerError, match=r"500 there, 1000 now"):
        study.run()


def test_checkpoints_are_used_by_the_same_task_only(study: Study) -> None:
    study.behave(train__reviews_a_s0="raise")
    assert study.run() == 1
    study.performed()
    study.behave()
    assert study.run() == 0
    assert "train-resumed reviews-a-s0" in study.performed()
    assert not list(study.run_folder.glob("cells/*/.partial/train"))
    study.behave(train__reviews_a_s0="raise")
    assert study.run(update=True, training__max_epochs=2) == 1
    study.performed()
    study.behave()
    assert study.run(update=True, training__max_epochs=3) == 0
    assert "train reviews-a-s0" in study.performed()


def test_changed_file_of_the_user_reruns_its_data_set(study: Study) -> None:
    own = study.results / "own.csv"
    own.write_text("text,label\n")
    datasets = (DatasetConfig(name="reviews", source="files", path=str(own)),)
    assert study.run(datasets=datasets) == 0
    own.write_text("text,label\nmore,1\n")
    assert study.run(datasets=datasets) == 0
    assert f"run   data reviews: input file changed: {own}" in study.said
    manifest = read_manifest(study.run_folder)
    assert manifest is not None
    assert manifest["data"]["data reviews"]["input own.csv"] == ledger.sha256_of(own)


def test_changed_report_settings_rerun_the_report_only(study: Study) -> None:
    study.run()
    study.performed()
    assert study.run(update=True, report__n_texts=3) == 0
    assert study.performed() == ["report fake"]


def test_changed_code_reruns_what_uses_it(study: Study) -> None:
    study.run()
    study.performed()
    (study.package / "game" / "fast.py").write_text("second version")
    assert study.run() == 0
    assert study.performed() == [f"explain {cell}" for cell in CELLS]  # same numbers: compare and report stay
    assert "code changed: study/game/fast.py" in study.said
    assert "skip  compare: unchanged" in study.said


def test_missing_output_is_made_again(study: Study) -> None:
    study.run()
    study.performed()
    before = study.hashes()
    (study.run_folder / "cells" / "reviews-b-s0" / "weights.txt").unlink()
    assert study.run() == 0
    assert study.performed() == ["train reviews-b-s0"]
    assert "run   train reviews-b-s0: output missing: weights.txt" in study.said
    assert study.hashes() == before


def test_damaged_output_is_refused_and_kept(study: Study) -> None:
    study.run()
    study.performed()
    path = study.run_folder / "cells" / "reviews-b-s0" / "weights.txt"
    path.write_text("somebody's own weights")
    for update, code in ((False, "first version"), (True, "second version")):
        (study.package / "model" / "encoder.py").write_text(code)  # even where it would be computed anew
        with pytest.raises(LedgerError, match=r"weights.txt is not as this run wrote it: .*Delete the file"):
            study.run(update=update)
    assert study.performed() == []
    assert path.read_text() == "somebody's own weights"
    path.unlink()
    assert study.run() == 0


def test_output_no_longer_written_is_removed(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.run()
    marker = study.run_folder / "data" / "reviews" / ".stages" / "data.json"
    value = json.loads(marker.read_text())
    value["outputs"]["old.txt"] = ledger.write_text(study.run_folder / "data" / "reviews" / "old.txt", "x")
    value["key"] = "another"
    marker.write_text(json.dumps(value))
    assert study.run() == 0
    assert not (study.run_folder / "data" / "reviews" / "old.txt").exists()
    assert "run   data reviews: its record is of another version" in study.said


def test_cells_of_an_earlier_config_are_named(study: Study) -> None:
    study.run()
    assert study.run(update=True, seeds=(0,)) == 0
    assert f"not part of this config any more, left as it is: {study.run_folder}/cells/reviews-a-s1" in study.said


def test_folder_that_is_no_run_is_refused(study: Study) -> None:
    ledger.write_text(study.run_folder / "thesis.tex", "mine")
    with pytest.raises(LedgerError, match=r"fake is no run folder: move it away, or choose another name"):
        study.run()
    assert [p.name for p in study.run_folder.iterdir()] == ["thesis.tex"]


def test_two_runs_on_one_folder(study: Study) -> None:
    with (
        ledger.RunLock(study.run_folder),
        pytest.raises(LedgerError, match=f"in use by the process {os.getpid()}"),
    ):
        study.run()
    assert study.run() == 0


def test_a_folder_where_nothing_was_finished_takes_another_config(study: Study) -> None:
    study.run_folder.mkdir(parents=True)
    ledger.write_text(
        study.run_folder / ledger.CONFIG_FILE, dump_config(change(parse_config(CONFIG, "CONFIG"), {"seeds": (7,)}))
    )
    assert study.run() == 0


def test_a_changed_score_card_rewrites_the_report(study: Study) -> None:
    assert study.run() == 0
    study.performed()
    ledger.write_text(study.results / "reference" / "score_card.csv", "numbers")
    assert study.run() == 0
    assert study.performed() == ["report fake"]
    assert "input file changed: reference/score_card.csv" in study.said
    assert study.run() == 0
    assert study.performed() == []


# report


def test_report_is_written_anew_and_nothing_else(study: Study) -> None:
    study.run()
    study.performed()
    before = study.hashes()
    manifest = (study.run_folder / ledger.MANIFEST_FILE).read_bytes()
    display = PlainDisplay(Console(file=StringIO()))
    assert rewrite_report(study.run_folder, display, stages=STAGES, package=study.package) == 0
    assert study.performed() == ["report fake"]
    assert study.hashes() == before
    assert (study.run_folder / ledger.MANIFEST_FILE).read_bytes() == manifest
    study.run()
    assert study.performed() == []
    (study.run_folder / "tables" / "scores.csv").unlink()
    with pytest.raises(LedgerError, match="is not finished: 'compare' is missing; `study run` first"):
        rewrite_report(study.run_folder, display, stages=STAGES, package=study.package)
