"""What was heard is kept once, with its source."""

from __future__ import annotations

from uuid import UUID

from deploy_service.domain import (
    KnownAuthorization,
    KnownChange,
    KnownFreeze,
    KnownMedium,
    KnownRelease,
    KnownService,
    Waiver,
)
from fourgates.chassis.testing import NOON, event_names, replayed

ID = UUID(int=1)


def same_when_replayed(aggregate):
    return vars(replayed(aggregate)) == {**vars(aggregate), "_pending_events": []}


def test_a_medium_is_noted_when_its_state_differs(kit):
    medium = KnownMedium.hear(kit.act(), known_id=ID, name="a", version="1", sha256="a" * 64, state="definitive")
    for state in ("definitive", "quarantined", "quarantined", "definitive"):
        medium.note_state(kit.act(), state=state)
    assert event_names(medium) == ["Heard", "StateNoted", "StateNoted"]
    assert same_when_replayed(medium)


def test_what_was_withdrawn_never_comes_back(kit):
    medium = KnownMedium.hear(kit.act(), known_id=ID, name="a", version="1", sha256="a" * 64, state="withdrawn")
    medium.note_state(kit.act(), state="definitive")
    assert medium.state == "withdrawn"


def test_a_service_is_noted_when_something_differs(kit):
    service = KnownService.hear(kit.act(), known_id=ID, service_id=ID)
    for _ in range(2):
        service.note_lifecycle(kit.act(), lifecycle="live")
        service.note_dependants(kit.act(), live_dependants=(UUID(int=2),))
    assert event_names(service) == ["Heard", "LifecycleNoted", "DependantsNoted"]
    assert same_when_replayed(service)


def test_a_freeze_is_lifted_once(kit):
    freeze = KnownFreeze.hear(
        kit.act(),
        known_id=ID,
        window_id=ID,
        starts_at=NOON,
        ends_at=NOON,
        environment_ids=(),
        service_ids=(),
        reason="year end",
    )
    freeze.note_lifted(kit.act())
    freeze.note_lifted(kit.act())
    assert event_names(freeze) == ["Heard", "LiftedNoted"]
    assert same_when_replayed(freeze)


def test_a_revocation_is_the_last_word_about_a_grant(kit):
    grant = KnownAuthorization.hear(kit.act(), known_id=ID, authorization_id=ID, state="expired", reason="late")
    for state in ("expired", "revoked", "voided", "expired"):
        grant.note_state(kit.act(), state=state, reason="so")
    assert grant.state == "revoked"
    assert event_names(grant) == ["Heard", "StateNoted"]
    assert same_when_replayed(grant)


def test_a_change_is_heard_with_its_state(kit):
    change = KnownChange.hear(kit.act(), known_id=ID, change_id=ID, state="cancelled", reason="no need")
    assert (change.change_id, change.state) == (ID, "cancelled")
    change.note_state(kit.act(), state="going_on", reason="too late")
    assert event_names(change) == ["Heard"]
    assert same_when_replayed(change)


def test_a_change_is_held_and_freed_until_it_ends(kit):
    change = KnownChange.hear(kit.act(), known_id=ID, change_id=ID, state="on_hold", reason="wait")
    for state in ("on_hold", "going_on", "rejected", "on_hold"):
        change.note_state(kit.act(), state=state, reason="so")
    assert change.state == "rejected"
    assert event_names(change) == ["Heard", "StateNoted", "StateNoted"]
    assert same_when_replayed(change)


def test_a_release_is_noted_when_something_differs(kit):
    release = KnownRelease.hear(kit.act(), known_id=ID, release_id=ID, service_id=None)
    for _ in range(2):
        release.note_changes(kit.act(), change_ids=(ID,))
        release.note_hold(kit.act(), on_hold=True)
        release.note_cancellation(kit.act(), reason="no need")
        release.note_waivers(kit.act(), waivers=(Waiver("c1", "freeze", "Freeze 7", ID, "carla"),))
    assert event_names(release) == [
        "Heard",
        "ChangesNoted",
        "HoldNoted",
        "CancellationNoted",
        "WaiversNoted",
    ]
    assert same_when_replayed(release)
