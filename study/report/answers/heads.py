"""Which heads can be removed without loss: each one taken out on texts that decided nothing about it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.answers.ends import MOST_TOLD
from study.report.blocks import Block, Details, Link, Paragraph, Table
from study.report.inputs import RunTables, Variant
from study.report.notes import level_text
from study.report.numbers import THIN, count, interval, listing, percent, plural, signed
from study.report.tables import make_table
from study.stats.paired_shares import paired_share_interval

MARGIN = 0.01  # of accuracy: what certainly changes it by no more counts as no change
POINTS = f"±{100 * MARGIN:g}{THIN}%-point"
NONE, GAIN, LOSS, OPEN = "without loss", "gains accuracy", "costs accuracy", "cannot be said"
FREE = (NONE, GAIN)  # verdicts with which a head can be removed
NAMED = 6  # heads that a sentence names
_KEYS = ["seed", "component"]


def head_trials(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Every head taken out alone on fresh texts: seed, component, n_texts, flipped, lost, low, high, verdict.

    lost: the share of right predictions lost, below 0 where some are gained, with its interval over texts of this
    seed. verdict: NONE where the interval lies within ±MARGIN; else LOSS where it lies above 0 and GAIN below; else
    OPEN. Sorted by seed and head; without rows where none was tried.
    """
    rows = run.of("trials", *variant)
    rows = rows[(rows["partner"] == "") & rows["accuracy_lost"].notna() & rows["flipped"].notna()]
    return _judged(rows.assign(lost=rows["accuracy_lost"], changed=rows["flipped"]), run.config.compare.level)


