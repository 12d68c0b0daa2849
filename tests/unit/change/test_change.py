"""The rules of a change."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from change_service.domain import Change, ChangeGrant, ChangeState, ChangeType, Content, Decider, Outcome, Risk
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed

SERVICE, RELEASE, OTHER, GRANT = (UUID(int=n) for n in range(1, 5))
RAISER = an_act("rita", roles=("requester",))
MANAGER = an_act("mia", roles=("change_manager",))
STRANGER = an_act("tom", roles=("tester",))
NORMAL = Content("Faster tracking", "Use the new index.", ChangeType.NORMAL, Risk.LOW, (SERVICE,))
DECIDER = Decider("ada", ("change_authority",), NOON, "I agree", "it is sound")


def a_draft(content=NORMAL):
    return Change.draft(RAISER, change_id=UUID(int=100), content=content)


def a_requested(content=NORMAL):
    change = a_draft(content)
    change.submit(RAISER)
    return change


def an_assessed(content=NORMAL):
    change = a_requested(content)
    change.assess(MANAGER, risk=content.risk, findings="fine")
    return change


def an_authorized(content=NORMAL):
    change = an_assessed(content)
    change.put_to_authority(RAISER, authorization_id=GRANT)
    assert change.authorize(MANAGER, grant=the_grant(change))
    return change


def the_grant(change, authorization_id=GRANT):
    return ChangeGrant(authorization_id, change.content_digest, (DECIDER,), 1)


def a_carried(content=NORMAL):
    change = an_authorized(content)
    assert change.carry(RAISER, release_id=RELEASE)
    return change


def test_a_change_goes_from_draft_to_closed_with_its_release():
    change = a_carried()
    change.schedule(MANAGER, release_id=RELEASE)
    assert change.state is ChangeState.SCHEDULED
    change.implement(MANAGER, release_id=RELEASE)
    assert change.state is ChangeState.IMPLEMENTING
    change.close_with_release(MANAGER, release_id=RELEASE, outcome=Outcome.SUCCESSFUL_WITH_ISSUES)
    assert change.state is ChangeState.CLOSED
    assert change.outcome is Outcome.SUCCESSFUL_WITH_ISSUES
    assert event_names(change)[-2:] == ["Reviewed", "Closed"]
    assert replayed(change).content_digest == change.content_digest


def test_only_some_roles_raise_a_change():
    with refused("not-entitled"):
        Change.draft(STRANGER, change_id=UUID(int=100), content=NORMAL)


def test_a_change_that_alters_a_service_names_it():
    nameless = replace(NORMAL, service_ids=())
    with refused("no-service"):
        a_draft(nameless)
    with refused("no-service"):
        a_draft().rewrite(RAISER, content=nameless)
    assert a_draft(replace(nameless, alters_service=False)).state is ChangeState.DRAFT


def test_a_change_is_requested_once():
    with refused("another-state"):
        a_requested().submit(RAISER)
    with refused("not-entitled"):
        a_draft().submit(STRANGER)


def test_a_change_is_assessed_by_change_management_when_it_is_requested():
    with refused("another-state", "not-entitled"):
        a_draft().assess(STRANGER, risk=Risk.LOW, findings="")


def test_an_assessed_risk_becomes_part_of_the_content():
    change = a_requested()
    before = change.content_digest
    change.assess(MANAGER, risk=Risk.HIGH, findings="touches every parcel")
    assert change.content.risk is Risk.HIGH
    assert change.content_digest != before
    assert change.authors == ("rita",)


def test_an_edit_voids_the_authorization_and_makes_an_author():
    change = an_authorized()
    change.rewrite(an_act("ben", roles=("release_manager",)), content=replace(NORMAL, title="Other"))
    assert change.state is ChangeState.REQUESTED
    assert change.grant is None
    assert change.lineage == ("rita", "ben")
    assert not change.authorize(MANAGER, grant=the_grant(change))


def test_an_edited_draft_stays_a_draft():
    change = a_draft()
    change.rewrite(RAISER, content=replace(NORMAL, title="Other"))
    assert change.state is ChangeState.DRAFT


def test_a_change_carried_by_a_release_that_has_not_rescoped_is_not_edited():
    change = a_carried()
    with refused("carried-by-an-open-release"):
        change.rewrite(RAISER, content=NORMAL)
    change.open_scope(MANAGER, release_id=OTHER)
    with refused("carried-by-an-open-release"):
        change.rewrite(RAISER, content=NORMAL)
    change.open_scope(MANAGER, release_id=RELEASE)
    change.rewrite(RAISER, content=replace(NORMAL, title="Other"))
    assert change.carried_by == RELEASE


def test_an_assessment_that_finds_another_risk_edits_what_a_release_carries():
    change = a_requested()
    change.carry(RAISER, release_id=RELEASE)
    with refused("carried-by-an-open-release"):
        change.assess(MANAGER, risk=Risk.HIGH, findings="worse than stated")
    change.open_scope(MANAGER, release_id=RELEASE)
    change.assess(MANAGER, risk=Risk.HIGH, findings="worse than stated")
    assert change.content.risk is Risk.HIGH


def test_asking_to_plan_binds_the_text_again():
    change = a_carried()
    change.open_scope(MANAGER, release_id=RELEASE)
    change.bind_scope(MANAGER, release_id=RELEASE)
    with refused("carried-by-an-open-release"):
        change.rewrite(RAISER, content=NORMAL)


def test_a_change_in_work_is_not_edited_or_cancelled():
    change = a_carried()
    change.implement(MANAGER, release_id=RELEASE)
    with refused("not-editable"):
        change.rewrite(RAISER, content=NORMAL)
    with refused("not-cancellable"):
        change.cancel(RAISER)
    with refused("not-entitled"):
        a_draft().rewrite(STRANGER, content=NORMAL)


def test_a_change_is_put_to_an_authority_once_it_is_assessed():
    with refused("not-assessed", "already-put-to-authority", "not-entitled"):
        a_requested().put_to_authority(STRANGER, authorization_id=GRANT, undecided=True)


def test_a_standard_change_needs_no_assessment_of_its_own():
    change = a_requested(replace(NORMAL, change_type=ChangeType.STANDARD))
    with refused("model-needed"):
        change.put_to_authority(RAISER, authorization_id=GRANT)
    change.put_to_authority(RAISER, authorization_id=GRANT, by_model=True)
    assert change.authorize(MANAGER, grant=the_grant(change))


def test_a_hold_forbids_requests_until_it_is_lifted():
    draft, assessed = a_draft(), an_assessed()
    for change in (draft, assessed):
        change.put_on_hold(MANAGER)
    with refused("on-hold"):
        draft.submit(RAISER)
    with refused("on-hold"):
        assessed.put_to_authority(RAISER, authorization_id=GRANT)
    draft.take_off_hold(MANAGER)
    draft.submit(RAISER)


def test_only_what_goes_on_is_put_on_hold_and_only_a_hold_is_lifted():
    change = a_draft()
    with refused("not-on-hold", "not-entitled"):
        change.take_off_hold(STRANGER)
    change.put_on_hold(MANAGER)
    with refused("not-holdable", "not-entitled"):
        change.put_on_hold(STRANGER)
    ended = a_draft()
    ended.cancel(RAISER)
    with refused("not-holdable"):
        ended.put_on_hold(MANAGER)


def test_a_change_is_cancelled_by_its_people_or_a_change_manager():
    change = a_draft()
    with refused("not-entitled"):
        change.cancel(STRANGER)
    change.cancel(MANAGER)
    assert change.state is ChangeState.CANCELLED


def test_a_change_that_alters_no_service_closes_by_its_own_review():
    change = an_authorized(replace(NORMAL, alters_service=False))
    change.review(MANAGER, outcome=Outcome.UNSUCCESSFUL)
    change.close(MANAGER)
    assert change.state is ChangeState.CLOSED
    assert change.outcome is Outcome.UNSUCCESSFUL


def test_a_change_that_alters_a_service_closes_only_through_a_release():
    with refused("alters-a-service", "carried-by-a-release"):
        a_carried().review(MANAGER, outcome=Outcome.SUCCESSFUL)
    with refused("another-state", "not-entitled"):
        a_draft().review(STRANGER, outcome=Outcome.SUCCESSFUL)
    with refused("another-state", "not-entitled"):
        a_draft().close(STRANGER)


def test_a_grant_for_another_request_or_another_text_is_not_taken():
    change = an_assessed()
    change.put_to_authority(RAISER, authorization_id=GRANT)
    assert not change.authorize(MANAGER, grant=the_grant(change, authorization_id=OTHER))
    assert not change.authorize(MANAGER, grant=replace(the_grant(change), content_digest="old"))
    change.reject(MANAGER, authorization_id=OTHER, reason="")
    assert change.state is ChangeState.ASSESSED
    change.reject(MANAGER, authorization_id=GRANT, reason="too dear")
    assert change.state is ChangeState.REJECTED


@pytest.mark.parametrize("begun", [False, True])
def test_a_lost_grant_takes_a_new_one(begun):
    change = a_carried()
    if begun:
        change.implement(MANAGER, release_id=RELEASE)
    change.lose_grant(MANAGER, authorization_id=OTHER, reason="expired")
    assert change.grant is not None
    change.lose_grant(MANAGER, authorization_id=GRANT, reason="expired")
    assert change.state is (ChangeState.IMPLEMENTING if begun else ChangeState.ASSESSED)
    change.send_back(MANAGER, release_id=RELEASE)
    assert change.state is ChangeState.ASSESSED


def test_one_open_release_carries_a_change_at_a_time():
    change = a_carried()
    assert change.carry(RAISER, release_id=RELEASE)
    assert not change.carry(RAISER, release_id=OTHER)
    change.drop(RAISER, release_id=OTHER, reason="not mine")
    assert change.carried_by == RELEASE
    change.schedule(MANAGER, release_id=RELEASE)
    change.drop(RAISER, release_id=RELEASE, reason="cancelled")
    assert change.state is ChangeState.AUTHORIZED
    assert change.carry(RAISER, release_id=OTHER)


def test_an_ended_change_is_not_carried():
    change = a_draft()
    change.cancel(RAISER)
    assert not change.carry(RAISER, release_id=RELEASE)


def test_facts_of_another_release_change_nothing():
    change = a_carried()
    before = len(change.pending_events)
    change.schedule(MANAGER, release_id=OTHER)
    change.implement(MANAGER, release_id=OTHER)
    change.send_back(MANAGER, release_id=OTHER)
    change.bind_scope(MANAGER, release_id=OTHER)
    change.close_with_release(MANAGER, release_id=OTHER, outcome=Outcome.SUCCESSFUL)
    assert len(change.pending_events) == before


def test_a_missed_target_raises_a_requested_change():
    change = Change.link(
        an_act("review-service", on_behalf_of="eve"),
        change_id=UUID(int=9),
        content=NORMAL,
        evaluation_id=GRANT,
        release_id=RELEASE,
        review_id=OTHER,
    )
    assert event_names(change) == ["Drafted", "Linked", "Submitted"]
    assert change.state is ChangeState.REQUESTED
    assert change.requested_by == "eve"
    assert change.evaluation_id == GRANT


def test_next_says_what_stands_in_the_way():
    possible = {c.command for c in a_draft().next(RAISER.but(roles=("requester", "change_manager"))) if c.possible}
    assert possible == {"submit", "rewrite", "put_on_hold", "cancel"}
