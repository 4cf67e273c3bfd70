"""Model families. Each yields a `ClassifierModel`: logits, and the additive components of every class margin."""

from study.registry import Registry

MODELS = Registry(  # (ModelSource, torch.Generator) -> Encoder
    "model family",
    {
        "encoder": "study.model.encoder:build_from_source",
        "circuit": "study.model.circuits:build_circuit",
    },
)
