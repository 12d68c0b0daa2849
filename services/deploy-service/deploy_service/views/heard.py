"""What was heard from other services, one row for each thing, under the id that it has there."""

from __future__ import annotations

from fourgates.chassis.views import Rows, View, iso

from deploy_service.domain import (
    KnownAuthorization,
    KnownChange,
    KnownFreeze,
    KnownMedium,
    KnownRelease,
    KnownService,
)
from deploy_service.views.projecting import change


def _medium_heard(rows: Rows, happened: KnownMedium.Heard) -> None:
    medium_key = f"{happened.name}@{happened.version}#{happened.sha256}"
    change(rows, happened, medium_key=medium_key, state=happened.state)


def _medium_state(rows: Rows, happened: KnownMedium.StateNoted) -> None:
    change(rows, happened, state=happened.state)


def _service_heard(rows: Rows, happened: KnownService.Heard) -> None:
    change(rows, happened, service_id=str(happened.service_id), lifecycle=None, live_dependants=[])


def _lifecycle(rows: Rows, happened: KnownService.LifecycleNoted) -> None:
    change(rows, happened, lifecycle=happened.lifecycle)


def _dependants(rows: Rows, happened: KnownService.DependantsNoted) -> None:
    change(rows, happened, live_dependants=[str(one) for one in happened.live_dependants])


def _freeze_heard(rows: Rows, happened: KnownFreeze.Heard) -> None:
    change(
        rows,
        happened,
        window_id=str(happened.window_id),
        starts_at=iso(happened.starts_at),
        ends_at=iso(happened.ends_at),
        environment_ids=[str(one) for one in happened.environment_ids],
        service_ids=[str(one) for one in happened.service_ids],
        reason=happened.reason,
        lifted=False,
    )


def _freeze_lifted(rows: Rows, happened: KnownFreeze.LiftedNoted) -> None:
    change(rows, happened, lifted=True)


def _authorization_heard(rows: Rows, happened: KnownAuthorization.Heard) -> None:
    change(rows, happened, authorization_id=str(happened.authorization_id), state=happened.state)


def _authorization_state(rows: Rows, happened: KnownAuthorization.StateNoted) -> None:
    change(rows, happened, state=happened.state)


def _change_heard(rows: Rows, happened: KnownChange.Heard) -> None:
    change(rows, happened, change_id=str(happened.change_id), state=happened.state)


def _change_state(rows: Rows, happened: KnownChange.StateNoted) -> None:
    change(rows, happened, state=happened.state)


def _release_heard(rows: Rows, happened: KnownRelease.Heard) -> None:
    change(
        rows,
        happened,
        release_id=str(happened.release_id),
        change_ids=[],
        on_hold=False,
        cancelled=False,
        waivers=[],
    )


def _changes(rows: Rows, happened: KnownRelease.ChangesNoted) -> None:
    change(rows, happened, change_ids=[str(one) for one in happened.change_ids])


def _hold(rows: Rows, happened: KnownRelease.HoldNoted) -> None:
    change(rows, happened, on_hold=happened.on_hold)


def _cancellation(rows: Rows, happened: KnownRelease.CancellationNoted) -> None:
    change(rows, happened, cancelled=True)


def _waivers(rows: Rows, happened: KnownRelease.WaiversNoted) -> None:
    waivers = [
        {"window_id": str(w.window_id), "environment_id": str(w.environment_id), "waived_by": w.waived_by}
        for w in happened.waivers
        if w.window_id is not None
    ]
    change(rows, happened, waivers=waivers)


HEARD_VIEWS = (
    View(
        name="known_media",
        fields=("medium_key", "state"),
        on={KnownMedium.Heard: _medium_heard, KnownMedium.StateNoted: _medium_state},
    ),
    View(
        name="known_services",
        fields=("service_id",),
        on={
            KnownService.Heard: _service_heard,
            KnownService.LifecycleNoted: _lifecycle,
            KnownService.DependantsNoted: _dependants,
        },
    ),
    View(
        name="known_freezes",
        fields=("window_id", "lifted"),
        on={KnownFreeze.Heard: _freeze_heard, KnownFreeze.LiftedNoted: _freeze_lifted},
    ),
    View(
        name="known_authorizations",
        fields=("authorization_id",),
        on={KnownAuthorization.Heard: _authorization_heard, KnownAuthorization.StateNoted: _authorization_state},
    ),
    View(
        name="known_changes",
        fields=("change_id",),
        on={KnownChange.Heard: _change_heard, KnownChange.StateNoted: _change_state},
    ),
    View(
        name="known_releases",
        fields=("release_id",),
        on={
            KnownRelease.Heard: _release_heard,
            KnownRelease.ChangesNoted: _changes,
            KnownRelease.HoldNoted: _hold,
            KnownRelease.CancellationNoted: _cancellation,
            KnownRelease.WaiversNoted: _waivers,
        },
    ),
)
