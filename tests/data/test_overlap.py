"""Texts inside texts, against a literal loop."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from study.data.overlap import find_overlap, without_held_out
from study.data.words import split_words
from study.records import Corpus, LabelledTexts

WORDS = st.lists(st.sampled_from(["tea", "cold", "ab", "a", "b", ",", "."]), max_size=7).map(" ".join)


def literal(sentences, texts):
    found = set()
    for i, sentence in enumerate(sentences):
        run = [w for w in split_words(sentence) if w.isalnum()]
        for j, text in enumerate(texts):
            words = [w for w in split_words(text) if w.isalnum()]
            if run and any(words[k : k + len(run)] == run for k in range(len(words))):
                found.add((i, j))
    return found


@given(st.lists(WORDS, max_size=5), st.lists(WORDS, max_size=5))
@example(["cold a"], ["cold ab a"])  # a word is not found inside another
def test_equals_the_literal_loop(sentences, texts):
    found = list(find_overlap(sentences, texts))
    assert set(found) == literal(sentences, texts)
    assert len(found) == len(set(found))


def test_held_out_texts_leave_the_unlabelled_text():
    long = "one two three four five six seven eight"

    def part(name, *texts):
        ids = tuple(f"{name}{i}" for i in range(len(texts)))
        return LabelledTexts(example_id=ids, text=texts, label=np.zeros(len(texts)))

    corpus = Corpus(
        name="x",
        class_names=("a", "b"),
        train=part("train", "nine ten eleven twelve thirteen fourteen fifteen sixteen"),
        validation=part("validation", "cold tea"),
        test=part("test", long),
    )
    unlabelled = [
        f"Well: {long.upper()}!",  # holds the test text
        "Cold tea.",  # is the validation text
        "I like cold tea",  # a stock phrase inside a longer text stays
        "nine ten eleven twelve thirteen fourteen fifteen sixteen",  # training text may be seen
    ]
    assert without_held_out(unlabelled, corpus) == unlabelled[2:]
