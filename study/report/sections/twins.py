"""Part of the section on the inside: twin texts (activation patching), and predictions against interventions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Table
from study.report.choose import Chosen, choose_first
from study.report.figures.inside import PositionMap, paint_patching, paint_positions
from study.report.figures.paths import MOST_POINTS, paint_interventions
from study.report.figures.style import clip, draw
from study.report.findings import capital
from study.report.inputs import RunTables, pick
from study.report.inside_measures import intervention_errors, patched_shares, twin_changes, twins
from study.report.measures import largest_cell, spread
from study.report.numbers import count, listing, number, percent, percent_range, plural, scientific, signed
from study.report.tables import make_table

MOST_TWINS = 4  # rows a variant
ABOUT = (
    "A twin of a text differs in one word: of its words that tell the classes apart in the training texts, the most "
    "telling one is swapped for the word of the other leaning that is used most like it there. Taking one head's "
    "output from the twin, everything else from the text, shows how much of the twin's different margin comes through "
    "that head; layers after it react."
)
TESTS = (
    "A decomposition predicts what happens when one of its terms is removed. Here the terms were removed: frozen, with "
    "everything downstream held at the text, the change must equal the prediction; live, with everything downstream "
    "reacting, it shows what other parts repair or amplify."
)


def twin_blocks(run: RunTables) -> list[Block]:
    """Shares over all twins, a map of one text, and a few of the twins."""
    shares = _shares(run)
    if shares is None:
        return []
    found: list[Block] = [Heading("Twin texts", "patching"), Paragraph(ABOUT)]
    found += [b for b in (_changes(run), shares) if b]
    folded: list[Block] = [b for b in (_position_map(run), _twin_table(run)) if b]
    return [*found, Details("One twin position by position, and the twins changed most", tuple(folded))]


def _changes(run: RunTables) -> Paragraph | None:
    """How often the swap turns the margin's sign, and how often it moves it the way that the word's leaning says."""
    told, leaned = [], False
    for variant in run.variants:
        changes = twin_changes(run, variant)
        known = changes["expected"].dropna()
        if changes.empty:
            continue
        flips = spread(changes["flips"].astype(float).groupby(changes["seed"]).mean())
        moved = spread(known.groupby(changes["seed"]).mean())
        leaned |= moved is not None
        clause = f"the margin changes its sign in {percent_range(flips.low, flips.high)} of the twins" if flips else ""
        clause += f" and moves the expected way in {percent_range(moved.low, moved.high)}" if moved else ""
        told.append(f"in {run.label(*variant)}, {clause}")
    if not told:
        return None
    expected = " Expected: away from the class that the swapped word leans to in the training texts." if leaned else ""
    text = f"{capital('; '.join(told))}.{expected} {_twins_note(run)}; ranges over seeds."
    return Paragraph(text, lead="What a swap does to the margin.")


def _twins_note(run: RunTables) -> str:
    """ "n = 36 texts × 3 seeds per model": only some texts have a twin."""
    sizes = {}
    for variant in run.variants:
        texts = run.of("patching", *variant).groupby("seed")["example_id"].nunique()
        if len(texts):
            sizes[run.label(*variant)] = f"{plural(int(texts.max()), 'text')} × {plural(len(texts), 'seed')}"
    if len(set(sizes.values())) == 1:
        return f"n = {next(iter(sizes.values()))} per model"
    return f"n = {listing([f'{size} ({name})' for name, size in sizes.items()])}"


def _shares(run: RunTables) -> Figure | None:
    shares = {run.label(*v): patched_shares(run, v) for v in run.variants}
    shares = {name: t for name, t in shares.items() if not t.empty and t.notna().any().any()}
    if not shares:
        return None
    parts = []
    for variant in run.variants:
        name = run.label(*variant)
        if name in shares:
            seed, head, value = largest_cell(shares[name])
            parts.append(f"{head} of {name}, seed {seed} ({percent(value)})")
    note = (
        "Change of the margin when the head's output, at all positions, is the twin's, as a share of the change "
        f"between text and twin: Σ towards the twin / Σ |change|; {_twins_note(run)}. Heads of different rows share "
        "only a number; the shares need not add up to 100. No interval: a description."
    )
    axis = "share of the twin's change of the margin, %"
    return draw(
        "patching",
        lambda: paint_patching(shares, axis),
        title=f"A swapped word acts most through {listing(parts)}",
        note=note,
        source="patching",
    )


def _position_map(run: RunTables) -> Figure | None:
    """The text shown first where it has a twin with positions; else the twin of that model that is changed most."""
    chosen = choose_first(run)
    rows = None if chosen is None else _positions(run, chosen)
    if chosen is None or rows is None:
        return None
    heads = list(rows.sort_values(["layer", "head"], kind="stable")["component"].drop_duplicates())
    table = rows.pivot_table(index="word_index", columns="component", values="effect").reindex(columns=heads)
    at = rows.drop_duplicates("word_index").set_index("word_index")["at"]
    first = rows.iloc[0]
    swapped = float(first["swapped_index"])
    names = [str(at[k]) if k != swapped else f"{clip(str(at[k]), 14)} → {clip(str(first['twin_word']), 14)}"
             for k in table.index]  # fmt: skip
    place, head, value = largest_cell(table.set_axis(range(len(table)), axis=0))
    found = PositionMap(
        rows=tuple(names), heads=tuple(heads), cells=table.to_numpy(dtype=float),
        changed=list(table.index).index(swapped) if swapped in table.index else -1,
    )  # fmt: skip
    unread = " Grey: the margin reads nothing there, the last layer only at [CLS]." if table.isna().any().any() else ""
    note = (
        f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {first['example_id']}: margin "
        f"{signed(float(first['margin']))}, its twin's {signed(float(first['twin_margin']))}; change of the margin "
        f"when one head's output at one position is the twin's.{unread} n = 1 text, no interval."
    )
    where = clip(str(at[table.index[int(place)]]), 16)
    return draw(
        "patching-positions",
        lambda: paint_positions(found, "change of the margin, logits (positions × heads)"),
        title=f"“{first['word']}” to “{first['twin_word']}”: most through {head} at “{where}” ({signed(value)})",
        note=note,
        source="patching",
    )


def _positions(run: RunTables, chosen: Chosen) -> pd.DataFrame | None:
    """The rows by position of the text chosen or, without a twin, of the one changed most; None without any."""
    rows = pick(run.of("patching", chosen.dataset, chosen.model), seed=chosen.seed, place="position")
    if rows.empty:
        return None
    mine = pick(rows, example_id=chosen.example_id)
    if mine.empty:
        order = twins(run, (chosen.dataset, chosen.model), chosen.seed)["example_id"]
        known = [example for example in order if example in set(rows["example_id"])]
        mine = pick(rows, example_id=known[0] if known else rows["example_id"].iloc[0])
    return mine.assign(**{c: mine[c].astype(float) for c in ("word_index", "layer", "head")})


def _twin_table(run: RunTables) -> Table | None:
    frames = []
    for variant in run.variants:
        seeds = set(run.of("patching", *variant)["seed"])
        seed = next((str(s) for s in run.config.seeds if str(s) in seeds), None)
        if seed is not None:
            frames.append(
                twins(run, variant, seed).head(MOST_TWINS).assign(model=f"{run.label(*variant)}, seed {seed}")
            )
    if not frames:
        return None
    rows = pd.concat(frames)
    table = pd.DataFrame(
        {
            "model": rows["model"],
            "text": rows["example_id"],
            "swap": [f"{clip(a)} → {clip(b)}" for a, b in zip(rows["word"], rows["twin_word"], strict=True)],
            "margin": [signed(float(v)) for v in rows["margin"]],
            "twin's margin": [signed(float(v)) for v in rows["twin_margin"]],
            "strongest head": rows["component"],
            "its effect": [signed(float(v)) for v in rows["effect"]],
        }
    )
    note = (
        "Of the first seed, the twins whose margin changes most. Strongest: the head whose output from the twin moves "
        "the margin most towards the twin's; logits, one text a row, no interval."
    )
    left = ("swap", "strongest head")
    return make_table(
        table, {}, anchor="table-twins", title="Twins changed most", note=note, source="patching", left=left
    )


def intervention_blocks(run: RunTables) -> list[Block]:
    """Predicted effects against the interventions that test them."""
    figure = _interventions(run)
    return [Heading("Predictions put to the test", "interventions"), Paragraph(TESTS), figure] if figure else []


def _interventions(run: RunTables) -> Figure | None:
    points = {run.label(*v): run.of("interventions", *v) for v in run.variants}
    points = {name: rows for name, rows in points.items() if not rows.empty and rows["predicted"].notna().any()}
    if not points:
        return None
    errors = pd.concat([intervention_errors(run, v).assign(name=run.label(*v)) for v in run.variants])
    told = [
        f"{r.kind}s of {r.name}: {number(r.live)} of a median size of {number(r.size)} (n = {count(r.n)})"
        for r in errors.itertuples()
    ]
    thinned = any((rows["kind"].value_counts() > MOST_POINTS).any() for rows in points.values())
    drawn = f" In a panel at most {MOST_POINTS} are drawn." if thinned else ""
    seeds = sorted({str(s) for rows in points.values() for s in rows["seed"]})
    texts = {e for rows in points.values() for e in rows["example_id"]}
    note = (
        "Change of the margin when one write is removed, against the term that predicts it; full: all else frozen, "
        f"hollow: live; panels of one kind have one scale. Live, median |predicted − live|, logits: {'; '.join(told)}. "
        f"{plural(len(texts), 'text')}, {plural(len(seeds), 'seed')}.{drawn} No interval: every intervention by itself."
    )
    names = ("predicted, logits", "measured, logits")
    return draw(
        "interventions",
        lambda: paint_interventions(points, names),
        title=f"What is predicted happens when all else is frozen{_frozen_error(errors)}{_live_error(errors)}",
        note=note,
        source="interventions",
    )


def _frozen_error(errors: pd.DataFrame) -> str:
    worst = float(errors["frozen"].max())
    return f" (largest |predicted − frozen| {scientific(worst)} logits)" if np.isfinite(worst) else ""


def _live_error(errors: pd.DataFrame) -> str:
    """What misses by most of its own size when everything reacts; empty where nothing is known of that."""
    known = errors[np.isfinite(errors["live"]) & (errors["size"] > 0)]
    if known.empty:
        return ""
    row = known.iloc[int((known["live"] / known["size"]).to_numpy().argmax())]
    how = "by more than their size" if row["live"] > row["size"] else "most"
    miss = f"median |predicted − live| {number(row['live'])} of {number(row['size'])}"
    return f"; live, {row['kind']}s of {row['name']} miss {how}: {miss}"
