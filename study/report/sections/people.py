"""Section: beside what people say of words and of texts. Plausible is not faithful."""

from __future__ import annotations

from functools import partial

import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.report.blocks import Block, Figure, Link, Paragraph, Section, Table
from study.report.figures.agreement import Dot, make_dot, paint_dots
from study.report.figures.palette import ACCENT, method_label
from study.report.figures.people import WordDot, paint_ratings
from study.report.figures.style import draw
from study.report.findings import estimate_text, missing, numbers_of
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate, rivals, rivals_text
from study.report.notes import estimates_size_note, interval_note, level_text
from study.report.numbers import count, interval, number, plural
from study.report.tables import BASELINES, make_table

PLAUSIBLE, CHANCE, RATED = "plausibility_average_precision_score", "plausibility_chance", "rating_spearman"


def build(run: RunTables) -> Section | None:
    """Words against people's ratings of words, methods by plausibility, and texts that people rated."""
    blocks: list[Block] = [people_finding(run)]
    for figure in (_words(run), _plausibility(run)):
        blocks += [figure] if figure is not None else []
    if len(run.tables["rated_texts"]):
        blocks.append(_texts(run))
    if len(blocks) == 1:
        return None
    return Section(name="people", title="Do explanations follow what people say?", short="People", blocks=tuple(blocks))


def people_finding(run: RunTables) -> Paragraph:
    """How the words' scores follow people's ratings of these words."""

    def say(method: str) -> str:
        def one(variant: Variant) -> str | None:
            row = estimate(run, variant, RATED, method, "rating")
            return None if row is None else estimate_text(row)

        return numbers_of(run, one)

    told = [f"{method_label(m)} {text}" for m in (run.shap, LIME) if (text := say(m))]
    if not told:
        return missing("Do explanations say what people say?")
    return Paragraph(
        "Over the words of the explained texts that people rated one by one (VADER lexicon), Spearman of a word's "
        f"mean score with its rating: {'; '.join(told)}. That is plausibility: a model may rightly be explained by "
        "words that people would not name.",
        (Link(label="words", anchor="fig-ratings"),),
        lead=_lead(run),
    )


def _lead(run: RunTables) -> str:
    """What the intervals of SHAP and LIME in all models allow to say."""
    rows = [estimate(run, v, RATED, m, "rating") for v in run.variants for m in (run.shap, LIME)]
    known = [row for row in rows if row is not None]
    signs = {"with" if row["low"] > 0 else "against" if row["high"] < 0 else "" for row in known}
    if signs == {"with"}:
        least = min(float(row["estimate"]) for row in known)
        how = next(words for floor, words in ((0.7, "largely"), (0.4, "in part"), (-1, "weakly")) if least >= floor)
        return f"Scores of words follow people's ratings of them {how}."
    if signs == {"against"}:
        return "Scores of words run against people's ratings of them."
    if signs == {""}:
        return "Whether scores of words follow people's ratings of them stays open."
    return "Whether scores of words follow people's ratings of them depends on the model or the method."


def _words(run: RunTables) -> Figure | None:
    """Mean SHAP score of a word against its rating, all seeds, of the first model that has any."""
    for variant in run.variants:
        rows = pick(run.of("ratings", *variant), method=run.shap).dropna(subset=["rating", "score_mean"])
        if rows.empty:
            continue
        words = rows.groupby("word", sort=True).agg(
            rating=("rating", "first"), score=("score_mean", "mean"), n=("n_texts", "max")
        )
        dots = [
            WordDot(word=str(word), rating=row.rating, score=row.score, n_texts=row.n)
            for word, row in zip(words.index, words.itertuples(), strict=True)
        ]
        agree = int((words["rating"] * words["score"] > 0).sum())
        n_seeds = plural(rows["seed"].nunique(), "seed")
        return draw(
            "ratings",
            partial(paint_ratings, dots),
            title=f"SHAP moves {agree} of {count(len(words))} rated words to the side where people put them",
            note=f"{run.label(*variant)}. n = {plural(len(words), 'word')} × {n_seeds}; a dot is a word's mean SHAP "
            "score over all places and seeds, larger where more texts hold it. Ratings of single words by ten people "
            "each, who saw no text (VADER lexicon). Named: the words that stand most apart. No interval: a "
            "description; the Spearman above has one.",
            source="ratings",
        )
    return None


