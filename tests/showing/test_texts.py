"""Where texts come from: arguments, files, standard input line by line; and what is refused."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from study.errors import InputError
from study.showing.texts import TextSource


def source(*arguments: str, files: tuple[str, ...] = (), stdin: bytes = b"", is_terminal: bool = False) -> TextSource:
    return TextSource(arguments, files, io.BytesIO(stdin), is_terminal=is_terminal)


def test_arguments_come_before_files_and_a_dash_is_standard_input(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffnaïve film\r\n\n  \ngood\n".encode())
    texts = source("one", "-", files=(str(tmp_path / "a.txt"),), stdin=b"two\nthree")
    assert list(texts) == ["one", "two", "three", "naïve film", "good"]
    assert texts.n_blank == 2


def test_standard_input_is_read_where_nothing_is_named_and_not_where_something_is() -> None:
    assert list(source(stdin=b"a\n\nb\n")) == ["a", "b"]
    assert list(source("only this", stdin=b"a\n")) == ["only this"]
    assert list(source(files=("-",), stdin=b"a\n")) == ["a"]


def test_text_without_a_word_is_left_out_and_counted() -> None:
    texts = source("  ", "\u200b", "!", "")
    assert list(texts) == ["!"]
    assert texts.n_blank == 3


def test_nothing_given_on_a_terminal_is_a_mistake() -> None:
    with pytest.raises(InputError, match=r"no text to explain: write it in quotes .* `--file`, or pipe lines in"):
        source(is_terminal=True)
    assert list(source("-", stdin=b"typed\n", is_terminal=True)) == ["typed"]


def test_a_missing_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none.txt: there is no such file; `--file` takes one text a"):
        source("first", files=(str(tmp_path / "none.txt"),))


def test_other_encodings_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("good\ncafé\n".encode("latin1"))
    texts = iter(source(files=(str(tmp_path / "latin.txt"),)))
    assert next(texts) == "good"
    with pytest.raises(InputError, match=r"latin.txt, line 2, is not UTF-8 \(byte 0xe9 at 4\)"):
        next(texts)
    with pytest.raises(InputError, match="text 2 is not UTF-8"):
        list(source("good", "caf\udce9"))


def test_a_stream_is_answered_line_by_line() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stdin, os.fdopen(write, "wb", buffering=0) as pipe:
        texts = iter(TextSource([], [], stdin, is_terminal=False))
        for line in ("first", "second"):
            pipe.write(line.encode() + b"\n")
            found: list[str] = []
            reader = threading.Thread(target=lambda found=found: found.append(next(texts)), daemon=True)
            reader.start()
            reader.join(5)
            assert found == [line]  # though the pipe is still open
