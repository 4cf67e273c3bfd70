"""Where SHAP and LIME part, and which of them is right by the answers that are known elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import numpy as np
import pandas as pd

from study.reference import HOW
from study.report.answers.ends import numbers_or_ends
from study.report.blocks import Link, Paragraph
from study.report.choose import summarise_texts
from study.report.explorer.choosing import choose_seed
from study.report.figures.palette import method_label
from study.report.findings import alike_text, estimate_text
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate
from study.report.numbers import interval, number, percent, plural
from study.report.quotes import score_card
from study.report.rendering import TEXT
from study.report.score_measures import APART, BY_HAND, EXACT_RUNGS, PRECISION, SHARE, TRAINED
from study.stats import crossed_interval

COUNTS = 0.1  # of a text's largest |score|, by either method: the sign of less is noise
SHOWN = 80  # characters of a text
FEWEST_WORDS = 3  # of two or fewer words hardly anything can differ
ASKED = {PRECISION: "which words decide", SHARE: "how much of the scores these words get"}
RUNGS = {
    BY_HAND: "model set by hand",
    TRAINED: "trained model",
    "shortcut": "planted in real text",
}  # the rungs that are asked


def parting_answer(run: RunTables) -> Paragraph:
    """How far they agree, on what share of texts and words they part, and where most."""
    rows = {v: estimate(run, v, "spearman", run.shap, LIME) for v in run.variants}
    known = {v: row for v, row in rows.items() if row is not None}
    if not known:
        return Paragraph("This run cannot say: it has no SHAP and LIME scores of the same texts.", tone="muted")
    rho = numbers_or_ends(run, {v: (float(row["estimate"]), estimate_text(row)) for v, row in known.items()})
    text = f"Spearman rank correlation over the words of a text (1: the same order) {rho}."
    if top := numbers_or_ends(run, _top_differs(run)):
        text += f" The word that counts most is another one in this share of the texts: {top}."
    if signs := numbers_or_ends(run, _signs_differ(run)):
        text += (
            f" Opposite signs, among words that count (at least {percent(COUNTS)} of a text's largest score): {signs}."
        )
    farthest, links = _farthest(run)
    evidence = (Link(label="every metric", anchor="table-agreement"), *links)
    return Paragraph(f"{text}{farthest}", evidence, lead=alike_text(list(known.values())))


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
    """The number, and how it is printed: without its interval where that has no width, as of texts that are alike."""
    inside = "" if low == high else interval(100 * max(0.0, low), 100 * min(1.0, high), 1)
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
            f" In {model}, they differ most on “{shown}”: {percent(first['gap'])} of the size of the scores lies on "
            "other words."
        )
        example = str(first["example_id"])
        return said, (Link(label="this text in the explorer", anchor=text_anchor(run, variant, example)),)
    return "", ()


def right_answer(run: RunTables) -> Paragraph:
    """Which of the two is right where the answer is known, by the run's own score card or a kept one."""
    card = score_card(run)
    told = [told for metric in ASKED if (told := _asked(run, card, metric))]
    if not told:
        return Paragraph(
            f"This run knows no answers, and no score card of another run is kept beside it. To make one: {HOW}.",
            tone="muted",
            lead="Which of the two is right is not known here.",
        )
    leads = {lead for lead, _ in told}
    lead = leads.pop() if len(leads) == 1 else "Neither is right everywhere: it depends on what is asked."
    quoted = card is run.reference
    source = (
        "This run knows no answers; these are of another run, on made-up rules and planted shortcuts "
        "(`make known-answers`)."
        if quoted
        else "By this run's own score card."
    )
    links = (Link(label="score card", anchor="score-card"), Link(label="more of it", anchor="features"))
    rest = "On the other tasks they are alike, or their intervals meet."
    return Paragraph(f"{source} {' '.join(text for _, text in told)} {rest}", links, lead=lead)


def _asked(run: RunTables, card: pd.DataFrame, metric: str) -> tuple[str, str] | None:
    """By one score, on how many tasks SHAP or LIME is clearly ahead: what leads, and the numbers; None without both.

    Clearly: by APART or more, with intervals that do not meet.
    """
    rows = pick(card, unit="words", metric=metric)
    rows = rows[rows["rung"].isin(list(RUNGS)) & rows["method"].isin([run.shap, LIME])]
    ahead: dict[str, list[tuple[float, str]]] = {run.shap: [], LIME: []}
    total = 0
    for (rung, dataset, model), pair in rows.groupby(["rung", "dataset", "model"], sort=False):
        both = pair.drop_duplicates("method").set_index("method")
        if len(both) < 2:
            continue
        total += 1
        if winner := clearly_ahead(run, both):
            several = len(set(pick(rows, rung=rung, dataset=dataset)["model"])) > 1
            place = f"{dataset}{f' · {model}' if several else ''}, {RUNGS[str(rung)]}"
            gap = float(both["estimate"].max() - both["estimate"].min())
            ahead[winner].append((gap, f"{place} ({_against(run, both, winner)})"))
    if not total:
        return None
    return _verdict(ahead), f"Asked {ASKED[metric]}: {_told(ahead, total)}."


def clearly_ahead(run: RunTables, both: pd.DataFrame) -> str:
    """The method whose score is higher by APART or more and whose interval lies above the other's; else ""."""
    first, second = (run.shap, LIME) if both["estimate"][run.shap] >= both["estimate"][LIME] else (LIME, run.shap)
    apart = both["estimate"][first] - both["estimate"][second] >= APART
    return first if apart and both["low"][first] > both["high"][second] else ""


def _against(run: RunTables, both: pd.DataFrame, winner: str) -> str:
    """ "LIME 1.00 [1.00, 1.00], SHAP 0.70 [0.64, 0.77]", and what exact values reach where that explains it."""
    loser = LIME if winner == run.shap else run.shap
    told = ", ".join(f"{method_label(m)} {estimate_text(both.loc[m])}" for m in (winner, loser))
    row = both.loc[loser]
    if loser == run.shap and row["rung"] in EXACT_RUNGS and abs(row["ceiling"] - row["estimate"]) < APART:
        told += f"; exact Shapley values get {number(float(row['ceiling']))} there"
    return told


def _told(ahead: Mapping[str, Sequence[tuple[float, str]]], total: int) -> str:
    """On how many tasks each is ahead, most first, and the task of the largest gap."""
    parts = []
    for method, places in sorted(ahead.items(), key=lambda item: -len(item[1])):
        most = f", most on {max(places)[1]}" if len(places) > 1 else f": {places[0][1]}" if places else ""
        parts.append(f"{method_label(method)} is ahead on {len(places) or 'none'}{most}")
    return f"of {plural(total, 'task')} {'; '.join(parts)}"


def _verdict(ahead: Mapping[str, Sequence[tuple[float, str]]]) -> str:
    names = [method_label(m) for m, places in ahead.items() if places]
    if not names:
        return "Neither is clearly ahead where the answer is known."
    if len(names) > 1:
        return "Neither is right everywhere: it depends on the task."
    other = next(method_label(m) for m, places in ahead.items() if not places)
    return f"Where they part clearly and the answer is known, {names[0]} is right, not {other}."
