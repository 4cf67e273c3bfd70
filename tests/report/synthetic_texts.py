"""Our own sentences for synthetic runs, and the effect that their words are given.

They hold what a page must survive: markup, long words, one word, unknown words, dollar signs, and a text cut by the
model's length, whose scores beyond the cut are NaN.
"""

from __future__ import annotations

SENTENCES = [
    ("a warm and funny film that earns every one of its quiet tears .", 1),
    ("the plot is a mess , the jokes are stale , and nobody seems to care .", 0),
    ("not the disaster i feared , but far from a triumph .", 0),
    ("superb .", 1),
    ("dull", 0),
    ("the actors try hard , yet the dull script never gives them a chance to shine .", 0),
    ("an honest , beautiful and surprisingly gripping portrait of two brothers .", 1),
    ("i wrote <script>alert(1)</script> in my notes & still liked the ending .", 1),
    ("it costs $ 5 and $ 6 at the cinema , which is $ 11 too much .", 0),
    ("an antidisestablishmentarianistically overwrought pseudointellectualistic melodrama about nothing .", 0),
    ("zzyzx quibbleflark delivers a charming surprise .", 1),
    ("what begins as a clever thriller ends as a boring lecture about honour .", 0),
    ("never boring , never cheap , and always alive .", 1),
    ("the kind of comedy that makes you laugh first and think later .", 1),
    ("a weak second act cannot spoil the superb final scene .", 1),
    ("there is no heart here , only noise .", 0),
    ("children will love it and their parents will not suffer .", 1),
    ("if only the film had the courage of its beautiful first scene .", 0),
    ("tense , funny and sad , often in one line .", 1),
    (
        "slow , solemn and far too long , it walks through every room of the house , opens every drawer , reads every "
        "letter aloud , and when at last the door closes behind the widow you feel that you have aged as much as she "
        "has , though with none of her charming wit , her superb timing or her patience .",
        0,
    ),
]
VALENCE = {
    **dict.fromkeys(("warm", "funny", "earns", "superb", "honest", "beautiful", "gripping", "liked"), 1.3),
    **dict.fromkeys(("charming", "clever", "alive", "laugh", "love"), 1.3),
    **dict.fromkeys(("mess", "stale", "disaster", "dull", "boring", "weak", "noise", "nothing", "slow"), -1.3),
    **dict.fromkeys(("cheap", "overwrought", "cannot", "spoil"), -1.3),
    **dict.fromkeys(("not", "never", "no", "far", "too", "but", "yet", "only", "suffer", "long"), -0.5),
    **dict.fromkeys(("quiet", "tears", "surprise", "scene", "and", "triumph", "heart", "shine"), 0.35),
}


def is_unknown(word: str) -> bool:
    return word in ("zzyzx", "quibbleflark") or len(word) > 20
