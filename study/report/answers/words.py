"""Which five words matter most, and through which heads: in a sentence a model, and in a table each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from study.report.answers.word_scores import Carrier, Word, strongest_words
from study.report.blocks import Block, Details, Link, Paragraph, Table, anchor_of
from study.report.explorer.choosing import choose_seed
from study.report.explorer.models import class_names
from study.report.figures.palette import method_label
from study.report.findings import capital
from study.report.inputs import RunTables, Variant, pick
from study.report.notes import level_text
from study.report.numbers import MISSING, listing, number, plural, signed, with_interval
from study.report.tables import make_table

TOLD = 3  # models whose words a sentence names; of more it names those of the first
DIRECT, CAUSAL = "largest part written by (direct)", "needed most (causal)"
_SAID = {  # of a head and words; what is said without tables
    "direct": ("writes the largest part of", "no table says which heads write them"),
    "causal": ("is needed most for", "no causal table has them, so which heads they need is not known"),
}


def words_answer(run: RunTables) -> list[Block]:
    """The sentence, and a table a model: the first in view, the others folded."""
    found = {v: answer for v in run.variants if (answer := strongest_words(run, v))[0]}
    if not found:
        return [Paragraph(f"This run cannot say: it has no {method_label(run.shap)} scores of words.", tone="muted")]
    told = dict(list(found.items())[: len(found) if len(found) <= TOLD else 1])
    least = sorted({least for _, least in told.values()})
    rule = (
        "Largest mean |SHAP|, in logits, among words found in at least "
        f"{listing([str(n) for n in least])} of the explained texts."
    )
    text = " ".join(_sentence(run, v, words) for v, (words, _) in told.items())
    links = (Link(label="more words", anchor="fig-global-words"), Link(label="any text", anchor="explorer"))
    tables = [_table(run, v, words, least, is_first=not k) for k, (v, (words, least)) in enumerate(found.items())]
    folded = [Details(f"The same table for {_others(run, list(found)[1:])}", tuple(tables[1:]))] if tables[1:] else []
    return [Paragraph(f"{rule} {text}", links, lead=_lead(run, told)), tables[0], *folded]


def _others(run: RunTables, variants: Sequence[Variant]) -> str:
    names = [run.label(*v) for v in variants]
    return listing(names) if len(names) <= TOLD else plural(len(names), "other model")


def _lead(run: RunTables, told: dict[Variant, tuple[list[Word], int]]) -> str:
    by_words: dict[str, list[str]] = {}
    for variant, (words, _) in told.items():
        by_words.setdefault(listing([f"“{w.word}”" for w in words]), []).append(run.label(*variant))
    if len(by_words) == 1:
        return f"{next(iter(by_words))}."
    return f"{'; '.join(f'{words} ({listing(names)})' for words, names in by_words.items())}."


def _sentence(run: RunTables, variant: Variant, words: list[Word]) -> str:
    """Which way they push, then the heads that come up most, and what of this is not known."""
    open_ = [f"“{w.word}”" for w in words if not w.is_clear]
    doubt = f" Which way {listing(open_)} {'pushes' if len(open_) == 1 else 'push'} stays open." if open_ else ""
    ends = " to ".join(f"{_mean(w)} (“{w.word}”)" for w in dict.fromkeys((words[0], words[-1])))
    chosen = choose_seed(run, variant)
    seed = f"In its seed {chosen.seed}, " if chosen else ""
    clauses = [_head_clause([getattr(w, kind) for w in words], kind) for kind in _SAID]
    return f"In {run.label(*variant)} the means are {ends}.{doubt} {capital(seed + '; '.join(clauses))}."


def _head_clause(carriers: Sequence[Carrier | None], kind: str) -> str:
    """ "L1H0 writes the largest part of 4 of the 5 words": the head that comes up most often, and what is in doubt."""
    verb, absent = _SAID[kind]
    known = [c for c in carriers if c is not None]
    if not known:
        return absent
    head, n = Counter(c.head for c in known).most_common(1)[0]
    those = f"{plural(len(known), 'word')}{'' if len(known) == len(carriers) else ' that have such a table'}"
    if n == 1 < len(known):
        return f"a different head {verb} each of the {those}{_doubts(known)}"
    which = "the" if len(known) == 1 else f"{'each' if n == len(known) else n} of the"
    among = "of the heads, " if kind == "direct" else ""  # other parts write too; only heads can be needed
    return f"{among}{head} {verb} {which} {those}{_doubts([c for c in known if c.head == head])}"


def _doubts(carriers: Sequence[Carrier]) -> str:
    """What writes more than the head named, and for how many words the head is in doubt, in brackets; else empty."""
    more = Counter(c.more.partition(" ")[0] for c in carriers if c.more)
    told = [f"{name} writes more: {n}" for name, n in more.items()]
    tied, once = sum(c.rival != "" for c in carriers), sum(c.n_texts == 1 for c in carriers)
    told += [f"not told apart from another head: {tied}"] if tied else []
    told += [f"on one text only: {once}"] if once else []
    return f" ({'; '.join(told)})" if told else ""


def _mean(word: Word) -> str:
    low, high = word.low, word.high
    return signed(word.mean) + with_interval(word.mean, low, high).removeprefix(number(word.mean))


def _table(run: RunTables, variant: Variant, words: list[Word], least: int, *, is_first: bool) -> Table:
    """is_first: whether its note explains the columns, which those of the others need not."""
    chosen = choose_seed(run, variant)
    seed, why = (chosen.seed, chosen.why) if chosen else ("", "")
    towards = _sides(run, variant)
    rows = [
        {
            "word": w.word,
            "texts": str(w.n_texts),
            "mean |SHAP|": number(w.size),
            "mean SHAP": _mean(w),
            "pushes": towards[int(w.mean > 0)] if w.is_clear else "not certain",
            DIRECT: w.direct.text() if w.direct else MISSING,
            CAUSAL: f"{w.causal.text()} ({plural(w.causal.n_texts, 'text')})" if w.causal else MISSING,
        }
        for w in words
    ]
    which = f"seed {seed}{f' ({why})' if why else ''}"
    note = f"Columns as above; words found in at least {plural(least, 'text')}; heads of {which}."
    if is_first:
        note = (
            "SHAP: how far the word moves the margin, averaged over all orders of adding words; logits, mean over "
            f"texts and seeds with its {level_text(run)} interval. Only words found in at least "
            f"{plural(least, 'text')}; they are picked for their size, which flatters it a little. Heads are named in "
            f"{which}, since a head's number means nothing in another. Direct: mean of what the head itself writes to "
            "the margin because of the word. Causal: what the word's effect loses without the head, averaged over all "
            "sets of the other heads; mean over the texts with a causal table. “or”: the two cannot be told apart, "
            "text by text, or there is one text only."
        )
    name = run.label(*variant)
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor=anchor_of("table-words", name),
        title=f"{name}: {plural(len(rows), 'word')}, and the heads that carry them",
        note=note,
        source="crosswalk",
        left=("pushes", DIRECT, CAUSAL),
    )


def _sides(run: RunTables, variant: Variant) -> tuple[str, str]:
    """What a negative and a positive score push to: the two classes, or the predicted one of several."""
    texts = pick(run.of("texts", *variant), trained=True)
    targets, classes = set(texts["target"]), set(class_names(run, variant[0], texts))
    if len(classes) == 2 and len(targets) == 1 and targets < classes:
        (other,) = classes - targets
        return f"towards {other}", f"towards {targets.pop()}"
    return "against the predicted class", "towards the predicted class"
