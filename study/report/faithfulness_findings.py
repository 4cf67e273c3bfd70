"""How faithful explanations are, in a sentence; and what the section on it reads from the tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.figures.palette import method_label
from study.report.findings import estimate_text, missing, numbers_of, per_variant
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate
from study.report.numbers import listing, number

COMPREHENSIVENESS = "comprehensiveness_normalised_score"
CLEAR = 0.05  # adjusted p below which a difference is called one
REMOVED = {"mask": "masked", "delete": "deleted", "attend": "hidden", "resample": "replaced"}


def removed_by(run: RunTables) -> list[str]:
    """The operators under which explanations were tested, in the config's order."""
    metrics = set(run.tables["estimates"]["metric"])
    return [o for o in run.config.evaluate.removals if f"{COMPREHENSIVENESS}_{o}" in metrics]


def asked(method: str, run: RunTables) -> tuple[str, str]:
    """(method, the operator it explained under) of a name as the tables have it, "lime@delete" say."""
    name, _, operator = method.partition("@")
    return name, operator or run.config.explain.removal


def method_name(method: str, run: RunTables) -> str:
    """ "LIME", or "LIME, words deleted" where it explained under another operator than the study's."""
    name, operator = asked(method, run)
    return method_label(name) + (f", words {REMOVED.get(operator, operator)}" if "@" in method else "")


def faithfulness_finding(run: RunTables) -> Paragraph:
    """The methods whose first words matter most, by the study's operator and by the others; random beside them."""
    operators = removed_by(run)
    if not operators:
        return missing("Does the model do what the explanations say?")
    first = run.config.explain.removal if run.config.explain.removal in operators else operators[0]
    metric = f"{COMPREHENSIVENESS}_{first}"

    def say(variant: Variant) -> str | None:
        rows = rows_by_method(run, variant, metric, [m for m in methods_of(run) if "@" not in m])
        if rows.empty or not {run.shap, LIME} <= set(rows.index):
            return None
        chance = f", random order {number(rows.loc['random', 'estimate'])}" if "random" in rows.index else ""
        named = [f"{method_label(m)} {estimate_text(rows.loc[m])}" for m in (run.shap, LIME)]
        others = rows.drop(index=["random", run.shap, LIME, "shap"], errors="ignore").sort_values("estimate")
        last = ""
        if len(others):
            last = f"; of the others, {method_label(str(others.index[-1]))} {number(others['estimate'].iloc[-1])} and "
            last += f"{method_label(str(others.index[0]))} {number(others['estimate'].iloc[0])} are the ends"
        return f"{listing(named)}{chance}{last}"

    return Paragraph(
        f"Comprehensiveness, words {REMOVED.get(first, first)} (0: as little as any order, 1: as much as any order): "
        f"{per_variant(run, say)}.{_own_operator(run, operators, first)}",
        (Link(label="grid", anchor="fig-faithfulness"),),
        lead=_lead(run, metric),
    )


def _lead(run: RunTables, metric: str) -> str:
    """SHAP against LIME by the paired test, adjusted; said as it is where no model tells them apart."""
    rows = run.tables["comparisons"]
    rows = pick(rows, metric=metric)
    both = rows["method_a"].isin([run.shap, LIME]) & rows["method_b"].isin([run.shap, LIME])
    rows = rows[both & (rows["p_adjusted"] < CLEAR)]
    if rows.empty:
        return "SHAP and LIME are about equally faithful."
    sides = {
        a if difference > 0 else b
        for a, b, difference in zip(rows["method_a"], rows["method_b"], rows["difference"], strict=True)
    }
    if len(sides) > 1:
        return "Which of SHAP and LIME is more faithful depends on the model."
    side = sides.pop()
    other = LIME if side == run.shap else run.shap
    everywhere = len(rows) == len(run.variants)
    gap = listing(sorted({number(abs(d)) for d in rows["difference"]}))
    told = f"{method_label(side)} is more faithful than {method_label(other)}, by {gap}"
    return f"{told}." if everywhere else f"{told}, in part of the models."


def _own_operator(run: RunTables, operators: Sequence[str], first: str) -> str:
    """What it brings to have been explained under the operator that tests."""
    told = []
    for operator in [o for o in operators if o != first]:
        metric = f"{COMPREHENSIVENESS}_{operator}"
        names = [f"{m}@{operator}" for m in (run.shap, LIME) if f"{m}@{operator}" in methods_of(run)]
        for name in names:
            method = name.partition("@")[0]

            def say(variant: Variant, name: str = name, method: str = method, metric: str = metric) -> str | None:
                own, lent = (estimate(run, variant, metric, m, "") for m in (name, method))
                if own is None or lent is None:
                    return None
                return f"{number(own['estimate'])} against {number(lent['estimate'])}"

            if numbers := numbers_of(run, say):
                how = f"words {REMOVED.get(operator, operator)}"
                told.append(f" Tested with {how}, {method_label(method)} explained that way reaches {numbers} for the "
                            "study's own way.")  # fmt: skip
    return "".join(told)


def methods_of(run: RunTables) -> list[str]:
    """Methods as the tables name them: the study's first, then those explained under other operators."""
    rows = run.tables["estimates"]
    known = list(dict.fromkeys(rows[rows["metric"].str.startswith(COMPREHENSIVENESS)]["method_a"]))
    order = {m: i for i, m in enumerate(run.config.explain.methods)}
    return sorted(known, key=lambda m: (order.get(m.partition("@")[0], len(order)), "@" in m))


def rows_by_method(run: RunTables, variant: Variant, metric: str, methods: Sequence[str]) -> pd.DataFrame:
    rows = pick(run.of("estimates", *variant), metric=metric, subset="all").set_index("method_a")
    return rows.loc[[m for m in methods if m in rows.index and np.isfinite(rows.loc[m, "estimate"])]]
