"""make_payload: everything that the page's explorer shows, from the tables of a run, as JSON for a script element."""

from __future__ import annotations

from typing import Any

from study.records import NOT_IN_LOGITS, UNSIGNED_METHODS
from study.report.explorer.choosing import BUDGET, choose_seed, fit
from study.report.explorer.encode import encode
from study.report.explorer.models import class_names, layout_of, profiles_of
from study.report.explorer.texts import Shown, texts_of
from study.report.figures.palette import method_label
from study.report.inputs import LIME, RunTables, Variant, pick

FORMAT = 1  # of the JSON; a script that does not know it says so


def make_payload(run: RunTables, budget: int = BUDGET) -> str:
    """The explorer's JSON, safe inside a script element; "" where no text was explained.

    Texts, then models are left out until it has about `budget` bytes; one text is always kept.

    Also for tables that hold a few texts of one model and neither accuracy nor profiles, as those of a reader's own
    text: what they lack is null or empty. Numbers are short (`encode`) and in logits, but for
    attention, shares and accuracy.
    """
    payload = build_payload(run)
    if not payload["models"]:
        return ""
    data = encode(payload)
    return data if len(data.encode()) <= budget else encode(fit(run, payload, budget))


def build_payload(run: RunTables) -> dict[str, Any]:
    """All texts of every model, by the training seed of median accuracy, before anything is left out."""
    methods, splits = run.methods(), _splits(run)
    models = [_model(run, variant, methods, splits) for variant in run.variants]
    return {
        "format": FORMAT,
        "run": run.config.name,
        "methods": [{"name": m, "label": method_label(m), "kind": _kind(m)} for m in methods],
        "splits": splits,
        "notes": {"left_out": ""},
        "models": [model for model in models if model is not None],
    }


def _model(run: RunTables, variant: Variant, methods: list[str], splits: list[str]) -> dict[str, Any] | None:
    """One variant; None where none of its texts was explained."""
    chosen = choose_seed(run, variant)
    if chosen is None:
        return None
    texts = pick(run.of("texts", *variant), seed=chosen.seed, trained=True)
    layout = layout_of(pick(run.of("components", *variant), seed=chosen.seed))
    classes = class_names(run, variant[0], texts)
    shown = Shown(layout=layout, classes=classes, methods=tuple(methods), splits=tuple(splits))
    return {
        "label": run.label(*variant),
        "dataset": variant[0],
        "seed": chosen.seed,
        "classes": classes,
        "accuracy": chosen.accuracy,
        "n_test": chosen.n_test,
        "why_seed": chosen.why,
        **layout.as_data(),
        "profiles": profiles_of(run, variant, chosen.seed, layout.heads),
        "texts": texts_of(run, variant, chosen.seed, shown),
    }


def _splits(run: RunTables) -> list[str]:
    """The methods whose scores are split over components, SHAP first, then LIME."""
    there = list(dict.fromkeys(pick(run.tables["crosswalk"], kind="direct")["method"]))
    return sorted(there, key=lambda m: (m != run.shap, m != LIME))


def _kind(method: str) -> str:
    """Which scale a method's scores are drawn on: signed ones share one, in logits."""
    if method in UNSIGNED_METHODS:
        return "unsigned"
    return "own" if method in NOT_IN_LOGITS else "signed"
