"""The classes of heads in words, with their thresholds: what verdicts decide by and what the report prints.

A head is tried in this order, and the first rule that holds decides (`study.metrics.verdicts`). Thresholds are ours.
All numbers are relative to the reference texts: what a head writes (`direct_centred`), its Shapley value in the margin
(`shapley_margin`), the loss when it alone is missing (`ablation_mean`).
"""

from __future__ import annotations

from collections.abc import Mapping

NULL_SHARE = 0.02  # of U: below it nothing counts, neither a whole effect nor the excess in a test
CANCELLING_FACTOR = 2.0  # writes more than so many times what it achieves
AGAINST_SHARE = 0.5  # writes against its own effect, at least this share of it
BACKUP_FACTOR = 2.0  # Shapley value more than so many times the loss when only this head is missing
INDIRECT_FACTOR = 1.0  # the part through later layers is more, or less, than so many times what it writes
CONSTANT_SHARE = 0.5  # a centred size below this share of the raw one: mostly the same write for every text

RULES: Mapping[str, str] = {
    "null": (
        "what it writes, its Shapley value, the loss when it alone is missing, and on texts not explained the margin's "
        f"change without it, alone and beside every partner, all stay below {NULL_SHARE:.0%} of U, the mean size of "
        "the words' effect (upper ends of the intervals)"
    ),
    "cancelling": (
        f"it writes more than {CANCELLING_FACTOR:g} times what it achieves (the larger of the loss when it alone is "
        f"missing and its Shapley value without sharing with heads that push the same way); or it writes against its "
        f"Shapley value, by at least {AGAINST_SHARE:g} of it; or that value is more than {BACKUP_FACTOR:g} times the "
        "loss when it alone is missing, because heads that push the other way take its work back"
    ),
    "backup": (
        f"its Shapley value is more than {BACKUP_FACTOR:g} times the loss when it alone is missing, because heads that "
        "push the same way would do its work, or it theirs"
    ),
    "direct": (
        f"what its absence changes through later layers is less, by {NULL_SHARE:.0%} of U, than what it writes to the "
        "margin itself"
    ),
    "indirect": (
        f"what its absence changes through later layers is more, by {NULL_SHARE:.0%} of U, than what it writes to the "
        "margin itself"
    ),
    "mixed": (
        "none of the intervals decides; or cancelling and backup cannot be told apart without the interactions of "
        "heads, which are known only where all their subsets were evaluated"
    ),
}
