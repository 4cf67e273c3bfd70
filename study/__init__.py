"""Which words, and which heads, drive a prediction: both explanations of one model, side by side.

The library face, imported when it is used, so that the command line starts quickly:

    from study import load_run
    explanation = load_run("experiment").explainer().explain("a warm , funny film .")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.library.classifier import TextClassifier
    from study.library.explanation import CausalTable, Explanation
    from study.library.loading import LoadedRun, ModelKey, load_run
    from study.library.one_text import TextExplainer, explain
    from study.library.shap_form import to_shap

__all__ = [
    "CausalTable",
    "Explanation",
    "LoadedRun",
    "ModelKey",
    "TextClassifier",
    "TextExplainer",
    "explain",
    "load_run",
    "to_shap",
]
_PLACES = {
    "CausalTable": "study.library.explanation",
    "Explanation": "study.library.explanation",
    "LoadedRun": "study.library.loading",
    "ModelKey": "study.library.loading",
    "TextClassifier": "study.library.classifier",
    "TextExplainer": "study.library.one_text",
    "explain": "study.library.one_text",
    "load_run": "study.library.loading",
    "to_shap": "study.library.shap_form",
}


def __getattr__(name: str) -> Any:
    """A name of the library face, imported now. Raises: AttributeError for any other name."""
    if name not in _PLACES:
        raise AttributeError(f"module 'study' has no attribute '{name}'; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
