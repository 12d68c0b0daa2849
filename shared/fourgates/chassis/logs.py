"""What the process writes about itself: one JSON object a line, without the values of local variables."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO, cast

import structlog
from structlog.typing import Processor

# It tells of each step of its own loop that took long, which on a busy machine are most of them.
_QUIETER = {"kafka.net.selector": logging.ERROR}


def configure_logs(level: str = "info", **always: str) -> None:
    """Write log lines to standard error from now on; a traceback names places, never values.

    A line that cannot be written, as on a full disk, is lost, and whoever wrote it goes on.

    Every line also says what is `always` so, such as which service this is.
    """
    structlog.configure(
        processors=[*_before(always), *_RENDERED],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Forgiving(sys.stderr))),
        cache_logger_on_first_use=False,
    )


def write_logs_of_libraries(level: str = "warning", **always: str) -> None:
    """Write what libraries log in the same form: warnings and worse, whatever the level of our own lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_before(always), structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDERED],
        )
    )
    for name, least in _QUIETER.items():
        logging.getLogger(name).setLevel(least)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))


class _Forgiving:
    """A stream to which nobody fails to write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _before(always: Mapping[str, str]) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        lambda _logger, _name, told: {**always, **told},
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


_RENDERED: tuple[Processor, ...] = (
    structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    structlog.processors.JSONRenderer(),
)
