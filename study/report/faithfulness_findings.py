"""How faithful explanations are, in a sentence; and what the section on it reads from the tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.records import UNSIGNED_METHODS
from study.report.blocks import Link, Paragraph
from study.report.figures.palette import method_label
from study.report.findings import estimate_text, missing, numbers_of, per_variant
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate
from study.report.numbers import fine, listing, number, p_text

COMPREHENSIVENESS = "comprehensiveness_normalised_score"
CLEAR = 0.05  # adjusted p below which a difference is called one
GRADIENTS = ("gradient_x_input", "integrated_gradients")
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


def removes_by(method: str, run: RunTables) -> str:
    """The operator by which a method itself takes words out; "" for one that takes none out."""
    name, operator = asked(method, run)
    if name in GRADIENTS:  # towards the mask's embedding, whatever the study's operator
        return "mask"
    return "" if name in UNSIGNED_METHODS or name == "random" else operator


def faithfulness_finding(run: RunTables) -> Paragraph:
    """SHAP and LIME by comprehensiveness, text by text, between random order and the best and the worst of the others;
    and what it brings to have been explained under the operator that tests."""
    operators = removed_by(run)
    first = run.config.explain.removal if run.config.explain.removal in operators else next(iter(operators), "")
    metric = f"{COMPREHENSIVENESS}_{first}"

    def say(variant: Variant) -> str | None:
        rows = rows_by_method(run, variant, metric, [m for m in methods_of(run) if "@" not in m])
        if not {run.shap, LIME} <= set(rows.index):
            return None
        named = [f"{method_label(m)} {estimate_text(rows.loc[m])}" for m in (run.shap, LIME)]
        chance = f", random order {number(rows.loc['random', 'estimate'])}" if "random" in rows.index else ""
        return f"{listing(named)}{chance}{_ends(run, rows)}{_difference(run, variant, metric)}"

    told = per_variant(run, say) if operators else ""
    if not told:
        return missing("Does the model do what the explanations say?")
    return Paragraph(
        f"Comprehensiveness, words {REMOVED.get(first, first)} (0: the least that any order of the words reaches, 1: "
        f"the most). {told}.{_own_operator(run, operators, first)}",
        (Link(label="grid", anchor="fig-faithfulness"),),
        lead=_lead(run, metric),
    )


def _ends(run: RunTables, rows: pd.DataFrame) -> str:
    """The first and the last of the other methods."""
    others = rows.drop(index=["random", *SHAPLEY_METHODS, run.shap, LIME], errors="ignore")
    others = others.sort_values("estimate", kind="stable")
    told = [f"{method_label(str(m))} {number(others.loc[m, 'estimate'])}" for m in dict.fromkeys(others.index[[-1, 0]])
            ] if len(others) else []  # fmt: skip
    return f"; of the others from {' down to '.join(told)}" if len(told) > 1 else f"; {told[0]}" if told else ""


def _difference(run: RunTables, variant: Variant, metric: str) -> str:
    """SHAP minus LIME on the same texts."""
    row = shap_and_lime(run, variant, metric)
    if row is None:
        return ""
    sign = 1 if row["method_a"] == run.shap else -1
    low, high = sorted((sign * row["low"], sign * row["high"]))
    p = f", p {p_text(row['p_adjusted'])}" if np.isfinite(row["p_adjusted"]) else ""
    seeds = " for these seeds, but the interval, for new ones, holds 0" if row["p_adjusted"] < CLEAR and not is_clear(
        row) else ""  # fmt: skip
    known = np.isfinite([low, high]).all()
    within = f" [{fine(low, 3)}, {fine(high, 3)}]" if known else ""
    return f"; SHAP minus LIME, text by text, {number(sign * row['difference'], 3)}{within}{p}{seeds}"


def shap_and_lime(run: RunTables, variant: Variant, metric: str) -> pd.Series | None:
    """The row of comparisons that holds SHAP against LIME, whichever comes first; None where there is none."""
    rows = pick(run.of("comparisons", *variant), metric=metric)
    both = rows["method_a"].isin([run.shap, LIME]) & rows["method_b"].isin([run.shap, LIME])
    rows = rows[both & rows["difference"].notna()]
    return None if rows.empty else rows.iloc[0]


def is_clear(row: pd.Series) -> bool:
    """Whether a difference is told apart from none: for new texts by the adjusted test, for new seeds by its interval.

    p speaks of these training seeds only, so that it alone would say too much where seeds differ.
    """
    return bool(row["p_adjusted"] < CLEAR and (row["low"] > 0 or row["high"] < 0))


def _lead(run: RunTables, metric: str) -> str:
    """SHAP against LIME where a paired test tells them apart; said as it is where no model does."""
    rows = {v: row for v in run.variants if (row := shap_and_lime(run, v, metric)) is not None}
    if not rows:
        return "Which of SHAP and LIME is more faithful was not tested."
    better = {v: str(r["method_a"] if r["difference"] > 0 else r["method_b"]) for v, r in rows.items() if is_clear(r)}
    if not better:
        return "No clear difference in faithfulness between SHAP and LIME."
    if len(set(better.values())) > 1:
        return "Which of SHAP and LIME is more faithful depends on the model."
    side = next(iter(better.values()))
    other = LIME if side == run.shap else run.shap
    gaps = listing(list(dict.fromkeys(number(abs(rows[v]["difference"]), 3) for v in better)))
    everywhere = len(better) == len(run.variants)
    rest = "" if everywhere else f", in {listing([run.label(*v) for v in better])} only"
    return f"{method_label(side)} is more faithful than {method_label(other)}, by {gaps}{rest}."


def _own_operator(run: RunTables, operators: Sequence[str], first: str) -> str:
    """What it brings to have been explained under the operator that tests."""
    told = []
    for operator in [o for o in operators if o != first]:
        parts = []
        for method in (run.shap, LIME):

            def say(variant: Variant, method: str = method, operator: str = operator) -> str | None:
                metric = f"{COMPREHENSIVENESS}_{operator}"
                own, lent = (estimate(run, variant, metric, m, "") for m in (f"{method}@{operator}", method))
                if own is None or lent is None:
                    return None
                return f"{number(own['estimate'])} against {number(lent['estimate'])}"

            if numbers := numbers_of(run, say):
                parts.append(f"{method_label(method)} {numbers}")
        if parts:
            how = REMOVED.get(operator, operator)
            told.append(
                f" Tested with words {how}, explained with words {how} against explained as elsewhere: "
                f"{'; '.join(parts)}."
            )
    return "".join(told)


def methods_of(run: RunTables) -> list[str]:
    """Methods as the tables name them: the study's first, then those explained under other operators."""
    rows = run.tables["estimates"]
    known = list(dict.fromkeys(rows[rows["metric"].str.startswith(COMPREHENSIVENESS)]["method_a"]))
    order = {m: i for i, m in enumerate(run.config.explain.methods)}
    return sorted(known, key=lambda m: (order.get(m.partition("@")[0], len(order)), "@" in m))


def rows_by_method(run: RunTables, variant: Variant, metric: str, methods: Sequence[str]) -> pd.DataFrame:
    """[method] rows of estimates over all texts, of those methods that have a value."""
    rows = pick(run.of("estimates", *variant), metric=metric, subset="all").set_index("method_a")
    return rows.loc[[m for m in methods if m in rows.index and np.isfinite(rows.loc[m, "estimate"])]]
