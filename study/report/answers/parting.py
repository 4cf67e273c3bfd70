"""Where SHAP and LIME part: how alike they rank words, and on which text they differ most."""

from __future__ import annotations

from urllib.parse import quote

import numpy as np
import pandas as pd

from study.report.answers.ends import numbers_or_ends
from study.report.blocks import Block, Details, Link, Paragraph
from study.report.choose import summarise_texts
from study.report.explorer.choosing import choose_seed
from study.report.findings import alike_text, estimate_text
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate
from study.report.numbers import interval, percent
from study.report.rendering import TEXT
from study.stats import crossed_interval

COUNTS = 0.1  # of a text's largest |score|, by both methods: the sign of less is noise
SHOWN = 80  # characters of a text
FEWEST_WORDS = 3  # of two or fewer words hardly anything can differ


def parting_answer(run: RunTables) -> list[Block]:
    """How far they agree, on what share of texts they part, and where most; folded, how often their signs do."""
    rows = {v: estimate(run, v, "spearman", run.shap, LIME) for v in run.variants}
    known = {v: row for v, row in rows.items() if row is not None}
    if not known:
        return [Paragraph("This run cannot say: it has no SHAP and LIME scores of the same texts.", tone="muted")]
    rho = numbers_or_ends(run, {v: (float(row["estimate"]), estimate_text(row)) for v, row in known.items()})
    text = f"Spearman rank correlation over the words of a text (1: the same order) {rho}"
    if top := numbers_or_ends(run, _top_differs(run)):
        text += f"; the word that counts most is another one in this share of the texts: {top}"
    farthest, links = _farthest(run)
    evidence = (Link(label="every metric", anchor="table-agreement"), *links)
    found: list[Block] = [Paragraph(f"{text}.{farthest}", evidence, lead=alike_text(list(known.values())))]
    if signs := numbers_or_ends(run, _signs_differ(run)):
        told = f"Among words that count by both (at least {percent(COUNTS)} of a text's largest score): {signs}."
        found.append(Details("How often their signs are opposite", (Paragraph(told),)))
    return found


def _top_differs(run: RunTables) -> dict[Variant, tuple[float, str]]:
    """By variant, the share of texts whose strongest word is another one, as number and as text."""
    found = {}
    for variant in run.variants:
        row = estimate(run, variant, "feature_agreement_at_k1", run.shap, LIME)
        if row is not None:
            found[variant] = _share(1 - row["estimate"], 1 - row["high"], 1 - row["low"])
    return found


def _signs_differ(run: RunTables) -> dict[Variant, tuple[float, str]]:
    """By variant, the mean over texts of the share of words with opposite signs, of those that count by both."""
    found = {}
    for variant in run.variants:
        values = opposite_shares(run, variant)
        if np.isfinite(values).any():
            found[variant] = _share(*crossed_interval(values, run.config.compare.level))
    return found


def opposite_shares(run: RunTables, variant: Variant) -> np.ndarray:
    """[seed text]: of the words that count by both methods, the share with opposite signs; NaN without such words."""
    rows = pick(run.of("features", *variant), trained=True)
    rows = rows[rows["method"].isin([run.shap, LIME]) & rows["score"].notna()]
    text = ["seed", "example_id"]
    least = COUNTS * rows["score"].abs().groupby([rows[c] for c in (*text, "method")]).transform("max")
    rows = rows[(rows["score"].abs() >= least) & (rows["score"] != 0)]
    pairs = rows.pivot_table(index=[*text, "word_index"], columns="method", values="score", aggfunc="first")
    if not {run.shap, LIME} <= set(pairs.columns):
        return np.full((1, 0), np.nan)
    pairs = pairs.dropna()
    pairs = pairs.assign(opposite=(pairs[run.shap] * pairs[LIME] < 0).astype(float))
    return pairs.pivot_table(index="seed", columns="example_id", values="opposite").to_numpy(dtype=np.float64)


def _share(value: float, low: float, high: float) -> tuple[float, str]:
    """The number, and how it is printed: without its interval where there is none, or one without width."""
    has_width = np.isfinite([low, high]).all() and low < high
    inside = "" if not has_width else interval(100 * max(0.0, low), 100 * min(1.0, high), 1)
    return float(value), f"{percent(value, 1)} {inside}".rstrip()


def text_anchor(run: RunTables, variant: Variant, example_id: str) -> str:
    """The fragment of a text's address in the explorer: `text=<dataset>/<model label>/<example id>`."""
    dataset, _ = variant
    return TEXT + "/".join(quote(part, safe="") for part in (dataset, run.label(*variant), example_id))


def _farthest(run: RunTables) -> tuple[str, tuple[Link, ...]]:
    """The text on which the two differ most, of the first model that has one; with its link into the explorer."""
    for variant in run.variants:
        chosen = choose_seed(run, variant)
        texts = summarise_texts(run, *variant, chosen.seed) if chosen else pd.DataFrame()
        texts = texts[texts["gap"].notna() & (texts["n_words"] >= FEWEST_WORDS)] if len(texts) else texts
        if texts.empty or chosen is None:
            continue
        first = texts.sort_values(["gap", "example_id"], ascending=[False, True], kind="stable").iloc[0]
        words = str(first["text"])
        shown = words if len(words) <= SHOWN else f"{words[:SHOWN].rsplit(' ', 1)[0]} …"
        model = f"{run.label(*variant)}, seed {chosen.seed}"
        said = (
            f" In {model}, they differ most on “{shown}”: their scores differ by {percent(first['gap'])}, each scaled "
            "to the same total size."
        )
        example = str(first["example_id"])
        return said, (Link(label="this text in the explorer", anchor=text_anchor(run, variant, example)),)
    return "", ()
