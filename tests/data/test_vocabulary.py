"""The vocabulary: which words, in which order, and a file format that refuses what it did not write."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.config import VocabularyConfig
from study.data.vocabulary import Vocabulary, build_vocabulary
from study.errors import DataError
from study.records import CLS_ID, MASK_ID, PAD_ID, SPECIAL_TOKENS, UNKNOWN_ID

TRAIN = ["cold tea , cold cake", "cold tea !", "warm cake"]


def test_special_tokens_have_the_ids_of_the_records():
    vocabulary = Vocabulary((*SPECIAL_TOKENS, "tea"))
    assert vocabulary.encode(["[PAD]", "[CLS]", "[MASK]", "[UNK]", "tea", "soup"]) == [
        PAD_ID,
        CLS_ID,
        MASK_ID,
        UNKNOWN_ID,
        4,
        UNKNOWN_ID,
    ]


def test_frequency_falls_then_the_alphabet():
    vocabulary = build_vocabulary(TRAIN, None, VocabularyConfig(min_count=1))
    assert vocabulary.words == (*SPECIAL_TOKENS, "cold", "cake", "tea", "!", ",", "warm")


def test_min_count_counts_occurrences_in_training():
    vocabulary = build_vocabulary(TRAIN, None, VocabularyConfig(min_count=2))
    assert vocabulary.words == (*SPECIAL_TOKENS, "cold", "cake", "tea")


def test_unlabelled_text_adds_its_frequent_words_behind_those_of_training():
    unlabelled = ["soup soup soup bread", "soup warm warm bread bread"]
    vocabulary = build_vocabulary(TRAIN, unlabelled, VocabularyConfig(min_count=2, unlabelled_min_count=2))
    # `warm` was too rare in training alone; it stands before words that training never shows
    assert vocabulary.words == (*SPECIAL_TOKENS, "cold", "cake", "tea", "warm", "soup", "bread")


def test_max_size_includes_the_special_tokens_and_cuts_the_rarest():
    vocabulary = build_vocabulary(TRAIN, None, VocabularyConfig(min_count=1, max_size=6))
    assert vocabulary.words == (*SPECIAL_TOKENS, "cold", "cake")


def test_no_frequent_word_and_no_room_are_explained():
    with pytest.raises(DataError, match=r"min_count = 9 times \(the most frequent one occurs 3 times\)"):
        build_vocabulary(TRAIN, None, VocabularyConfig(min_count=9))
    with pytest.raises(DataError, match=r"max_size is 4, but the 4 special tokens .* set it to 5 or more"):
        build_vocabulary(TRAIN, None, VocabularyConfig(max_size=4))


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=30), max_size=6))
def test_json_round_trip(texts):
    vocabulary = build_vocabulary(["a", *texts], None, VocabularyConfig(min_count=1))
    text = vocabulary.to_json()
    again = Vocabulary.from_json(text, "x")
    assert again == vocabulary
    assert again.to_json() == text
    assert pickle.loads(pickle.dumps(vocabulary)).encode(["a"]) == vocabulary.encode(["a"])  # noqa: S301


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda v: "", "Expecting value"),
        (lambda v: v[: len(v) // 2], "Expecting"),
        (lambda v: "[" * 100_000, "recursion"),
        (lambda v: json.dumps(["tea"]), "wanted an object with the keys schema and words"),
        (lambda v: v.replace('"schema": 1', '"schema": 9'), "schema 9, this version reads 1"),
        (lambda v: v.replace('"tea"', "7"), "list of non-empty strings"),
        (lambda v: v.replace('"tea"', '"cold"'), "the word 'cold' stands twice"),
        (lambda v: v.replace("[CLS]", "[cls]"), r"begins with \[PAD\], \[CLS\]"),
    ],
)
def test_a_damaged_file_is_named(damage, message):
    text = build_vocabulary(TRAIN, None, VocabularyConfig(min_count=1)).to_json()
    with pytest.raises(DataError, match=rf"cells/x/vocabulary.json: not a vocabulary file .*{message}.*delete it"):
        Vocabulary.from_json(damage(text), "cells/x/vocabulary.json")
