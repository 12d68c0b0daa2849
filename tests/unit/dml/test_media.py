"""A media item: how it becomes definitive, what it suffers, and what never happens to it."""

from __future__ import annotations

from uuid import UUID

import pytest
from dml_service.domain import DefinitiveName, MediaState, Use, UseKind
from fourgates.chassis.aggregate import Refused
from fourgates.chassis.testing import an_act, event_names, refused, replayed

OTHER_BUILD = UUID(int=22)
OTHER_RELEASE = UUID(int=11)
MANAGER = an_act("mia", roles=("change_manager",))
AUTHORITY = an_act("ada", roles=("change_authority",))
NOBODY = an_act("bob", roles=("auditor",))


def check_in(kit, item, **changed):
    facts = {
        "release_id": kit.RELEASE,
        "build_id": kit.BUILD,
        "size_bytes": 10,
        "stored_bytes": 10,
        "authorization_id": kit.AUTHORIZATION,
        "document_digest": "d" * 64,
        "loaded": False,
    }
    item.check_in(an_act("dml-service"), **{**facts, **changed})


def test_a_candidate_becomes_definitive_and_says_under_which_grant(kit):
    item = kit.a_definitive_item(loaded=True)
    assert item.state is MediaState.DEFINITIVE
    assert item.loaded
    assert item.authorization_id == kit.AUTHORIZATION
    assert item.checked_in_by_release_id == kit.RELEASE
    assert item.uses == (Use(kit.RELEASE, UseKind.PACKAGED),)
    assert event_names(item) == ["Recorded", "CheckedIn", "UseNoted"]
    assert kit.state_of(replayed(item)) == kit.state_of(item)


def test_what_is_definitive_is_not_checked_in_twice(kit):
    item = kit.a_definitive_item()
    check_in(kit, item)
    assert event_names(item) == ["Recorded", "CheckedIn", "UseNoted"]


def test_another_release_may_package_what_is_definitive(kit):
    item = kit.a_definitive_item()
    item.record_again(an_act("dml-service", on_behalf_of="ben"), release_id=OTHER_RELEASE, build_id=OTHER_BUILD)
    check_in(kit, item, release_id=OTHER_RELEASE, build_id=OTHER_BUILD)
    assert item.checked_in_by_release_id == kit.RELEASE
    assert item.used_by_release_ids == (kit.RELEASE, OTHER_RELEASE)


def test_a_quarantined_item_is_not_checked_in(kit):
    with refused("not-a-candidate"):
        check_in(kit, kit.a_quarantined_item())


def test_a_candidate_of_another_build_is_not_checked_in(kit):
    with refused("not-of-this-build"):
        check_in(kit, kit.a_candidate(), build_id=OTHER_BUILD)


def test_nothing_is_checked_in_without_its_bytes(kit):
    with refused("bytes-missing"):
        check_in(kit, kit.a_candidate(), stored_bytes=None)


def test_nothing_is_checked_in_with_another_size(kit):
    with refused("size-differs"):
        check_in(kit, kit.a_candidate(), size_bytes=11)


def test_every_reason_against_a_check_in_is_named(kit):
    with pytest.raises(Refused) as refusal:
        check_in(kit, kit.a_quarantined_item(), build_id=OTHER_BUILD, stored_bytes=None)
    assert refusal.value.codes == ("not-a-candidate", "not-of-this-build", "bytes-missing")


def test_the_candidate_of_a_void_build_is_discarded(kit):
    item = kit.a_candidate()
    item.discard(an_act(), build_id=kit.BUILD)
    item.discard(an_act(), build_id=kit.BUILD)
    assert item.state is MediaState.DISCARDED
    assert event_names(item) == ["Recorded", "Discarded"]


def test_a_candidate_that_another_build_offers_too_stays_one(kit):
    item = kit.a_candidate()
    item.record_again(an_act(), release_id=kit.RELEASE, build_id=OTHER_BUILD)
    item.record_again(an_act(), release_id=kit.RELEASE, build_id=OTHER_BUILD)
    item.discard(an_act(), build_id=kit.BUILD)
    assert item.state is MediaState.CANDIDATE
    assert event_names(item) == ["Recorded", "RecordedAgain", "Discarded"]


def test_a_discarded_candidate_comes_back_when_a_new_build_gives_the_same_bytes(kit):
    item = kit.a_candidate()
    item.discard(an_act(), build_id=kit.BUILD)
    item.record_again(an_act(), release_id=kit.RELEASE, build_id=OTHER_BUILD)
    assert item.state is MediaState.CANDIDATE
    assert kit.state_of(replayed(item)) == kit.state_of(item)


def test_what_is_in_the_library_is_never_discarded(kit):
    item = kit.a_definitive_item()
    item.discard(an_act(), build_id=kit.BUILD)
    assert item.state is MediaState.DEFINITIVE


def test_a_superseded_item_stays_definitive_and_is_marked_once(kit):
    item = kit.a_definitive_item()
    item.supersede(an_act(), release_id=OTHER_RELEASE)
    item.supersede(an_act(), release_id=OTHER_RELEASE)
    assert (item.state, item.superseded) == (MediaState.DEFINITIVE, True)
    assert event_names(item).count("Superseded") == 1


def test_a_candidate_is_not_superseded(kit):
    item = kit.a_candidate()
    item.supersede(an_act(), release_id=OTHER_RELEASE)
    assert not item.superseded


