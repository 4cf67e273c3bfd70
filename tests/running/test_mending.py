"""Damaged files of a run: refused as a rule, put aside and made again where the run mends."""

from __future__ import annotations

from pathlib import Path

import pytest

from study import ledger
from study.errors import LedgerError
from study.ledger.markers import marker_path
from study.running.mending import set_aside_damaged
from tests.fake_study import Study


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_truncated_output_is_kept_aside_and_made_again(
    study: Study, engine: str, request: pytest.FixtureRequest
) -> None:
    settings = request.getfixturevalue("on_cluster") if engine == "dask" else {}
    study.run(**settings)
    study.performed()
    before = study.hashes()
    path = study.run_folder / "cells" / "reviews-b-s0" / "weights.txt"
    for n in (1, 2):
        whole = path.read_text()
        path.write_text(whole[: 5 * n])
        with pytest.raises(LedgerError, match=r"weights.txt is not as this run wrote it"):
            study.run(**settings)
        assert path.read_text() == whole[: 5 * n]
        assert study.run(mends=True, **settings) == 0
        aside = path.with_name(f"weights.txt.damaged-{n}")
        assert aside.read_text() == whole[: 5 * n]
        assert f"damaged, kept as {aside}: train reviews-b-s0 runs again" in study.said
        assert "run   train reviews-b-s0: output missing: weights.txt" in study.said
        assert study.performed() == ["train reviews-b-s0"]  # same numbers: the rest stays
        assert path.read_text() == whole
    now = study.hashes()
    assert {name for name in now if name not in before} == {
        f"cells/reviews-b-s0/weights.txt.damaged-{n}" for n in (1, 2)
    }
    assert before.items() <= now.items()


def test_truncated_marker_is_kept_aside_and_its_stage_runs_again(study: Study, on_cluster: dict[str, object]) -> None:
    study.run(**on_cluster)
    study.performed()
    before = study.hashes()
    path = marker_path(study.run_folder / "cells" / "reviews-a-s1", "explain")
    path.write_text(path.read_text()[:20])
    with pytest.raises(LedgerError, match="is not JSON"):
        study.run(**on_cluster)
    assert study.run(mends=True, **on_cluster) == 0
    assert study.performed() == ["explain reviews-a-s1"]
    assert path.with_name("explain.json.damaged-1").exists()
    assert study.hashes() == before


def test_sound_and_missing_outputs_are_left_alone(study: Study, on_cluster: dict[str, object]) -> None:
    study.run(**on_cluster)
    folder = study.run_folder / "cells" / "reviews-a-s0"
    (folder / "part0.txt").unlink()
    before = study.hashes()
    assert set_aside_damaged(folder, "explain") == []
    assert set_aside_damaged(folder, "train") == []
    assert set_aside_damaged(folder, "a stage that never ran") == []
    assert study.hashes() == before


def test_output_damaged_while_others_run_is_mended(
    study: Study, on_cluster: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at everything and the moment its task comes."""
    study.run(**on_cluster)
    path = study.run_folder / "tables" / "scores.csv"
    whole = path.read_text()
    real = ledger.write_text

    def damage(where: Path, text: str) -> str:
        if where.name == ledger.CONFIG_FILE:
            path.write_text("x")
        return real(where, text)

    monkeypatch.setattr(ledger, "write_text", damage)
    assert study.run(mends=True, **on_cluster) == 0
    assert path.read_text() == whole
