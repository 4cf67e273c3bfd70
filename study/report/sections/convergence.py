"""Section: how many evaluations SHAP and LIME need to come near their exact values."""

from __future__ import annotations

import math

import pandas as pd

from study.report.blocks import Block, Details, Figure, Paragraph, Section, Table
from study.report.figures.convergence import (
    OURS,
    Curve,
    paint_convergence,
    sampler_colour,
    sampler_label,
    sampler_marker,
)
from study.report.figures.palette import MUTED
from study.report.figures.style import draw
from study.report.inputs import RunTables, pick
from study.report.numbers import MISSING, THIN, count, number, percent, plural
from study.report.tables import make_table

Game = tuple[str, str, float]  # data set, model, words of its texts
_GAME = ["dataset", "model", "n_words"]
_MAIN_ERROR = 0.02
WHAT = (
    "Where a text is short enough, all 2ⁿ coalitions of its words can be evaluated, and with them the exact Shapley "
    "values and the coefficients that LIME would reach with infinitely many samples. Every sampler is given the same "
    "number of evaluations of the same model."
)


def build(run: RunTables) -> Section | None:
    """The curves and the evaluations needed; None where the run measured no convergence."""
    curves, needs = run.tables["convergence"], run.tables["convergence_needs"]
    if curves.empty or needs.empty:
        return None
    games = _games(curves)
    told = [text for text in (_finding(run, games), _lime(run, games)) if text]
    blocks: list[Block] = [Paragraph(WHAT), *(Paragraph(text) for text in told)]
    blocks.append(_figure(run, games))
    first, *rest = games
    blocks.append(_table(run, [first], "table-convergence"))
    if rest:
        table = _table(run, rest, "table-convergence-others")
        blocks.append(Details("Evaluations needed on the other games", (table,)))
    return Section(name="convergence", title="How many evaluations it takes", short="Convergence", blocks=tuple(blocks))


def _games(curves: pd.DataFrame) -> list[Game]:
    """Every game, the longest texts first, otherwise in the table's order."""
    games = [(str(d), str(m), float(n)) for d, m, n in curves[_GAME].drop_duplicates().itertuples(index=False)]
    return sorted(games, key=lambda game: -game[2])


def _of(frame: pd.DataFrame, game: Game) -> pd.DataFrame:
    return pick(frame, **dict(zip(_GAME, game, strict=True)))


def _name(run: RunTables, game: Game) -> str:
    """ "mlp, 18 words"."""
    return f"{run.label(game[0], game[1])}, {plural(int(game[2]), 'word')}"


def _finding(run: RunTables, games: list[Game]) -> str:
    """What the regression and the best library sampler need for the middle error, on the longest texts."""
    needs = pick(_of(run.tables["convergence_needs"], games[0]), target="shapley", error=_MAIN_ERROR)
    ours = needs[needs["sampler"] == OURS]
    if ours.empty:
        return ""
    where = f"For a relative error of {percent(_MAIN_ERROR)} in the Shapley values ({_name(run, games[0])})"
    need = ours.iloc[0]
    if math.isnan(need["evaluations"]):
        return f"{where} the odd-order regression needs more evaluations than were tried."
    told = f"{where} the odd-order regression needs {_evaluations(need)} evaluations"
    libraries = needs[needs["sampler"] != OURS]
    if libraries.empty:
        return f"{told}."
    others = libraries[libraries["evaluations"].notna()].sort_values("evaluations")
    if others.empty:
        return (
            f"{told}; no library sampler gets there with the most that were tried, so the ratio is at most "
            f"{number(need['ratio_at_most'])}."
        )
    best = others.iloc[0]
    told += f", the best library sampler ({sampler_label(best['sampler'])}) {_evaluations(best)}"
    if not math.isnan(need["ratio"]):
        return f"{told}: a ratio of {number(need['ratio'])}."
    bound = float(need["ratio_at_most"])
    return f"{told}." if math.isnan(bound) else f"{told}: a ratio of at most {number(bound)}."


def _lime(run: RunTables, games: list[Game]) -> str:
    """The mean error of LIME at the most samples, on the longest texts."""
    errors = _mean_errors(run, games[0], "lime")
    if errors.empty:
        return ""
    last = errors.sort_values("evaluations").iloc[-1]
    return (
        f"LIME ({_name(run, games[0])}) is still {percent(last['error'], 1)} from its limit after "
        f"{plural(int(last['evaluations']), 'sample')}."
    )


def _mean_errors(run: RunTables, game: Game, target: str) -> pd.DataFrame:
    rows = pick(_of(run.tables["convergence"], game), target=target)
    return rows.groupby(["sampler", "evaluations"], sort=False, as_index=False)["error"].mean().dropna()


