"""What every method says of every head of the hand-built models, derived by hand.

Margins are of the second class. In units of the readout gain g, with m(f) the mean of f over the reference set:

- a head writes f(words) to the margin (WRITES), and something that other heads read, or nothing;
- direct: f, f - m(f), f - f(no word);
- ablation of a head that none reads: f by zero, f - m(f) by the mean. Of a head that others read: ALONE;
- `shapley` and `leave_one_out` are of what the words do, so constants drop out: f - f(no word) for a head that acts
  alone. Where several must work together the game over heads is a product, and they share it alike (SHARED);
- in `shapley_margin` a head's mean write is missing besides: the value above, minus m(f), plus f(no word).
"""

from __future__ import annotations

import numpy as np

from study.tasks import TASKS
from study.tasks.language import BIAS
from tests.heads.circuits import circuit

CLOSE = 1e-4  # of the readout gain
SIGNS = {"good": 1, "bad": -1, "plus": 1, "minus": -1, "e": 1, "f": -1}


def sign(words):
    return sum(SIGNS.get(word, 0) for word in words)


def rule_of(name):
    return TASKS.load(name).rule


def has(word):
    return lambda words: float(word in words)


def times(factor, function):
    return lambda words: factor * function(words)


def nothing(_words):
    return 0.0


COMMON = {
    "Norm": nothing,
    "Gazer": nothing,
    "Bias": lambda _words: BIAS,
    "Cancel+": times(3, has("z")),
    "Cancel-": times(-3, has("z")),
}
WRITES = {  # what a head writes to the margin, on full texts
    "single": {"Read": rule_of("single"), "Backup": nothing},
    "context": {
        "Context": nothing,
        "Gate": rule_of("context"),
        "Writer": times(2, has("n1")),
        "Eraser": times(-2, has("n1")),
    },
    "order": {"First": rule_of("order")},
    "negation": {"NegScope": nothing, "All": sign, "Negated": lambda words: rule_of("negation")(words) - sign(words)},
    "majority": {"CountP": lambda words: words.count("p"), "CountQ": lambda words: -words.count("q")},
    "induction": {"PrevToken": nothing, "Query": nothing, "Induction": rule_of("induction")},
}
# what is lost without a head that others read, by zero and by the mean alike
ALONE = {
    ("negation", "NegScope"): WRITES["negation"]["Negated"],  # the word counts as it stands
    ("context", "Context"): lambda words: rule_of("context")(words) - sign(words),  # e or f counts
    ("context", "Writer"): nothing,  # what it writes, or its mean, is erased
    ("induction", "PrevToken"): rule_of("induction"),
    ("induction", "Query"): rule_of("induction"),
}
SHARED = {  # Shapley value in the effect of the words, where it is not what the head writes
    ("negation", "NegScope"): times(1 / 2, WRITES["negation"]["Negated"]),
    ("negation", "Negated"): times(1 / 2, WRITES["negation"]["Negated"]),
    ("context", "Context"): times(1 / 2, ALONE["context", "Context"]),
    ("context", "Gate"): lambda words: (rule_of("context")(words) + sign(words)) / 2,
    ("context", "Writer"): has("n1"),  # 2 [Writer works][Eraser does not]
    ("context", "Eraser"): times(-1, has("n1")),
    **{("induction", head): times(1 / 3, rule_of("induction")) for head in WRITES["induction"]},
}


def expected(name, method, head, words, reference):
    """In units of the readout gain; reference: the reference texts."""
    write = {**COMMON, **WRITES[name]}[head]
    empty = BIAS if head == "Bias" else 0.0  # without words nothing else is written
    mean = float(np.mean([write(text) for text in reference]))
    alone = ALONE.get((name, head))
    shared = SHARED.get((name, head), lambda words: write(words) - empty)(words)
    return {
        "direct_raw": write(words),
        "direct_centred": write(words) - mean,
        "direct_beyond_empty": write(words) - empty,
        "ablation_zero": 0.0 if head == "Read" else (alone or write)(words),  # Backup answers in Read's place
        "ablation_mean": alone(words) if alone else write(words) - mean,
        "leave_one_out": alone(words) if alone else write(words) - empty,
        "shapley": shared,
        "shapley_margin": shared - margin_constant(head, mean, empty),
    }[method]


def margin_constant(head, mean, empty):
    """What the mean in a head's place gives, and it does not; half of that for Writer and Eraser, as of the rest."""
    return mean / 2 if head in ("Writer", "Eraser") else mean - empty


METHODS = (
    *("direct_raw", "direct_centred", "direct_beyond_empty", "ablation_zero", "ablation_mean", "leave_one_out"),
    *("shapley", "shapley_margin"),
)


def values(name, method, head):
    found = circuit(name)
    return np.array([expected(name, method, head, words, found.reference) for words in found.texts])
