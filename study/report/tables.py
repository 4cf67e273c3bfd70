"""Tables: from frames to the page's table blocks, and to what papers print (`latex.py` sets it)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from study.records import UNSIGNED_METHODS
from study.report.blocks import Column, Table
from study.report.figures.palette import head_method_label, method_label
from study.report.inputs import LIME, TWO_WAY, RunTables
from study.report.numbers import count, number, p_text

_RANKS = ("edit_spearman", "seed_spearman")  # with signs where a method has them, by size where it has none
_FAITHFUL = ("comprehensiveness_", "sufficiency_", "deletion_", "insertion_", "infidelity_", "edit_")
_EVALUATIONS = (
    *("comprehensiveness_normalised_score", "sufficiency_normalised_error", "repeat_spearman", *_RANKS),
    *("rating_spearman", "plausibility_", "circuit_performance_score", "circuit_distance_error"),
)
_OF_HEADS = ("head_spearman", "indirect_share", "circuit_performance_score", "circuit_distance_error")
Formats = Mapping[str, Callable[[Any], str]]
_TEXT_COLUMNS = frozenset(
    (
        *("dataset", "model", "metric", "method", "method_a", "method_b", "subset", "kind", "example_id", "text"),
        *("label", "predicted", "target", "word", "component", "estimator", "ablation", "kind_of_component"),
        *("operation", "in_1", "in_2", "out", "size", "step", "name", "where", "cell"),
    )
)


def make_table(
    frame: pd.DataFrame,
    formats: Formats,
    *,
    anchor: str,
    title: str,
    note: str = "",
    source: str = "",
    headers: Mapping[str, str] | None = None,
    left: Sequence[str] = (),
    wide: bool = False,
) -> Table:
    """A table block of all columns of `frame`; a column without a format is printed as text.

    headers: shown names of columns. left: columns that hold text, aligned left.
    """
    names = [str(c) for c in frame.columns]
    columns = tuple(
        Column(name=(headers or {}).get(c, c), align="left" if c in left or c in _TEXT_COLUMNS else "right")
        for c in names
    )
    rows = tuple(
        tuple(formats.get(c, _as_text)(v) for c, v in zip(names, values, strict=True))
        for values in frame.itertuples(index=False, name=None)
    )
    return Table(anchor=anchor, title=title, columns=columns, rows=rows, note=note, source=source, wide=wide)


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


def paper_accuracy(run: RunTables) -> pd.DataFrame:
    """Accuracy over seeds of every model and baseline, ready to print."""
    rows = run.tables["accuracy"]
    rows = rows[(rows["seed"] == "all") | (rows["kind"] != "model")]
    return pd.DataFrame(
        {
            "data set": rows["dataset"],
            "classifier": rows["model"].where(rows["kind"] == "model", rows["kind"].replace(BASELINES)),
            "accuracy": [number(v, 3) for v in rows["accuracy"]],
            "low": [number(v, 3) for v in rows["low"]],
            "high": [number(v, 3) for v in rows["high"]],
            "test texts": [count(float(v)) for v in rows["n_test"]],
            "seeds": [count(float(v)) for v in rows["n_seeds"]],
        }
    ).reset_index(drop=True)


BASELINES = {"majority": "majority class", "tfidf_logreg": "TF-IDF + logistic regression"}


def paper_estimates(run: RunTables) -> pd.DataFrame:
    """SHAP against LIME by every metric and subset, the rest of the pairs by Spearman, and what has no pair.

    Pairs with an unsigned method appear by the Spearman of sizes, the only one that they have. Of heads: the Spearman
    of every pair of methods, the margin lost to a quarter of the words or heads, and rows of the causal crosswalk.
    Of evaluations: those of `is_evaluation`, over all texts.
    """
    rows = run.tables["estimates"]
    main = rows["method_a"].isin([run.shap, LIME]) & rows["method_b"].isin([run.shap, LIME, ""])
    main &= ~rows["metric"].str.startswith(("sanity_", *_FAITHFUL, *_EVALUATIONS))
    unsigned = rows["method_a"].isin(UNSIGNED_METHODS) | rows["method_b"].isin(UNSIGNED_METHODS)
    ranks = ((rows["metric"] == "spearman") & ~unsigned) | ((rows["metric"] == "spearman_abs") & unsigned)
    others = rows["metric"].isin(["accuracy_gain", "completeness_error"])
    others |= rows["metric"].isin(["head_spearman", "margin_lost_at_25", "indirect_share"]) & rows["estimate"].notna()
    others |= (rows["method_a"] == TWO_WAY) | is_evaluation(rows)
    wanted = main | ((ranks | others) & (rows["subset"] == "all")) | (rows["metric"] == "spearman_untrained")
    rows = rows[wanted]
    return pd.DataFrame(
        {
            "data set": rows["dataset"],
            "model": rows["model"],
            "metric": rows["metric"].str.replace("_", " "),
            "methods": [
                _pair(*names) for names in zip(rows["metric"], rows["method_a"], rows["method_b"], strict=True)
            ],
            "texts shown": rows["subset"],
            "estimate": [number(v, 3) for v in rows["estimate"]],
            "low": [number(v, 3) for v in rows["low"]],
            "high": [number(v, 3) for v in rows["high"]],
            "texts": [count(float(v)) for v in rows["n_examples"]],
            "seeds": [count(float(v)) for v in rows["n_seeds"]],
            "undefined": [count(float(v)) for v in rows["n_undefined"]],
        }
    ).reset_index(drop=True)


def paper_hypotheses(run: RunTables) -> pd.DataFrame:
    """Every hypothesis and its parts, pooled, ready to print."""
    rows = run.tables["hypotheses"]
    rows = rows[rows["model"] == ""]
    return pd.DataFrame(
        {
            "hypothesis": [f"{h}, {p}" if p else h for h, p in zip(rows["hypothesis"], rows["part"], strict=True)],
            "claim": rows["claim"],
            **{column: [number(v, 3) for v in rows[column]] for column in ("effect", "low", "high")},
            "smallest effect": [number(v, 3) for v in rows["smallest_effect"]],
            "p, adjusted": [p_text(v) for v in rows["p_adjusted"]],
            "verdict": rows["verdict"],
            "texts": [count(float(v)) for v in rows["n_examples"]],
            "seeds": [count(float(v)) for v in rows["n_seeds"]],
        }
    ).reset_index(drop=True)


def is_evaluation(rows: pd.DataFrame) -> pd.Series:
    """The main rows on whether explanations are faithful, stable and plausible, and how small circuits they find."""
    metric = rows["metric"].astype(str)
    unsigned = rows["method_a"].isin(UNSIGNED_METHODS)
    fits = ~metric.str.startswith(_RANKS) | (unsigned == metric.str.contains("_abs"))
    return metric.str.startswith(_EVALUATIONS) & fits & rows["estimate"].notna()


def _pair(metric: str, a: str, b: str) -> str:
    """The methods that a row compares; those for heads have labels of their own, and so has what is removed."""
    if "@" in a:
        name, _, operator = a.partition("@")
        return f"{method_label(name)}, asked by {operator}"
    if b == "rating":
        return method_label(a)
    if metric.startswith("margin_lost"):
        unit, _, method = a.partition(":")
        return f"{unit} by {head_method_label(method) if unit == 'heads' else method_label(method)}"
    label = head_method_label if metric in _OF_HEADS else method_label
    return label(a) if b in ("", a) else f"{label(a)}, {label(b)}"


def to_markdown(frame: pd.DataFrame) -> str:
    """A pipe table; bars inside cells are escaped."""
    clean = frame.astype(str).map(lambda v: v.replace("|", r"\|"))
    return (
        str(tabulate(clean.to_numpy().tolist(), headers=list(frame.columns), tablefmt="pipe", disable_numparse=True))
        + "\n"
    )
