"""How two explanations of one text agree: METRICS by name; tables of measurements in `study.metrics.compare`.
How right an explanation is where the truth is known: WORD_SCORES and HEAD_SCORES; table in `study.metrics.score_card`.
Whether the model does what an explanation says: FAITHFULNESS, under every removal operator that tests it.

To add an agreement metric: a `Metric` in a file here and a line below. A score against truth: a `TruthScore`. A
faithfulness metric: a `FaithfulnessMetric`.
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
FAITHFULNESS = Registry(
    "faithfulness metric",
    {
        "comprehensiveness_score": "study.metrics.faithfulness:COMPREHENSIVENESS",
        "comprehensiveness_normalised_score": "study.metrics.faithfulness:COMPREHENSIVENESS_NORMALISED",
        "sufficiency_error": "study.metrics.faithfulness:SUFFICIENCY",
        "sufficiency_normalised_error": "study.metrics.faithfulness:SUFFICIENCY_NORMALISED",
        "deletion_area_error": "study.metrics.faithfulness:DELETION_AREA",
        "insertion_area_score": "study.metrics.faithfulness:INSERTION_AREA",
        "infidelity_error": "study.metrics.faithfulness:INFIDELITY",
        "infidelity_scaled_error": "study.metrics.faithfulness:INFIDELITY_SCALED",
    },
)
WORD_SCORES = Registry(
    "score of words",
    {
        "precision_at_truth_score": "study.metrics.truth:PRECISION_AT_TRUTH",
        "average_precision_score": "study.metrics.truth:AVERAGE_PRECISION",
        "attribution_share_score": "study.metrics.truth:ATTRIBUTION_SHARE",
        "min_share_score": "study.metrics.truth:MIN_SHARE",
        "sign_accuracy_score": "study.metrics.truth:SIGN_ACCURACY",
        "oracle_spearman_score": "study.metrics.truth:ORACLE_SPEARMAN",
        "oracle_distance_error": "study.metrics.truth:ORACLE_DISTANCE",
    },
)
HEAD_SCORES = Registry(
    "score of heads",
    {
        "precision_at_acting_score": "study.metrics.truth_heads:PRECISION_AT_ACTING",
        "auroc_direct_score": "study.metrics.truth_heads:AUROC_DIRECT",
        "auroc_indirect_score": "study.metrics.truth_heads:AUROC_INDIRECT",
        "auroc_latent_score": "study.metrics.truth_heads:AUROC_LATENT",
        "average_precision_direct_score": "study.metrics.truth_heads:AVERAGE_PRECISION_DIRECT",
        "average_precision_indirect_score": "study.metrics.truth_heads:AVERAGE_PRECISION_INDIRECT",
        "average_precision_latent_score": "study.metrics.truth_heads:AVERAGE_PRECISION_LATENT",
        "cancelling_error": "study.metrics.truth_heads:CANCELLING",
    },
)