def _curves(run: RunTables, game: Game, target: str) -> list[Curve]:
    return [
        Curve(
            name=sampler_label(str(sampler)),
            colour=sampler_colour(str(sampler)),
            bold=sampler in (OURS, "lime"),
            evaluations=rows["evaluations"].to_numpy(dtype=float),
            error=rows["error"].to_numpy(dtype=float),
            marker=sampler_marker(str(sampler)),
        )
        for sampler, rows in _mean_errors(run, game, target).sort_values("evaluations").groupby("sampler", sort=False)
    ]


def _figure(run: RunTables, games: list[Game]) -> Figure:
    shapley = {game: _curves(run, game, "shapley") for game in games}
    lime = [_lime_curve(run, game, bold=game == games[0]) for game in games]
    own = _of(run.tables["convergence"], games[0])
    counted = {"text": "example_id", "repeat": "repeat", "seed": "seed"}
    sizes = [plural(own[column].nunique(), noun) for noun, column in counted.items()]
    note = (
        f"Mean relative error, |scores − exact| / |exact|, over texts, repeats and seeds; n = {' × '.join(sizes)} "
        f"({_name(run, games[0])}); no interval. "
        f"Both axes are logarithmic; lines across at 5, 2 and 1{THIN}%. Evaluations are those allowed; what a sampler "
        "used (n_evals of the table) is at most two more, the text whole and empty. "
        f"A sampler has no point where the evaluations are too few for it; errors below 0.1{THIN}% or above 200{THIN}% "
        "are drawn there, ours on top."
    )
    return draw(
        "convergence",
        lambda: paint_convergence(
            (_name(run, games[0]), shapley[games[0]]),
            [(_name(run, game), shapley[game]) for game in games[1:]],
            [curve for curve in lime if len(curve.evaluations)],
            ("evaluations", "mean relative error"),
        ),
        title=_title(run, games[0]),
        note=note,
        source="convergence",
    )


def _title(run: RunTables, game: Game) -> str:
    """Who errs least at the most evaluations that all samplers were given."""
    errors = _mean_errors(run, game, "shapley")
    if errors.empty:
        return "LIME comes near its limit as its samples grow"
    last = errors[errors["evaluations"] == errors["evaluations"].max()].sort_values("error")
    best, evaluations = last.iloc[0], count(float(last["evaluations"].iloc[0]))
    who = ("the " if best["sampler"] == OURS else "") + sampler_label(best["sampler"])
    told = f"After {evaluations} evaluations {who} is nearest the exact Shapley values"
    others = last[last["sampler"] != best["sampler"]]
    if others.empty:
        return told
    second = others.iloc[0]
    beside = f"the next ({sampler_label(second['sampler'])}) {percent(second['error'], 1)}"
    return f"{told}: {percent(best['error'], 1)} off, {beside}"


def _lime_curve(run: RunTables, game: Game, *, bold: bool) -> Curve:
    rows = _mean_errors(run, game, "lime").sort_values("evaluations")
    return Curve(
        name=_name(run, game),
        colour=sampler_colour("lime") if bold else MUTED,
        bold=bold,
        evaluations=rows["evaluations"].to_numpy(dtype=float),
        error=rows["error"].to_numpy(dtype=float),
    )


def _table(run: RunTables, games: list[Game], anchor: str) -> Table:
    """A row a sampler: evaluations for every error, and the ratio for the middle one."""
    rows = [row for game in games for row in _rows(run, game)]
    note = (
        "Where the mean error of the figure falls below the error for good, between measured points by a straight "
        f"line of logarithms. ≤: below already at the fewest evaluations measured; {MISSING}: not within the "
        f"evaluations measured. Ratio: to the best library sampler, at {percent(_MAIN_ERROR)}; none for LIME, whose "
        "exact values are others."
    )
    names = " and ".join(_name(run, game) for game in games) if len(games) == 1 else "the other games"
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor=anchor,
        title=f"Evaluations needed for a relative error ({names})",
        note=note,
        source="convergence_needs",
        left=("game", "sampler"),
    )


def _rows(run: RunTables, game: Game) -> list[dict[str, str]]:
    needs = _of(run.tables["convergence_needs"], game)
    found = []
    for sampler, of_sampler in needs.groupby("sampler", sort=False):
        row = {"game": _name(run, game), "sampler": sampler_label(str(sampler))}
        row |= {percent(need["error"]): _evaluations(need) for _, need in of_sampler.iterrows()}
        middle = pick(of_sampler, error=_MAIN_ERROR)
        found.append(row | {"ratio": _ratio(middle.iloc[0]) if len(middle) else MISSING})
    return found


def _evaluations(need: pd.Series) -> str:
    """ "466", "≤ 64", or "–"."""
    return f"≤{THIN}{count(need['evaluations'])}" if need["at_fewest"] else count(need["evaluations"])


def _ratio(need: pd.Series) -> str:
    if math.isnan(need["ratio"]) and not math.isnan(need["ratio_at_most"]):
        return f"≤{THIN}{number(need['ratio_at_most'])}"
    return number(need["ratio"])
