"""The rules of an authorization: who votes, what counts, how a decision lives and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from change_service.domain import (
    Authorization,
    AuthorizationState,
    Ballot,
    Decider,
    Delegator,
    Gate,
    LineagePerson,
    Match,
    Question,
    QuorumKind,
    Rule,
    Standing,
    Step,
    SubjectKind,
    VoteKind,
    Voter,
    electorate_of,
    id_of_authorization,
)
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed

REQUEST, RELEASE, GROUP = (UUID(int=n) for n in range(1, 4))
SERVICE = an_act("change-service", on_behalf_of="rita")
LINEAGE = (LineagePerson("rita", "requester"), LineagePerson("bob", "builder"))
QUESTION = Question(
    REQUEST, SubjectKind.GATE, RELEASE, {"scope": "s"}, "digest", "Plan it", LINEAGE, RELEASE, (Gate.PLANNING,)
)
AUTHORITY = Step("authority", ("change_authority",))
FIRST = Rule("first", Match(), (AUTHORITY,))
CLEAR = Standing()


def a_request(rule=FIRST, question=QUESTION):
    return Authorization.request(SERVICE, question=question, rule=rule, policy_version=1)


def a_voter(name, *roles, groups=(), aliases=(), delegators=(), machine=False):
    return Voter(name, name, (name, *aliases), roles, groups, delegators, machine)


MANAGER = an_act("mia", roles=("change_manager",))
ADA, CARL, DORA = (a_voter(name, "change_authority") for name in ("ada", "carl", "dora"))


def cast(authorization, voter, kind=VoteKind.APPROVE, *, standing=CLEAR, delegate=None, digest="digest", at=NOON):
    ballot = Ballot(kind, "I read it", digest)
    act = an_act(voter.person_id, roles=voter.roles, at=at)
    authorization.vote(act, ballot=ballot, voter=voter, standing=standing, delegate=delegate)


def a_grant(rule=FIRST, question=QUESTION):
    authorization = a_request(rule, question)
    cast(authorization, ADA)
    assert authorization.state is AuthorizationState.GRANTED
    return authorization


def test_the_id_follows_from_the_request():
    assert a_request().id == id_of_authorization(REQUEST)


def test_the_first_vote_grants_and_is_kept_whole():
    authorization = a_grant()
    vote = authorization.votes[0]
    assert (vote.person_id, vote.roles, vote.at, vote.meaning, vote.reason, vote.digest) == (
        "ada",
        ("change_authority",),
        NOON,
        "I read it",
        "because",
        "digest",
    )
    assert authorization.deciders == (Decider("ada", ("change_authority",), NOON, "I read it", "because"),)
    assert authorization.expires_at == NOON + timedelta(days=14)
    assert replayed(authorization).deciders == authorization.deciders


def test_any_rejection_rejects():
    authorization = a_request(Rule("two", Match(), (Step("two", ("change_authority",), QuorumKind.AT_LEAST, 2),)))
    cast(authorization, ADA)
    cast(authorization, CARL, VoteKind.REJECT)
    assert authorization.state is AuthorizationState.REJECTED
    assert authorization.reasons == ("carl: because",)


def test_at_least_two_are_two_distinct_people():
    authorization = a_request(Rule("two", Match(), (Step("two", ("change_authority",), QuorumKind.AT_LEAST, 2),)))
    cast(authorization, ADA)
    with refused("already-voted"):
        cast(authorization, ADA)
    with refused("already-voted"):
        cast(authorization, Voter("ada2", "ada", ("ada", "ada2"), ("change_authority",)))
    assert authorization.state is AuthorizationState.REQUESTED
    cast(authorization, CARL)
    assert authorization.state is AuthorizationState.GRANTED
    assert [d.person_id for d in authorization.deciders] == ["ada", "carl"]


def test_all_are_all_who_may_vote():
    rule = Rule("all", Match(), (Step("all", ("change_authority",), QuorumKind.ALL),))
    standing = Standing(electorate=electorate_of(rule.steps[0], (ADA, CARL, DORA), LINEAGE, ()))
    authorization = a_request(rule)
    cast(authorization, ADA, standing=standing)
    cast(authorization, CARL, VoteKind.ABSTAIN, standing=standing)
    assert authorization.state is AuthorizationState.REQUESTED
    cast(authorization, DORA, standing=standing)
    assert authorization.state is AuthorizationState.GRANTED


def test_of_all_somebody_must_approve():
    rule = Rule("all", Match(), (Step("all", ("change_authority",), QuorumKind.ALL),))
    standing = Standing(electorate=("ada",))
    authorization = a_request(rule)
    cast(authorization, ADA, VoteKind.ABSTAIN, standing=standing)
    assert authorization.state is AuthorizationState.REQUESTED


def test_whoever_delegated_is_heard_when_their_delegate_is():
    rule = Rule("all", Match(), (Step("all", ("change_authority",), QuorumKind.ALL),))
    standing = Standing(electorate=("ada", "carl"))
    authorization = a_request(rule)
    cast(authorization, ADA, VoteKind.DELEGATE, standing=standing, delegate=CARL)
    assert authorization.state is AuthorizationState.REQUESTED
    cast(authorization, CARL, standing=standing)
    assert authorization.state is AuthorizationState.GRANTED


def test_some_of_a_group_are_its_members():
    rule = Rule("cab", Match(), (Step("cab", (), QuorumKind.OF_GROUP, 2, GROUP),))
    authorization = a_request(rule)
    members = [a_voter(name, groups=(str(GROUP),)) for name in ("g1", "g2")]
    with refused("not-entitled"):
        cast(authorization, ADA)
    for member in members:
        cast(authorization, member)
    assert authorization.state is AuthorizationState.GRANTED


def test_steps_are_decided_in_their_order():
    rule = Rule("two steps", Match(), (AUTHORITY, Step("cab", ("cab_member",))))
    authorization = a_request(rule)
    cab = a_voter("cleo", "cab_member")
    with refused("not-entitled"):
        cast(authorization, cab)
    cast(authorization, ADA)
    with refused("not-entitled", "already-voted"):
        cast(authorization, ADA)
    both = a_voter("ada", "change_authority", "cab_member")
    with refused("already-voted"):
        cast(authorization, both)
    cast(authorization, cab)
    assert authorization.state is AuthorizationState.GRANTED


def test_nobody_decides_about_what_they_had_a_part_in():
    with refused("segregation-of-duties"):
        cast(a_request(), a_voter("bob", "change_authority"))


def test_an_alias_has_the_same_conflicts():
    with refused("segregation-of-duties"):
        cast(a_request(), Voter("bob2", "bob", ("bob", "bob2"), ("change_authority",)))


def test_a_delegate_of_somebody_in_the_lineage_does_not_decide():
    delegate = a_voter("ada", "change_authority", delegators=(Delegator("bob", ("bob",), ()),))
    with refused("segregation-of-duties"):
        cast(a_request(), delegate)


def test_no_machine_account_decides():
    with refused("machine-account"):
        cast(a_request(), a_voter("robot", "change_authority", machine=True))


def test_a_vote_on_an_older_digest_is_refused():
    with refused("older-digest"):
        cast(a_request(), ADA, digest="older")


def test_a_vote_is_refused_on_hold_and_when_the_bound_content_differs():
    standing = Standing(holds=("Release 7",), differences=("change 9 was edited",))
    with refused("on-hold", "bound-content-differs"):
        cast(a_request(), ADA, standing=standing)


def test_a_decision_is_made_once_and_in_time():
    with refused("already-decided"):
        cast(a_grant(), CARL)
    with refused("request-expired"):
        cast(a_request(), ADA, at=NOON + timedelta(days=30))


SIGNED = replace(QUESTION, gates=(Gate.CHECK_IN,), signed_off_by="mia")
MIA = a_voter("mia", "change_authority")


def test_who_signed_off_votes_on_check_in_only_where_the_policy_says_so():
    with refused("signer-does-not-vote"):
        cast(a_request(question=SIGNED), MIA)
    with refused("signer-does-not-vote"):
        named = replace(SIGNED, signed_off_by=None, lineage=(*LINEAGE, LineagePerson("mia", "signer")))
        cast(a_request(question=named), MIA)
    allowed = a_request(replace(FIRST, signer_may_vote=True), SIGNED)
    cast(allowed, MIA)
    assert allowed.state is AuthorizationState.GRANTED
    planning = a_request(question=replace(SIGNED, gates=(Gate.PLANNING,)))
    cast(planning, MIA)
    assert planning.state is AuthorizationState.GRANTED


def test_who_abstained_or_asked_for_changes_may_still_decide():
    authorization = a_request()
    cast(authorization, ADA, VoteKind.ABSTAIN)
    cast(authorization, ADA, VoteKind.REQUEST_CHANGES)
    assert authorization.state is AuthorizationState.REQUESTED
    cast(authorization, ADA)
    assert authorization.state is AuthorizationState.GRANTED
    assert len(authorization.votes) == 1


def test_a_vote_can_be_delegated_and_counts_as_the_one_who_delegated():
    authorization = a_request()
    tess = a_voter("tess", "tester")
    cast(authorization, ADA, VoteKind.DELEGATE, delegate=tess)
    with refused("already-voted"):
        cast(authorization, ADA)
    cast(authorization, tess)
    assert authorization.votes[-1].counts_as == "ada"
    assert authorization.deciders[0].person_id == "tess"


def test_a_standing_delegation_counts_as_the_one_who_delegated():
    two = Rule("two", Match(), (Step("two", ("change_authority",), QuorumKind.AT_LEAST, 2),))
    authorization = a_request(two)
    cast(authorization, a_voter("tess", delegators=(Delegator("ada", ("ada",), ("change_authority",)),)))
    with refused("already-voted"):
        cast(authorization, ADA)
    cast(authorization, CARL)
    assert authorization.state is AuthorizationState.GRANTED


def test_a_vote_is_delegated_to_another_known_person_without_a_part_in_it():
    with refused("nobody-to-delegate-to"):
        cast(a_request(), ADA, VoteKind.DELEGATE)
    with refused("nobody-to-delegate-to"):
        cast(a_request(), ADA, VoteKind.DELEGATE, delegate=ADA)
    with refused("segregation-of-duties"):
        cast(a_request(), ADA, VoteKind.DELEGATE, delegate=a_voter("bob"))
    with refused("machine-account"):
        cast(a_request(), ADA, VoteKind.DELEGATE, delegate=a_voter("robot", machine=True))


def test_a_request_that_cannot_be_met_escalates_once():
    two = Step("two", ("cab_member",), QuorumKind.AT_LEAST, 2)
    authorization = a_request(Rule("two", Match(), (two,)))
    cab = (a_voter("c1", "cab_member"), a_voter("rita", "cab_member"))
    authorization.escalate(SERVICE, electorates=(electorate_of(two, cab, LINEAGE, ()),))
    assert authorization.escalation == "cannot be met: two needs 2 more, and only 1 may vote"
    authorization.escalate(SERVICE, electorates=((),))
    assert event_names(authorization).count("Escalated") == 1
    cast(authorization, cab[0])
    cast(authorization, ADA)
    assert authorization.state is AuthorizationState.GRANTED


def test_an_emergency_escalates_to_nobody_but_the_ecab():
    ecab = Rule("ecab", Match(), (Step("ECAB", ("ecab_member",)),), escalate_to=("change_authority", "ecab_member"))
    authorization = a_request(ecab, replace(QUESTION, emergency=True))
    authorization.escalate(SERVICE, electorates=((),))
    assert authorization.pending_events[-1].roles == ("ecab_member",)
    with refused("not-entitled"):
        cast(authorization, ADA)
    cast(authorization, a_voter("nora", "ecab_member"))
    assert authorization.state is AuthorizationState.GRANTED


def test_one_person_cannot_meet_two_steps():
    rule = Rule("two steps", Match(), (AUTHORITY, Step("again", ("change_authority",))))
    authorization = a_request(rule)
    authorization.escalate(SERVICE, electorates=(("ada",), ("ada",)))
    assert "authority, again needs 2 more" in authorization.escalation


def test_a_request_that_nobody_decides_escalates_when_due():
    authorization = a_request()
    authorization.escalate(SERVICE, electorates=(("ada",),))
    assert not authorization.escalated
    late = an_act("change-service", at=NOON + timedelta(days=3))
    authorization.escalate(late, electorates=(("ada",),))
    assert authorization.escalation == "nobody decided in time"


def test_a_refused_request_is_a_record_of_its_own():
    authorization = a_request()
    authorization.reject(SERVICE, reasons=("change 7 is cancelled",))
    authorization.reject(SERVICE, reasons=("again",))
    assert authorization.state is AuthorizationState.REJECTED
    assert authorization.reasons == ("change 7 is cancelled",)


def test_a_model_grants_at_once():
    authorization = a_request()
    authorization.grant_by_model(SERVICE, model_id=GROUP, deciders=(Decider("ada", (), NOON, "", ""),))
    authorization.grant_by_model(SERVICE, model_id=GROUP, deciders=())
    assert authorization.state is AuthorizationState.GRANTED
    assert authorization.model_id == GROUP


def test_next_says_who_votes_and_why_not():
    commands = {c.command: c for c in a_request().next(MANAGER, None, CLEAR)}
    assert commands["vote"].by == ("change_authority",)
    assert [u.code for u in commands["vote"].unmet] == ["not-entitled"]
    assert {c.command for c in a_request().next(MANAGER, ADA, CLEAR) if c.possible} == {"vote"}
