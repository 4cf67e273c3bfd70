"""What the report reads of a run: the columns of every table, and which of them are numbers, names or flags."""

from __future__ import annotations

from collections.abc import Mapping

_CELL = ("dataset", "model", "seed")
_TEXT = (*_CELL, "example_id")
_HEAD = ("component", "layer", "head")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "accuracy": (*_CELL, "kind", "accuracy", "low", "high", "level", "n_test", "n_seeds"),
    "training": (*_CELL, "epoch", "train_loss", "validation_loss", "validation_accuracy"),
    "shuffled_training": (*_CELL, "epoch", "train_loss", "validation_loss", "validation_accuracy"),
    "texts": (
        *_CELL,
        *("trained", "example_id", "text", "label", "predicted", "target", "margin", "empty_margin"),
        *("n_words", "n_words_cut", "n_unknown"),
    ),
    "features": (
        *_CELL,
        *("trained", "example_id", "word_index", "word", "unknown", "method", "estimator", "score", "n_evals"),
    ),
    "heads": (*_TEXT, *_HEAD, "method", "kind", "ablation", "score", "error"),
    "components": (
        *_CELL,
        *("example_id", "component", "kind_of_component", "layer", "head", "contribution", "empty_contribution"),
    ),
    "crosswalk": (*_CELL, "example_id", "word_index", "word", "component", "method", "kind", "value"),
    "causal": (
        *_TEXT,
        *("n_words", "n_word_coalitions", "words_exact", "n_head_coalitions", "heads_exact"),
        *("sampling_error", "word_error", "head_error"),
    ),
    "interactions": (*_TEXT, "component_a", "component_b", "value", "margin_value"),
    "ablations": (*_TEXT, "group", "n_heads", "ablation", "effect"),
    "trials": (
        *(*_CELL, "component", "partner", "n_texts", "mean_abs_change", "low", "high", "flipped", "accuracy_lost"),
    ),
    "profiles": (
        *_CELL,
        *_HEAD,
        *("raw_size", "direct_size", "causal_size", "ablation_size", "indirect_size"),
        *("indirect_share", "indirect_low", "indirect_high", "n_undefined"),
        *("words_direct_size", "words_direct_mean", "words_causal_size", "words_causal_mean"),
        *("partner", "interaction", "attention_to_cls", "attention_entropy"),
        *("class_", "reason", "trial_change", "trial_high", "trial_flipped", "trial_accuracy_lost", "confirmed"),
    ),
    "profile_words": (*_CELL, "component", "word", "n_texts", "causal", "direct", "side", "rank"),
    "head_disagreement": (
        *(*_CELL, "component", "rank_raw", "rank_direct", "rank_causal", "reason"),
        *("raw_size", "direct_size", "causal_size", "ablation_size", "indirect_share", "explanation"),
    ),
    "head_matches": ("dataset", "model", "seed_a", "seed_b", "layer", "head_a", "head_b", "cosine", "cosine_others"),
    "readout_attention": (*_TEXT, "component", "word_index", "weight"),
    "patching": (
        *_TEXT,
        *("swapped_index", "word", "twin_word", "margin", "twin_margin"),
        *_HEAD,
        *("place", "word_index", "at", "effect"),
    ),
    "layers": (*_TEXT, "step", "order", "layer", "lens_margin", "contribution"),
    "neurons": (*_CELL, "layer", "neuron", "size", "mean", "active_rate", "share", "rank"),
    "neuron_words": (*_TEXT, "layer", "neuron", "word_index", "word", "effect"),
    "paths": (*_TEXT, "path", "first", "second", "hops", "word_index", "word", "contribution", "rank"),
    "path_sums": (*_TEXT, "group", "contribution", "size", "listed"),
    "interventions": (*_TEXT, "kind", "name", "word_index", "predicted", "frozen", "live"),
    "removal_curves": (*_TEXT, "unit", "method", "fraction", "n_removed", "n_units", "margin_lost"),
    "measurements": (*_CELL, "example_id", "metric", "method_a", "method_b", "value"),
    "estimates": (
        *("dataset", "model", "metric", "method_a", "method_b", "subset"),
        *("estimate", "low", "high", "level", "n_examples", "n_seeds", "n_undefined"),
    ),
    "convergence": (*_TEXT, "n_words", "target", "sampler", "evaluations", "n_evals", "repeat", "error"),
    "convergence_needs": (
        *("dataset", "model", "n_words", "target", "sampler", "error"),
        *("evaluations", "at_fewest", "ratio", "ratio_at_most"),
    ),
    "truth_words": ("dataset", "example_id", "word_index", "word", "relevant", "oracle"),
    "truth_heads": ("dataset", "model", *_HEAD, "name", "role", "fools", "undoes"),
    "truth_scores": (*_TEXT, "unit", "method", "metric", "value"),
    "score_card": (
        *("dataset", "model", "rung", "unit", "metric", "method", "estimate", "low", "high", "level"),
        *("n_examples", "n_seeds", "n_undefined", "floor", "ceiling", "relative", "verified"),
    ),
    "verification": (*_CELL, "check", "value", "low", "high", "passed"),
    "pairs": (
        *(*_CELL, "component_a", "component_b", "name_a", "name_b", "cosine", "norm_ratio"),
        *("single_a", "single_b", "joint", "found", "truth"),
    ),
    "failures": (
        *(*_TEXT, "word_index", "word", "method", "score", "largest", "size", "components"),
        *("partner_index", "partner", "interaction"),
    ),
    "failure_rates": (
        *("dataset", "model", "method", "n_words", "n_missed", "n_texts", "n_seeds"),
        *("share", "low", "high", "text_share", "text_low", "text_high", "level"),
    ),
    "circuit_curves": (*_TEXT, "method", "order", "n_kept", "n_heads", "fraction", "faithfulness"),
    "perturbation_curves": (
        *(*_TEXT, "method", "explained_under", "removed_by", "order", "fraction", "n_removed", "margin"),
    ),
    "comparisons": (
        *("dataset", "model", "metric", "method_a", "method_b", "difference", "low", "high", "level"),
        *("effect_size", "p", "p_adjusted", "n_examples", "n_seeds", "n_undefined"),
    ),
    "variance": (
        *("dataset", "model", "metric", "method_a", "method_b", "source", "variance", "share", "is_cut"),
        *("n_seeds", "n_examples", "n_repeats", "n_undefined"),
    ),
    "hypotheses": (
        *("hypothesis", "part", "claim", "dataset", "model", "effect", "low", "high", "level", "p", "p_adjusted"),
        *("smallest_effect", "equivalence_band", "verdict", "reason", "n_examples", "n_seeds", "n_undefined"),
    ),
    "faithfulness": (*_TEXT, "method", "explained_under", "removed_by", "metric", "value"),
    "repeats": (*_TEXT, "repeat", "metric", "method_a", "method_b", "value"),
    "word_stability": (*_TEXT, "word_index", "word", "method", "score_mean", "score_sd", "n_repeats"),
    "edit_stability": (*_TEXT, "edit", "method", "metric", "value"),
    "sanity": (*_TEXT, "randomised", "order", "method", "metric", "value"),
    "budgets": (*_TEXT, "n_words", "rule", "n_evals", "metric", "value"),
    "additivity": (*_TEXT, "n_words", "additive_share", "n_masks"),
    "edits": (*_TEXT, "edit", "word_index", "word", "new_word", "margin", "edited_margin"),
    "ratings": (*_CELL, "word", "rating", "rating_sd", "method", "score_mean", "n_texts"),
    "rated_texts": (
        *(*_CELL, "kind", "accuracy", "low", "high", "level", "spearman", "spearman_low", "spearman_high", "n_texts"),
    ),
    "walkthrough": ("step", "operation", "in_1", "in_2", "out", "size"),
}
COST_COLUMNS = (*_CELL, "method", "n_texts", "n_evals", "seconds")