def _plausibility(run: RunTables) -> Figure | None:
    panels: dict[str, list[Dot]] = {}
    chance: list[float] = []
    rows = pick(run.tables["estimates"], metric=PLAUSIBLE, subset="all").dropna(subset="estimate")
    means = rows.groupby("method_a")["estimate"].mean().sort_values(ascending=False, kind="stable")
    for variant in run.variants:
        own = pick(rows, dataset=variant[0], model=variant[1]).set_index("method_a")
        if len(own):
            panels[run.label(*variant)] = [
                make_dot(method_label(m), "", own.loc[m]) for m in map(str, means.index) if m in own.index
            ]
        chance += list(pick(run.of("estimates", *variant), metric=CHANCE, subset="all")["estimate"].dropna())
    if not panels:
        return None
    second = set(SHAPLEY_METHODS) - {run.shap}  # another estimate of the same values does not compete
    at_random = sum(chance) / len(chance) if chance else None
    return draw(
        "plausibility",
        lambda: paint_dots(
            panels,
            {"": ACCENT},
            "average precision",
            reference=None if at_random is None else (at_random, "random order"),
        ),
        title=_plausible_title(run, rows[~rows["method_a"].isin({"random", *second})], at_random),
        note="Average precision of the words by size of their score against the rated words of a text; texts with "
        f"none, or nothing else, are left out. Plausible, not faithful. {estimates_size_note(run, [PLAUSIBLE])}; "
        f"{interval_note(run)}. The title goes by the means; intervals may overlap.",
        source="estimates",
    )


def _plausible_title(run: RunTables, rows: pd.DataFrame, at_random: float | None) -> str:
    """rows: average precision of the methods that compete, in every model; the title goes by means over models."""
    if rows.empty:
        return "How far methods name the words that people rated"
    means = rows.groupby("method_a")["estimate"].mean().sort_values(ascending=False, kind="stable")
    first, value = str(means.index[0]), float(means.iloc[0])
    if at_random is not None and value <= at_random:
        return f"No method names the words that people rated before random order does ({number(at_random)})"
    by_model = [pick(rows, dataset=d, model=m).set_index("method_a") for d, m in run.variants]
    near = [len(rivals(own, first)) for own in by_model if first in own.index]
    beside = f", random order {number(at_random)}" if at_random is not None else ""
    return (
        f"{method_label(first)} comes nearest to naming the words that people rated: {number(value)} on average"
        f"{beside}{rivals_text(near)}"
    )


def _texts(run: RunTables) -> Table:
    rows = run.tables["rated_texts"]
    rows = rows[rows["seed"] == "all"]
    table = pd.DataFrame(
        {
            "classifier": [
                run.label(d, m if k == "model" else BASELINES.get(k, k))
                for d, m, k in zip(rows["dataset"], rows["model"], rows["kind"], strict=True)
            ],
            "accuracy": rows["accuracy"],
            "interval": [interval(low, high, 3) for low, high in zip(rows["low"], rows["high"], strict=True)],
            "spearman": rows["spearman"],
            "within": [
                interval(low, high) for low, high in zip(rows["spearman_low"], rows["spearman_high"], strict=True)
            ],
            "texts": rows["n_texts"],
        }
    )
    return make_table(
        table,
        {"accuracy": lambda v: number(v, 3), "spearman": number, "texts": count},
        anchor="table-rated-texts",
        title="Held-out sentences that people rated",
        note="Accuracy: on the side of the mean rating; Spearman: margin against mean rating. The sentences come from "
        "the same source as rotten_tomatoes, and none was trained on: new texts of the same kind, no evidence that "
        f"anything carries over to another. {level_text(run)} intervals.",
        source="rated_texts",
        headers={"within": "interval of it", "spearman": "Spearman"},
        left=("classifier", "interval", "within"),
    )
