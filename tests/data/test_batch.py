"""make_batch: the place of every word, and nothing else, in the padded arrays."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.data.batch import make_batch
from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.errors import DataError
from study.records import CLS_ID, PAD_ID, SPECIAL_TOKENS, UNKNOWN_ID, LabelledTexts

VOCABULARY = Vocabulary((*SPECIAL_TOKENS, "cold", "tea", "and", "cake"))


def labelled(texts):
    ids = tuple(f"t{i}" for i in range(len(texts)))
    return LabelledTexts(example_id=ids, text=tuple(texts), label=np.arange(len(texts)) % 2)


def test_a_batch_by_hand():
    batch = make_batch(labelled(["Cold tea", "tea and soup and cake", "tea"]), VOCABULARY, max_words=4)
    assert batch.token_ids.tolist() == [
        [CLS_ID, 4, 5, PAD_ID, PAD_ID],
        [CLS_ID, 5, 6, UNKNOWN_ID, 6],
        [CLS_ID, 5, PAD_ID, PAD_ID, PAD_ID],
    ]
    assert batch.word_of_token.tolist() == [[-1, 0, 1, -1, -1], [-1, 0, 1, 2, 3], [-1, 0, -1, -1, -1]]
    assert batch.attend.tolist() == [
        [True, True, True, False, False],
        [True, True, True, True, True],
        [True, True, False, False, False],
    ]
    assert batch.words[1] == ("tea", "and", "soup", "and", "cake")  # the fifth word has no position but is kept
    assert batch.label.tolist() == [0, 1, 0]
    assert batch.text[0] == "Cold tea"


def test_only_unknown_words_and_no_words():
    batch = make_batch(labelled(["soup bread", ""]), VOCABULARY, max_words=9)
    assert batch.token_ids.tolist() == [[CLS_ID, UNKNOWN_ID, UNKNOWN_ID], [CLS_ID, PAD_ID, PAD_ID]]
    assert make_batch(labelled([]), VOCABULARY, max_words=9).token_ids.shape == (0, 1)


def test_truth_words_are_those_of_the_text():
    known = ((True, False), (False, False, True, False, True), ())
    texts = replace(labelled(["cold tea", "tea and soup and cake", ""]), relevant=known)
    assert make_batch(texts, VOCABULARY, max_words=2).relevant == known  # also of words beyond the model's length
    assert make_batch(labelled(["tea"]), VOCABULARY, max_words=2).relevant is None
    for marks, n in (((True, False, True), 3), ((True,), 1)):
        with pytest.raises(DataError) as error:
            make_batch(replace(texts, relevant=(marks, *known[1:])), VOCABULARY, max_words=2)
        assert str(error.value) == (
            f"text 't0' has 2 words, but its truth marks {n}: one mark a word is wanted, and none beyond the text"
        )


def test_max_words_must_leave_room():
    with pytest.raises(ValueError, match="max_words is 0"):
        make_batch(labelled(["tea"]), VOCABULARY, max_words=0)


@given(st.lists(st.lists(st.sampled_from(["cold", "tea", "soup", ",", "don't"]), max_size=9)), st.integers(1, 8))
def test_positions_lead_back_to_the_words(rows, max_words):
    batch = make_batch(labelled([" ".join(row) for row in rows]), VOCABULARY, max_words)
    assert batch.token_ids.shape[1] == 1 + min(max_words, max(map(len, rows), default=0))
    for i, row in enumerate(rows):
        assert list(batch.words[i]) == row == split_words(batch.text[i])
        here = batch.word_of_token[i]
        places = np.flatnonzero(here >= 0)
        assert here[places].tolist() == list(range(min(len(row), max_words)))
        assert batch.token_ids[i, places].tolist() == VOCABULARY.encode(row[:max_words])
        assert (batch.attend[i] == ((here >= 0) | (np.arange(len(here)) == 0))).all()
        assert (batch.token_ids[i][~batch.attend[i]] == PAD_ID).all()
