"""Which texts are shown in full: by stated rules, never by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.report.inputs import LIME, TWO_WAY, RunTables, pick

FIRST_LENGTHS = (8, 14)  # words of the text shown first: long enough to say something, short enough to read


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One text of one trained model. reason: the rule that chose it, as the page states it."""

    dataset: str
    model: str
    seed: str
    example_id: str
    reason: str


def summarise_texts(run: RunTables, dataset: str, model: str, seed: str) -> pd.DataFrame:
    """One row per text of one model, with what the rules look at.

    Columns beside those of the texts table: correct, pull (the smaller of the summed positive and the summed
    negative SHAP scores: how hard the words pull against each other), gap (share of abs(SHAP − LIME) after both are
    L1-normalised), hidden (share of the crosswalk's absolute cells that cancels within rows), parted (how far the
    heads' direct contributions and Shapley values are apart; NaN without a causal table).
    """
    texts = pick(run.of("texts", dataset, model), seed=seed, trained=True).copy()
    texts["correct"] = texts["label"] == texts["predicted"]
    scores = pick(run.of("features", dataset, model), seed=seed, trained=True)
    table = scores[scores["method"].isin([run.shap, LIME])].pivot_table(
        index=["example_id", "word_index"], columns="method", values="score", aggfunc="first"
    )
    for method in (run.shap, LIME):
        if method not in table:
            table[method] = np.nan
    positive, negative = ((sign * table[run.shap]).clip(lower=0).groupby("example_id").sum() for sign in (1, -1))
    size = table.abs().groupby("example_id").transform("sum").replace(0, np.nan)
    unit = table / size
    gap = (unit[run.shap] - unit[LIME]).abs().groupby("example_id").sum(min_count=1) / 2
    texts["pull"] = texts["example_id"].map(np.minimum(positive, negative)).astype(float)
    texts["gap"] = texts["example_id"].map(gap).astype(float)
    texts["hidden"] = texts["example_id"].map(hidden_shares(run, dataset, model, seed)).astype(float)
    texts["parted"] = texts["example_id"].map(parted_shares(run, dataset, model, seed)).astype(float)
    return texts.reset_index(drop=True)


def hidden_shares(run: RunTables, dataset: str, model: str, seed: str) -> pd.Series:
    """Per text: 1 − Σ_words abs(row sum) / Σ_words Σ_components abs(cell), of the SHAP crosswalk."""
    cells = pick(run.of("crosswalk", dataset, model), seed=seed, method=run.shap, kind="direct")
    cells = cells[cells["value"].notna()].assign(size=lambda t: t["value"].abs())
    rows = cells.groupby(["example_id", "word_index"])[["value", "size"]].sum()
    total = rows.abs().groupby("example_id").sum()
    return 1 - total["value"] / total["size"].replace(0, np.nan)


def causal_ids(run: RunTables, dataset: str, model: str, seed: str) -> list[str]:
    """Texts of one trained model that have a causal table, in the order of the run."""
    rows = pick(run.of("crosswalk", dataset, model), seed=seed, method=TWO_WAY, kind="causal")
    return [str(e) for e in dict.fromkeys(rows["example_id"])]


def parted_shares(run: RunTables, dataset: str, model: str, seed: str) -> pd.Series:
    """Per text: Σ_heads abs(psi − d) / Σ_heads (abs(psi) + abs(d)), between 0 and 1.

    psi and d are the column sums of the causal crosswalk and of the direct one by SHAP; texts without a causal one
    are left out.
    """
    rows = pick(run.of("crosswalk", dataset, model), seed=seed)
    keys = ["example_id", "component"]
    psi = pick(rows, method=TWO_WAY, kind="causal").groupby(keys)["value"].sum()
    direct = pick(rows, method=run.shap, kind="direct").groupby(keys)["value"].sum().reindex(psi.index)
    gap = (psi - direct).abs().groupby("example_id").sum(min_count=1)
    size = (psi.abs() + direct.abs()).groupby("example_id").sum(min_count=1)
    return gap / size.replace(0, np.nan)


