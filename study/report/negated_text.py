"""The text of the negation showcase: which one, and what its tables say in sentences; every number from its tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from study.config.limits import learns
from study.report.blocks import Paragraph
from study.report.choose import Chosen, causal_ids
from study.report.inputs import TWO_WAY, RunTables, pick
from study.report.numbers import listing, number, percent, signed
from study.report.text_rows import TextRows, rows_of

TASK = "negation"
ZERO = 1e-6  # an exact Shapley value of the rule below this is 0 but for rounding, in units of the readout gain
PRINTED = 0.005  # a cell below prints as 0.00, logits
NAMED = 0.05  # of the largest cell of a column or row: cells below are not told


@dataclass(frozen=True, slots=True, kw_only=True)
class NegatedText:
    """A text in which a word that decides has the exact score 0. word, cue: word_index of it and of what turns it."""

    chosen: Chosen
    rows: TextRows
    word: int
    cue: int

    def quoted(self, index: int) -> str:
        return f"“{self.rows.words().loc[index, 'word']}”"

    @property
    def direct(self) -> pd.DataFrame:
        """[word, component]: the direct table by SHAP."""
        return self.rows.cells(self.rows.shap)

    @property
    def causal(self) -> pd.DataFrame:
        """[word, head]: two-way Shapley values."""
        return self.rows.cells(TWO_WAY, "causal")


def choose_negated(run: RunTables) -> NegatedText | None:
    """The first text of the first seed of the hand-built model that has a causal table and a negated word."""
    as_set = {m.name: not learns(m) and not (m.rotate or m.weight_noise) for m in run.config.models}
    names = [d.name for d in run.config.datasets if d.task == TASK]
    for dataset, model in run.variants:
        for seed in map(str, run.config.seeds) if dataset in names and as_set[model] else ():
            for example in causal_ids(run, dataset, model, seed):
                found = _negated(run, dataset, example)
                if found is not None:
                    reason = (
                        f"Chosen by rule: the first text of seed {seed} that has a causal table and a word which "
                        "decides and whose exact Shapley value is 0."
                    )
                    chosen = Chosen(dataset=dataset, model=model, seed=seed, example_id=example, reason=reason)
                    return NegatedText(chosen=chosen, rows=rows_of(run, chosen), word=found[0], cue=found[1])
    return None


def _negated(run: RunTables, dataset: str, example: str) -> tuple[int, int] | None:
    """word_index of the word that decides and scores 0, and of the word that decides most; None without either."""
    words = pick(run.tables["truth_words"], dataset=dataset, example_id=example, relevant=True)
    size = words.set_index("word_index")["oracle"].astype(float).abs()
    silent = size.index[size <= ZERO]
    return (int(silent[0]), int(size.idxmax())) if len(silent) and len(silent) < len(size) else None


def finding(text: NegatedText) -> str:
    """The title of the picture: what SHAP says of the word, and which heads write and take back its effect."""
    row, score = text.direct.loc[text.word], text.direct.loc[text.word].sum()
    told = f"SHAP gives {text.quoted(text.word)} {signed(score)}"
    both = [row.idxmin(), row.idxmax()]
    if not (row[both[0]] <= -PRINTED and row[both[1]] >= PRINTED):
        top = str(row.abs().idxmax())
        return f"{told}: {text.rows.called(top)} writes {signed(row[top])}"
    first, second = sorted(both, key=list(text.rows.parts().index).index)
    return (
        f"{told}: {text.rows.called(first)} writes {signed(row[first])}, {text.rows.called(second)} takes "
        f"{number(abs(row[second]))} back"
    )


def told_cells(rows: TextRows, row: pd.Series, most: int = 4) -> str:
    """The largest cells of a row, in the model's order: "L1H0 All −2.00 and L1H1 Negated +2.00"; empty for none."""
    size = row.abs().sort_values(ascending=False, kind="stable")
    kept = size.index[(size >= PRINTED) & (size >= NAMED * size.max())][:most]
    return listing([f"{rows.called(str(c))} {signed(row[c])}" for c in rows.parts().index if c in kept])


def direct_sentence(text: NegatedText) -> Paragraph:
    """Who writes because of the two words."""
    row, cue = text.direct.loc[text.word], text.direct.loc[text.cue]
    return Paragraph(
        f"because of {text.quoted(text.word)}, {told_cells(text.rows, row)}: together {signed(row.sum())}, its SHAP "
        f"value, though its row adds up {number(row.abs().sum())} logits of writing. Because of "
        f"{text.quoted(text.cue)}, {told_cells(text.rows, cue)}: together {signed(cue.sum())}.",
        lead="What heads write (direct table):",
    )


