"""The table `hypotheses`: what a run says of every hypothesis that its config names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from study.config import HypothesisConfig, StudyConfig
from study.metrics.compare import RowMetric
from study.metrics.hypotheses import HYPOTHESES
from study.metrics.hypotheses.cautions import with_cautions
from study.metrics.hypotheses.evidence import Hypothesis, NotTestedError, Part, Run, Stratum, with_undefined_seeds
from study.metrics.hypotheses.pooling import estimate_pooled, estimate_stratum, seeds_in_use
from study.metrics.hypotheses.verdicts import (
    Judgement,
    Verdict,
    adjust_over_hypotheses,
    equivalence_p,
    judge_effect,
    judge_no_effect,
    weakest_part,
)
from study.stats import MeanEstimate, benjamini_hochberg, combine_means, mean_test

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
    the hypotheses that could be tested (`adjust_over_hypotheses`). Of these the row whose part is "" is the hypothesis
    itself: its verdict is that of its weakest part (`weakest_part`), whose effect, interval and p it shows. A part that
    does not apply to the run is left out of it. The others are exploratory: p adjusted by Benjamini and Hochberg over
    all of them, the verdict by the same rule.
    p: of no effect, the crossed t interval inverted (study.stats.mean_test); of a claim of no effect, two one-sided
    tests against the band.
    smallest_effect is NaN where the claim is that there is none. n_examples: different texts; n_seeds: training seeds
    in use (undefined ones are named in the reason); n_undefined: texts left out, counted in every data set and model
    that is used; those that are not say why in their own rows.

    tables: the joined tables of a run by name; those that are missing leave a hypothesis not tested. cancellation:
    study.crosswalk.rows.cancellation.
    """
    run = Run(tables=tables, config=config, cancellation=cancellation)
    pooled: list[list[_Tested]] = []
    single: list[_Tested] = []
    for wanted in config.hypotheses:
        hypothesis: Hypothesis = HYPOTHESES.load(wanted.name)
        tests = [_test(run, hypothesis, part, wanted) for part in hypothesis.parts]
        pooled.append([whole for whole, _ in tests])
        single += [stratum for _, strata in tests for stratum in strata]
    rows: list[Row] = []
    for parts, adjusted in zip(pooled, _adjusted(pooled, run), strict=True):
        judged = [_row(tested, p, config) for tested, p in zip(parts, adjusted, strict=True)]
        rows += judged if len(judged) == 1 else [_whole_row(parts, judged, run), *judged]
    adjusted_single = benjamini_hochberg([tested.p for tested in single])
    rows += [_row(tested, float(p), config) for tested, p in zip(single, adjusted_single, strict=True)]
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
        strata = [with_undefined_seeds(stratum, run.config) for stratum in part.collect(run)]
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


def _adjusted(by_hypothesis: Sequence[Sequence[_Tested]], run: Run) -> list[list[float]]:
    """p of every part of every hypothesis, adjusted; a part that does not apply has none and counts for nothing."""
    asked = [[tested.p for tested in parts if tested.part.applies(run)] for parts in by_hypothesis]
    found = [iter(adjusted) for adjusted in adjust_over_hypotheses(asked)]
    return [
        [next(adjusted) if tested.part.applies(run) else math.nan for tested in parts]
        for parts, adjusted in zip(by_hypothesis, found, strict=True)
    ]


def _row(tested: _Tested, p_adjusted: float, config: StudyConfig) -> Row:
    wanted, part, level = tested.wanted, tested.part, config.compare.level
    effect, *bounds = tested.found.interval(level)
    low, high = (float(np.clip(bound, *part.bounds)) for bound in bounds)
    interval = (effect, low, high)
    if tested.reason:
        judgement = Judgement(verdict="not tested", reason=tested.reason)
    elif part.is_null:
        judgement = judge_no_effect(interval, p_adjusted, wanted.equivalence_band)
    else:
        judgement = judge_effect(interval, p_adjusted, wanted.smallest_effect, wanted.equivalence_band)
    if not tested.reason:
        judgement = with_cautions(judgement, part, tested.strata, config)
    used = seeds_in_use(tested.strata)
    sides = [side for side, _ in used]
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
        "n_seeds": len({seed for _, seeds in used for seed in seeds}),
        "n_undefined": sum(side.n_undefined for side in sides),
    }


def _whole_row(parts: Sequence[_Tested], rows: Sequence[Row], run: Run) -> Row:
    """The row of the hypothesis itself, from the rows of its parts: its deciding part's, under its own name.

    Where only one part applies, the hypothesis is that part and claims no more.
    """
    asked = [row for tested, row in zip(parts, rows, strict=True) if tested.part.applies(run)]
    verdicts: list[Verdict] = [row["verdict"] for row in asked]
    verdict, place = weakest_part(verdicts, [row["p"] for row in asked])
    said = [
        f"{tested.part.name.capitalize()} was not tested in this run, which has no planted task."
        for tested in parts
        if not tested.part.applies(run)
    ]
    if len(asked) > 1:
        told = "; ".join(f"{row['part']}: {row['verdict']}" for row in asked)
        said.append(f"All parts must hold ({told}).")
    reason = " ".join([*said, f"{asked[place]['part'].capitalize()}: {asked[place]['reason']}"])
    claim = parts[0].hypothesis.claim if len(asked) > 1 else asked[place]["claim"]
    return asked[place] | {"part": "", "claim": claim, "verdict": verdict, "reason": reason}
