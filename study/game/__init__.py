"""The coalition game over the words of one text: which words are present -> every component of the margin."""

from study.registry import Registry

REMOVALS = Registry(
    "removal operator",
    {
        "mask": "study.game.removals:MASK_WORDS",
        "delete": "study.game.removals:DELETE_WORDS",
        "attend": "study.game.removals:ATTEND_WORDS",
        "resample": "study.game.removals:RESAMPLE_WORDS",
    },
)
