"""What is said beside a verdict: seeds without a value, a single training seed, and what the reader must know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from study.config import StudyConfig
from study.config.limits import learns
from study.metrics.hypotheses.evidence import Part, Stratum
from study.metrics.hypotheses.pooling import seeds_in_use
from study.metrics.hypotheses.verdicts import Judgement

ONE_SEED = "One training seed: says nothing of new ones."
SOME_ONE_SEED = "Some trained models have one training seed: of these it says nothing of new ones."


def with_cautions(judgement: Judgement, part: Part, strata: Sequence[Stratum], config: StudyConfig) -> Judgement:
    """The judgement with what must be said beside it; `supported` becomes inconclusive on one training seed.

    That is where no trained model has more than one seed in use, so that nothing tells what another training would
    give. Models set by hand are not trained and ask for no seeds.
    """
    trained = {model.name for model in config.models if learns(model)}
    used = seeds_in_use(strata)
    alone = [len(seeds) == 1 for stratum, seeds in used if stratum.model in trained]
    one_seed = bool(alone) and all(alone)
    said = [judgement.reason, ONE_SEED if one_seed else SOME_ONE_SEED if any(alone) else ""]
    said += [_undefined(seed, [stratum for stratum, _ in used]) for seed in config.seeds]
    reason = " ".join(sentence for sentence in (*said, part.remark(config)) if sentence)
    capped = one_seed and judgement.verdict == "supported"
    return replace(judgement, verdict="inconclusive" if capped else judgement.verdict, reason=reason)


def _undefined(seed: int, strata: Sequence[Stratum]) -> str:
    """Where a seed has no value, "" for nowhere."""
    places = [f"{s.model} on {s.dataset}" for s in strata if seed in s.undefined_seeds]
    return f"Seed {seed} undefined: {', '.join(places)}." if places else ""
