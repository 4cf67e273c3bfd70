"""Section: the hypotheses that were fixed before the run, each with its verdict."""

from __future__ import annotations

import math
import re

import pandas as pd

from study.report.blocks import Block, Bullets, Details, Paragraph, Section, Table
from study.report.inputs import RunTables
from study.report.notes import level_text
from study.report.numbers import MINUS, count, interval, listing, number, p_text, plural
from study.report.tables import make_table

VERDICTS = ("supported", "contradicted", "inconclusive", "not tested")
_HOW = (
    "Each hypothesis, with its smallest effect of interest, stands in the config, which was fixed before the run. "
    "Supported: the whole interval is at least the smallest effect, and the p value, adjusted for all hypotheses that "
    "could be tested (Holm), is below 0.05; of trained models with one training seed nothing is called supported. "
    "Contradicted: the whole interval lies below 0 (the opposite), or inside the band that counts as no effect (no "
    "effect of note). The interval alone decides that, with no adjusted p: p tests an effect of 0, which is not what "
    "the band asks, and giving a claim up takes less than making one; the opposite is not claimed by it. A part that "
    "claims no effect has no smallest effect: it is supported inside the band, contradicted wholly outside. "
    "Everything else is inconclusive. All parts must hold: a hypothesis is as good as its weakest part, and for "
    "Holm its p is the largest of theirs."
)
_INDEPENDENT = " Where several data sets are pooled, their training seeds are assumed to be independent."
_P_OF = (
    "p: of an effect of 0, two-sided, from the same variances as the interval (the t interval turned round), so that "
    "before it is adjusted the two never disagree; of a part that claims no effect, two one-sided tests against the "
    "band (Schuirmann)"
)
_UNITS = (
    "Effects are rank correlations; of H2 a difference of shares; of H6 a difference of Spearman for 10 words more."
)


def build(run: RunTables) -> Section | None:
    """How many held, one line a hypothesis, and what each model says folded below; nothing without hypotheses."""
    rows = run.tables["hypotheses"]
    if rows.empty:
        return None
    main = rows[rows["model"] == ""]
    pooled = _INDEPENDENT if _pools_data_sets(rows) else ""
    blocks: list[Block] = [Paragraph(_count(main) + pooled, lead=_lead(main)), _claims(main), _table(run, main)]
    strata = rows[(rows["model"] != "") & rows["effect"].notna()]
    if len(strata):
        blocks.append(Details("The same by data set and model, exploratory", (_strata(run, strata),)))
    return Section(name="hypotheses", title="Hypotheses and their verdicts", short="Hypotheses", blocks=tuple(blocks))


def verdicts_of(main: pd.DataFrame) -> dict[str, str]:
    """Hypothesis -> its verdict; the rows of single parts are left out."""
    whole = main[main["part"] == ""]
    return dict(zip(whole["hypothesis"], whole["verdict"], strict=True))


def _lead(main: pd.DataFrame) -> str:
    verdicts = list(verdicts_of(main).values())
    told = [f"{verdicts.count(v)} {v}" for v in VERDICTS if verdicts.count(v)]
    return f"Of {plural(len(verdicts), 'hypothesis', 'hypotheses')}: {listing(told)}."


def _count(main: pd.DataFrame) -> str:
    names = verdicts_of(main)
    said = [f"{listing([h for h, v in names.items() if v == verdict])} {verdict}{_ways(main, verdict)}"
            for verdict in VERDICTS if verdict in names.values()]  # fmt: skip
    return f"{'; '.join(said)}. {_HOW}"


def _ways(main: pd.DataFrame, verdict: str) -> str:
    """ " (H5: the opposite; H4 and H6: no effect of note)"; empty for other verdicts than contradicted."""
    told: dict[str, list[str]] = {}
    for _, row in main[(main["part"] == "") & (main["verdict"] == verdict)].iterrows():
        if way := _way(row):
            told.setdefault(way, []).append(str(row["hypothesis"]))
    return f" ({'; '.join(f'{listing(names)}: {way}' for way, names in told.items())})" if told else ""


