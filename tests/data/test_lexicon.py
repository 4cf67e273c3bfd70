"""Rated words: how entries become words, what is left out, and a refusal when the file is another one."""

import importlib.util
import subprocess
import sys

import pytest

from study.data import LEXICONS, read_lexicon
from study.data.lexicon import LEXICON_FILE, WordRating, parse_lexicon, read_vader
from study.data.packaged import PackagedFile
from study.data.words import split_words
from study.errors import DataError, UnknownNameError


def line(entry, mean, ratings="[1, 2, 2]"):
    return f"{entry}\t{mean}\t0.5\t{ratings}"


def test_entries_become_words_and_the_rest_is_counted():
    lines = [line("lovely", 2.0), line(":-)", 1.5), line("fed up", -1.0), line("143", 2.0), line("so-so", -0.1)]
    found = parse_lexicon("\r\n".join(lines))
    assert found.words == {"lovely": WordRating(2.0, 0.5, 3), "so-so": WordRating(-0.1, 0.5, 3)}
    assert found.left_out == {"not one word": 2, "without a letter": 1, "the same word again": 0}


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        ([("TEA", 1.0), ("tea", 2.0)], 2.0),  # our spelling beats capitals
        ([("tea", 2.0), ("TEA", 1.0)], 2.0),  # wherever they stand
        ([("tea", 2.0), ("tea", 3.0)], 3.0),  # of equal ones the last
        ([("TEA", 2.0), ("Tea", 3.0)], 3.0),
    ],
)
def test_of_entries_that_are_one_word_one_is_kept(entries, kept):
    found = parse_lexicon("\n".join(line(*entry) for entry in entries))
    assert found.words["tea"].mean == kept
    assert found.left_out["the same word again"] == 1


def test_the_real_lexicon():
    found = read_vader()
    assert (len(found.words), sum(found.left_out.values())) == (7245, 275)
    assert all(split_words(word) == [word] for word in found.words)
    assert all(0 < abs(r.mean) <= 4 and r.sd >= 0 and r.n_raters == 10 for r in found.words.values())
    assert found.words["good"].mean > 0 > found.words["bad"].mean


def test_the_package_is_never_imported():
    code = (
        "import sys; from study.data import read_lexicon; read_lexicon('vader'); print('vaderSentiment' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_another_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "vader_lexicon.txt"
    monkeypatch.setattr(PackagedFile, "path", lambda _file: path)
    with pytest.raises(DataError, match=r"cannot read .*vader_lexicon.txt .*reinstall vaderSentiment==3\.3\.2"):
        read_vader()
    path.write_text(line("lovely", 2.0))
    with pytest.raises(DataError, match=rf"has sha256 \w+, but the study was made for {LEXICON_FILE.sha256}"):
        read_vader()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DataError, match=r"vaderSentiment is not installed: run `pip install vaderSentiment==3\.3\.2`"):
        read_vader()


def test_names():
    assert list(LEXICONS) == ["vader"]
    with pytest.raises(UnknownNameError, match="unknown lexicon 'vadder'; did you mean 'vader'"):
        read_lexicon("vadder")
