"""How two explanations of one text agree: METRICS by name; tables of measurements in `study.metrics.compare`.

To add an agreement metric: a `Metric` in a file here and a line below.
"""

from study.registry import Registry

METRICS = Registry(
    "metric",
    {
        "spearman": "study.metrics.agreement:SPEARMAN",
        "spearman_abs": "study.metrics.agreement:SPEARMAN_ABS",
        "kendall_tau_b": "study.metrics.agreement:KENDALL_TAU_B",
        "kendall_tau_b_abs": "study.metrics.agreement:KENDALL_TAU_B_ABS",
        "pairwise_rank_agreement": "study.metrics.agreement:PAIRWISE_RANK_AGREEMENT",
        "feature_agreement": "study.metrics.agreement:FEATURE_AGREEMENT",
        "feature_agreement_chance_adjusted": "study.metrics.agreement:FEATURE_AGREEMENT_CHANCE_ADJUSTED",
        "rank_agreement": "study.metrics.agreement:RANK_AGREEMENT",
        "sign_agreement": "study.metrics.agreement:SIGN_AGREEMENT",
        "signed_rank_agreement": "study.metrics.agreement:SIGNED_RANK_AGREEMENT",
    },
)
