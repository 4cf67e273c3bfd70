"""The terminal form says everything in numbers, and colours repeat it; text of users stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from study.library.explanation import Explanation
from study.records import BIAS_KINDS
from study.report.numbers import signed
from study.showing.colours import style_of
from study.showing.terminal import print_explanation
from tests.showing.made import make_explanation, shown

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
NUMBER = r"[+−]?\d+\.\d+"


def section(told: str, title: str) -> list[str]:
    """The lines under a heading, down to the next empty one."""
    lines = told.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(title))
    end = next((k for k in range(start + 1, len(lines)) if not lines[k].strip()), len(lines))
    return lines[start + 1 : end]


def row(lines: list[str], label: str) -> list[str]:
    (found,) = [line for line in lines if line.split()[:1] == [label]]
    return re.findall(NUMBER, found)


def test_prediction_margin_and_what_plus_means_come_first() -> None:
    e = make_explanation()
    lines = shown(e).splitlines()
    assert lines[0] == "“a warm and funny film”"
    assert lines[1].startswith("positive 67 % (negative 33 %); margin " + signed(e.margin) + " logits, ")
    assert lines[1].endswith(f"{signed(e.empty_margin)} without any word")
    assert lines[2] == "+ speaks for positive, − against. Model mlp, seed 1, trained on films."


def test_more_classes_than_fit_are_counted() -> None:
    told = shown(make_explanation(class_names=tuple("abcdefg")), width=200).splitlines()[1]
    assert told.startswith("g 19 % (f 17 %, e 16 %, d 14 %, c 13 % and 2 more)")


def test_without_colours_every_score_is_a_number() -> None:
    e = make_explanation(methods=("shapley", "lime", "attention"))
    lines = section(shown(e), "Words")
    for k, word in enumerate(e.words):
        assert row(lines, word) == [signed(float(a.scores[k])) for a in e.features.values()]
    assert "Attention: own scale, no logits" in lines


def test_colours_repeat_the_page_and_need_no_table() -> None:
    e = make_explanation()
    told = shown(e, colours=True)
    k = int(np.nanargmax(np.abs(np.concatenate([e.features[m].scores for m in ("shapley", "lime")]))))
    strongest = (*e.words, *e.words)[k]
    value = np.concatenate([e.features[m].scores for m in ("shapley", "lime")])[k]
    back = "48;2;147;14;38" if value > 0 else "48;2;21;80;141"
    assert re.search(rf"\x1b\[[\d;]*{back}[\d;]*m{strongest}", told), "the largest score has the end of the scale"
    words = told[told.index("Words") : told.index("Heads")]
    assert len(re.findall(r"SHAP|LIME", words)) == 2
    assert f"{signed(abs(float(value)))} logits" in words
    for method in ("SHAP", "LIME"):
        scores = e.features[{"SHAP": "shapley", "LIME": "lime"}[method]].scores
        (line,) = [line for line in words.splitlines() if method in line]
        expected = [style_of(float(v), abs(float(value)))[-7:] for v in scores]  # one scale
        backs = ["#" + "".join(f"{int(c):02x}" for c in rgb) for rgb in re.findall(r"48;2;(\d+);(\d+);(\d+)", line)]
        assert backs == [back for back in expected if back]


def test_unknown_and_cut_words_are_marked_and_explained() -> None:
    e = make_explanation("an oddly zzyzx film indeed", n_players=4, unknown=(2,))
    for colours in (False, True):
        told = shown(e, colours=colours)
        assert "zzyzx°" in told
        assert "indeed†" in told
        assert "° not in the vocabulary; † beyond the model's length: no score" in told
    assert "–" in shown(e).split("indeed†")[1].splitlines()[0]
    assert not any(line.startswith("indeed") for line in section(shown(e), "Words × heads"))
    assert "°" not in shown(make_explanation())


def test_the_grid_shows_writing_left_and_need_right() -> None:
    e = make_explanation()
    lines = section(shown(e), "Heads")
    assert re.fullmatch(r"direct: what it writes +causal: its Shapley value *", lines[0])
    beyond = (e.contributions - e.empty_contributions)[e.index.where("head")].reshape(2, 4)
    for k, line in enumerate(lines[2:4]):
        expected = [*beyond[k], *e.heads["shapley"].scores[k]]
        assert re.findall(NUMBER, line) == [signed(float(v)) for v in expected]


def test_few_colours_are_no_scale() -> None:
    """Sixteen colours would show small scores and large ones alike, and some of them as grey."""
    console = Console(width=100, force_terminal=True, color_system="standard", legacy_windows=False)
    with console.capture() as captured:
        print_explanation(make_explanation(), console)
    told = captured.get()
    assert "\x1b[30;" not in told
    assert "\x1b[97;" not in told
    assert "48;2;" not in told  # rich keeps the codes of a style that was drawn in more colours before
    assert "\x1b[32mAll 2" in told
    assert re.sub(r"\x1b\[[\d;]*m", "", told) == shown(make_explanation())


def test_cells_of_both_crosswalks_have_one_scale() -> None:
    e = make_explanation()
    assert e.causal is not None
    drawn = [k for k, kind in enumerate(e.index.kind) if kind not in BIAS_KINDS]
    tables = {"causal": e.causal.crosswalk.cells, "direct": e.direct["shapley"].cells[:, drawn]}
    top = max(np.abs(cells).max() for cells in tables.values())
    told = shown(e, colours=True, width=140)
    for title, cells in tables.items():
        lines = told[told.index(f", {title}\x1b") :].split("Blank:")[0]
        coloured = [v for v in cells.ravel() if abs(v) >= 0.05 * top and style_of(float(v), top)]
        assert lines.count("48;2;") == len(coloured)  # sums have no colours


def test_both_crosswalks_add_up_on_the_screen() -> None:
    e = make_explanation()
    assert e.causal is not None
    told = shown(e, width=140)
    for title, cells in (
        ("Words × heads", e.causal.crosswalk.cells),
        ("Words × components", e.direct["shapley"].cells),
    ):
        lines = section(told, title)
        assert lines[0].endswith("= SHAP")
        for k, word in enumerate(e.words):
            assert row(lines, word)[-1] == signed(float(cells[k].sum()))
        drawn = [k for k, kind in enumerate(e.index.kind) if kind not in BIAS_KINDS]
        columns = cells.sum(axis=0)[drawn] if cells.shape[1] == len(e.index) else cells.sum(axis=0)
        expected = [*columns, float(cells.sum())]
        assert row(lines, "sum") == [signed(float(v)) for v in expected]
    biases = [k for k, kind in enumerate(e.index.kind) if kind in BIAS_KINDS]
    total = signed(float(e.direct["shapley"].cells[:, biases].sum()))
    assert f"Not drawn, but in the sums: biases, {total} over all words." in " ".join(told.split())


def test_small_cells_are_blank_and_said_to_be() -> None:
    e = make_explanation()
    assert e.causal is not None
    cells = e.causal.crosswalk.cells
    floor = 0.05 * np.abs(cells).max()  # larger than those of the direct table: one scale for both
    assert np.abs(cells).max() > np.abs(e.direct["shapley"].cells).max()
    lines = section(shown(e), "Words × heads")
    n_shown = sum(len(row(lines, word)) - 1 for word in e.words)
    assert n_shown == int((np.abs(cells) >= floor).sum()) < cells.size
    assert f"Blank: smaller than {floor:.3f}." in lines[-1]


def test_a_sampled_table_shows_its_own_sums_beside_shap() -> None:
    lines = section(shown(make_explanation(exact=False)), "Words × heads")
    assert lines[0].split()[-2:] == ["sum", "SHAP"]
    assert " ".join(" ".join(lines).split()).endswith("Sampled: its row sums are 3.0 % off the SHAP values.")


def test_a_wide_model_falls_back_to_its_top_heads() -> None:
    e = make_explanation(size=(4, 12))
    assert e.causal is not None
    told = shown(e, width=80)
    assert max(map(len, told.splitlines())) <= 80
    lines = section(told, "Words × heads")
    kept, n_left = re.findall(r"L\d+H\d+", lines[0]), int(re.findall(r"(\d+) more", lines[0])[0])
    assert len(kept) + n_left == 48
    sizes = np.abs(e.causal.crosswalk.cells).sum(axis=0)
    assert set(kept) == {e.causal.crosswalk.index.names[k] for k in np.argsort(-sizes)[: len(kept)]}
    numbers = [float(n.replace("−", "-")) for n in row(lines, "sum")]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.1)
    assert f"Left out for want of room: the {n_left} smallest columns, added up" in " ".join(told.split())
    assert "H11" in told  # the grid goes on in a second part


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("methods", [("shapley", "lime"), ("shapley", "lime", "integrated_gradients", "random")])
def test_every_width_is_kept_and_no_number_is_cut(width: int, methods: tuple[str, ...]) -> None:
    e = make_explanation(
        "a warm and funny film , though unquestionablyandwithoutanydoubt a little long", methods=methods
    )
    told = shown(e, width=width)
    assert max(map(len, told.splitlines())) <= width
    assert not re.search(r"[+−][\d.]*…", told)


def test_without_causal_only_direct_is_shown() -> None:
    told = shown(make_explanation(causal=False))
    assert "causal" not in told
    assert "Words × components, direct" in told


def test_other_methods_than_shap_are_called_by_their_name() -> None:
    told = shown(make_explanation(methods=("lime",)))
    assert section(told, "Words × components")[0].endswith("= LIME")
    assert section(told, "Words × heads")[0].split()[-1] == "sum"
    assert "Words × components" not in shown(make_explanation(methods=("attention",)))


def sampled(*, table: bool, shap: bool, error: float = 0.03) -> Explanation:
    """An explanation whose causal table, or whose SHAP values, come of drawn coalitions."""
    e = make_explanation()
    assert e.causal is not None
    scores = replace(e.features["shapley"], estimator="odd-order regression" if shap else "exact")
    causal = replace(e.causal, words_exact=not table, sampling_error=error)
    return replace(e, features={**e.features, "shapley": scores}, causal=causal)


@pytest.mark.parametrize(
    ("table", "shap", "told"),
    [
        (True, True, "Sampled: its row sums are 3.0 % off the SHAP values."),
        (True, False, "Sampled: its row sums are 3.0 % off the SHAP values."),
        (False, True, "SHAP is sampled, this table is not: its row sums are 3.0 % off the SHAP values."),
    ],
)
def test_row_sums_are_called_shap_only_where_both_are_exact(table: bool, shap: bool, told: str) -> None:
    e = sampled(table=table, shap=shap)
    lines = section(shown(e, width=140), "Words × heads")
    assert lines[0].split()[-2:] == ["sum", "SHAP"]
    assert row(lines, "warm")[-1] == signed(float(e.features["shapley"].scores[1]))
    assert " ".join(" ".join(lines).split()).endswith(told)
    assert "ampled" not in shown(make_explanation())


def test_without_a_distance_from_shap_none_is_told() -> None:
    """With LIME alone, or with SHAP values that are all zero."""
    other = replace(make_explanation(methods=("lime",)), causal=sampled(table=True, shap=False, error=np.nan).causal)
    for e in (other, sampled(table=True, shap=True, error=np.nan)):
        told = " ".join(" ".join(section(shown(e, width=140), "Words × heads")).split())
        assert told.endswith("Sampled.")
        assert "off the SHAP" not in told


def test_gates_are_one_line_green_or_red() -> None:
    assert shown(make_explanation()).splitlines()[-1] == (
        "All 2 exactness gates hold; the nearest to its limit uses 2.0 % of it."
    )
    broken = make_explanation(broken=True)
    assert " ".join(shown(broken).split()).endswith(
        "BROKEN: 1 of 2 exactness gates. Do not believe these numbers. rows (2.0e+00 where 1.0e−04 is allowed)"
    )
    assert "\x1b[32mAll 2" in shown(make_explanation(), colours=True).replace("\x1b[1;32m", "\x1b[32m")
    assert re.search(r"\x1b\[1;31mBROKEN", shown(broken, colours=True))


def test_text_is_neither_markup_nor_escapes() -> None:
    text = "[red]a :smile: \x1b[31mfilm[/red] [link=x]y"
    for colours in (False, True):
        told = shown(make_explanation(text, class_names=("[b]n\x1bo", "\x1b[5myes")), colours=colours)
        assert "[red]a :smile: ␛[31mfilm[/red] [link=x]y" in told
        assert "\x1b[31mfilm" not in told
        assert "[b]n␛o 33 %" in told
        assert "␛[5myes 67 %" in told


def test_long_text_wraps_at_words() -> None:
    text = " ".join(["considerably"] * 40)
    lines = shown(make_explanation(text, causal=False), width=60).splitlines()
    assert lines[0].rstrip() == "“" + " ".join(["considerably"] * 4)


def test_the_readme_shows_this_form() -> None:
    section_of = README.split("## Explain your own sentence\n")[1].split("\n## ")[0]
    made = shown(make_explanation(exact=False)).splitlines()
    headings = [line.rstrip() for line in made if re.match(r"(Words|Heads|direct)\b", line)]
    assert len(headings) == 5
    assert [line for line in headings if line not in section_of] == []


def test_numbers_of_quiet_models_keep_their_digits() -> None:
    from study.showing.colours import decimals_of

    assert [decimals_of(v) for v in (12.0, 0.1, 0.05, 0.004, 0.0000001)] == [2, 2, 3, 4, 6]
