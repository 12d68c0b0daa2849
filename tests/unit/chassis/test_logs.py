"""Log lines are JSON, and a traceback holds no values."""

from __future__ import annotations

import json

import structlog
from fourgates.chassis.logs import configure_logs


def fail() -> None:
    secret = "apple"
    raise OSError(len(secret))


def test_a_traceback_names_places_and_no_values(capsys):
    configure_logs("warning")
    try:
        log = structlog.get_logger("test")
        try:
            fail()
        except OSError:
            log.exception("failed", what="x")
        log.info("not written")
        line = capsys.readouterr().err
        told = json.loads(line)
        assert (told["event"], told["level"], told["what"]) == ("failed", "error", "x")
        assert "apple" not in line
        assert told["exception"][0]["exc_type"] == "OSError"
    finally:
        structlog.reset_defaults()
