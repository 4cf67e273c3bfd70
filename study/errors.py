"""Errors that are meant for the person at the keyboard.

Every message names the offending value, what is allowed, and what to do next.
The command line prints them without a traceback and exits with `exit_status`.
"""


class StudyError(Exception):
    """A mistake in the input or in the state of a run folder, explained for its user."""

    exit_status = 2


class ConfigError(StudyError):
    """One or more mistakes in a config file or in `key=value` overrides."""


class DataError(StudyError):
    """A data set that cannot be used as it is."""


class InputError(StudyError, ValueError):
    """An argument of the library face that cannot be used; a ValueError too, as libraries that call it expect."""


class LedgerError(StudyError):
    """A run folder that is locked, damaged, or belongs to another config."""


class WriteError(LedgerError):
    """A file that the disk does not take: full, or without the right to write there. No mistake in the input."""

    exit_status = 1


class UnknownNameError(StudyError, ValueError):
    """A name that stands in no registry."""


class GateError(StudyError):
    """An exactness gate is broken: the numbers of this run must not be believed."""

    exit_status = 3
