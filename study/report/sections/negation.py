"""Section: a word that decides and scores 0, drawn as a crosswalk: two heads cancel on it."""

from __future__ import annotations

import dataclasses

import pandas as pd

from study.records import UNSIGNED_METHODS
from study.report.blocks import Block, Bullets, Details, Heading, Paragraph, Section, Table
from study.report.figures.palette import method_label
from study.report.inputs import LIME, RunTables, pick
from study.report.negated_text import (
    NegatedText,
    causal_sentence,
    choose_negated,
    decoy_sentence,
    direct_sentence,
    elsewhere_sentence,
    finding,
    interaction_sentence,
    is_verified,
)
from study.report.numbers import listing, number, percent, signed
from study.report.pictures import crosswalk_figure
from study.report.score_measures import CONTROLS, ORACLE
from study.report.strips import make_strips
from study.report.tables import make_table
from study.tasks.language import GAIN

SEEN = 0.05  # of a method's largest score: below, a reader of its bars does not see the word


def build(run: RunTables) -> Section | None:
    """The picture, what it says, and what every method says of the same words; None for runs without the task."""
    text = choose_negated(run)
    if text is None:
        return None
    figure = crosswalk_figure(run, text.chosen, "negation", finding(text))
    if figure is None:
        return None
    about = (
        f"“not” just before the sentiment word turns it; all else is noise. So {text.quoted(text.cue)} and "
        f"{text.quoted(text.word)} decide together. The weights are set by hand, so every head's work is known. "
        f"{text.chosen.reason}"
    )
    blocks: list[Block] = [Paragraph(about, lead=f"“{text.rows.text['text']}”"), figure]
    blocks += [Paragraph(_roles(run, text), tone="muted"), Bullets(tuple(_sentences(run, text)))]
    blocks += _others(run, text)
    blocks += [Heading("The same words by every method", "negation-methods"), _strips(run, text), _table(run, text)]
    blocks += [Paragraph(_seen(run, text))]
    title = "Negation: a word that decides and scores 0"
    return Section(name="negation", title=title, short="Negation", blocks=tuple(blocks))


def _roles(run: RunTables, text: NegatedText) -> str:
    """What every named head was set to do, in a line."""
    known = run.of("truth_heads", text.chosen.dataset, text.chosen.model)
    known = known[known["role"] != "pad"]
    told = []
    for role, part in known.groupby("role", sort=False):
        heads = listing([text.rows.called(str(c)) for c in part["component"]])
        told.append(f"{role}: {heads}")
    return f"Heads by what they are set to do. {'; '.join(told)}. Heads that only fill up a layer have no column."


def _sentences(run: RunTables, text: NegatedText) -> list[Paragraph]:
    known = run.of("truth_heads", text.chosen.dataset, text.chosen.model)
    indirect = [str(c) for c in pick(known, role="indirect")["component"]]
    told = [
        direct_sentence(text),
        causal_sentence(text, indirect),
        interaction_sentence(run, text),
        decoy_sentence(run, text),
        *(elsewhere_sentence(run, text, model) for model in _other_models(run, text)),
    ]
    return [sentence for sentence in told if sentence]


def _other_models(run: RunTables, text: NegatedText) -> list[str]:
    return [m for d, m in run.variants if d == text.chosen.dataset and m != text.chosen.model]


def _others(run: RunTables, text: NegatedText) -> list[Block]:
    """The same picture by the other models that are verified, folded away."""
    folds: list[Block] = []
    for model in _other_models(run, text):
        texts = pick(run.of("texts", text.chosen.dataset, model), seed=text.chosen.seed, trained=True)
        if text.chosen.example_id not in set(texts["example_id"]) or not is_verified(run, text.chosen.dataset, model):
            continue
        figure = crosswalk_figure(run, dataclasses.replace(text.chosen, model=model), f"negation-{model}")
        folds += [Details(f"The same text by the {model} model", (figure,))] if figure else []
    return folds


def _scores(run: RunTables, text: NegatedText) -> pd.DataFrame:
    """[word_index, method], with the exact values of the rule, logits."""
    truth = pick(run.tables["truth_words"], dataset=text.chosen.dataset, example_id=text.chosen.example_id)
    exact = truth.set_index("word_index")["oracle"].astype(float) * GAIN
    return text.rows.scores().assign(**{ORACLE: exact})


def _methods(run: RunTables, text: NegatedText) -> list[str]:
    scores = _scores(run, text)
    return [ORACLE, *[m for m in run.methods() if m in scores and scores[m].notna().any()]]


def _label(method: str) -> str:
    return "Exact, of the rule" if method == ORACLE else method_label(method)


def _strips(run: RunTables, text: NegatedText) -> Block:
    methods = [m for m in _methods(run, text) if m != ORACLE]
    return make_strips("strips-negation", text.rows.words(), _scores(run, text), methods, (run.shap, LIME))


def _table(run: RunTables, text: NegatedText) -> Table:
    """The scores of the two words by every method, and the largest of all others."""
    scores, words = _scores(run, text), text.rows.words()["word"]
    others = scores.index.difference([text.cue, text.word])
    rows = []
    for method in _methods(run, text):
        shown = number if method in UNSIGNED_METHODS else signed
        largest = scores.loc[scores[method].loc[others].abs().idxmax(), method] if len(others) else float("nan")
        values = (*scores.loc[[text.cue, text.word], method], largest)
        rows.append((_label(method), *[shown(float(v)) for v in values]))
    columns = ["method", f"“{words[text.cue]}”", f"“{words[text.word]}”", "largest of the others"]
    return make_table(
        pd.DataFrame(rows, columns=columns),
        {},
        anchor="table-negation",
        title="The two words that decide, by every method",
        note="Logits; attention and rollout are shares, the random control has no unit. n = 1 text: no interval.",
        source="features",
    )


def _seen(run: RunTables, text: NegatedText) -> str:
    """Which methods give the word a share that a reader sees."""
    scores = _scores(run, text).abs()
    methods = [m for m in _methods(run, text) if m not in CONTROLS and scores[m].max() > 0]
    share = {m: float(scores.loc[text.word, m] / scores[m].max()) for m in methods}
    seen = [f"{method_label(m)} ({percent(s)})" for m, s in share.items() if s >= SEEN]
    blind = [f"{method_label(m)} ({percent(s)})" for m, s in share.items() if s < SEEN]
    told = f"{text.quoted(text.word)} gets a share of the largest score of each method. "
    told += f"Below {percent(SEEN)}: {listing(blind) or 'none'}; from there on: {listing(seen) or 'none'}. "
    return told + (
        "A method that shows the word is not thereby right: its exact Shapley value is 0. Methods that stay near the "
        "whole text see it with the other word beside it; SHAP averages over all texts, half of them without that word."
    )
