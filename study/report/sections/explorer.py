"""Section: any explained text by any model, to look around in; without a script, all texts of one model at a glance."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import (
    Block,
    Details,
    Explorer,
    FileLink,
    Paragraph,
    Section,
    Strip,
    Strips,
    StripWord,
    anchor_of,
)
from study.report.explorer.choosing import choose_seed
from study.report.explorer.payload import make_payload
from study.report.gallery import first_seed, picture_path, pictured_ids
from study.report.inputs import RunTables, Variant, pick
from study.report.numbers import count, plural, signed
from study.report.strips import signed_level

MOST = 200  # texts shown without a script, so that the page stays small
ANCHOR = "explore"
NOTHING = "Texts are shown here by a script alone: this run has no SHAP scores to colour them by."


def build(run: RunTables) -> Section | None:
    """The explorer of all models; None where no text was explained."""
    payload = make_payload(run)
    if not payload:
        return None
    explorer = Explorer(ANCHOR, payload, tuple(_static(run)))
    blocks = (Paragraph(_intro(run)), explorer)
    return Section(name="explorer", title="Explore every text", short="Explorer", blocks=blocks)


def _intro(run: RunTables) -> str:
    n_models = len([v for v in run.variants if choose_seed(run, v) is not None])
    models = "the model" if n_models == 1 else f"any of {plural(n_models, 'model')}"
    seeds = ", each by its training seed of median test accuracy" if len(run.config.seeds) > 1 else ""
    return (
        f"Choose a text as {models} reads it{seeds}: which words count by every method, which heads carry a word, and "
        "which words a head carries and looks at."
    )


def _static(run: RunTables) -> list[Block]:
    """Texts of the first model by outcome, surest first, each on one line, and links to the pictures of the others."""
    first = next((v for v in run.variants if not _shap_scores(run, v).empty), None)
    blocks: list[Block] = [Paragraph(NOTHING)] if first is None else _at_a_glance(run, first)
    others = [v for v in run.variants if first is None or v[0] != first[0]]
    return blocks + [_other(run, *v) for v in others if pictured_ids(run, *v)]


def _shap_scores(run: RunTables, variant: Variant) -> pd.DataFrame:
    """The SHAP scores of the seed that the explorer shows."""
    rows = pick(run.of("features", *variant), trained=True, method=run.shap)
    chosen = choose_seed(run, variant)
    return rows.iloc[:0] if chosen is None else pick(rows, seed=chosen.seed)


def _at_a_glance(run: RunTables, variant: Variant) -> list[Block]:
    scores = _shap_scores(run, variant)
    seed = str(scores["seed"].iloc[0])
    texts = pick(run.of("texts", *variant), seed=seed, trained=True)
    top = float(scores["score"].abs().quantile(0.99)) or 1.0
    by_text = dict(list(scores.sort_values("word_index").groupby("example_id")))
    texts = (
        texts.assign(sure=texts["margin"].abs()).sort_values(["sure", "example_id"], ascending=[False, True]).head(MOST)
    )
    links = _links(run, variant[0])
    blocks: list[Block] = [Paragraph(_about(run, *variant, seed, len(texts)))]
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
    return blocks


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
