"""Registries: look-up with one helpful error, and every entry of every registry leads somewhere."""

from __future__ import annotations

import importlib
import sys

import pytest

from study.errors import StudyError, UnknownNameError
from study.registry import Registry, suggest

TOYS = Registry("toy", {"ball": "collections:OrderedDict", "lime": "json:loads", "drum": "no.such.module:x"})
REGISTRIES = [
    ("study.data", "DATASETS"),
    ("study.data", "UNLABELLED"),
    ("study.model", "MODELS"),
    ("study.game", "REMOVALS"),
    ("study.features", "EXPLAINERS"),
    ("study.heads", "HEAD_METHODS"),
    ("study.metrics", "METRICS"),
    ("study.metrics", "WORD_SCORES"),
    ("study.metrics", "HEAD_SCORES"),
    ("study.report", "SECTIONS"),
]


def test_loads_on_use_only():
    assert TOYS["drum"] == "no.such.module:x"  # listing and looking never imports
    assert TOYS.load("lime")("[1]") == [1]
    with pytest.raises(ModuleNotFoundError):
        TOYS.load("drum")


def test_keeps_its_order():
    assert list(TOYS) == ["ball", "lime", "drum"]
    assert len(TOYS) == 3
    assert dict(TOYS)["ball"] == "collections:OrderedDict"


def test_an_unknown_name_is_answered_with_the_nearest_one_and_all_of_them():
    with pytest.raises(UnknownNameError) as error:
        TOYS.load("lmie")
    assert str(error.value) == "unknown toy 'lmie'; did you mean 'lime'? (allowed: ball, lime, drum)"
    assert isinstance(error.value, StudyError)
    assert isinstance(error.value, ValueError)
    with pytest.raises(UnknownNameError, match=r"^unknown toy 'zzz' \(allowed: ball, lime, drum\)$"):
        TOYS["zzz"]


def test_asking_whether_a_name_is_there_is_no_error():
    assert "ball" in TOYS
    assert "zzz" not in TOYS


def test_suggestions():
    assert suggest("sead", ["seed", "seeds", "name"]).startswith("; did you mean 'seed")
    assert suggest("sead", []) == ""


@pytest.mark.parametrize(("room", "name"), REGISTRIES)
def test_every_entry_leads_to_something(room, name):
    registry = getattr(importlib.import_module(room), name)
    assert len(registry) > 0
    for entry in registry:
        assert registry.load(entry) is not None


def test_an_entry_can_be_added_without_touching_the_loader(monkeypatch):
    module = type(sys)("somebodys_module")
    module.explain = lambda: "explained"
    monkeypatch.setitem(sys.modules, "somebodys_module", module)
    assert Registry("explainer", {"mine": "somebodys_module:explain"}).load("mine")() == "explained"
