"""Model families. Each yields a `ClassifierModel`: logits, and the additive components of every class margin."""

from study.registry import Registry

MODELS = Registry("model family", {"encoder": "study.model.encoder:build_encoder"})
