"""The narrator counts what was proved, and stops at the first thing that was not."""

from __future__ import annotations

import pytest
from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.narrator import Narrator, NotAsExpectedError


def a_narrator() -> tuple[Narrator, list[str]]:
    told: list[str] = []
    return Narrator(told.append), told


def a_refusal(*codes: str, status: int = 409) -> Answer:
    errors = [{"code": code, "detail": f"about {code}", "remedy": f"mend {code}"} for code in codes]
    return Answer("POST", "/release/v1/releases/r-1/sign-offs", status, {"errors": errors})


def test_a_refusal_is_told_with_every_reason_and_its_remedy() -> None:
    narrator, told = a_narrator()
    narrator.refused(
        a_refusal("test-not-passed", "no-build"), status=409, codes=("test-not-passed",), text="no sign-off"
    )
    assert any("no-build: about no-build → mend no-build" in line for line in told)
    assert narrator.seen["refusal"] == 1


@pytest.mark.parametrize(
    "answer", [a_refusal("other"), a_refusal("test-not-passed", status=403), Answer("POST", "/", 200, {})]
)
def test_another_answer_than_the_expected_refusal_fails(answer: Answer) -> None:
    narrator, _ = a_narrator()
    with pytest.raises(NotAsExpectedError):
        narrator.refused(answer, status=409, codes=("test-not-passed",), text="no sign-off")


def test_another_state_than_the_expected_one_fails() -> None:
    narrator, _ = a_narrator()
    with pytest.raises(NotAsExpectedError, match="planning"):
        narrator.state({"state": "planning"}, "state", "closed", "the release")


def test_a_fact_that_does_not_hold_fails() -> None:
    narrator, _ = a_narrator()
    with pytest.raises(NotAsExpectedError):
        narrator.fact(False, "two plus two is five", seen=4)


def test_the_summary_counts_by_kind() -> None:
    narrator, _ = a_narrator()
    narrator.granted("G1")
    narrator.fact(True, "it stands")
    assert narrator.summary() == "1 grants, 0 refusals, 0 states, 1 facts"
