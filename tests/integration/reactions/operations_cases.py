"""What each reaction of operations-service must show."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.testing.hearing import Case
from fourgates.contracts.common import ReleaseKind
from fourgates.contracts.release import ReleaseOpened

OPENED = ReleaseOpened(
    release_id=UUID(int=11),
    service_id=UUID(int=1),
    kind=ReleaseKind.UPDATE,
    version="1.1.0",
    reason="faster",
    change_ids=[UUID(int=21)],
    requested_by="rob",
    emergency=False,
)

CASES = {
    "keep_fact": Case(
        given=lambda here: None,
        when=lambda here: OPENED,
        then=("operations.HeardFactKept",),
        refused_given=lambda here: here.hear(OPENED),
    ),
}
