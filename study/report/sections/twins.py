"""Part of the section on the inside: twin texts (activation patching), and predictions against interventions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Table
from study.report.choose import choose_first
from study.report.figures.inside import PositionMap, paint_patching, paint_positions
from study.report.figures.paths import MOST_POINTS, paint_interventions
from study.report.figures.style import clip, draw
from study.report.inputs import RunTables, pick
from study.report.inside_measures import intervention_errors, patched_shares, twins
from study.report.measures import largest_cell
from study.report.numbers import count, listing, number, percent, plural, scientific, signed
from study.report.tables import make_table

MOST_TWINS = 4  # rows a variant
ABOUT = (
    "A twin of a text differs in one word, swapped for its opposite. Taking one head's output from the twin, "
    "everything else from the text, shows how much of the twin's different margin comes through that head; layers "
    "after it react."
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
    found: list[Block] = [Heading("Twin texts", "patching"), Paragraph(ABOUT), shares]
    folded: list[Block] = [b for b in (_position_map(run), _twin_table(run)) if b]
    return [*found, Details("One twin position by position, and the twins changed most", tuple(folded))]


def _shares(run: RunTables) -> Figure | None:
    shares = {run.label(*v): patched_shares(run, v) for v in run.variants}
    shares = {name: t for name, t in shares.items() if not t.empty and t.notna().any().any()}
    if not shares:
        return None
    parts, sizes = [], {}
    for variant in run.variants:
        name = run.label(*variant)
        if name in shares:
            seed, head, value = largest_cell(shares[name])
            parts.append(f"{head} of {name}, seed {seed} ({percent(value)})")
            rows = run.of("patching", *variant)
            texts = rows.groupby("seed")["example_id"].nunique()
            sizes[name] = f"{plural(int(texts.max()), 'text')} × {plural(len(texts), 'seed')}"
    same = len(set(sizes.values())) == 1
    told = f"{next(iter(sizes.values()))} per model" if same else listing([f"{v} ({k})" for k, v in sizes.items()])
    note = (
        "Change of the margin when the head's output, at all positions, is the twin's, as a share of the change "
        f"between text and twin: Σ towards the twin / Σ |change|; n = {told}. Heads of different rows share only a "
        "number; the shares need not add up to 100. No interval: a description."
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
    if chosen is None:
        return None
    rows = pick(run.of("patching", chosen.dataset, chosen.model), seed=chosen.seed, place="position")
    if rows.empty:
        return None
    mine = pick(rows, example_id=chosen.example_id)
    if mine.empty:
        order = twins(run, (chosen.dataset, chosen.model), chosen.seed)["example_id"]
        known = [example for example in order if example in set(rows["example_id"])]
        mine = pick(rows, example_id=known[0] if known else rows["example_id"].iloc[0])
    rows = mine.assign(word_index=mine["word_index"].astype(float), layer=mine["layer"].astype(float))
    rows = rows.assign(head=rows["head"].astype(float))
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
    note = (
        f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {first['example_id']}: margin "
        f"{signed(float(first['margin']))}, its twin's {signed(float(first['twin_margin']))}; change of the margin "
        "when one head's output at one position is the twin's. n = 1 text, no interval."
    )
    where = clip(str(at[table.index[int(place)]]), 16)
    return draw(
        "patching-positions",
        lambda: paint_positions(found, "change of the margin, logits (positions × heads)"),
        title=f"“{first['word']}” to “{first['twin_word']}”: most through {head} at “{where}” ({signed(value)})",
        note=note,
        source="patching",
    )


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
    worst = float(errors["frozen"].max())
    told = []
    for row in errors.itertuples():
        live = f"{number(row.live)} against a median size of {number(row.size)}"
        told.append(f"{row.kind} in {row.name}: {live} (n = {count(row.n)})")
    thinned = any(
        len(rows[rows["kind"] == kind]) > MOST_POINTS for rows in points.values() for kind in set(rows["kind"])
    )
    drawn = f" Of each kind at most {MOST_POINTS} are drawn." if thinned else ""
    seeds = sorted({str(s) for rows in points.values() for s in rows["seed"]})
    texts = {e for rows in points.values() for e in rows["example_id"]}
    held = "None is off" if not np.isfinite(worst) else f"largest |predicted − frozen| {scientific(worst)} logits"
    note = (
        "Change of the margin when one write is removed, against the term that predicts it. Live, median |predicted − "
        f"live|, logits: {'; '.join(told)}. {plural(len(texts), 'text')}, {plural(len(seeds), 'seed')}.{drawn} No "
        "interval: every intervention by itself."
    )
    names = ("predicted, logits", "measured, logits")
    return draw(
        "interventions",
        lambda: paint_interventions(points, names),
        title=f"What is predicted happens when all else is frozen: {held}",
        note=note,
        source="interventions",
    )