NUMBERS = frozenset(
    (
        *("accuracy", "low", "high", "train_loss", "validation_loss", "validation_accuracy", "margin", "empty_margin"),
        *("score", "contribution", "empty_contribution", "value", "estimate", "seconds", "n_evals", "n_texts"),
        *("n_examples", "n_seeds", "n_undefined", "n_words"),
        *("error", "n_word_coalitions", "n_head_coalitions", "sampling_error", "word_error", "head_error"),
        *("effect", "n_heads", "mean_abs_change", "direct_size", "raw_size", "causal_size", "margin_value"),
        *(
            "ablation_size",
            *("words_direct_size", "words_direct_mean", "words_causal_size", "words_causal_mean"),
            *("flipped", "accuracy_lost", "trial_flipped", "trial_accuracy_lost"),
            "indirect_size",
            "indirect_share",
            "indirect_low",
        ),
        *("indirect_high", "interaction", "attention_to_cls", "attention_entropy", "trial_change", "trial_high"),
        *("causal", "direct", "rank", "twin_margin", "lens_margin", "size", "mean", "active_rate", "share"),
        *("listed", "predicted", "frozen", "live", "fraction", "n_removed", "n_units", "margin_lost", "order"),
        *("rank_raw", "rank_direct", "rank_causal", "cosine", "cosine_others"),
        *("evaluations", "repeat", "ratio", "ratio_at_most"),
        *("n_missed", "text_share", "text_low", "text_high"),
        *("difference", "effect_size", "p", "p_adjusted", "smallest_effect", "equivalence_band", "variance"),
        *("n_repeats", "faithfulness", "n_kept", "edited_margin", "rating", "rating_sd", "score_mean", "score_sd"),
        *("spearman", "spearman_low", "spearman_high", "additive_share", "n_masks"),
        *("oracle", "floor", "ceiling", "relative", "norm_ratio", "single_a", "single_b", "joint", "largest"),
        "weight",
    )
)
NAMES = frozenset(
    (
        *("seed", "example_id", "word", "twin_word", "at", "method_b", "label", "target", "component", "partner"),
        *(
            "class_",
            "reason",
            "explanation",
            "head_a",
            "head_b",
            "seed_a",
            "seed_b",
            "hypothesis",
            "part",
            "claim",
            "verdict",
            "path",
            "first",
            "second",
            "group",
            "new_word",
            "name",
            *("role", "fools", "undoes", "name_a", "name_b", "check", "components"),
        ),
    )
)
FLAGS = (
    *("trained", "unknown", "words_exact", "heads_exact", "at_fewest"),
    *("relevant", "verified", "passed", "found", "truth", "is_cut"),
)
# "predicted" is a class in one table and a number in another; "size" is text in the walkthrough.
TEXT_IN = {("texts", "predicted"), ("walkthrough", "size")}
