"""Section: every explained text of one model at a glance, coloured by SHAP, with links to its pictures."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Details, FileLink, Paragraph, Section, Strip, Strips, StripWord, anchor_of
from study.report.choose import choose_first
from study.report.gallery import first_seed, picture_path, pictured_ids
from study.report.inputs import RunTables, pick
from study.report.numbers import count, plural, signed
from study.report.strips import signed_level

MOST = 200  # texts shown, so that the page stays small


def build(run: RunTables) -> Section | None:
    """Texts by outcome, surest first, each on one line; None where nothing was explained by SHAP."""
    first = choose_first(run)
    if first is None:
        return None
    texts = pick(run.of("texts", first.dataset, first.model), seed=first.seed, trained=True)
    scores = pick(run.of("features", first.dataset, first.model), seed=first.seed, trained=True, method=run.shap)
    if scores.empty:
        return None
    top = float(scores["score"].abs().quantile(0.99)) or 1.0
    by_text = dict(list(scores.sort_values("word_index").groupby("example_id")))
    texts = (
        texts.assign(sure=texts["margin"].abs()).sort_values(["sure", "example_id"], ascending=[False, True]).head(MOST)
    )
    links = _links(run, first.dataset)
    blocks: list[Block] = [Paragraph(_about(run, first.dataset, first.model, first.seed, len(texts)))]
    blocks += [Paragraph(_about_links(run, links))] if links else []
    for (label, predicted), part in texts.groupby(["label", "predicted"], sort=True):
        verdict = "right" if label == predicted else "wrong"
        margins = zip(part["example_id"], part["margin"], strict=True)
        strips = tuple(
            _strip(float(m), by_text[example], top, links.get(example, ()))
            for example, m in margins
            if example in by_text
        )
        anchor = anchor_of("all", str(label), str(predicted))
        block = Strips(anchor=anchor, strips=strips, scale=(signed(-top), "0", signed(top)))
        summary = f"Labelled {label}, predicted {predicted} ({verdict}): {plural(len(part), 'text')}"
        blocks.append(Details(summary, (block,)))
    blocks += [_other(run, *v) for v in run.variants if v[0] != first.dataset and pictured_ids(run, *v)]
    return Section(name="explorer", title="All texts at a glance", short="All texts", blocks=tuple(blocks))


def _links(run: RunTables, dataset: str) -> dict[str, tuple[FileLink, ...]]:
    """By text, its pictures by all models of one data set."""
    found: dict[str, tuple[FileLink, ...]] = {}
    for variant in run.variants:
        for example in pictured_ids(run, *variant) if variant[0] == dataset else ():
            link = FileLink(label=run.label(*variant), path=picture_path(run, *variant, example))
            found[example] = (*found.get(example, ()), link)
    return found


def _other(run: RunTables, dataset: str, model: str) -> Block:
    """The pictures of a model of another data set, whose texts are not shown here."""
    texts = pick(run.of("texts", dataset, model), seed=first_seed(run), trained=True).set_index("example_id")
    ids = pictured_ids(run, dataset, model)
    strips = []
    for example in ids:
        words = (StripWord(word=str(texts.loc[example, "text"]), level="d0", hint=""),)
        link = FileLink(label=run.label(dataset, model), path=picture_path(run, dataset, model, example))
        strips.append(Strip(label=signed(float(texts.loc[example, "margin"])), words=words, links=(link,)))
    block = Strips(anchor=f"pictures-{dataset}-{model}", strips=tuple(strips))
    return Details(f"{run.label(dataset, model)}: pictures of {plural(len(ids), 'text')}", (block,))


def _about(run: RunTables, dataset: str, model: str, seed: str, n: int) -> str:
    return (
        f"{count(n)} texts as {run.label(dataset, model)}, seed {seed}, reads them: words coloured by SHAP, all on "
        "one scale that ends at the 99th percentile of the sizes, beside each text its margin in logits; surest "
        "first."
    )


def _about_links(run: RunTables, links: dict[str, tuple[FileLink, ...]]) -> str:
    return (
        f"The links behind {plural(len(links), 'text')} open the picture of words × heads and words × components, "
        f"seed {first_seed(run)} of each model: files beside this page, in figures/crosswalks."
    )


def _strip(margin: float, scores: pd.DataFrame, top: float, links: tuple[FileLink, ...]) -> Strip:
    words = tuple(
        StripWord(word=str(w), level=signed_level(v, top), hint=signed(v, 2), unknown=bool(u))
        for w, v, u in zip(scores["word"], scores["score"], scores["unknown"], strict=True)
    )
    return Strip(label=signed(margin), words=words, links=links)
