"""What the command line makes of answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fourgates_cli.client import Answer, Caller, FileRecorder, Problem
from fourgates_cli.exits import Exit

UNMET = {"code": "no-plan", "detail": "There is no plan yet.", "source": "plan", "remedy": "write one"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, Exit.NOT_AUTHENTICATED),
        (403, Exit.NOT_AUTHENTICATED),
        (404, Exit.FAILED),
        (409, Exit.GATE_SAYS_NO),
        (412, Exit.CONFLICT),
        (428, Exit.CONFLICT),
        (500, Exit.FAILED),
    ],
)
def test_a_refusal_has_its_exit_code(status: int, code: Exit) -> None:
    assert Problem(Answer("POST", "/", status, {})).exit is code


def test_two_people_at_the_same_thing_are_a_conflict() -> None:
    body = {"type": "http://here/problems/concurrent-change"}
    assert Problem(Answer("POST", "/", 409, body)).exit is Exit.CONFLICT


def test_every_unmet_condition_is_told() -> None:
    answer = Answer(
        "POST", "/x", 409, {"detail": "2 conditions are not met.", "unmet": [UNMET, UNMET | {"code": "held"}]}
    )
    assert answer.codes == ("no-plan", "held")
    assert answer.reasons == "no-plan: There is no plan yet.; held: There is no plan yet."


def test_a_problem_without_conditions_tells_its_detail() -> None:
    assert Answer("GET", "/x", 404, {"title": "There is no such thing", "detail": "Nothing."}).reasons == "Nothing."


def test_every_exchange_is_a_line(tmp_path: Path) -> None:
    record = FileRecorder(tmp_path / "exchanges.jsonl")
    record(method="GET", path="/release/v1/releases", status=200)
    record(method="POST", path="/release/v1/releases", status=409)
    lines = (tmp_path / "exchanges.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == [200, 409]


def test_a_closed_caller_asks_nothing_any_more_whatever_its_token() -> None:
    with Caller("http://127.0.0.1:1", token="one") as caller:
        another = caller.with_token("another")
    with pytest.raises(RuntimeError, match="closed"):
        another.ask("GET", "/")
