"""A check-in: all items or none, with every reason, and what was heard that decides it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from dml_service.domain import CheckInState, KnownGrant, KnownRelease, name_id_of
from fourgates.chassis.aggregate import Unmet
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed


def a_release(kit):
    return KnownRelease.note(an_act(cause_id="release-1"), release_id=kit.RELEASE, service_id=kit.SERVICE)


def a_release_with_a_build(kit):
    release = a_release(kit)
    release.note_build(an_act(), build_id=kit.BUILD, candidates=(kit.WHEEL, kit.SBOM), inputs=())
    release.note_sign_off(an_act(), build_id=kit.BUILD)
    return release


def codes(unmet):
    return [one.code for one in unmet]


def test_a_check_in_is_completed(kit):
    check_in = kit.a_check_in()
    check_in.complete(an_act(), revoked=None)
    assert check_in.state is CheckInState.COMPLETED
    assert check_in.item_ids == (kit.a_candidate().id, kit.a_candidate(kit.SBOM).id)
    assert kit.state_of(replayed(check_in)) == kit.state_of(check_in)
    assert check_in.next(an_act()) == ()


def test_only_a_grant_of_the_check_in_gate_lets_media_in(kit):
    with refused("wrong-gate"):
        kit.a_check_in(gate="planning").complete(an_act(), revoked=None)


def test_a_revoked_grant_lets_nothing_in(kit):
    revoked = KnownGrant.revoke(an_act(), authorization_id=kit.AUTHORIZATION, reason="a mistake")
    assert kit.state_of(replayed(revoked)) == kit.state_of(revoked)
    with refused("grant-revoked"):
        kit.a_check_in().complete(an_act(), revoked=revoked)


def test_one_request_names_a_name_and_version_once(kit):
    with refused("name-twice"):
        kit.a_check_in(items=(kit.WHEEL, kit.OTHER_WHEEL)).complete(an_act(), revoked=None)


def test_a_check_in_waits_for_its_build_until_its_limit(kit):
    check_in = kit.a_check_in()
    assert check_in.must_wait(an_act(at=NOON), ready=False)
    assert not check_in.must_wait(an_act(at=NOON), ready=True)
    assert not check_in.must_wait(an_act(at=NOON + timedelta(minutes=10)), ready=False)


def test_a_build_that_was_never_heard_of_is_a_reason(kit):
    assert codes(kit.a_check_in().unmet_for_completion(revoked=None, build_known=False)) == ["build-unknown"]


def test_a_refused_check_in_says_every_reason(kit):
    check_in = kit.a_check_in()
    reasons = (Unmet("bytes-missing", "none", "blobs", "upload"), Unmet("wrong-gate", "no", "grant", "ask"))
    check_in.refuse(an_act(), unmet=reasons)
    assert check_in.state is CheckInState.REFUSED
    assert check_in.reasons == ("bytes-missing: none", "wrong-gate: no")


def test_a_check_in_that_is_no_longer_wanted_is_cancelled_once(kit):
    check_in = kit.a_check_in()
    check_in.cancel(an_act(), reason="replan")
    check_in.cancel(an_act(), reason="replan")
    assert check_in.state is CheckInState.CANCELLED
    assert event_names(check_in) == ["Requested", "Cancelled"]


def test_what_was_completed_is_not_cancelled(kit):
    check_in = kit.a_check_in()
    check_in.complete(an_act(), revoked=None)
    check_in.cancel(an_act(), reason="replan")
    assert check_in.state is CheckInState.COMPLETED


def test_what_a_build_recorded_may_be_checked_in(kit):
    release = a_release_with_a_build(kit)
    assert codes(release.unmet_for_check_in(build_id=kit.BUILD, items=(kit.WHEEL, kit.SBOM))) == []
    assert kit.state_of(replayed(release)) == kit.state_of(release)


def test_what_no_build_recorded_is_not_checked_in(kit):
    release = a_release_with_a_build(kit)
    assert codes(release.unmet_for_check_in(build_id=kit.BUILD, items=(kit.OTHER_WHEEL,))) == ["not-recorded"]


def test_a_void_build_is_not_checked_in(kit):
    release = a_release_with_a_build(kit)
    release.void_build(an_act(), build_id=kit.BUILD)
    release.void_build(an_act(), build_id=kit.BUILD)
    assert codes(release.unmet_for_check_in(build_id=kit.BUILD, items=(kit.WHEEL,))) == ["build-void"]
    assert event_names(release).count("BuildVoided") == 1


def test_a_cancelled_release_checks_nothing_in(kit):
    release = a_release_with_a_build(kit)
    release.cancel(an_act())
    release.cancel(an_act())
    assert codes(release.unmet_for_check_in(build_id=kit.BUILD, items=(kit.WHEEL,))) == ["release-cancelled"]
    assert event_names(release).count("Cancelled") == 1


def test_a_build_is_noted_once(kit):
    release = a_release_with_a_build(kit)
    release.note_build(an_act(), build_id=kit.BUILD, candidates=(), inputs=())
    release.note_sign_off(an_act(), build_id=kit.BUILD)
    assert event_names(release) == ["Noted", "BuildNoted", "SignOffNoted"]


def test_what_was_not_signed_off_is_not_checked_in(kit):
    release = a_release(kit)
    release.note_build(an_act(), build_id=kit.BUILD, candidates=(kit.WHEEL,), inputs=())
    assert codes(release.unmet_for_check_in(build_id=kit.BUILD, items=(kit.WHEEL,))) == ["not-signed-off"]
    assert not release.ready(kit.BUILD)
    release.note_sign_off(an_act(), build_id=kit.BUILD)
    assert release.ready(kit.BUILD)


def test_a_way_back_voids_the_sign_off(kit):
    release = a_release_with_a_build(kit)
    release.void_sign_offs(an_act())
    release.void_sign_offs(an_act())
    assert codes(release.unmet_for_check_in(build_id=kit.BUILD, items=(kit.WHEEL,))) == ["not-signed-off"]
    assert event_names(release).count("SignOffsVoided") == 1
    assert kit.state_of(replayed(release)) == kit.state_of(release)


def test_a_grant_is_used_once_and_was_decided_by_somebody(kit):
    with refused("grant-used"):
        kit.a_check_in().complete(an_act(), revoked=None, grant_used=True)
    with refused("grant-undecided"):
        kit.a_check_in(grant=replace(kit.a_grant(), deciders=())).complete(an_act(), revoked=None)


def test_an_empty_request_checks_nothing_in(kit):
    with refused("nothing-to-check-in"):
        kit.a_check_in(items=()).complete(an_act(), revoked=None)


def test_only_an_initial_load_is_marked_as_loaded_and_it_always_is(kit):
    for kind, loaded in (("update", True), ("initial_load", False)):
        with refused("load-by-another-kind"):
            kit.a_check_in(kind=kind, loaded=loaded).complete(an_act(), revoked=None)
    kit.a_check_in(kind="initial_load", loaded=True).complete(an_act(), revoked=None)


def test_no_version_can_be_taken_for_a_part_of_a_name(kit):
    one, other = replace(kit.WHEEL, name="a@b", version="c"), replace(kit.WHEEL, name="a", version="b@c")
    assert name_id_of(one.name, one.version) == name_id_of(other.name, other.version)
    with refused("version-unclear"):
        kit.a_check_in(items=(other,)).complete(an_act(), revoked=None)
    kit.a_check_in(items=(one,)).complete(an_act(), revoked=None)


def test_a_release_knows_its_builds_the_void_ones_too(kit):
    release = a_release(kit)
    assert not release.knows(kit.BUILD)
    release.void_build(an_act(), build_id=kit.BUILD)
    assert release.knows(kit.BUILD)
    assert not release.knows(UUID(int=77))
    release.cancel(an_act())
    assert release.knows(UUID(int=77))
