"""Section: beside what people say of words and of texts. Plausible is not faithful."""

from __future__ import annotations

from functools import partial

import pandas as pd

from study.report.blocks import Block, Figure, Link, Paragraph, Section, Table
from study.report.figures.agreement import Dot, make_dot, paint_dots
from study.report.figures.palette import ACCENT, method_label
from study.report.figures.people import WordDot, paint_ratings
from study.report.figures.style import draw
from study.report.findings import estimate_text, missing, numbers_of
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate
from study.report.notes import interval_note, level_text
from study.report.numbers import count, interval, number
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
    return Section(name="people", title="Beside what people say", short="People", blocks=tuple(blocks))


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
        lead="Scores of words follow what people feel about them, in part.",
    )


def _words(run: RunTables) -> Figure | None:
    """Mean SHAP score of a word against its rating, first variant, all seeds."""
    for variant in run.variants:
        rows = pick(run.of("ratings", *variant), method=run.shap)
        if rows.empty:
            continue
        words = rows.groupby("word", sort=True).agg(
            rating=("rating", "first"), score=("score_mean", "mean"), n=("n_texts", "max")
        )
        dots = [
            WordDot(word=str(word), rating=row.rating, score=row.score, n_texts=row.n)
            for word, row in zip(words.index, words.itertuples(), strict=True)
        ]
        against = words[(words["rating"] * words["score"]) < 0]
        share = f"{len(words) - len(against)} of {count(len(words))}"
        return draw(
            "ratings",
            partial(paint_ratings, dots),
            title=f"SHAP moves {share} rated words to the side where people put them",
            note=f"{run.label(*variant)}; mean SHAP over all places and seeds; larger dots: more texts. Ratings of "
            "single words by ten people each, who saw no text (VADER lexicon). Named: the words that stand most apart.",
            source="tables/ratings",
        )
    return None


def _plausibility(run: RunTables) -> Figure | None:
    panels: dict[str, list[Dot]] = {}
    chance: list[float] = []
    for variant in run.variants:
        rows = pick(run.of("estimates", *variant), metric=PLAUSIBLE, subset="all").dropna(subset="estimate")
        rows = rows.sort_values("estimate", ascending=False, kind="stable")
        if len(rows):
            panels[run.label(*variant)] = [
                make_dot(method_label(str(row["method_a"])), "", row) for _, row in rows.iterrows()
            ]
        chance += list(pick(run.of("estimates", *variant), metric=CHANCE, subset="all")["estimate"].dropna())
    if not panels:
        return None
    best = next(iter(panels.values()))[0]
    return draw(
        "plausibility",
        lambda: paint_dots(
            panels,
            {"": ACCENT},
            "average precision",
            reference=(sum(chance) / len(chance), "random order") if chance else None,
        ),
        title=f"{best.row} comes nearest to naming the words that people rated: {number(best.estimate)}",
        note="Average precision of the words by |score| against the rated words of a text; texts with none, or nothing "
        f"else, are left out. Plausible, not faithful. {interval_note(run)}.",
        source="tables/estimates",
    )


def _texts(run: RunTables) -> Table:
    rows = run.tables["rated_texts"]
    rows = rows[rows["seed"] == "all"]
    table = pd.DataFrame(
        {
            "classifier": [
                run.label(d, m) if k == "model" else BASELINES.get(k, k)
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
        source="tables/rated_texts",
        headers={"within": "interval of it", "spearman": "Spearman"},
        left=("classifier", "interval", "within"),
    )
