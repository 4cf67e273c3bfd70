"""The table `hypotheses`: what a run says of every hypothesis that its config names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from study.config import HypothesisConfig, StudyConfig
from study.metrics.compare import RowMetric
from study.metrics.hypotheses import HYPOTHESES
from study.metrics.hypotheses.evidence import Hypothesis, NotTestedError, Part, Run, Stratum
from study.metrics.hypotheses.pooling import estimate_pooled, estimate_stratum
from study.metrics.hypotheses.verdicts import (
    Judgement,
    Verdict,
    equivalence_p,
    judge_effect,
    judge_no_effect,
    weakest_part,
)
from study.records import FloatArray
from study.stats import MeanEstimate, benjamini_hochberg, combine_means, holm, mean_test

COLUMNS = [
    "hypothesis", "part", "claim", "dataset", "model", "effect", "low", "high", "level", "p", "p_adjusted",
    "smallest_effect", "equivalence_band", "verdict", "reason", "n_examples", "n_seeds", "n_undefined",
]  # fmt: skip
Row = dict[str, Any]
_UNKNOWN = combine_means([])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """One row before its p-value is adjusted. strata: those that it rests on; reason: why there are none."""

    hypothesis: Hypothesis
    part: Part
    wanted: HypothesisConfig
    dataset: str
    model: str
    found: MeanEstimate
    strata: tuple[Stratum, ...]
    reason: str

    @property
    def p(self) -> float:
        if self.part.is_null:
            return equivalence_p(self.found, self.wanted.equivalence_band)
        return mean_test(self.found)


def judge_hypotheses(tables: Mapping[str, pd.DataFrame], config: StudyConfig, cancellation: RowMetric) -> pd.DataFrame:
    """One row a hypothesis, one for each of its parts where it has several, and one for each data set and model.

    Rows without data set and model are confirmatory: pooled (study.metrics.hypotheses.pooling), p adjusted by Holm over
    the parts of all hypotheses that could be tested. Of these the row whose part is "" is the hypothesis itself: its
    verdict is that of its weakest part (`weakest_part`), whose numbers it shows. The others are exploratory: p adjusted
    by Benjamini and Hochberg over all of them, the verdict by the same rule.
    smallest_effect is NaN where the claim is that there is none. n_examples: different texts; n_seeds: training seeds;
    n_undefined: texts left out, counted in every data set and model that is used; those that are not say why in their
    own rows.

    tables: the joined tables of a run by name; those that are missing leave a hypothesis not tested. cancellation:
    study.crosswalk.rows.cancellation.
    """
    run = Run(tables=tables, config=config, cancellation=cancellation)
    pooled: list[_Tested] = []
    single: list[_Tested] = []
    for wanted in config.hypotheses:
        hypothesis: Hypothesis = HYPOTHESES.load(wanted.name)
        for part in hypothesis.parts:
            whole, strata = _test(run, hypothesis, part, wanted)
            pooled.append(whole)
            single += strata
    level = config.compare.level
    rows = _judged(pooled, holm([tested.p for tested in pooled]), level)
    rows = _with_whole(rows, [tested.hypothesis for tested in pooled])
    rows += _judged(single, benjamini_hochberg([tested.p for tested in single]), level)
    order = {wanted.name: i for i, wanted in enumerate(config.hypotheses)}
    return pd.DataFrame(sorted(rows, key=lambda row: order[row["hypothesis"]]), columns=COLUMNS)


def _test(run: Run, hypothesis: Hypothesis, part: Part, wanted: HypothesisConfig) -> tuple[_Tested, list[_Tested]]:
    """(the pooled row, the row of every data set and model that the tables know)."""

    def tested(dataset: str, model: str, found: MeanEstimate, strata: Sequence[Stratum], reason: str) -> _Tested:
        return _Tested(
            hypothesis=hypothesis,
            part=part,
            wanted=wanted,
            dataset=dataset,
            model=model,
            found=found,
            strata=tuple(strata),
            reason=reason,
        )

    try:
        strata = part.collect(run)
    except NotTestedError as missing:
        return tested("", "", _UNKNOWN, (), str(missing)), []
    single = [
        tested(s.dataset, s.model, estimate_stratum(s) if s.usable else _UNKNOWN, (s,), _why_unusable(s))
        for s in strata
    ]
    usable = [s for s in strata if s.usable]
    if usable:
        return tested("", "", estimate_pooled(usable), usable, ""), single
    reasons = dict.fromkeys(_why_unusable(s) for s in strata)
    return tested(
        "", "", _UNKNOWN, strata, " ".join(reasons) or "The run has no text that this is defined for."
    ), single


def _why_unusable(stratum: Stratum) -> str:
    return stratum.reason or ("" if stratum.against is None else stratum.against.reason)


def _judged(tests: Sequence[_Tested], adjusted: FloatArray, level: float) -> list[Row]:
    return [_row(tested, float(p_adjusted), level) for tested, p_adjusted in zip(tests, adjusted, strict=True)]


def _row(tested: _Tested, p_adjusted: float, level: float) -> Row:
    wanted, part = tested.wanted, tested.part
    interval = tested.found.interval(level)
    if tested.reason:
        judgement = Judgement(verdict="not tested", reason=tested.reason)
    elif part.is_null:
        judgement = judge_no_effect(interval, p_adjusted, wanted.equivalence_band)
    else:
        judgement = judge_effect(interval, p_adjusted, wanted.smallest_effect, wanted.equivalence_band)
    sides = [side for s in tested.strata for side in (s, s.against) if side is not None]
    return {
        "hypothesis": wanted.name,
        "part": part.name,
        "claim": part.claim,
        "dataset": tested.dataset,
        "model": tested.model,
        **dict(zip(("effect", "low", "high"), interval, strict=True)),
        "level": level,
        "p": tested.p,
        "p_adjusted": p_adjusted,
        "smallest_effect": math.nan if part.is_null else wanted.smallest_effect,
        "equivalence_band": wanted.equivalence_band,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "n_examples": len({(side.dataset, example) for side in sides for example in side.examples}),
        "n_seeds": len({seed for side in sides for seed in side.seeds}),
        "n_undefined": sum({(side.dataset, side.model): side.n_undefined for side in sides}.values()),
    }


def _with_whole(rows: Sequence[Row], hypotheses: Sequence[Hypothesis]) -> list[Row]:
    """The pooled rows, and before the parts of a hypothesis that has several a row for the hypothesis itself."""
    found: list[Row] = []
    for hypothesis in dict.fromkeys(hypotheses):
        parts = [row for row, of in zip(rows, hypotheses, strict=True) if of is hypothesis]
        found += [_whole_row(hypothesis, parts), *parts] if len(parts) > 1 else parts
    return found


def _whole_row(hypothesis: Hypothesis, parts: Sequence[Row]) -> Row:
    verdicts: list[Verdict] = [row["verdict"] for row in parts]
    verdict, place = weakest_part(verdicts)
    told = "; ".join(f"{row['part']}: {row['verdict']}" for row in parts)
    reason = f"All parts must hold ({told}). {parts[place]['part'].capitalize()}: {parts[place]['reason']}"
    all_tested = "not tested" not in verdicts  # the p of "all parts hold" is the largest, and unknown without one
    p = {key: max(row[key] for row in parts) if all_tested else math.nan for key in ("p", "p_adjusted")}
    return parts[place] | p | {"part": "", "claim": hypothesis.claim, "verdict": verdict, "reason": reason}
