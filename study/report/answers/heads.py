"""Which heads can be removed without loss: each one taken out on texts that decided nothing about it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Link, Paragraph, Table
from study.report.inputs import RunTables, Variant
from study.report.notes import level_text
from study.report.numbers import THIN, count, interval, listing, percent, plural, signed
from study.report.tables import make_table
from study.stats.paired_shares import paired_share_interval

MARGIN = 0.01  # of accuracy: what certainly costs no more counts as no loss
POINTS = f"{100 * MARGIN:g}{THIN}%-point"
NONE, GAIN, LOSS, OPEN = "without loss", "without loss, gains accuracy", "costs accuracy", "cannot be said"
FREE = (NONE, GAIN)  # verdicts with which a head can be removed
NAMED = 3  # heads that a sentence names
_KEYS = ["seed", "component"]


def head_trials(run: RunTables, variant: Variant) -> pd.DataFrame:
    """Every head taken out alone on fresh texts: seed, component, n_texts, flipped, lost, low, high, verdict.

    lost: the share of right predictions lost, below 0 where some are gained, with its interval over texts of this
    seed. verdict: NONE where the interval lies below MARGIN, however far (GAIN where it lies below 0 too); else LOSS
    where it lies above 0; else OPEN. Sorted by seed and head; without rows where none was tried.
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
    sides = np.where(low > 0, LOSS, OPEN)
    verdict = np.where(high <= MARGIN, np.where(high < 0, GAIN, NONE), sides)
    return rows.assign(low=low, high=high, verdict=verdict).sort_values(_KEYS, kind="stable").reset_index(drop=True)


def heads_answer(run: RunTables) -> list[Block]:
    """The sentences, and every head that was tried in a folded table."""
    tried = {v: trials for v in run.variants if len(trials := head_trials(run, v))}
    if not tried:
        return [
            Paragraph("This run cannot say: it took no head out on texts that had not decided about it.", tone="muted")
        ]
    sizes = sorted({count(float(n)) for t in tried.values() for n in t["n_texts"]})
    named = _named(run, tried)
    text = (
        f"Without loss: the {level_text(run)} interval of the accuracy lost lies wholly below {POINTS}, on "
        f"{' or '.join(sizes)} fresh test texts, with the head replaced by its mean{_too_few(run, tried)}. "
        f"{f'{named}; ' if named else ''}{_pairs(run, first=not named)}."
    )
    links = (Link(label="what each head does", anchor="head-profiles"), Link(label="classes", anchor="table-classes"))
    models = [Paragraph(f"{run.label(*v)}: of {plural(len(t), 'head')}, {_counts(t)}.") for v, t in tried.items()]
    by_model = models if len(models) > 1 else []
    return [
        Paragraph(text, links, lead=_lead(tried)),
        Details("Every head, taken out alone", (*by_model, _table(run, tried))),
    ]


def _lead(tried: dict[Variant, pd.DataFrame]) -> str:
    every = pd.concat(tried.values())
    verdicts = every["verdict"]
    n, total = int(verdicts.isin(FREE).sum()), len(verdicts)
    if n:
        rest = ", ".join(_rest(every))
        return f"{n} of {plural(total, 'head')} can be removed without loss, each alone{f'; {rest}' if rest else ''}."
    if (verdicts == LOSS).all():
        return f"No head can go: each of {plural(total, 'head')} costs accuracy."
    return f"No head of {total} is shown to be removable without loss: {', '.join(_rest(every))}."


def _too_few(run: RunTables, tried: dict[Variant, pd.DataFrame]) -> str:
    """Where the texts are so few that even a head that changes nothing has a wider interval; else empty."""
    most = max(int(t["n_texts"].max()) for t in tried.values())
    _, _, high = paired_share_interval(0.0, 0.0, most, run.config.compare.level)
    return "" if high <= MARGIN else "; so few texts cannot show it even of a head that changes nothing"


def _named(run: RunTables, tried: dict[Variant, pd.DataFrame]) -> str:
    """The heads without loss that are surest not to lose, each with its numbers; empty without any."""
    every = pd.concat(tried.values())
    free = every[every["verdict"].isin(FREE)].sort_values(["high", *_KEYS], kind="stable")
    if free.empty:
        return ""
    told = [
        f"{r.component} of {run.label(r.dataset, r.model)}, seed {r.seed} ({lost_text(r.lost, r.low, r.high)} points)"
        for r in free.head(NAMED).itertuples()
    ]
    which = f"The surest of the {len(free)} are" if len(free) > NAMED else "They are"
    return f"{'It is' if len(free) == 1 else which} {listing(told)}"


def _counts(trials: pd.DataFrame) -> str:
    """ "2 without loss, 10 cost accuracy, of 12 it cannot be said"; but for the first, what there is."""
    n = trials["verdict"].value_counts()
    gain = n.get(GAIN, 0)
    gains = f" ({gain} of them {'gains' if gain == 1 else 'gain'} accuracy)" if gain else ""
    return ", ".join([f"{n.get(NONE, 0) + gain} without loss{gains}", *_rest(trials)])


def _rest(trials: pd.DataFrame) -> list[str]:
    """Of how many it is certain that they cost accuracy, and of how many nothing can be said."""
    n = trials["verdict"].value_counts()
    told = [f"{n[LOSS]} {'costs' if n[LOSS] == 1 else 'cost'} accuracy"] if LOSS in n else []
    return [*told, f"of {n[OPEN]} it cannot be said"] if OPEN in n else told


def _pairs(run: RunTables, *, first: bool) -> str:
    """What two heads together lose; that none was tried, where it is so. first: whether it begins the sentence."""
    pairs = [t for v in run.variants if len(t := pair_trials(run, v))]
    if not pairs:
        return f"{'No' if first else 'no'} two heads were taken out together"
    every = pd.concat(pairs)
    free = every[every["verdict"].isin(FREE)]
    told = f"{'Of' if first else 'of'} {plural(len(every), 'pair')} taken out together, "
    if free.empty:
        return f"{told}none is shown to be without loss"
    best = free.sort_values(["high", "seed", "component", "partner"], kind="stable").iloc[0]
    variant = f"{run.label(best['dataset'], best['model'])}, seed {best['seed']}"
    return (
        f"{told}{len(free)} can go without loss, and the surest is named: {best['component']} and {best['partner']} "
        f"({variant}: {lost_text(best['lost'], best['low'], best['high'])} points)"
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
        "(adjusted Wald for paired shares), not adjusted for how many heads or pairs are tried, so that the surest "
        "look a little better than they are. Below 0: accuracy is gained. Without loss: the interval lies below "
        f"{POINTS}; costs accuracy: it lies above 0 and reaches past {POINTS}; else it cannot be said: a head that "
        "turns many predictions needs more texts than these. Heads that can go alone need not go together."
    )
    every = pd.concat(tried.values())
    title = f"{plural(len(every), 'head')} taken out alone: {_counts(every)}"
    left = ("seed", "head", "verdict")
    return make_table(
        pd.DataFrame(rows), {}, anchor="table-removable", title=title, note=note, source="trials", left=left
    )
