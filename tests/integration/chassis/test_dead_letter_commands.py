"""`fourgates dlq` against a service that is served over a socket."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
import uvicorn
from fourgates.chassis.testing.listening import BALL_ID, Listener
from fourgates.chassis.testing.messages import WAIT_S
from fourgates.chassis.testing.toys import BallBounced
from fourgates_cli.commands.dead_letters import Service
from fourgates_cli.exits import Exit
from fourgates_cli.main import app
from starlette.applications import Starlette
from starlette.routing import Mount
from structlog.testing import capture_logs
from typer.testing import CliRunner


@contextmanager
def served(api, listening):
    server = uvicorn.Server(uvicorn.Config(api, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield
    server.should_exit = True
    thread.join(WAIT_S)


class Terminal:
    """Somebody at a command line, and the services that answer: change hears of balls, the others of nothing."""

    def __init__(self, folder):
        self.change, quiet = Listener(folder / "change"), Listener(folder / "quiet")
        services = {service: self.change if service is Service.CHANGE else quiet for service in Service}
        self.api = Starlette(routes=[Mount(f"/{name}", one.hearing.service.api) for name, one in services.items()])

    def run(self, *words):
        ran = CliRunner().invoke(app, ["dlq", *words])
        return ran.exit_code, re.sub(r"\n$", "", ran.output)


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    made = Terminal(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("FOURGATES_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
    monkeypatch.setenv("FOURGATES_TOKEN", "mona")
    # The services run in this process, and would write their logs between the lines of the command.
    with capture_logs(), served(made.api, listening):
        yield made


def test_what_waits_is_listed_over_all_services_and_shown(terminal):
    assert terminal.run("list") == (Exit.DONE, "")
    terminal.change.hears("red", 2, 1)
    listed = terminal.run("list")[1]
    assert listed.splitlines() == [
        f"change 1  waiting  toy.ball_bounced.v1 about {BALL_ID}",
        "  parked 2026-01-05 12:00:00: ValueError: no colour red",
        f"change 2  waiting  toy.ball_bounced.v1 about {BALL_ID}",
        "  parked 2026-01-05 12:00:00: an earlier message about the same thing is parked",
    ]
    assert terminal.run("list", "change") == (Exit.DONE, listed)
    assert terminal.run("list", "dml") == (Exit.DONE, "")
    assert terminal.run("list", "--key", str(BALL_ID), "--source", "/fourgates/toy") == (Exit.DONE, listed)
    assert terminal.run("list", "--key", "another & one") == (Exit.DONE, "")
    code, shown = terminal.run("show", "change", "2")
    assert code == Exit.DONE
    assert "behind change 1, which has to be retried or discarded first" in shown
    assert '"colour":"red","height":1}' in shown
    assert "ce_id: toy-2" in shown


def test_a_retry_says_whether_it_helped_and_what_still_waits(terminal):
    terminal.change.hears("red", 2)
    terminal.change.hears("blue", 1)
    failed = terminal.run("retry", "change", "1", "--reason", "let us see")
    assert failed[0] == Exit.FAILED
    assert "ValueError: no colour red (retried in vain: 1)" in failed[1]
    terminal.change.known.add("red")
    code, told = terminal.run("retry", "change", "1", "--reason", "red is known now")
    assert code == Exit.DONE
    assert told.splitlines()[0] == f"change 1  handled  toy.ball_bounced.v1 about {BALL_ID}"
    assert told.splitlines()[-1] == "About the same thing change 2 still waits: fourgates dlq show change 2"
    assert terminal.change.thrown() == ["red-2"]
    assert "DeadLetterRetryFailed by mona: let us see" in terminal.run("show", "change", "1")[1]


def test_a_discard_is_told_and_done_once(terminal):
    terminal.change.hears("red", 1)
    code, told = terminal.run("discard", "change", "1", "--reason", "it says nothing")
    assert (code, told.split()[2]) == (Exit.DONE, "discarded")
    code, told = terminal.run("discard", "change", "1", "--reason", "again")
    assert code == Exit.GATE_SAYS_NO
    assert "settled: see what else waits" in told


def test_a_refused_retry_tells_the_remedy(terminal):
    terminal.change.hears("red", 2, 1)
    code, told = terminal.run("retry", "change", "2", "--reason", "this one first")
    assert code == Exit.GATE_SAYS_NO
    assert "not-first: retry or discard dead letter 1 first" in told


def test_who_may_not_decide_is_told(terminal, monkeypatch):
    terminal.change.hears("red", 1)
    monkeypatch.setenv("FOURGATES_TOKEN", "rita")
    assert terminal.run("list")[0] == Exit.DONE
    code, told = terminal.run("discard", "change", "1", "--reason", "mine")
    assert (code, "operations:write" in told) == (Exit.NOT_AUTHENTICATED, True)


def test_what_a_stranger_wrote_does_not_steer_the_terminal(terminal):
    hearing = terminal.change.hearing
    message = hearing.message(BallBounced(ball_id=BALL_ID, colour="red", height=1))
    hearing.deliver(replace(message, headers={"\x1b[2J": "\x07"}, body=b"[red]\x1b]0;title\x07"))
    shown = terminal.run("show", "change", "1")[1]
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]\\x1b]0;title\\x07" in shown


def test_a_decision_needs_a_reason_and_a_service_that_there_is(terminal):
    assert terminal.run("retry", "change", "1")[0] == Exit.USAGE
    assert terminal.run("show", "nonsense", "1")[0] == Exit.USAGE
    assert terminal.run("show", "change", "0")[0] == Exit.USAGE
    assert terminal.run("show", "change", "7")[0] == Exit.FAILED
