"""Stages that run although some of what they need failed, and run again when it is there (on a cluster: quicker)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fake_stages import STAGES

from study import ledger
from study.running.agenda import Agenda, Job, Outcome
from tests.fake_study import CELLS, Study, tables
from tests.running.test_engine import Quiet

TOLERANT = tuple(replace(stage, tolerates_failures=stage.name in ("compare", "score")) for stage in STAGES)


def missing_of(study: Study) -> str:
    return (study.run_folder / "tables" / "missing.txt").read_text()


def test_tolerant_stage_runs_on_what_is_there_and_again_on_the_rest(
    study: Study, finished: Study, on_cluster: dict[str, object]
) -> None:
    study.behave(train__reviews_a_s1="raise", explain__reviews_b_s0="study")
    assert study.run(stages=TOLERANT, **on_cluster) == 1
    assert missing_of(study) == (
        "explain reviews-a-s1: not run: it needs train reviews-a-s1, which failed\n"
        "explain reviews-b-s0: the data set has one class only\n"
    )
    assert len((study.run_folder / "tables" / "scores.csv").read_text().splitlines()) == len(CELLS) - 2
    assert "report fake" in study.performed()
    assert study.run(stages=TOLERANT, **on_cluster) == 1  # they are tried again, and nothing new is learned
    assert "skip  compare: unchanged" in study.said
    study.behave()
    assert study.run(stages=TOLERANT, **on_cluster) == 0
    assert "run   compare: explain reviews-a-s1 is there now, explain reviews-b-s0 is there now" in study.said
    assert missing_of(study) == ""
    assert tables(study) == tables(finished)


def test_what_a_failed_task_left_before_is_not_read(study: Study, on_cluster: dict[str, object]) -> None:
    study.run(stages=TOLERANT, **on_cluster)
    study.behave(train__reviews_a_s1="raise")  # its explanation of the last time is still there, and out of date
    assert study.run(stages=TOLERANT, update=True, **on_cluster, training__max_epochs=2) == 1
    assert missing_of(study).startswith("explain reviews-a-s1: not run")
    marker = ledger.read_json(study.run_folder / ".stages" / "compare.json")
    assert marker["ingredients"]["needs"]["explain reviews-a-s1"] == {}
    assert marker["ingredients"]["needs"]["explain reviews-a-s0"]
    assert "run   compare: explain reviews-a-s1 is missing; its input changed: explain reviews-a-s0" in study.said


def test_a_run_that_misses_nothing_is_no_other_for_a_tolerant_stage(
    study: Study, on_cluster: dict[str, object]
) -> None:
    study.run(**on_cluster)
    study.performed()
    assert study.run(stages=TOLERANT, **on_cluster) == 0
    assert study.performed() == []
    marker = ledger.read_json(study.run_folder / ".stages" / "compare.json")
    assert "missing" not in marker["ingredients"]


def test_failed_tolerant_stage_is_a_failure(study: Study, on_cluster: dict[str, object]) -> None:
    study.behave(train__reviews_a_s1="raise", compare="raise")
    assert study.run(stages=TOLERANT, **on_cluster) == 1
    log = [json.loads(line) for line in (study.run_folder / ledger.LOG_FILE).read_text().splitlines()]
    ends = {e["task"]: e["state"] for e in log if e["event"] == "task"}
    assert (ends["compare"], ends["report"]) == ("failed", "not run")


class _Order(Quiet):
    def __init__(self) -> None:
        self.ended: list[str] = []

    def finished(self, outcome: Outcome) -> None:
        self.ended.append(outcome.name)


@pytest.mark.parametrize(("tolerant", "state"), [(True, "skipped"), (False, "not run")])
def test_tolerant_job_waits_for_all_it_needs(tolerant: bool, state: str) -> None:
    """Not only for the first failure, as others do: what still runs may be there in the end."""
    jobs = [Job(name="a", needs=()), Job(name="b", needs=()), Job(name="c", needs=("a", "b"), tolerant=tolerant)]
    agenda = Agenda(jobs, lambda name: None, _Order())
    agenda.outcomes["a"] = Outcome(name="a", state="failed")
    del agenda._waiting["a"], agenda._waiting["b"]  # b still runs
    assert agenda.take() is None
    assert ("c" in agenda.outcomes) is not tolerant
    agenda.end(Outcome(name="b", state="done"))
    agenda.take()
    assert agenda.outcomes["c"].state == state


def test_giving_up_where_nothing_was_running_fails_the_first_that_waits() -> None:
    agenda = Agenda([Job(name=name, needs=()) for name in "ab"], lambda name: None, _Order())
    agenda.give_up([], "nobody is left")
    assert [agenda.outcomes[name].state for name in "ab"] == ["failed", "not run"]
    assert agenda.is_over
    agenda.give_up([], "nobody is left")


def test_giving_up_ends_everything() -> None:
    jobs = [Job(name="a", needs=()), Job(name="b", needs=("a",)), Job(name="c", needs=("b",), tolerant=True)]
    agenda = Agenda(jobs, lambda name: None, _Order())
    del agenda._waiting["a"]
    agenda.give_up(["a"], "nobody is left")
    assert agenda.is_over
    assert [agenda.outcomes[name].state for name in "abc"] == ["failed", "not run", "not run"]
    assert agenda.outcomes["a"].message == "nobody is left"
    assert agenda.outcomes["c"].message == "a"
