"""Section: every explained text of one model at a glance, coloured by SHAP."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Details, Paragraph, Section, Strip, Strips, StripWord
from study.report.choose import choose_first
from study.report.inputs import SHAP, RunTables, pick
from study.report.numbers import count, plural, signed
from study.report.strips import signed_level

MOST = 200  # texts shown, so that the page stays small


def build(run: RunTables) -> Section | None:
    """Texts by outcome, surest first, each on one line; None where nothing was explained by SHAP."""
    first = choose_first(run)
    if first is None:
        return None
    texts = pick(run.of("texts", first.dataset, first.model), seed=first.seed, trained=True)
    scores = pick(run.of("features", first.dataset, first.model), seed=first.seed, trained=True, method=SHAP)
    if scores.empty:
        return None
    top = float(scores["score"].abs().quantile(0.99)) or 1.0
    by_text = dict(list(scores.sort_values("word_index").groupby("example_id")))
    texts = (
        texts.assign(sure=texts["margin"].abs()).sort_values(["sure", "example_id"], ascending=[False, True]).head(MOST)
    )
    blocks: list[Block] = [Paragraph(_about(run, first.dataset, first.model, first.seed, len(texts)))]
    for (label, predicted), part in texts.groupby(["label", "predicted"], sort=True):
        verdict = "right" if label == predicted else "wrong"
        margins = zip(part["example_id"], part["margin"], strict=True)
        strips = tuple(_strip(float(m), by_text[example], top) for example, m in margins if example in by_text)
        anchor = f"all-{label}-{predicted}".replace(" ", "-")
        block = Strips(anchor=anchor, strips=strips, scale=(signed(-top), "0", signed(top)))
        summary = f"Labelled {label}, predicted {predicted} ({verdict}): {plural(len(part), 'text')}"
        blocks.append(Details(summary, (block,)))
    return Section(name="explorer", title="All texts at a glance", short="All texts", blocks=tuple(blocks))


def _about(run: RunTables, dataset: str, model: str, seed: str, n: int) -> str:
    return (
        f"{count(n)} texts as {run.label(dataset, model)}, seed {seed}, reads them: words coloured by SHAP, all on "
        "one scale that ends at the 99th percentile of the sizes, beside each text its margin in logits; surest "
        "first."
    )


def _strip(margin: float, scores: pd.DataFrame, top: float) -> Strip:
    words = tuple(
        StripWord(word=str(w), level=signed_level(v, top), hint=signed(v, 2), unknown=bool(u))
        for w, v, u in zip(scores["word"], scores["score"], scores["unknown"], strict=True)
    )
    return Strip(label=signed(margin), words=words)