def choose_first(run: RunTables) -> Chosen | None:
    """The text of the opening picture, from the first variant's first seed; None where no text is explained."""
    for dataset, model in run.variants:
        for seed in map(str, run.config.seeds):
            texts = summarise_texts(run, dataset, model, seed)
            texts = texts[texts["pull"].notna()]
            if texts.empty:
                continue
            fits, rule = _first_fits(texts, causal_ids(run, dataset, model, seed))
            best = fits.sort_values(["pull", "example_id"], ascending=[False, True]).iloc[0]
            reason = f"{rule}: the smaller of its summed positive and its summed negative SHAP scores is the largest."
            return Chosen(dataset=dataset, model=model, seed=seed, example_id=str(best["example_id"]), reason=reason)
    return None


def _first_fits(texts: pd.DataFrame, causal: list[str]) -> tuple[pd.DataFrame, str]:
    """The texts among which the first is chosen, those with a causal table if there are any, and how to say so."""
    beside = texts[texts["example_id"].isin(causal)]
    texts, table = (beside, " with a causal table") if len(beside) else (texts, "")
    fits = texts[texts["n_words"].between(*FIRST_LENGTHS) & texts["correct"]]
    fits = fits[(fits["n_words_cut"].astype(float) == 0) & (fits["n_unknown"].astype(float) == 0)]
    if fits.empty:
        return texts, f"Of all explained texts{table}, the one whose words pull hardest against each other"
    return fits, (
        f"Of the correctly predicted texts{table} of {FIRST_LENGTHS[0]} to {FIRST_LENGTHS[1]} words, all known, "
        "the one whose words pull hardest against each other"
    )


_Rule = tuple[str, Callable[[pd.DataFrame], pd.Series]]
_RULES: tuple[_Rule, ...] = (
    (
        "Wrong and surest: the wrong prediction with the largest margin",
        lambda t: t["margin"].abs().where(~t["correct"]),
    ),
    ("SHAP and LIME differ most", lambda t: t["gap"].where(t["n_words"] > 2)),
    ("Most hidden: the largest share of what components write cancels within words", lambda t: t["hidden"]),
    (
        "Direct and causal part most: what the heads write and what the words need of them differ most",
        lambda t: t["parted"].where(t["n_words"] > 2),
    ),
    (
        "Right and surest: the correct prediction with the largest margin",
        lambda t: t["margin"].abs().where(t["correct"]),
    ),
    ("Nearest call: the smallest margin", lambda t: -t["margin"].abs()),
    ("Most words the vocabulary does not know", lambda t: t["n_unknown"].astype(float).where(t["n_unknown"] > 0)),
    ("Longest text", lambda t: t["n_words"]),
    ("SHAP and LIME differ least", lambda t: -t["gap"].where(t["n_words"] > 2)),
)


def choose_more(run: RunTables, first: Chosen, n_texts: int) -> list[Chosen]:
    """Up to `n_texts` further texts of the same model, one by each rule in turn, none twice."""
    texts = summarise_texts(run, first.dataset, first.model, first.seed)
    texts = texts[texts["pull"].notna()]
    taken = {first.example_id}
    found: list[Chosen] = []
    for turn in range(max(n_texts, 1)):
        for reason, key in _RULES:
            if len(found) == n_texts:
                return found
            order = texts.assign(key=key(texts)).dropna(subset=["key"])
            order = order[~order["example_id"].isin(taken)].sort_values(["key", "example_id"], ascending=[False, True])
            if order.empty:
                continue
            example = str(order.iloc[0]["example_id"])
            taken.add(example)
            ordinal = "" if turn == 0 else ", next in order"
            found.append(
                Chosen(
                    dataset=first.dataset,
                    model=first.model,
                    seed=first.seed,
                    example_id=example,
                    reason=f"{reason}{ordinal}.",
                )
            )
        if len(taken) == len(texts):
            break
    return found
