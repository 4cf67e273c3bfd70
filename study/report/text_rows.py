"""TextRows: all that the tables hold of one explained text, looked up once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from study.report.choose import Chosen
from study.report.inputs import RunTables, pick
from study.report.numbers import MINUS

LEAVE_ONE_OUT = "leave_one_out"  # the cheap cousin of the causal crosswalk, beside it in its table
PAD = "pad"  # the name of a head that only fills up a layer


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRows:
    """The rows of one text of one trained model.

    shap: the method that is called SHAP (`RunTables.shap`); text: its row in the texts table; causal: how its causal
    table was made, None where it has none. features, crosswalk, components, heads: its rows there, empty where there
    are none. names: what heads set by hand are called, by component ("L0H0": "NegScope"), PAD for those that do
    nothing; empty where nobody knows.
    """

    shap: str
    text: pd.Series
    features: pd.DataFrame
    crosswalk: pd.DataFrame
    components: pd.DataFrame
    heads: pd.DataFrame
    causal: pd.Series | None
    names: Mapping[str, str] = field(default_factory=dict)

    def called(self, component: str) -> str:
        """A component with its name, where it has one: "L0H0 NegScope"."""
        return f"{component} {self.names[component]}" if component in self.names else component

    def scores(self) -> pd.DataFrame:
        """Scores of every feature method, [word_index, method]; words cut off have NaN."""
        return self.features.pivot(index="word_index", columns="method", values="score")  # noqa: PD010 - no duplicates

    def words(self) -> pd.DataFrame:
        """word and unknown by word_index."""
        rows = self.features.drop_duplicates("word_index").set_index("word_index")
        return rows[["word", "unknown"]].sort_index()

    def cells(self, method: str, kind: str = "direct") -> pd.DataFrame:
        """One crosswalk, [word_index, component], without words beyond the model's length; empty if there is none."""
        rows = self.crosswalk[(self.crosswalk["method"] == method) & (self.crosswalk["kind"] == kind)]
        table = rows.pivot(index="word_index", columns="component", values="value")  # noqa: PD010 - no duplicates
        return table.dropna(how="all").rename_axis(columns=None)

    def parts(self) -> pd.DataFrame:
        """Components in the model's order, with `beyond` = contribution − contribution to the empty text, and `name`.

        name: as in `names`, "" where nobody knows.
        """
        rows = self.components.set_index("component")
        beyond = rows["contribution"] - rows["empty_contribution"]
        return rows.assign(beyond=beyond, name=[self.names.get(str(c), "") for c in rows.index])

    def head_scores(self, method: str) -> pd.Series:
        """Scores of one head method by component; empty where there are none."""
        rows = self.heads[self.heads["method"] == method]
        return rows.set_index("component")["score"].astype(float)


def rows_of(run: RunTables, chosen: Chosen) -> TextRows:
    """The rows of one text.

    Raises: KeyError for a text that was not explained.
    """
    return rows_by_text(run, chosen.dataset, chosen.model, chosen.seed, [chosen.example_id])[chosen.example_id]


def rows_by_text(
    run: RunTables, dataset: str, model: str, seed: str, example_ids: Iterable[str]
) -> dict[str, TextRows]:
    """The rows of several texts of one trained model: the large tables are searched once for all of them."""
    wanted = list(example_ids)
    names = ("texts", "features", "crosswalk", "components", "heads", "causal")
    parts, empty = {}, {}
    for name in names:
        rows = pick(run.of(name, dataset, model), seed=seed)
        rows = pick(rows, trained=True) if "trained" in rows else rows
        rows = rows[rows["example_id"].isin(wanted)]
        parts[name], empty[name] = dict(list(rows.groupby("example_id", sort=False))), rows.iloc[:0]
    heads_known = run.of("truth_heads", dataset, model)
    known = {c: n.replace("-", MINUS) for c, n in zip(heads_known["component"], heads_known["name"], strict=True)}
    found = {}
    for example in wanted:
        texts, features, crosswalk, components, heads, causal = (parts[n].get(example, empty[n]) for n in names)
        if texts.empty:
            raise KeyError(example)
        found[example] = TextRows(
            shap=run.shap,
            text=texts.iloc[0],
            features=features,
            crosswalk=crosswalk,
            components=components,
            heads=heads,
            causal=None if causal.empty else causal.iloc[0],
            names=known,
        )
    return found
