"""What stands against a request, read from what it binds."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from change_service.domain import (
    CarriedChange,
    Change,
    ChangeType,
    Content,
    Gate,
    KnownRelease,
    LineagePerson,
    Question,
    Risk,
    SubjectKind,
    differences_to,
    holds_on,
    lineage_of,
)
from fourgates.chassis.testing import an_act

CHANGE, RELEASE = UUID(int=1), UUID(int=2)
RITA = an_act("rita", roles=("requester", "change_manager"))
CONTENT = Content("Faster", "", ChangeType.NORMAL, Risk.LOW, (UUID(int=3),))


def a_change(content=CONTENT):
    change = Change.draft(RITA, change_id=CHANGE, content=content)
    change.carry(RITA, release_id=RELEASE)
    return change


def a_question(change, *gates, emergency=False):
    bound = (CarriedChange(CHANGE, change.content_digest),)
    kind = SubjectKind.GATE
    return Question(CHANGE, kind, RELEASE, {}, "d", "", (), RELEASE, gates, bound, None, emergency)


def against(change, question):
    return differences_to(question, {CHANGE: change})


def test_a_requested_change_may_be_planned_and_an_unauthorized_one_not_built():
    change = a_change()
    assert against(change, a_question(change, Gate.PLANNING)) == (f"Change {CHANGE} is a draft and was not requested.",)
    change.submit(RITA)
    assert against(change, a_question(change, Gate.PLANNING)) == ()
    for gates in ((Gate.BUILD_AND_TEST,), (Gate.PLANNING, Gate.BUILD_AND_TEST), (Gate.DEPLOYMENT,)):
        assert against(change, a_question(change, *gates)) == (f"Change {CHANGE} is requested and not authorized.",)


def test_another_text_another_carrier_and_an_end_are_named_all_at_once():
    change = a_change()
    question = replace(a_question(change, Gate.PLANNING), changes=(CarriedChange(CHANGE, "old"),))
    change.drop(RITA, release_id=RELEASE, reason="")
    change.cancel(RITA)
    found = against(change, question)
    assert len(found) == 3
    assert "the request binds old" in found[0]
    assert "is cancelled" in found[1]
    assert "carried by no release" in found[2]


def test_an_unknown_change_is_a_reason():
    assert against(None, a_question(a_change(), Gate.PLANNING)) == (f"Change {CHANGE} is not known.",)


def test_an_emergency_is_no_way_round_the_votes_of_a_normal_change():
    change = a_change()
    change.submit(RITA)
    assert "emergency changes only" in against(change, a_question(change, Gate.PLANNING, emergency=True))[0]
    urgent = a_change(replace(CONTENT, change_type=ChangeType.EMERGENCY))
    urgent.submit(RITA)
    assert against(urgent, a_question(urgent, Gate.PLANNING, emergency=True)) == ()


def test_holds_of_the_release_and_of_its_changes_are_named():
    change, release = a_change(), KnownRelease.note(RITA, release_id=RELEASE)
    assert holds_on(release, {CHANGE: change}) == ()
    change.put_on_hold(RITA)
    release.note_hold(RITA, on_hold=True)
    assert holds_on(release, {CHANGE: change}) == (f"Change {CHANGE}", f"Release {RELEASE}")


def test_requesters_and_authors_are_of_the_lineage():
    change = a_change()
    change.open_scope(RITA, release_id=RELEASE)
    change.rewrite(an_act("ben", roles=("requester",)), content=CONTENT)
    assert lineage_of({CHANGE: change}) == (
        LineagePerson("rita", "requester"),
        LineagePerson("rita", "author"),
        LineagePerson("ben", "author"),
    )
