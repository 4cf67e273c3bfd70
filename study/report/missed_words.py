"""Words that decide and that a score does not show: their text, their row of the crosswalk, and why, by rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.report.figures.palette import method_label
from study.report.inputs import RunTables, pick
from study.report.numbers import MINUS, listing, number, plural, signed
from study.report.score_measures import EXACT_RUNGS

AROUND = 8  # words shown on either side of a word
HIDDEN_SIZE = 0.25  # of the text's largest score: a row that adds up more than this writes much
HIDDEN_SHARE = 0.5  # of a row: what must cancel, for the sum to hide it


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A row of `failures` with what explains it. marked: the text around the word, the word in brackets.

    components: "L1H0 All −2.00", largest first. partner: the word it interacts with in the rule, or "". interaction:
    in logits of the model that was set to follow the rule; NaN for others, whose logits have another unit.
    """

    dataset: str
    model: str
    seed: str
    example_id: str
    word_index: int
    word: str
    method: str
    score: float
    largest: float
    size: float
    components: tuple[str, ...]
    partner: str
    interaction: float
    marked: str


def missed_words(run: RunTables, failures: pd.DataFrame) -> list[Missed]:
    """Every missed word, in the order of the table."""
    words = {key: rows.sort_values("word_index")["word"].tolist() for key, rows in _by_text(run.tables["truth_words"])}
    known = run.tables["truth_heads"]
    columns = (known[c] for c in ("dataset", "model", "component", "name"))
    card = run.tables["score_card"]
    exact = set(card.loc[card["rung"].isin(EXACT_RUNGS), ["dataset", "model"]].itertuples(index=False, name=None))
    names = {(d, m, c): str(n).replace("-", MINUS) for d, m, c, n in zip(*columns, strict=True)}
    return [
        Missed(
            dataset=r.dataset,
            model=r.model,
            seed=str(r.seed),
            example_id=r.example_id,
            word_index=int(r.word_index),
            word=r.word,
            method=r.method,
            score=float(r.score),
            largest=float(r.largest),
            size=float(r.size),
            components=tuple(_called(cell, names, r.dataset, r.model) for cell in r.components.split(", ") if cell),
            partner=r.partner,
            interaction=float(r.interaction) if (r.dataset, r.model) in exact else float("nan"),
            marked=mark_word(words[r.dataset, r.example_id], int(r.word_index)),
        )
        for r in failures.itertuples(index=False)
    ]


def _by_text(words: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    return [((str(d), str(e)), rows) for (d, e), rows in words.groupby(["dataset", "example_id"], sort=False)]


def _called(cell: str, names: dict[tuple[str, str, str], str], dataset: str, model: str) -> str:
    """ "L1H0 -2.00" as "L1H0 All −2.00"."""
    component, value = cell.rsplit(" ", 1)
    name = names.get((dataset, model, component), "")
    return f"{component} {name} {signed(float(value))}" if name else f"{component} {signed(float(value))}"


def mark_word(words: list[str], index: int) -> str:
    """The word in brackets between its neighbours, with dots where the text goes on."""
    low, high = max(index - AROUND, 0), min(index + AROUND + 1, len(words))
    before, after = words[low:index], words[index + 1 : high]
    shown = [*before, f"[{words[index]}]", *after]
    return f"{'… ' if low else ''}{' '.join(shown)}{' …' if high < len(words) else ''}"


def is_hidden(missed: Missed) -> bool:
    """Whether much is written because of the word, and cancels."""
    return missed.size >= HIDDEN_SIZE * missed.largest and abs(missed.score) <= (1 - HIDDEN_SHARE) * missed.size


def explain(missed: Missed) -> str:
    """Why the score misses the word, in a sentence or two."""
    cells = listing(list(missed.components))
    if is_hidden(missed):
        told = f"Its row in the direct crosswalk adds up {number(missed.size)} logits that cancel: {cells}."
    else:
        told = f"Its row hides little: {number(missed.size)} against a largest score of {number(missed.largest)}"
        told += f" ({cells})." if cells else "."
    if missed.partner:
        by = f" by {signed(missed.interaction)}" if np.isfinite(missed.interaction) else ""
        told += f" In the rule it interacts with “{missed.partner}”{by}: neither word alone says what both do."
    return told


def noise_share(run: RunTables, found: list[Missed]) -> str:
    """How often a word that decides nothing has a row as large as a missed word's; empty where none is hidden.

    A row alone is no proof: heads that undo each other make rows of noise words that cancel as well.
    """
    told = []
    for method in dict.fromkeys(m.method for m in found):
        larger, hidden = noise_rows(run, [m for m in found if m.method == method])
        told += [f"in {larger} of {plural(hidden, 'such text')} by {method_label(method)}"] if hidden else []
    if not told:
        return ""
    return (
        "A row that cancels is a question, not an answer: some word that decides nothing has a row at least as large "
        f"{listing(told)}, where heads that undo each other write because of it. To tell the two apart, take "
        "both heads out."
    )


def noise_rows(run: RunTables, found: list[Missed]) -> tuple[int, int]:
    """(hidden words beside which a word that decides nothing has a row as large or larger, hidden words)."""
    truth = {key: rows.set_index("word_index")["relevant"] for key, rows in _by_text(run.tables["truth_words"])}
    hidden = [m for m in found if is_hidden(m)]
    return sum(_noise_row(run, m, truth[m.dataset, m.example_id]) >= m.size for m in hidden), len(hidden)


def _noise_row(run: RunTables, missed: Missed, relevant: pd.Series) -> float:
    """The largest sum of |cell| among the words of the text that decide nothing."""
    cells = pick(
        run.of("crosswalk", missed.dataset, missed.model),
        seed=missed.seed,
        example_id=missed.example_id,
        method=missed.method,
        kind="direct",
    )
    size = cells["value"].abs().groupby(cells["word_index"]).sum()
    return float(size[~relevant.reindex(size.index).to_numpy(dtype=bool)].max()) if len(size) else float(np.nan)
