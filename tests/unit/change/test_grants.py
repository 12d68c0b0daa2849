"""How a grant lives and ends: used once, expired, voided, revoked, withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from change_service.domain import (
    Authorization,
    AuthorizationState,
    Ballot,
    Gate,
    LineagePerson,
    Match,
    Question,
    Rule,
    Standing,
    Step,
    SubjectKind,
    VoteKind,
    Voter,
)
from fourgates.chassis.testing import NOON, an_act, event_names, refused

REQUEST, RELEASE = UUID(int=1), UUID(int=2)
SERVICE = an_act("change-service", on_behalf_of="rita")
QUESTION = Question(
    REQUEST,
    SubjectKind.GATE,
    RELEASE,
    {"scope": "s"},
    "digest",
    "Plan it",
    (LineagePerson("rita", "requester"),),
    RELEASE,
    (Gate.PLANNING,),
)
FIRST = Rule("first", Match(), (Step("authority", ("change_authority",)),))
ADA = Voter("ada", "ada", ("ada",), ("change_authority",))


def a_request(question=QUESTION):
    return Authorization.request(SERVICE, question=question, rule=FIRST, policy_version=1)


def a_grant(question=QUESTION):
    authorization = a_request(question)
    ballot = Ballot(VoteKind.APPROVE, "I read it", "digest")
    authorization.vote(an_act("ada"), ballot=ballot, voter=ADA, standing=Standing())
    assert authorization.state is AuthorizationState.GRANTED
    return authorization


def test_a_grant_is_used_once():
    authorization = a_grant()
    authorization.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    authorization.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    assert event_names(authorization).count("Used") == 1
    assert authorization.state is AuthorizationState.USED


def test_a_joined_grant_is_used_once_for_each_gate():
    authorization = a_grant(question=replace(QUESTION, gates=(Gate.PLANNING, Gate.BUILD_AND_TEST)))
    authorization.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    assert authorization.state is AuthorizationState.GRANTED
    authorization.use(SERVICE, gate=Gate.BUILD_AND_TEST, used_at=NOON)
    assert authorization.state is AuthorizationState.USED


def test_of_a_joined_grant_only_the_unused_gate_is_voided():
    authorization = a_grant(question=replace(QUESTION, gates=(Gate.PLANNING, Gate.BUILD_AND_TEST)))
    authorization.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    authorization.end(SERVICE, reason="the plan was edited")
    assert authorization.state is AuthorizationState.USED
    assert authorization.pending_events[-1].gates == (Gate.BUILD_AND_TEST,)
    authorization.use(SERVICE, gate=Gate.BUILD_AND_TEST, used_at=NOON)
    assert authorization.pending_events[-1].crossing == "voided: the plan was edited"


def test_a_use_that_crossed_an_expiry_names_it():
    authorization = a_grant()
    authorization.expire(an_act("change-service", at=NOON + timedelta(days=14)))
    assert authorization.state is AuthorizationState.EXPIRED
    authorization.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    assert authorization.state is AuthorizationState.USED
    assert "expired at" in authorization.pending_events[-1].crossing


def test_what_was_never_granted_is_never_used():
    authorization = a_request()
    authorization.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    assert authorization.state is AuthorizationState.REQUESTED


@pytest.mark.parametrize("granted", [False, True])
def test_requests_and_grants_expire_at_their_time_and_not_before(granted):
    authorization = a_grant() if granted else a_request()
    span = timedelta(days=14 if granted else 30)
    authorization.expire(an_act("change-service", at=NOON + span - timedelta(seconds=1)))
    assert authorization.state is not AuthorizationState.EXPIRED
    authorization.expire(an_act("change-service", at=NOON + span))
    assert authorization.state is AuthorizationState.EXPIRED


def test_a_request_is_withdrawn_and_a_grant_voided_when_what_they_bind_changes():
    request, grant = a_request(), a_grant()
    for authorization in (request, grant):
        authorization.end(SERVICE, reason="edited")
        authorization.end(SERVICE, reason="edited")
    assert (request.state, grant.state) == (AuthorizationState.WITHDRAWN, AuthorizationState.VOIDED)
    used = a_grant()
    used.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    used.end(SERVICE, reason="edited")
    assert used.state is AuthorizationState.USED


MANAGER = an_act("mia", roles=("change_manager",))


def test_an_authority_revokes_a_grant_once():
    authorization = a_grant()
    with refused("not-entitled"):
        authorization.revoke(an_act("tom", roles=("tester",)))
    authorization.revoke(MANAGER)
    assert authorization.state is AuthorizationState.REVOKED
    with refused("nothing-to-revoke"):
        authorization.revoke(MANAGER)
    with refused("nothing-to-revoke"):
        a_request().revoke(MANAGER)


def test_a_used_grant_can_be_revoked_and_stays_used():
    authorization = a_grant()
    authorization.use(SERVICE, gate=Gate.PLANNING, used_at=NOON)
    authorization.revoke(MANAGER)
    assert authorization.state is AuthorizationState.USED
    assert authorization.crossing is not None
    with refused("nothing-to-revoke"):
        authorization.revoke(MANAGER)


def test_who_asked_withdraws_where_they_asked():
    question = replace(QUESTION, subject_kind=SubjectKind.CHANGE, gates=())
    authorization = a_request(question=question)
    with refused("not-entitled"):
        authorization.withdraw(an_act("tom"))
    authorization.withdraw(an_act("rita"))
    assert authorization.state is AuthorizationState.WITHDRAWN
    with refused("not-requested"):
        authorization.withdraw(an_act("rita"))
    with refused("withdrawn-where-requested"):
        a_request().withdraw(an_act("rita"))
