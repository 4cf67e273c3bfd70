"""Texts with one word replaced by one used like it, where the model says the same: their explanations should, too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from study.data.likeness import unit_rows
from study.evaluation.setting import Evaluation
from study.records import SPECIAL_TOKENS, UNKNOWN_ID, BoolArray, FloatArray, IntArray, TextBatch
from study.seeds import rng_of
from study.setting import Setting, contribute

MARGIN_CHANGE = 0.2  # most that an edit may move the margin, in units of it or of one logit if that is more
_LEAST_LIKE = 1e-6  # cosine: rows at right angles (one direction a word, say) know of no likeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """words[index] of a text, `word`, became `new_word`. Margins before and after: of the same class, logits.

    row: of the edited text in the setting that `find_edits` returns.
    """

    row: int
    index: int
    word: str
    new_word: str
    margin: float
    edited_margin: float


def find_edits(evaluation: Evaluation, row: int) -> tuple[Setting, list[Edit]]:
    """(setting of all candidates, the edits of the text at `row` that are kept).

    A candidate replaces one word, as the model reads it, by the word of the training texts most alike in use. Kept are
    the first `edits` of them, in an order that the example id and the data seed decide, that leave the predicted class
    and, within MARGIN_CHANGE, the margin. So with word vectors every training seed has the same candidates; a model
    without any finds the words that are alike to itself. A word that knows none like it is not replaced.
    """
    setting = evaluation.setting
    example_id = setting.batch.example_id[row]
    order = rng_of(setting.data_seed, "edits", example_id).permutation(int(setting.batch.attend[row].sum()) - 1)
    tokens = setting.batch.token_ids[row, 1 : len(order) + 1]
    allowed = np.ones(len(evaluation.likeness), dtype=bool) if evaluation.seen is None else evaluation.seen
    swapped = stand_ins(tokens, evaluation.likeness, allowed)
    places = [int(index) for index in order if swapped[index] != UNKNOWN_ID] if evaluation.config.edits else []
    words = evaluation.vocabulary.words
    batch = _swap(setting.batch, row, places, swapped, [words[swapped[index]] for index in places])
    contributions, predicted = contribute(setting.model, batch)
    candidates = replace(setting, batch=batch, contributions=contributions, predicted=predicted)
    margin = float(setting.contributions.margin[row])
    most, kept = MARGIN_CHANGE * max(1.0, abs(margin)), []
    for number, index in enumerate(places, start=1):
        edited = float(contributions.margin[number])
        if predicted[number] == setting.predicted[row] and abs(edited - margin) <= most:
            names = {"word": batch.words[0][index], "new_word": batch.words[number][index]}
            kept.append(Edit(row=number, index=index, margin=margin, edited_margin=edited, **names))
    return candidates, kept[: evaluation.config.edits]


def stand_ins(tokens: IntArray, likeness: FloatArray, allowed: BoolArray) -> IntArray:
    """[word]: of every token the allowed one of the highest cosine to it, never itself or a special token.

    UNKNOWN_ID for a word without one: special, unknown, or with nothing known of its use. likeness: [token d];
    allowed: [token]. Ties go to the more frequent word, which is the lower id.
    """
    units = unit_rows(likeness, centred=False)
    cosine = np.einsum("wd,td->wt", units[tokens], units)
    cosine[:, : len(SPECIAL_TOKENS)] = -1.0
    cosine[:, ~allowed] = -1.0
    cosine[np.arange(len(tokens)), tokens] = -1.0
    found = cosine.argmax(axis=1)
    known = (cosine.max(axis=1, initial=-1.0) > _LEAST_LIKE) & (tokens >= len(SPECIAL_TOKENS))
    return np.where(known, found, UNKNOWN_ID)


def _swap(batch: TextBatch, row: int, places: list[int], swapped: IntArray, new_words: list[str]) -> TextBatch:
    """The text at `row` as it is, then with one word swapped at each of the places; the same id for all.

    The id keys what stands in for absent words under `resample`: the same words in a text and its edits.
    """
    n = len(places) + 1
    token_ids = np.repeat(batch.token_ids[[row]], n, axis=0)
    words = [batch.words[row]]
    for number, (index, new_word) in enumerate(zip(places, new_words, strict=True), start=1):
        token_ids[number, index + 1] = swapped[index]
        words.append((*batch.words[row][:index], new_word, *batch.words[row][index + 1 :]))
    return TextBatch(
        example_id=(batch.example_id[row],) * n,
        text=tuple(" ".join(own) for own in words),
        words=tuple(words),
        token_ids=token_ids,
        attend=np.repeat(batch.attend[[row]], n, axis=0),
        word_of_token=np.repeat(batch.word_of_token[[row]], n, axis=0),
        label=np.repeat(batch.label[[row]], n),
    )
