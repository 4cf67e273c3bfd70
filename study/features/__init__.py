"""Which words drive the margin: one score per word, by many methods, all on one margin and one word axis.

An explainer is a function (subject, config, rng) -> FeatureAttribution. To add one: a file here and a line below.
"""

from study.registry import Registry

EXPLAINERS = Registry(
    "explainer",
    {
        "shapley": "study.features.shapley:explain_shapley",
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

# How Shapley values or LIME coefficients are estimated from few evaluations, side by side (`study.converging`).
SAMPLERS = Registry(
    "sampler",
    {
        "odd_order": "study.features.samplers:sample_odd_order",
        "shap_kernel": "study.features.samplers:sample_shap_kernel",
        "shap_permutation": "study.features.samplers:sample_shap_permutation",
        "captum_kernel": "study.features.library_samplers:sample_captum_kernel",
        "captum_sampling": "study.features.library_samplers:sample_captum_sampling",
        "shapiq_kernel": "study.features.library_samplers:sample_shapiq_kernel",
        "shapiq_kernel_paired": "study.features.library_samplers:sample_shapiq_kernel_paired",
        "shapiq_kadd": "study.features.library_samplers:sample_shapiq_kadd",
        "shapiq_permutation": "study.features.library_samplers:sample_shapiq_permutation",
        "shapiq_svarm": "study.features.library_samplers:sample_shapiq_svarm",
        "lime": "study.features.samplers:sample_lime",
    },
)
