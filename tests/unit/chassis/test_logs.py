"""Log lines are JSON, and a traceback holds no values."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

import structlog
from fourgates.chassis.logs import configure_logs, write_logs_of_libraries


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


def test_libraries_are_heard_in_the_same_form_when_they_warn(capsys):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        write_logs_of_libraries("info", service="parcel")
        logging.getLogger("library").warning("something of %s", "theirs")
        logging.getLogger("library").info("not written")
        logging.getLogger("kafka.net.selector").warning("a step took long")
        (line,) = capsys.readouterr().err.splitlines()
        told = json.loads(line)
        assert (told["event"], told["level"], told["service"]) == ("something of theirs", "warning", "parcel")
    finally:
        root.handlers[:], root.level = before


def test_a_line_that_finds_no_room_is_lost_and_nobody_fails_for_it(monkeypatch):
    with Path("/dev/full").open("w", buffering=1, encoding="utf-8") as full:
        monkeypatch.setattr("sys.stderr", full)
        configure_logs("info")
        try:
            structlog.get_logger("test").info("on a full disk")
        finally:
            structlog.reset_defaults()
        with suppress(OSError):
            full.close()
