"""The forms in which an explanation can be had: frames, the report's tables, JSON, HTML, shap's own plots."""

from __future__ import annotations

import json
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from study import ledger
from study.errors import InputError, UnknownNameError
from study.library.explanation import Explanation
from study.library.loading import LoadedRun
from study.library.one_text import TextExplainer
from study.library.shap_form import to_shap
from study.report.columns import COLUMNS
from study.report.inputs import read_run
from study.report.text_rows import rows_by_text
from tests.own_texts import MARKUP

pytestmark = pytest.mark.xdist_group("library run")
TEXTS = ("a splendid tale , a warm tale", "the clumsy scene", MARKUP)


@pytest.fixture(scope="module")
def explainer(run: LoadedRun) -> TextExplainer:
    return run.explainer(model="short")


@pytest.fixture(scope="module")
def found(explainer: TextExplainer) -> list[Explanation]:
    return [explainer.explain(text) for text in TEXTS]


def test_a_repr_is_short_and_says_what_it_is(run: LoadedRun, found: list[Explanation]):
    first = found[0]
    assert repr(first).splitlines() == [
        f"Explanation of {first.text!r}",
        f"  {first.predicted}, margin of {first.target} {first.margin:+.2f} logits; own, short, seed {first.seed}; "
        "methods shapley, lime; with the causal table",
    ]
    assert "short on own" in repr(run)
    assert len(repr(run)) < 300


def test_frames_are_the_tables_by_name(found: list[Explanation]):
    tables = found[0].tables()
    assert list(tables) == ["texts", "features", "crosswalk", "components", "heads", "causal", "readout_attention"]
    pd.testing.assert_frame_equal(found[0].to_frame(), tables["features"])
    with pytest.raises(UnknownNameError, match=r"an explanation has no table 'head'; did you mean 'heads'\?"):
        found[0].to_frame("head")
    tables["heads"]["score"] = 0.0
    assert found[0].to_frame("heads")["score"].abs().max() > 0  # what is done with a frame stays there


def test_the_tables_are_a_tiny_run_for_the_report(run: LoadedRun, found: list[Explanation], tmp_path: Path):
    tables = [explanation.tables() for explanation in found]
    for name in tables[0]:
        frame = pd.concat([of_text[name] for of_text in tables], ignore_index=True)
        assert list(frame.columns)[:3] == ["dataset", "model", "seed"]
        if name in COLUMNS:
            assert set(frame.columns) >= set(COLUMNS[name]), name
        in_run = run.table(name) if (run.folder / "tables" / f"{name}.parquet").exists() else None
        if in_run is not None:
            assert list(frame.columns) == list(in_run.columns), name
        ledger.write_frame(tmp_path / "tables" / f"{name}.parquet", frame)
    read = read_run(tmp_path, run.config)
    rows = rows_by_text(read, "own", "short", "0", [e.example_id for e in found])
    for explanation in found:
        of_text = rows[explanation.example_id]
        scores = of_text.scores()["shapley"].to_numpy()
        np.testing.assert_array_equal(scores, explanation.features["shapley"].scores)
        assert of_text.causal is not None
        assert of_text.cells("two_way_shapley", "causal").shape == (explanation.n_players, 4)
        np.testing.assert_allclose(of_text.parts()["contribution"], explanation.contributions)
        assert np.isfinite(of_text.head_scores("leave_one_out")).all()


def test_a_table_without_the_causal_part_has_the_same_columns(explainer: TextExplainer):
    with_all, without = explainer.explain("a tale"), explainer.explain("a tale", causal=False)
    for name, frame in without.tables().items():
        assert list(frame.columns) == list(with_all.to_frame(name).columns)


def test_a_dictionary_is_plain_json(found: list[Explanation]):
    plain = found[0].to_dict()
    again = json.loads(json.dumps(plain, allow_nan=False))
    assert again == plain
    assert plain["words"] == ["a", "splendid", "tale", ",", "a", "warm", "tale"]
    np.testing.assert_array_equal(plain["features"]["lime"]["scores"], found[0].features["lime"].scores)
    np.testing.assert_array_equal(plain["direct"]["shapley"]["cells"], found[0].direct["shapley"].cells)
    np.testing.assert_array_equal(plain["causal"]["cells"], found[0].causal.crosswalk.cells)
    assert plain["causal"]["heads"] == ["L0H0", "L0H1", "L1H0", "L1H1"]
    np.testing.assert_array_equal(plain["heads"]["shapley"]["scores"], found[0].heads["shapley"].scores)
    assert [gate["name"] for gate in plain["gates"]] == [gate.name for gate in found[0].gates]
    assert {c["name"]: c["contribution"] for c in plain["components"]} == dict(
        zip(found[0].index.names, found[0].contributions.tolist(), strict=True)
    )


def test_undefined_numbers_are_null_in_json(explainer: TextExplainer):
    plain = explainer.explain("the splendid tale is warm in the end .", causal=False).to_dict()
    assert plain["features"]["shapley"]["scores"][7:] == [None, None]
    assert None not in plain["features"]["shapley"]["scores"][:7]
    assert plain["causal"] is None