def _way(row: pd.Series) -> str:
    """What contradicts a hypothesis: the opposite, no effect of note, or an effect where none was claimed."""
    if row["verdict"] != "contradicted":
        return ""
    if not math.isfinite(row["smallest_effect"]):
        return "an effect"
    band = row["equivalence_band"]
    return "the opposite" if row["high"] < 0 else "no effect of note" if abs(row["high"]) <= band else ""


def _pools_data_sets(rows: pd.DataFrame) -> bool:
    """Whether a pooled row rests on several data sets."""
    tested = rows[(rows["model"] != "") & rows["effect"].notna()]
    places = tested[["hypothesis", "part", "dataset"]].drop_duplicates()
    return bool(places.duplicated(["hypothesis", "part"]).any())


def _table(run: RunTables, main: pd.DataFrame) -> Table:
    table = pd.DataFrame(
        {
            "hypothesis": [_named(h, p) for h, p in zip(main["hypothesis"], main["part"], strict=True)],
            "effect": main["effect"],
            "interval": [interval(low, high, 3) for low, high in zip(main["low"], main["high"], strict=True)],
            "wanted": main["smallest_effect"],
            "p_adjusted": main["p_adjusted"],
            "verdict": main["verdict"],
            "band": main["equivalence_band"],
            "way": [_way(row) for _, row in main.iterrows()],
        }
    )
    return make_table(
        table,
        {"effect": _three, "wanted": _three, "p_adjusted": p_text, "band": lambda v: f"±{_three(v)}"},
        anchor="table-hypotheses",
        title="Hypotheses, all models together",
        note=f"{_UNITS} Interval: {level_text(run)}, over texts, and over training seeds where there are several. A "
        f"hypothesis with parts shows the numbers of its weakest part. {_P_OF}; adjusted by Holm's "
        "method.",
        source="hypotheses",
        headers={
            "wanted": "smallest effect",
            "p_adjusted": "p, adjusted",
            "band": "counts as none",
            "way": "contradicted by",
        },
        left=("hypothesis", "interval", "verdict", "way"),
        wide=True,
    )


def _claims(main: pd.DataFrame) -> Bullets:
    """What each hypothesis claims, its parts where it has several, the verdict, and what that rests on."""
    items = []
    for row in main[main["part"] == ""].itertuples():
        parts = main[(main["hypothesis"] == row.hypothesis) & (main["part"] != "")]
        if row.claim in set(parts["claim"]):  # it claims no more than the one part that applies to the run
            parts = parts.iloc[:0]
        told = "".join(f" {p.capitalize()}: {c}" for p, c in zip(parts["part"], parts["claim"], strict=True))
        reason = re.sub(r"(?<![\w.])-(?=\d)", MINUS, str(row.reason))
        items.append(Paragraph(f"{row.claim}{told} {row.verdict.capitalize()}: {reason}", lead=f"{row.hypothesis}."))
    return Bullets(tuple(items))


def _strata(run: RunTables, rows: pd.DataFrame) -> Table:
    table = pd.DataFrame(
        {
            "hypothesis": [_named(h, p) for h, p in zip(rows["hypothesis"], rows["part"], strict=True)],
            "model": [run.label(d, m) for d, m in zip(rows["dataset"], rows["model"], strict=True)],
            "effect": rows["effect"],
            "interval": [interval(low, high, 3) for low, high in zip(rows["low"], rows["high"], strict=True)],
            "p_adjusted": rows["p_adjusted"],
            "texts": rows["n_examples"],
            "seeds": rows["n_seeds"],
            "undefined": rows["n_undefined"],
        }
    )
    return make_table(
        table,
        {"effect": _three, "p_adjusted": p_text, "texts": count, "seeds": count, "undefined": count},
        anchor="table-hypotheses-models",
        title="Hypotheses by data set and model",
        note=f"No verdicts: the confirmatory test is the pooled one. {_P_OF}; adjusted over all rows by data set and "
        "model (Benjamini, Hochberg). undefined: texts left out.",
        source="hypotheses",
        headers={"p_adjusted": "p, adjusted"},
        left=("hypothesis", "interval"),
    )


def _named(hypothesis: str, part: str) -> str:
    return f"{hypothesis}, {part}" if part else hypothesis


def _three(value: float) -> str:
    return number(value, 3)
