"""A check-out: definitive media only, all or nothing, and every item named."""

from __future__ import annotations

from uuid import UUID

import pytest
from dml_service.domain import CheckOut, MediaState, Wanted
from fourgates.chassis.aggregate import Refused
from fourgates.chassis.testing import an_act, refused, replayed

BUILDER = an_act("ben", roles=("builder",))


def take(*wanted, act=BUILDER):
    return CheckOut.take(act, check_out_id=UUID(int=9), wanted=wanted, release_id=UUID(int=1), purpose="build")


def test_a_builder_takes_definitive_media_for_a_release(kit):
    check_out = take(Wanted("parcel-tracking 1.0.0", kit.WHEEL, MediaState.DEFINITIVE))
    assert check_out.items == (kit.WHEEL,)
    assert check_out.taken_by == "ben"
    assert kit.state_of(replayed(check_out)) == kit.state_of(check_out)
    assert check_out.next(BUILDER) == ()


@pytest.mark.parametrize("state", [state for state in MediaState if state is not MediaState.DEFINITIVE])
def test_only_definitive_media_are_handed_out(kit, state):
    with refused("not-definitive"):
        take(Wanted("parcel-tracking 1.0.0", kit.WHEEL, state))


def test_what_is_not_in_the_library_is_not_handed_out():
    with refused("not-in-library"):
        take(Wanted("left-pad 1.0.0", None, None))


def test_every_item_that_is_not_definitive_is_named(kit):
    with pytest.raises(Refused) as refusal:
        take(
            Wanted("left-pad 1.0.0", None, None),
            Wanted("parcel-tracking 1.0.0", kit.WHEEL, MediaState.DEFINITIVE),
            Wanted("parcel-tracking-sbom 1.0.0", kit.SBOM, MediaState.QUARANTINED),
        )
    assert [(u.code, u.source) for u in refusal.value.unmet] == [
        ("not-in-library", "/items/0"),
        ("not-definitive", "/items/2"),
    ]


def test_not_everybody_takes_media(kit):
    with refused("not-entitled"):
        take(Wanted("parcel-tracking 1.0.0", kit.WHEEL, MediaState.DEFINITIVE), act=an_act("eve"))