def test_words_are_shown_escaped_and_coloured_by_sign(found: list[Explanation]):
    page = found[2]._repr_html_()
    assert "<script>" not in page
    assert "&lt;</span>" in page
    scores = found[2].features["shapley"].scores
    assert page.count("178,24,43") == (scores > 0).sum() > 0
    assert page.count("33,102,172") == (scores <= 0).sum()
    assert page.count("beyond the model's length") == len(found[2].cut) > 0


@pytest.mark.parametrize(
    ("method", "unit"), [("lime", r"LIME [+-]\d\.\d{3} logits"), ("attention", r"Attention \d\.\d{3}")]
)
def test_hints_name_the_method_and_logits_only_where_they_are(explainer: TextExplainer, method: str, unit: str):
    page = explainer.explain("a tale", methods=[method], causal=False)._repr_html_()
    assert len(re.findall(rf'title="{unit}"', page)) == 2


@pytest.mark.parametrize("method", ["attention", "rollout", "random"])
def test_scores_that_are_not_logits_are_no_parts_of_a_margin(explainer: TextExplainer, method: str):
    found = explainer.explain("a tale", methods=[method, "occlusion"], causal=False)
    assert len(found.to_shap("occlusion").values) == 2
    for export in (found.to_shap, lambda name: to_shap([found], name)):
        with pytest.raises(InputError, match=rf"'{method}' are not in logits.*\(allowed: occlusion\)"):
            export(method)
    alone = explainer.explain("a tale", methods=[method], causal=False)
    with pytest.raises(InputError, match=r"explain with methods=\['shapley'\]"):
        alone.to_shap()


def test_shapley_values_in_shap_form_add_up_to_the_margin(found: list[Explanation]):
    for explanation in found:
        exported = explanation.to_shap()
        assert "".join(exported.data).split() == list(explanation.words[: explanation.n_players])
        assert exported.values.shape == (explanation.n_players,)
        assert exported.base_values == explanation.empty_margin
        np.testing.assert_allclose(exported.base_values + exported.values.sum(), explanation.margin, atol=1e-5)
        lime = explanation.to_shap("lime")
        np.testing.assert_array_equal(lime.values, explanation.features["lime"].scores[: explanation.n_players])
        np.testing.assert_allclose(lime.base_values + lime.values.sum(), explanation.margin, atol=1e-5)


def test_several_texts_share_one_column_a_word(found: list[Explanation]):
    exported = to_shap(found)
    assert len(set(exported.feature_names)) == len(exported.feature_names)
    np.testing.assert_allclose(exported.base_values + exported.values.sum(1), [e.margin for e in found], atol=1e-5)
    tale, clumsy = (list(exported.feature_names).index(word) for word in ("tale", "clumsy"))
    scores = found[0].features["shapley"].scores
    np.testing.assert_allclose(exported.values[0, tale], scores[2] + scores[6])
    assert exported.data[:, tale].tolist()[:2] == [2, 0]
    assert exported.values[0, clumsy] == 0
    lime = to_shap(found, "lime")
    np.testing.assert_allclose(lime.values[1].sum(), found[1].features["lime"].scores.sum())


def test_what_shap_cannot_show_is_told(run: LoadedRun, found: list[Explanation]):
    with pytest.raises(UnknownNameError, match=r"no method 'lim'; did you mean 'lime'\? \(allowed: shapley, lime\)"):
        found[0].to_shap("lim")
    with pytest.raises(InputError, match="there is no explanation to show"):
        to_shap([])
    other = run.explainer("own", "mlp", 0).explain("a tale", causal=False)
    with pytest.raises(InputError, match=r"differ in model \(short, mlp\).*give those of one model"):
        to_shap([found[0], other])


@pytest.mark.parametrize("kind", ["text", "bar", "waterfall", "beeswarm", "bar of several"])
def test_the_plots_of_shap_draw_it(found: list[Explanation], kind: str, monkeypatch: pytest.MonkeyPatch):
    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import shap

    plt.close("all")
    plt.figure()
    if kind == "text":
        with np.printoptions(legacy="1.25"):
            drawn = shap.plots.text(found[2].to_shap(), display=False)
        assert ">&lt; </div>" in drawn  # the first word of the markup
        assert "<script>alert" not in drawn
        assert "rgba(255.0, " in drawn
        assert "np.float64" not in drawn  # no colour at all in a browser
        assert f"{found[2].margin:.5f}"[:7] in drawn
        return
    if kind in ("bar", "waterfall"):
        getattr(shap.plots, kind)(found[0].to_shap(), show=False)
        names = [f"{word}  = word {place + 1}" for place, word in enumerate(found[0].words)]
    else:
        plot = shap.plots.beeswarm if kind == "beeswarm" else shap.plots.bar
        plot(to_shap(found), show=False, max_display=30)
        names = list(to_shap(found).feature_names)
    labels = {label.get_text() for label in plt.gca().get_yticklabels()}
    assert labels >= set(names)
    plt.close("all")
