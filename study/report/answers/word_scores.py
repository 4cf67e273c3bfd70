"""The words of largest mean |SHAP| over all seeds, and the heads that carry them in the seed that the page shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.report.explorer.choosing import choose_seed
from study.report.inputs import TWO_WAY, RunTables, Variant, pick
from study.report.measures import least_texts
from study.report.numbers import signed
from study.stats import crossed_interval, mean_interval

MOST = 5
NOTHING = 1e-3  # of the largest mean size: a word of less does nothing
_HEAD = re.compile(r"L\d+H\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The head that carries more of a word than any other, by one kind of table, over the texts that have the word.

    value: mean cell, logits; rival: the next head, where the paired interval of the two over texts holds 0 (or there
    is no interval, as of one text), else "". more: a component that is no head and has a larger mean cell, with its
    value, else "".
    """

    head: str
    value: float
    n_texts: int
    rival: str
    more: str

    def text(self) -> str:
        rival = f" or {self.rival}" if self.rival else ""
        more = f"; {self.more} more" if self.more else ""
        return f"{self.head}{rival} {signed(self.value)}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of the answer: mean SHAP score with its interval over texts and seeds; size: mean |score|, logits."""

    word: str
    n_texts: int
    size: float
    mean: float
    low: float
    high: float
    direct: Carrier | None
    causal: Carrier | None

    @property
    def is_clear(self) -> bool:
        """Whether it pushes one way: its interval leaves 0 out. Without an interval nothing is clear."""
        return bool(self.low > 0 or self.high < 0)


def strongest_words(run: RunTables, variant: Variant, most: int = MOST) -> tuple[list[Word], int]:
    """The words of largest mean |SHAP| over the texts that have them, and in how many texts a word must stand.

    A text counts once a word, with the mean over its occurrences. Empty where the run has no SHAP scores.
    """
    rows = pick(run.of("features", *variant), trained=True, method=run.shap)
    rows = rows[rows["score"].notna()]
    if rows.empty:
        return [], 0
    scores = rows.groupby(["word", "seed", "example_id"], as_index=False)["score"].mean()
    n_texts = rows.groupby("word")["example_id"].nunique()
    least = least_texts(n_texts)
    sizes = scores["score"].abs().groupby(scores["word"]).mean()[n_texts >= least].rename("size").reset_index()
    sizes = sizes[sizes["size"] > NOTHING * sizes["size"].max()]
    sizes = sizes.sort_values(["size", "word"], ascending=[False, True], kind="stable").head(most)
    chosen = choose_seed(run, variant)
    seed = chosen.seed if chosen else ""
    tables = [
        pick(run.of("crosswalk", *variant), method=method, kind=kind, seed=seed).dropna(subset="value")
        for method, kind in ((run.shap, "direct"), (TWO_WAY, "causal"))
    ]
    found = []
    for word, size in sizes.itertuples(index=False):
        values = pick(scores, word=word).pivot_table(index="seed", columns="example_id", values="score")
        mean, low, high = crossed_interval(values.to_numpy(dtype=np.float64), run.config.compare.level)
        sides = [_carrier(rows, str(word), mean, run.config.compare.level) for rows in tables]
        found.append(
            Word(
                word=str(word),
                n_texts=int(n_texts[word]),
                size=float(size),
                mean=mean,
                low=low,
                high=high,
                direct=sides[0],
                causal=sides[1],
            )
        )
    return found, least


def _carrier(rows: pd.DataFrame, word: str, mean: float, level: float) -> Carrier | None:
    """The head whose mean cell goes farthest where the word goes; None without cells, or where no head goes there.

    rows: the cells of one crosswalk in one seed. mean: the word's mean score, whose sign says where it goes.
    """
    rows = pick(rows, word=word)
    if rows.empty:
        return None
    side = 1.0 if mean >= 0 else -1.0
    cells = side * rows.pivot_table(index="example_id", columns="component", values="value", aggfunc="mean")
    means = cells.mean().sort_values(ascending=False, kind="stable")
    heads = [str(name) for name in means.index if _HEAD.fullmatch(str(name))]
    if not heads or means[heads[0]] <= 0:
        return None
    first, best = heads[0], str(means.index[0])
    return Carrier(
        head=first,
        value=side * float(means[first]),
        n_texts=len(cells),
        rival=_rival(cells[heads], level),
        more="" if best == first else f"{best} {signed(side * float(means[best]))}",
    )


def _rival(cells: pd.DataFrame, level: float) -> str:
    """The second column, where the means of the first two cannot be told apart by their differences text by text.

    One text tells nothing apart.
    """
    if cells.shape[1] < 2:
        return ""
    gaps = (cells.iloc[:, 0] - cells.iloc[:, 1]).to_numpy(dtype=np.float64)
    if len(gaps) < 2:
        return str(cells.columns[1])
    low, _ = mean_interval(float(gaps.mean()), float(gaps.std(ddof=1)), len(gaps), level)
    return "" if low > 0 else str(cells.columns[1])
