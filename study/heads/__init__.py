"""One score per head: what it writes, and what happens without it.

A head method is a function (batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution], one per text of the
batch and in its order. To add one: a file here and a line below.
"""

from study.registry import Registry

HEAD_METHODS = Registry(
    "head method",
    {
        "direct_raw": "study.heads.direct:attribute_raw",
        "direct_centred": "study.heads.direct:attribute_centred",
        "direct_beyond_empty": "study.heads.direct:attribute_beyond_empty",
        "ablation_zero": "study.heads.ablation:attribute_zero",
        "ablation_mean": "study.heads.ablation:attribute_mean",
        "ablation_resample": "study.heads.ablation:attribute_resample",
        "ablation_zero_pairs": "study.heads.pairs:attribute_zero_pairs",
        "leave_one_out": "study.heads.leave_one_out:attribute_leave_one_out",
        "shapley": "study.heads.shapley:attribute_shapley",
        "lime": "study.heads.lime:attribute_lime",
        "shapley_margin": "study.heads.shapley:attribute_shapley_margin",
        "attention_norm": "study.heads.norm:attribute_norm",
        "attention_confidence": "study.heads.attention:attribute_confidence",
        "random": "study.heads.controls:attribute_random",
    },
)
