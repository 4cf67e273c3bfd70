"""What a hypothesis is, the tables that it looks at, and the numbers that it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from study.cells import seeds_of
from study.config import StudyConfig
from study.config.limits import primary_shapley
from study.errors import StudyError
from study.metrics.compare import CELL, RowMetric
from study.metrics.score_card import verified_variants
from study.records import FloatArray
from study.stats import complete_examples

TEXT = [*CELL, "example_id"]
LIME = "lime"
LEAST_TEXTS = 10  # of a stratum: over fewer the interval of a rank correlation covers too seldom


class NotTestedError(StudyError):
    """A run that lacks what a hypothesis needs; the message is the reason that the report prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The joined tables of a run by name, and its config. cancellation: study.crosswalk.rows.cancellation."""

    tables: Mapping[str, pd.DataFrame]
    config: StudyConfig
    cancellation: RowMetric

    def table(self, name: str) -> pd.DataFrame:
        """Raises: NotTestedError when the run has no rows of it."""
        found = self.tables.get(name)
        if found is None or found.empty:
            raise NotTestedError(f"The run has no rows in the table {name}.")
        return found

    @property
    def shap(self) -> str:
        """The method that stands for SHAP."""
        return primary_shapley(self.config.explain.methods)

    def scores(self, method: str) -> pd.DataFrame:
        """Columns of TEXT, word_index and score of a method on the trained models; words without a score left out."""
        features = self.table("features")
        chosen = features[features["trained"].astype(bool) & (features["method"] == method)]
        if chosen.empty:
            raise NotTestedError(f"The run does not explain words by the method {method}.")
        return chosen.loc[chosen["score"].notna(), [*TEXT, "word_index", "score"]]

    def pair(self, metric: str, method_a: str, method_b: str) -> pd.DataFrame:
        """Columns of TEXT and value: the measurements of a metric of two methods, in whichever order."""
        found = self.table("measurements")
        both = found["method_a"].isin([method_a, method_b]) & found["method_b"].isin([method_a, method_b])
        chosen = found.loc[both & (found["metric"] == metric), [*TEXT, "value"]]
        if chosen.empty:
            raise NotTestedError(f"The run has no measurements {metric} of {method_a} and {method_b}.")
        return chosen

    @property
    def has_planted(self) -> bool:
        """Whether some data set is a planted task, in which the words that decide are known."""
        return bool(self._tasks)

    @property
    def _tasks(self) -> set[str]:
        return {dataset.name for dataset in self.config.datasets if dataset.task is not None}

    def planted(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of planted tasks whose models are verified to follow the rule, so that the truth is the truth."""
        chosen = table[table["dataset"].isin(self._tasks)]
        if chosen.empty:
            raise NotTestedError("The run has no planted task, so the words that decide are not known.")
        known = verified_variants(chosen, self.table("verification"))
        variants = pd.MultiIndex.from_frame(chosen[["dataset", "model"]])
        return chosen[[known[variant] for variant in variants]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One data set and model: values [seed example], defined throughout, and the effect in every seed, [seed].

    A value is a text's own, and the effect their mean; or it is the pseudo-value that a text brings to a statistic over
    texts, which is the effect and differs from their mean by a bias of order 1/n. n_undefined: texts that have no value
    in every seed. undefined_seeds: those that the model runs on but that have no value here. against: what the effect
    is measured from, by difference; other texts. reason: why there are too few values, "" where there are enough.
    """

    dataset: str
    model: str
    seeds: tuple[int, ...]
    examples: tuple[str, ...]
    values: FloatArray
    effects: FloatArray
    n_undefined: int
    undefined_seeds: tuple[int, ...] = ()
    against: Stratum | None = None
    reason: str = ""

    @property
    def usable(self) -> bool:
        return not self.reason and (self.against is None or self.against.usable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One question of a hypothesis. collect: what each data set and model says, or a NotTestedError.

    claim: a sentence. remark: one that every verdict needs beside it, "" for none. bounds: of what the effect can be;
    intervals stop there. is_null: the claim is that there is no effect, to be shown by equivalence. needs_planted:
    asked only where the run has planted tasks; without any, the hypothesis is its other parts.
    """

    name: str
    claim: str
    collect: Callable[[Run], list[Stratum]]
    remark: Callable[[StudyConfig], str] = lambda _: ""
    bounds: tuple[float, float] = (-1.0, 1.0)
    is_null: bool = False
    needs_planted: bool = False

    def applies(self, run: Run) -> bool:
        return run.has_planted or not self.needs_planted


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A claim and its parts; with one part that part's name is "" and its claim the hypothesis's."""

    name: str
    claim: str
    parts: tuple[Part, ...]


def strata_of_values(table: pd.DataFrame, least_texts: int = LEAST_TEXTS) -> list[Stratum]:
    """A stratum for every data set and model of a table with columns TEXT and value, one row a text and seed.

    A seed without any value is left out (`with_undefined_seeds` counts it); then a text without one in every seed.
    """
    strata = []
    for (dataset, model), rows in table.groupby(["dataset", "model"], sort=False):
        wide = rows.pivot(index="seed", columns="example_id", values="value").dropna(how="all")  # noqa: PD010
        complete = complete_examples(wide.to_numpy(dtype=np.float64))
        values = wide.loc[:, complete] if len(wide) else wide.iloc[:, :0]
        n_undefined = rows["example_id"].nunique() - values.shape[1]
        strata.append(make_stratum(dataset, model, values.index, values.columns, values, n_undefined, least_texts))
    return strata


def make_stratum(
    dataset: str,
    model: str,
    seeds: Sequence[int] | pd.Index,
    examples: Sequence[str] | pd.Index,
    values: FloatArray | pd.DataFrame,
    n_undefined: int,
    least_texts: int = LEAST_TEXTS,
    effects: FloatArray | None = None,
) -> Stratum:
    """values: [seed example], without NaN; a stratum of fewer than `least_texts` texts says why it is not used.

    effects: [seed], the means of the values where it is not given.
    """
    values = np.asarray(values, dtype=np.float64)
    reason = "" if len(seeds) else "No training seed with a defined value."
    if not reason and len(examples) < least_texts:
        reason = f"Only {len(examples)} texts with a defined value; at least {least_texts} texts are needed."
    if effects is None:
        effects = values.mean(axis=1) if values.size else np.full(len(seeds), np.nan)
    return Stratum(
        dataset=dataset,
        model=model,
        seeds=tuple(int(seed) for seed in seeds),
        examples=tuple(str(example) for example in examples),
        values=values,
        effects=effects,
        n_undefined=n_undefined,
        reason=reason,
    )


def with_undefined_seeds(stratum: Stratum, config: StudyConfig) -> Stratum:
    """The stratum, and what it is measured from, with the seeds of the config that its model has no value in."""
    model = next(model for model in config.models if model.name == stratum.model)
    undefined = tuple(seed for seed in seeds_of(model, config) if seed not in stratum.seeds)
    against = None if stratum.against is None else with_undefined_seeds(stratum.against, config)
    return replace(stratum, undefined_seeds=undefined, against=against)