def pair_trials(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Every two heads taken out together: seed, component, partner, n_texts, lost, low, high, verdict.

    What both lose is what the one loses alone and the other beside it; at most so many predictions flip as in the two
    steps together, so that the interval is too wide rather than too short. Without rows where no pair was tried.
    """
    rows = run.of("trials", *variant)
    rows = rows[rows["accuracy_lost"].notna() & rows["flipped"].notna()]
    alone = rows[rows["partner"] == ""][[*_KEYS, "accuracy_lost", "flipped"]]
    alone = alone.rename(columns={"component": "partner", "accuracy_lost": "first", "flipped": "first_flipped"})
    beside = rows[rows["component"].astype(str) < rows["partner"].astype(str)]  # each pair once
    both = beside.merge(alone, on=["seed", "partner"], how="inner")
    changed = np.minimum(1.0, both["first_flipped"] + both["flipped"])
    return _judged(both.assign(lost=both["first"] + both["accuracy_lost"], changed=changed), run.config.compare.level)


def _judged(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """The rows with `low` and `high` of `lost`, and the verdict on it."""
    bounds = [
        paired_share_interval(float(r.lost), max(float(r.changed), abs(float(r.lost))), int(r.n_texts), level)
        for r in rows.itertuples()
    ]
    low, high = (np.array([b[k] for b in bounds], dtype=np.float64) for k in (1, 2))
    sides = np.where(low > 0, LOSS, np.where(high < 0, GAIN, OPEN))
    verdict = np.where((low >= -MARGIN) & (high <= MARGIN), NONE, sides)
    return rows.assign(low=low, high=high, verdict=verdict).sort_values(_KEYS, kind="stable").reset_index(drop=True)


def heads_answer(run: RunTables) -> list[Block]:
    """The sentence, and every head that was tried in a folded table."""
    tried = {v: trials for v in run.variants if len(trials := head_trials(run, v))}
    if not tried:
        return [
            Paragraph("This run cannot say: it took no head out on texts that had not decided about it.", tone="muted")
        ]
    sizes = sorted({count(float(n)) for t in tried.values() for n in t["n_texts"]})
    text = (
        f"Each head was replaced by its mean, all others at work, on {' or '.join(sizes)} fresh test texts. Without "
        f"loss: the {level_text(run)} interval of the accuracy lost lies within {POINTS}. "
        f"{_told(run, tried)}{_too_few(run, tried)} {_pairs(run)}"
    )
    links = (Link(label="what each head does", anchor="head-profiles"), Link(label="classes", anchor="table-classes"))
    return [
        Paragraph(text, links, lead=_lead(tried)),
        Details("Every head, taken out alone", (_table(run, tried),)),
    ]


def _lead(tried: dict[Variant, pd.DataFrame]) -> str:
    verdicts = pd.concat(tried.values())["verdict"]
    n, total = int(verdicts.isin(FREE).sum()), len(verdicts)
    if n:
        return f"{n} of {plural(total, 'head')} can be removed without loss, each alone."
    if (verdicts == LOSS).all():
        return f"No head can go: each of {plural(total, 'head')} costs accuracy."
    return f"No head of {total} is shown to be removable without loss."


def _too_few(run: RunTables, tried: dict[Variant, pd.DataFrame]) -> str:
    """Where the texts are so few that even a head that changes nothing has a wider interval; else empty."""
    most = max(int(t["n_texts"].max()) for t in tried.values())
    _, _, high = paired_share_interval(0.0, 0.0, most, run.config.compare.level)
    return " So few texts cannot show it even of a head that changes nothing." if high > MARGIN else ""


def _told(run: RunTables, tried: dict[Variant, pd.DataFrame]) -> str:
    """By model the heads without loss by name, then how many cost accuracy and of how many nothing can be said."""
    if len(tried) > MOST_TOLD:
        every = pd.concat(tried.values())
        return f"Over {plural(len(tried), 'model')}: {_counts(every)}."
    return " ".join(f"In {run.label(*v)}: {_named(t)}{_counts(t)}." for v, t in tried.items())


def _named(trials: pd.DataFrame) -> str:
    """The heads without loss that flip fewest predictions, each with its numbers."""
    free = trials[trials["verdict"].isin(FREE)].sort_values(["changed", *_KEYS], kind="stable")
    told = [
        f"{r.component} of seed {r.seed} ({lost_text(r.lost, r.low, r.high)} points, {percent(r.changed, 1)} of "
        "predictions flip)"
        for r in free.head(NAMED).itertuples()
    ]
    more = [f"{len(free) - NAMED} more"] if len(free) > NAMED else []
    return f"without loss {listing([*told, *more])}; " if told else ""


def _counts(trials: pd.DataFrame) -> str:
    """ "of 24 heads, 2 without loss, 10 cost accuracy, of 12 it cannot be said"; but for the first, what there is."""
    n = trials["verdict"].value_counts()
    told = [f"{n.get(NONE, 0)} without loss"]
    told += [f"{n[GAIN]} {'gains' if n[GAIN] == 1 else 'gain'} accuracy"] if GAIN in n else []
    told += [f"{n[LOSS]} {'costs' if n[LOSS] == 1 else 'cost'} accuracy"] if LOSS in n else []
    told += [f"of {n[OPEN]} it cannot be said"] if OPEN in n else []
    return f"of {plural(len(trials), 'head')}, {', '.join(told)}"


def _pairs(run: RunTables) -> str:
    """What two heads together lose; that none was tried, where it is so."""
    pairs = [t for v in run.variants if len(t := pair_trials(run, v))]
    if not pairs:
        return "No two heads were taken out together, so nothing is said of several at once."
    every = pd.concat(pairs)
    free = every[every["verdict"].isin(FREE)]
    if free.empty:
        return (
            f"Of {plural(len(every), 'pair')} taken out together, none is shown to be without loss: heads that can go "
            "alone need not go together."
        )
    best = free.sort_values(["high", "seed", "component", "partner"], kind="stable").iloc[0]
    variant = f"{run.label(best['dataset'], best['model'])}, seed {best['seed']}"
    return (
        f"Of {plural(len(every), 'pair')} taken out together, {len(free)} can go without loss, surest "
        f"{best['component']} and {best['partner']} ({variant}: {lost_text(best['lost'], best['low'], best['high'])} "
        "points)."
    )


def lost_text(lost: float, low: float, high: float) -> str:
    """Accuracy lost in %-points with its interval: "−0.2 [−0.7, 0.3]"."""
    return f"{signed(100 * lost, 1)} {interval(100 * low, 100 * high, 1)}".rstrip()


def _table(run: RunTables, tried: dict[Variant, pd.DataFrame]) -> Table:
    rows = [
        {
            "model": run.label(*variant),
            "seed": str(r.seed),
            "head": str(r.component),
            "accuracy lost, points": lost_text(r.lost, r.low, r.high),
            "predictions that flip": percent(r.changed, 1),
            "verdict": str(r.verdict),
        }
        for variant, trials in tried.items()
        for r in trials.itertuples()
    ]
    note = (
        f"Mean ablation of one head, all others at work; {level_text(run)} interval over the texts of one seed "
        "(adjusted Wald for paired shares), not adjusted for how many heads are tried. Below 0: accuracy is gained. "
        f"Without loss: the interval lies within {POINTS}; costs accuracy: it lies above 0; else it cannot be said: "
        "a head that turns many predictions needs more texts than these."
    )
    title = f"Heads taken out alone: {_counts(pd.concat(tried.values()))}"
    left = ("seed", "head", "verdict")
    return make_table(
        pd.DataFrame(rows), {}, anchor="table-removable", title=title, note=note, source="trials", left=left
    )