def causal_sentence(text: NegatedText, indirect: list[str]) -> Paragraph | None:
    """Who is needed by the two words, and which head is needed though it writes nothing. None without the table."""
    causal, direct = text.causal, text.direct
    if causal.empty:
        return None
    told = [
        f"{text.quoted(w)} needs {cells}"
        for w in (text.cue, text.word)
        if (cells := told_cells(text.rows, causal.loc[w]))
    ]
    for head in [h for h in indirect if h in causal]:
        column = causal[head]
        top = column.abs().max()
        users = [f"{text.quoted(int(w))} ({signed(v)})" for w, v in column.items() if abs(v) >= max(NAMED * top, 0.01)]
        by = f"is needed by {listing(users)}" if users else "is needed by no word"
        told.append(f"{text.rows.called(head)} {by} and itself writes {number(direct[head].abs().sum())}")
    return Paragraph(f"{'; '.join(told)}.", lead="What words need of heads (causal table):")


def interaction_sentence(run: RunTables, text: NegatedText) -> Paragraph | None:
    """What the rule says of the two words together; None where the run does not list the word as a failure."""
    c = text.chosen
    rows = pick(run.of("failures", c.dataset, c.model), seed=c.seed, example_id=c.example_id, method=text.rows.shap)
    rows = rows[rows["word_index"] == text.word]
    if rows.empty or not np.isfinite(both := float(rows["interaction"].iloc[0])):
        return None
    alone = float(text.direct.loc[text.word].sum()) - both / 2
    return Paragraph(
        f"{text.quoted(text.word)} and “{rows['partner'].iloc[0]}” interact by {signed(both)} logits in the rule: "
        f"{text.quoted(text.word)} moves the margin by {signed(alone)} without the other word and by "
        f"{signed(alone + both)} with it. Its Shapley value is the mean of the two: one number cannot say more.",
        lead="The two words together:",
    )


def decoy_sentence(run: RunTables, text: NegatedText) -> Paragraph | None:
    """A word that decides nothing and whose row is no smaller, and what tells the two apart; None without one."""
    rows = text.rows
    decides = pick(run.tables["truth_words"], dataset=text.chosen.dataset, example_id=text.chosen.example_id)
    noise = [int(w) for w in decides[~decides["relevant"]]["word_index"] if w in text.direct.index]
    size = text.direct.abs().sum(axis=1)
    if not noise or size[noise].max() < size[text.word]:
        return None
    decoy = int(size[noise].idxmax())
    row = text.direct.loc[decoy]
    ends = [_joint(run, text, text.direct.loc[w]) for w in (decoy, text.word)]
    apart = f" What tells them apart is to take both heads out: {'; '.join(ends)}." if all(ends) else ""
    return Paragraph(
        f"{text.quoted(decoy)} decides nothing and scores {signed(row.sum())}, yet its row adds up "
        f"{number(size[decoy])}: {told_cells(rows, row)}.{apart}",
        lead="A row that cancels is a question, not an answer:",
    )


def _joint(run: RunTables, text: NegatedText, row: pd.Series) -> str:
    """What is lost without the two heads that write most against each other; empty where it was not measured."""
    pair = {str(row.idxmax()), str(row.idxmin())}
    rows = pick(run.of("pairs", text.chosen.dataset, text.chosen.model), seed=text.chosen.seed)
    rows = rows[[{a, b} == pair for a, b in zip(rows["component_a"], rows["component_b"], strict=True)]]
    if rows.empty:
        return ""
    found = rows.iloc[0]
    names = listing([text.rows.called(str(found[c])) for c in ("component_a", "component_b")])
    alone = sorted({number(float(found["single_a"])), number(float(found["single_b"]))})
    return (
        f"without {names} the margin of a text moves by {number(float(found['joint']))} on average "
        f"({' and '.join(alone)} without either alone)"
    )


def elsewhere_sentence(run: RunTables, text: NegatedText, model: str) -> Paragraph | None:
    """The same text by another model of the data set; None where that model did not explain it."""
    c = text.chosen
    if not is_verified(run, c.dataset, model):
        return Paragraph("not verified on this task, so not read.", lead=f"The same text, {model} model:")
    texts = pick(run.of("texts", c.dataset, model), seed=c.seed, trained=True, example_id=c.example_id)
    if texts.empty:
        return None
    rows = rows_of(run, replace(c, model=model))
    direct = rows.cells(rows.shap)
    if direct.empty:
        return None
    row, cue = direct.loc[text.word], direct.loc[text.cue]
    size = float(row.abs().sum())
    hidden = percent(1 - abs(float(row.sum())) / size) if size else "none"
    return Paragraph(
        f"SHAP gives {text.quoted(text.word)} {signed(row.sum())} and {text.quoted(text.cue)} {signed(cue.sum())}. The "
        f"row of {text.quoted(text.word)} adds up {number(size)}, of which {hidden} cancels: "
        f"{told_cells(rows, row) or 'no cell is above 0.00'}.",
        lead=f"The same text, {model} model:",
    )


def is_verified(run: RunTables, dataset: str, model: str) -> bool:
    """Whether the score card counts this model: every check of every seed passed."""
    return bool(run.of("score_card", dataset, model)["verified"].any())
