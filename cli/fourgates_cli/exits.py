"""What the command line answers to the shell, so that a pipeline can tell a refusal from a fault."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of `fourgates`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    GATE_SAYS_NO = 3
    NOT_AUTHENTICATED = 4
    CONFLICT = 5


class AnticipatedError(Exception):
    """A failure that is told in one line and an exit code, never by a traceback."""

    exit = Exit.FAILED
