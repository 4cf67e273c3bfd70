"""The texts that `study explain` is asked about: arguments, files and standard input, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from study.errors import InputError

STDIN = "-"
_BOM = b"\xef\xbb\xbf"


class TextSource:
    """The texts in order, read when they are asked for, so that a stream is answered as it comes.

    arguments: texts themselves, or "-" for standard input; files: paths, or "-"; a file has one text a line. Without
    either, standard input. What has no word in it is left out; `n_blank` counts it.
    """

    def __init__(self, arguments: Sequence[str], files: Sequence[str], stdin: BinaryIO, *, is_terminal: bool) -> None:
        """Raises: InputError where nothing is given and nobody waits to be asked, or for a file that is not there."""
        if not arguments and not files and is_terminal:
            raise nothing_given()
        for path in files:
            if path != STDIN and not Path(path).is_file():
                raise InputError(f"cannot read {path}: there is no such file; `--file` takes one text a line, in UTF-8")
        self.n_blank = 0
        self._arguments, self._files, self._stdin = tuple(arguments), tuple(files), stdin
        if not arguments and not files:
            self._files = (STDIN,)

    def __iter__(self) -> Iterator[str]:
        """Raises: InputError for text that is not UTF-8, naming the place."""
        from study.data.words import split_words

        for text in self._all():
            if split_words(text):
                yield text
            else:
                self.n_blank += 1

    def _all(self) -> Iterator[str]:
        for number, argument in enumerate(self._arguments, start=1):
            if argument == STDIN:
                yield from _lines(self._stdin, "standard input")
            else:
                yield _checked(argument, f"text {number}")
        for path in self._files:
            if path == STDIN:
                yield from _lines(self._stdin, "standard input")
                continue
            try:
                with Path(path).open("rb") as file:
                    yield from _lines(file, path)
            except OSError as error:
                raise InputError(f"cannot read {path}: {error.strerror}") from None


def nothing_given() -> InputError:
    """The error where there is no text at all."""
    return InputError(
        "no text to explain: write it in quotes after `study explain`, name a file with `--file`, or pipe lines in"
    )


def _lines(stream: BinaryIO, where: str) -> Iterator[str]:
    """Every line as it comes. A mark of the byte order at the start is no text."""
    number = 0
    while line := stream.readline():
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            byte = line[error.start]
            raise InputError(
                f"{where}, line {number}, is not UTF-8 (byte 0x{byte:02x} at {error.start + 1}): save it as UTF-8, or "
                "convert it with `iconv -f latin1 -t utf-8`"
            ) from None


def _checked(argument: str, where: str) -> str:
    """The argument. Raises: InputError for bytes that are no UTF-8, which Python keeps as lone surrogates."""
    try:
        argument.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{where} is not UTF-8: set the terminal to UTF-8, or use `--file`") from None
    return argument
