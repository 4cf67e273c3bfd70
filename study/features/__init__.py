"""Which words drive the margin: one score per word, by many methods, all on one margin and one word axis.

An explainer is a function (subject, config, rng) -> FeatureAttribution. To add one: a file here and a line below.
"""

from study.registry import Registry

EXPLAINERS = Registry(
    "explainer",
    {
        "shap": "study.features.shapley:explain_shap",
        "lime": "study.features.lime:explain_lime",
        "occlusion": "study.features.occlusion:explain_occlusion",
        "gradient_x_input": "study.features.gradients:explain_gradient_x_input",
        "integrated_gradients": "study.features.gradients:explain_integrated_gradients",
        "attention": "study.features.attention:explain_attention",
        "rollout": "study.features.attention:explain_rollout",
        "random": "study.features.controls:explain_random",
    },
)
