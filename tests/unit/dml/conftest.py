"""Media, releases and people that the tests of the library share."""

from __future__ import annotations

import sys
from datetime import timedelta
from uuid import UUID

import pytest
from dml_service.domain import CheckIn, Decision, MediaItem, Medium, UsedGrant
from fourgates.chassis.testing import NOON, an_act

RELEASE = UUID(int=1)
BUILD = UUID(int=2)
SERVICE = UUID(int=3)
AUTHORIZATION = UUID(int=4)
WHEEL = Medium(name="parcel-tracking", version="1.0.0", sha256="a" * 64, size_bytes=10, kind="wheel")
SBOM = Medium(name="parcel-tracking-sbom", version="1.0.0", sha256="b" * 64, size_bytes=20, kind="sbom")
OTHER_WHEEL = Medium(name="parcel-tracking", version="1.0.0", sha256="c" * 64, size_bytes=11, kind="wheel")


def a_candidate(medium=WHEEL, *, by="builder-1", build_id=BUILD, release_id=RELEASE):
    act = an_act("dml-service", on_behalf_of=by)
    return MediaItem.record(act, medium=medium, release_id=release_id, build_id=build_id)


def checked_in(item, *, build_id=BUILD, release_id=RELEASE, loaded=False, authorization_id=AUTHORIZATION):
    item.check_in(
        an_act("dml-service"),
        release_id=release_id,
        build_id=build_id,
        size_bytes=item.medium.size_bytes,
        stored_bytes=item.medium.size_bytes,
        authorization_id=authorization_id,
        document_digest="d" * 64,
        loaded=loaded,
    )
    return item


def a_definitive_item(medium=WHEEL, **kwargs):
    return checked_in(a_candidate(medium), **kwargs)


def a_quarantined_item():
    item = a_definitive_item()
    item.quarantine(an_act("mia", roles=("change_manager",)), reason="a CVE")
    return item


def a_grant(gate="check_in", authorization_id=AUTHORIZATION):
    vote = Decision(person_id="ada", roles=("change_authority",), voted_at=NOON, meaning="approve", reason="tested")
    return UsedGrant(
        authorization_id=authorization_id,
        request_id=UUID(int=5),
        gate=gate,
        document_digest="d" * 64,
        deciders=(vote,),
        policy_version=1,
        rule="first",
        granted_at=NOON,
        expires_at=NOON + timedelta(days=1),
    )


def a_check_in(items=(WHEEL, SBOM), *, gate="check_in", grant=None, kind="new", loaded=False):
    return CheckIn.request(
        an_act("release-service"),
        check_in_id=UUID(int=6),
        release_id=RELEASE,
        service_id=SERVICE,
        build_id=BUILD,
        kind=kind,
        items=tuple(items),
        grant=grant or a_grant(gate),
        loaded=loaded,
        supersedes_item_ids=(),
        wait_until=NOON + timedelta(minutes=10),
    )


def state_of(aggregate):
    return {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}


@pytest.fixture
def kit():
    return sys.modules[__name__]
