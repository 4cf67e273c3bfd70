"""The page of `study compare`: what differs between runs, in what they are made from and in what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Section, Table, anchor_of
from study.report.contrasted import Contrast, is_identical, verdict_line
from study.report.figures.differences import paint_differences
from study.report.figures.palette import head_method_label, method_label
from study.report.figures.style import draw
from study.report.notes import range_text
from study.report.numbers import MISSING, count, interval, listing, number, percent, plural, signed
from study.report.rendering import render_html
from study.report.tables import make_table

N_LISTED, N_DRAWN = 60, 24
_ACCURACY = ("accuracy", "accuracy_gain")
_VERDICTS = ("beyond", "within", "rounding", "equal", "no interval", "undefined")  # columns, in this order


def build_page(contrast: Contrast) -> str:
    """The HTML page: one file, nothing fetched. The first run named is the baseline of every difference."""
    opening = tuple(_opening(contrast, other) for other in contrast.others)
    sections = [_accuracy(contrast), *(_differences(contrast, other) for other in contrast.others)]
    sections += [_settings(contrast), _origins(contrast), _tables(contrast)]
    shown = [section for section in sections if section is not None]
    return render_html(f"What differs: {contrast.title}", listing(list(contrast.names)), opening, shown)


def row_label(row: pd.Series, places: Sequence[str]) -> str:
    """An estimate in words: "mlp: spearman, SHAP and LIME", after the places in which estimates differ."""
    told = " · ".join(str(row[place]) for place in places if row[place] not in ("", 0))
    return f"{told}: {measure_label(row)}" if told else measure_label(row)


def measure_label(row: pd.Series) -> str:
    """Metric and methods as the page calls them: "margin lost at 25, words by SHAP"."""
    in_heads = str(row["metric"]).startswith("head_")
    methods = [_method_label(str(row[key]), in_heads) for key in ("method_a", "method_b") if row[key]]
    return f"{str(row['metric']).replace('_', ' ')}{', ' if methods else ''}{listing(methods)}"


def _method_label(method: str, in_heads: bool) -> str:
    unit, colon, name = method.rpartition(":")
    label = head_method_label(name) if in_heads or unit == "heads" else method_label(name)
    return f"{unit} by {label}" if colon else label


def _opening(contrast: Contrast, other: str) -> Paragraph:
    same = is_identical(contrast, other)
    return Paragraph(verdict_line(contrast, other), tone="good" if same else "lead")


def _accuracy(contrast: Contrast) -> Section | None:
    frames = [rows[rows["metric"].isin(_ACCURACY)].assign(run=name) for name, rows in contrast.differences.items()]
    rows = pd.concat(frames, ignore_index=True)
    if rows.empty:
        return None
    title = f"Accuracy on the test texts, and what it gains on the baseline classifier; {contrast.names[0]} first"
    note = "A paired difference is over the texts and seeds that both runs have: the last column counts them."
    blocks: list[Block] = [_difference_table(contrast, rows, "table-accuracy", title, note, percent_points=True)]
    return Section(name="accuracy", title="Accuracy", short="Accuracy", blocks=tuple(blocks))


def _differences(contrast: Contrast, other: str) -> Section | None:
    every = contrast.differences[other]
    rows = every[~every["metric"].isin(_ACCURACY)].reset_index(drop=True)
    if rows.empty:
        return None
    blocks: list[Block] = [Paragraph(_how(contrast, rows))]
    open_rows = rows[rows["verdict"].isin(["beyond", "within"])]
    if not open_rows.empty:
        blocks.append(_figure(contrast, other, open_rows.head(N_DRAWN)))
    listed = rows[~rows["verdict"].isin(["equal", "rounding", "undefined"])].head(N_LISTED).assign(run=other)
    if not listed.empty:
        n_rest = len(rows) - len(listed)
        title = f"{other} − {contrast.names[0]}: the differences largest beside their interval"
        note = f"{plural(n_rest, 'further row')} in differences.csv." if n_rest else ""
        blocks.append(_difference_table(contrast, listed, anchor_of("table-differences", other), title, note))
    blocks.append(_metric_table(other, rows))
    if not contrast.unmatched[other].empty:
        blocks.append(_unmatched_table(contrast, other))
    title = f"Estimates: {other} against {contrast.names[0]}"
    return Section(name=anchor_of("differences", other), title=title, short=other, blocks=tuple(blocks))


def _how(contrast: Contrast, rows: pd.DataFrame) -> str:
    """What the intervals of these rows are, with the numbers of rows of each kind."""
    counts = rows["pairing"].value_counts()
    paired, unpaired, alone = (int(counts.get(k, 0)) for k in ("same texts and seeds", "unpaired", "estimates alone"))
    seeds = int(rows.loc[rows["pairing"] != "estimates alone", "n_seeds"].max()) if paired + unpaired else 0
    parts = []
    if paired:
        over = "texts, given this one training seed" if seeds == 1 else "training seeds and texts, crossed"
        parts.append(f"{plural(paired, 'difference')} are paired, on the same texts and seeds; interval over {over}")
    if unpaired:
        parts.append(f"{plural(unpaired, 'difference')} are unpaired, variances added{_seedless(contrast)}")
    if alone:
        parts.append(f"{plural(alone, 'difference')} have no interval, for nothing was measured text by text")
    return (
        f"{'; '.join(parts)}. Intervals are {percent(contrast.level)} t intervals; p belongs to the interval and is "
        "adjusted over the estimates that differ (Benjamini-Hochberg). A paired difference rests on the shared "
        "texts alone, so it need not be the difference of the two estimates beside it."
    )


def _seedless(contrast: Contrast) -> str:
    """What the interval leaves out where a run has one training seed."""
    alone = [name for name, n_seeds in contrast.n_seeds.items() if n_seeds == 1]
    return f" (none over seeds from {listing(alone)}, with one seed: too narrow for new seeds)" if alone else ""


def _figure(contrast: Contrast, other: str, rows: pd.DataFrame) -> Figure:
    beyond = int((rows["verdict"] == "beyond").sum())
    title = (
        f"{plural(beyond, 'estimate')} of these {len(rows)} differ beyond their interval"
        if beyond
        else f"No estimate differs beyond its interval; these {len(rows)} come nearest"
    )
    labels = [row_label(row, contrast.places) for _, row in rows.iterrows()]
    note = (
        f"Difference {other} − {contrast.names[0]}; bars: its {percent(contrast.level)} interval, by which each row is "
        f"scaled; n = {range_text(rows['n_examples'], 'text')} × {range_text(rows['n_seeds'], 'seed')} a row."
    )
    name = anchor_of("differences", other)
    axis = f"{other} − {contrast.names[0]}"
    return draw(name, lambda: paint_differences(labels, rows, axis), title=title, note=note, source="differences.csv")


def _difference_table(
    contrast: Contrast, rows: pd.DataFrame, anchor: str, title: str, note: str = "", *, percent_points: bool = False
) -> Table:
    scale, decimals = (100.0, 1) if percent_points else (1.0, 3)
    unit = " (%)" if percent_points else ""
    several = len(set(rows["run"])) > 1
    shown = pd.DataFrame({"run": rows["run"]}) if several else pd.DataFrame(index=rows.index)
    for place in contrast.places:
        shown[place] = rows[place].astype(str)
    shown["what"] = [measure_label(row) for _, row in rows.iterrows()]
    shown["baseline"] = [number(scale * v, decimals) for v in rows["estimate_a"]]
    shown["other"] = [number(scale * v, decimals) for v in rows["estimate_b"]]
    shown["difference"] = [signed(scale * v, decimals) for v in rows["difference"]]
    bounds = zip(scale * rows["low"], scale * rows["high"], strict=True)
    shown["interval"] = [interval(low, high, decimals) or MISSING for low, high in bounds]
    shown["p_adjusted"] = [p_text(v) for v in rows["p_adjusted"]]
    shown["verdict"] = rows["verdict"]
    if len(set(rows["pairing"])) > 1:
        shown["how"] = rows["pairing"]
    shown["n"] = [f"{count(t)} × {count(s)}" for t, s in zip(rows["n_examples"], rows["n_seeds"], strict=True)]
    headers = {
        "dataset": "data set",
        "baseline": contrast.names[0] + unit,
        "other": ("other" if several else str(rows["run"].iloc[0])) + unit,
        "interval": f"{percent(contrast.level)} interval",
        "p_adjusted": "p, adjusted",
        "n": "texts × seeds",
    }
    left = ("run", "dataset", "model", "removal", "what", "verdict", "how")
    return make_table(shown, {}, anchor=anchor, title=title, note=note, headers=headers, left=left, wide=True)


def _metric_table(other: str, rows: pd.DataFrame) -> Block:
    groups = rows.groupby("metric", sort=False)
    table = groups["verdict"].value_counts().unstack(fill_value=0).reindex(columns=list(_VERDICTS), fill_value=0)  # noqa: PD010
    table = table.assign(largest=groups["difference"].agg(lambda v: v.abs().max())).sort_values(
        "beyond", ascending=False
    )
    table.insert(0, "what", [str(metric).replace("_", " ") for metric in table.index])
    formats: Mapping[str, Callable[[float], str]] = {
        **dict.fromkeys(_VERDICTS, count),
        "largest": lambda v: number(v, 4),
    }
    shown = make_table(
        table,
        formats,
        anchor=anchor_of("table-metrics", other),
        title="How many estimates of each metric differ, and by how much at most",
        note="beyond and within: the interval of the difference, before adjustment. rounding: by no more than another "
        "processor's instructions may change it.",
        left=("what",),
    )
    return Details("Every metric", (shown,))


def _unmatched_table(contrast: Contrast, other: str) -> Table:
    return make_table(
        contrast.unmatched[other],
        {"n_estimates": count},
        anchor=anchor_of("table-unmatched", other),
        title="Without a counterpart",
        headers={"dataset": "data set", "only_in": "only in", "n_estimates": "estimates"},
        left=("dataset", "model", "only_in"),
    )


def _settings(contrast: Contrast) -> Section:
    told: Block = Paragraph("No setting that decides a number differs.")
    if not contrast.settings.empty:
        title = "Settings that differ"
        left = ("setting", *contrast.names)
        told = make_table(contrast.settings, {}, anchor="table-settings", title=title, left=left)
    return Section(name="settings", title="Settings", short="Settings", blocks=(told,))


def _origins(contrast: Contrast) -> Section:
    blocks: list[Block] = []
    for kind, rows in contrast.origins.groupby("kind", sort=False):
        left = ("item", *contrast.names)
        table = make_table(
            rows.drop(columns="kind"), {}, anchor=f"table-{kind}", title=f"Different: {kind}", left=left, wide=True
        )
        many = len(rows) > 12
        blocks.append(Details(f"{plural(len(rows), 'difference')} of {kind}", (table,)) if many else table)
    if not blocks:
        blocks.append(Paragraph("Code, packages, data, machine and revision are the same."))
    return Section(name="origins", title="Code, packages, data and machine", short="Made from", blocks=tuple(blocks))


def _tables(contrast: Contrast) -> Section:
    blocks: list[Block] = []
    for other in contrast.others:
        rows = contrast.tables[other]
        same = int((rows["state"] == "identical").sum())
        anchor = anchor_of("tables", other)
        blocks.append(Heading(f"{other}: {same} of {plural(len(rows), 'table')} are byte-identical", anchor))
        headers = {"rows_a": f"rows, {contrast.names[0]}", "rows_b": f"rows, {other}", "state": ""}
        table = make_table(
            rows,
            {"rows_a": count, "rows_b": count},
            anchor=anchor_of("table-tables", other),
            title="Every table",
            headers=headers,
            left=("table", "state"),
        )
        blocks.append(Details("Every table with its rows", (table,)))
    return Section(name="tables", title="Tables", short="Tables", blocks=tuple(blocks))


def p_text(value: float) -> str:
    """A p-value as it is printed."""
    return "< 0.001" if value < 0.001 else number(value, 3)