def test_a_change_manager_quarantines_a_definitive_item(kit):
    assert kit.a_quarantined_item().state is MediaState.QUARANTINED


def test_not_everybody_quarantines(kit):
    with refused("not-entitled"):
        kit.a_definitive_item().quarantine(NOBODY, reason="a CVE")


def test_a_candidate_is_not_quarantined(kit):
    with refused("not-definitive"):
        kit.a_candidate().quarantine(MANAGER, reason="a CVE")


def test_a_revoked_grant_quarantines_what_it_let_in(kit):
    item = kit.a_definitive_item()
    item.quarantine_by_revocation(an_act(), authorization_id=UUID(int=99), reason="revoked")
    assert item.state is MediaState.DEFINITIVE
    item.quarantine_by_revocation(an_act(), authorization_id=kit.AUTHORIZATION, reason="revoked")
    assert item.state is MediaState.QUARANTINED
    item.quarantine_by_revocation(an_act(), authorization_id=kit.AUTHORIZATION, reason="revoked")
    assert event_names(item).count("Quarantined") == 1


def test_a_change_authority_clears_a_quarantined_item(kit):
    item = kit.a_quarantined_item()
    item.clear(AUTHORITY, reason="false alarm")
    assert item.state is MediaState.DEFINITIVE
    assert kit.state_of(replayed(item)) == kit.state_of(item)


def test_a_change_manager_does_not_clear(kit):
    with refused("not-entitled"):
        kit.a_quarantined_item().clear(MANAGER, reason="false alarm")


def test_nobody_clears_what_they_built(kit):
    with refused("lineage-builder"):
        kit.a_quarantined_item().clear(an_act("builder-1", roles=("change_authority",)), reason="mine is good")


def test_a_machine_account_does_not_clear(kit):
    with refused("lineage-machine"):
        kit.a_quarantined_item().clear(an_act("bot", roles=("change_authority",), machine=True), reason="scanned")


def test_only_a_quarantined_item_is_cleared(kit):
    with refused("not-quarantined"):
        kit.a_definitive_item().clear(AUTHORITY, reason="false alarm")


@pytest.mark.parametrize("given", ["a_definitive_item", "a_quarantined_item"])
def test_what_is_in_use_is_withdrawn(kit, given):
    item = getattr(kit, given)()
    item.withdraw(MANAGER, reason="end of support")
    assert item.state is MediaState.WITHDRAWN


def test_not_everybody_withdraws(kit):
    with refused("not-entitled"):
        kit.a_definitive_item().withdraw(NOBODY, reason="end of support")


def test_a_candidate_is_not_withdrawn(kit):
    with refused("not-in-use"):
        kit.a_candidate().withdraw(MANAGER, reason="end of support")


def test_a_cancelled_release_without_deployment_withdraws_what_it_checked_in(kit):
    item = kit.a_definitive_item()
    item.withdraw_with_release(an_act(), release_id=OTHER_RELEASE, reason="cancelled")
    assert item.state is MediaState.DEFINITIVE
    item.withdraw_with_release(an_act(), release_id=kit.RELEASE, reason="cancelled")
    item.withdraw_with_release(an_act(), release_id=kit.RELEASE, reason="cancelled")
    assert event_names(item).count("Withdrawn") == 1


def test_a_withdrawn_item_is_archived(kit):
    item = kit.a_definitive_item()
    item.withdraw(MANAGER, reason="end of support")
    item.archive(MANAGER, reason="kept for the record")
    assert item.state is MediaState.ARCHIVED
    assert kit.state_of(replayed(item)) == kit.state_of(item)


def test_a_superseded_item_is_archived(kit):
    item = kit.a_definitive_item()
    item.supersede(an_act(), release_id=OTHER_RELEASE)
    item.archive(MANAGER, reason="kept for the record")
    assert item.state is MediaState.ARCHIVED


def test_what_is_current_is_not_archived(kit):
    with refused("not-withdrawn"):
        kit.a_definitive_item().archive(MANAGER, reason="tidy")


def test_not_everybody_archives(kit):
    with refused("not-entitled"):
        kit.a_definitive_item().archive(NOBODY, reason="tidy")


def test_next_says_what_is_possible_and_why_the_rest_is_not(kit):
    possible = {command.command: command.possible for command in kit.a_definitive_item().next(MANAGER)}
    assert possible == {"quarantine": True, "clearance": False, "withdrawal": True, "archiving": False}


def test_a_use_is_noted_once(kit):
    item = kit.a_definitive_item()
    for _ in range(2):
        item.note_use(an_act(), release_id=OTHER_RELEASE, kind=UseKind.BUILT_WITH)
    assert item.uses == (Use(kit.RELEASE, UseKind.PACKAGED), Use(OTHER_RELEASE, UseKind.BUILT_WITH))


def test_a_name_and_version_never_get_a_second_content(kit):
    name = DefinitiveName.bind(an_act(), medium=kit.WHEEL)
    assert list(name.unmet_for_binding(kit.WHEEL)) == []
    assert [unmet.code for unmet in name.unmet_for_binding(kit.OTHER_WHEEL)] == ["name-has-other-content"]
    assert name.item_id == kit.a_candidate().id
    assert kit.state_of(replayed(name)) == kit.state_of(name)
