"""What the settings of `evaluate` must fit: the operator that texts are explained under, and how long texts are."""

from __future__ import annotations

from collections.abc import Iterable

from study.config import StudyConfig
from study.config.limits import fewest_coalitions
from study.config.yaml_tree import Place, Tree


def check_evaluation(tree: Tree, config: StudyConfig) -> Iterable[tuple[Place, str]]:
    """Another operator than the explainers' own for faithfulness, and a fixed budget that suffices for long texts.

    The budget per word always does: its least, 8 a word, is twice what a fit wants of a long text.
    """
    evaluate, own = config.evaluate, config.explain.removal
    if "faithfulness" in evaluate.measures and set(evaluate.removals) <= {own}:
        message = f"evaluate.removals: '{own}' alone is what texts are explained under (explain.removal)"
        advice = "name another operator as well, or what explainers asked about is all they are tested by"
        yield tree.place(("evaluate", "removals"), of_key=True), f"{message}: {advice}"
    longest = max(model.max_words for model in config.models)
    asked, least = evaluate.fixed_evals, fewest_coalitions(longest)
    if "budgets" in evaluate.measures and asked < least:  # 64 at least: short texts are exact
        message = f"evaluate.fixed_evals {asked} is too few for texts of {longest} words (models.max_words)"
        yield tree.place(("evaluate", "fixed_evals")), f"{message}: at least {least}"
