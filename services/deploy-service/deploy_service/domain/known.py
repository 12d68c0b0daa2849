"""What was heard from other services and can decide a deployment: each a small log of its own, with its source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, event

ENDED_CHANGE = ("cancelled", "rejected")


class HeardFact(Aggregate.Event):
    """Something that was heard and can forbid what runs."""


class FirstHeardFact(Aggregate.Created):
    """The first thing that was heard about something elsewhere."""


class KnownMedium(Aggregate):
    """A media item of the DML, as it was heard."""

    TOPIC = "deploy.KnownMedium"

    class Heard(FirstHeardFact):
        """A media item was heard of."""

        name: str
        version: str
        sha256: str
        state: str
        source_id: str

    class StateNoted(HeardFact):
        """A media item was heard to be definitive, quarantined or withdrawn."""

        state: str
        source_id: str

    @classmethod
    def hear(cls, act: Act, *, known_id: UUID, name: str, version: str, sha256: str, state: str) -> KnownMedium:
        return cls(id=known_id, act=act, name=name, version=version, sha256=sha256, state=state, source_id=act.cause_id)

    def note_state(self, act: Act, *, state: str) -> None:
        # What was withdrawn never comes back.
        if self.state not in {state, "withdrawn"}:
            self._state_noted(act=act, state=state, source_id=act.cause_id)

    @event(Heard)
    def __init__(self, id: UUID, act: Act, name: str, version: str, sha256: str, state: str, source_id: str) -> None:
        self.sha256 = sha256
        self.state = state

    @event(StateNoted)
    def _state_noted(self, act: Act, state: str, source_id: str) -> None:
        self.state = state


class KnownService(Aggregate):
    """A service of configuration management, as it was heard."""

    TOPIC = "deploy.KnownService"

    class Heard(FirstHeardFact):
        """A service was heard of."""

        service_id: UUID
        source_id: str

    class LifecycleNoted(HeardFact):
        """A service was heard to be pipeline, live, retiring or retired."""

        lifecycle: str
        source_id: str

    class DependantsNoted(HeardFact):
        """The live services that depend on a service were heard."""

        live_dependants: tuple[UUID, ...]
        source_id: str

    @classmethod
    def hear(cls, act: Act, *, known_id: UUID, service_id: UUID) -> KnownService:
        return cls(id=known_id, act=act, service_id=service_id, source_id=act.cause_id)

    def note_lifecycle(self, act: Act, *, lifecycle: str) -> None:
        if self.lifecycle != lifecycle:
            self._lifecycle_noted(act=act, lifecycle=lifecycle, source_id=act.cause_id)

    def note_dependants(self, act: Act, *, live_dependants: tuple[UUID, ...]) -> None:
        if self.live_dependants != live_dependants:
            self._dependants_noted(act=act, live_dependants=live_dependants, source_id=act.cause_id)

    @event(Heard)
    def __init__(self, id: UUID, act: Act, service_id: UUID, source_id: str) -> None:
        self.service_id = service_id
        self.lifecycle: str | None = None
        self.live_dependants: tuple[UUID, ...] = ()

    @event(LifecycleNoted)
    def _lifecycle_noted(self, act: Act, lifecycle: str, source_id: str) -> None:
        self.lifecycle = lifecycle

    @event(DependantsNoted)
    def _dependants_noted(self, act: Act, live_dependants: tuple[UUID, ...], source_id: str) -> None:
        self.live_dependants = live_dependants


class KnownFreeze(Aggregate):
    """A freeze in the change schedule, as it was heard."""

    TOPIC = "deploy.KnownFreeze"

    class Heard(FirstHeardFact):
        """A freeze was heard of."""

        window_id: UUID
        starts_at: datetime
        ends_at: datetime
        environment_ids: tuple[UUID, ...]
        service_ids: tuple[UUID, ...]
        reason: str
        source_id: str

    class LiftedNoted(HeardFact):
        """A freeze was heard to be lifted."""

        source_id: str

    @classmethod
    def hear(
        cls,
        act: Act,
        *,
        known_id: UUID,
        window_id: UUID,
        starts_at: datetime,
        ends_at: datetime,
        environment_ids: tuple[UUID, ...],
        service_ids: tuple[UUID, ...],
        reason: str,
    ) -> KnownFreeze:
        return cls(
            id=known_id,
            act=act,
            window_id=window_id,
            starts_at=starts_at,
            ends_at=ends_at,
            environment_ids=environment_ids,
            service_ids=service_ids,
            reason=reason,
            source_id=act.cause_id,
        )

    def note_lifted(self, act: Act) -> None:
        if not self.lifted:
            self._lifted_noted(act=act, source_id=act.cause_id)

    @event(Heard)
    def __init__(
        self,
        id: UUID,
        act: Act,
        window_id: UUID,
        starts_at: datetime,
        ends_at: datetime,
        environment_ids: tuple[UUID, ...],
        service_ids: tuple[UUID, ...],
        reason: str,
        source_id: str,
    ) -> None:
        self.window_id = window_id
        self.lifted = False

    @event(LiftedNoted)
    def _lifted_noted(self, act: Act, source_id: str) -> None:
        self.lifted = True


class KnownAuthorization(Aggregate):
    """A grant that was heard to be revoked, voided or expired."""

    TOPIC = "deploy.KnownAuthorization"

    class Heard(FirstHeardFact):
        """A grant was heard to authorize no more."""

        authorization_id: UUID
        state: str
        reason: str
        source_id: str

    class StateNoted(HeardFact):
        """A grant that had expired or was void was heard to be revoked as well, or the other way round."""

        state: str
        reason: str
        source_id: str

    @classmethod
    def hear(cls, act: Act, *, known_id: UUID, authorization_id: UUID, state: str, reason: str) -> KnownAuthorization:
        return cls(
            id=known_id,
            act=act,
            authorization_id=authorization_id,
            state=state,
            reason=reason,
            source_id=act.cause_id,
        )

    def note_state(self, act: Act, *, state: str, reason: str) -> None:
        # A revocation is the last word: a later expiry of the same grant does not soften it.
        if self.state not in {state, "revoked"}:
            self._state_noted(act=act, state=state, reason=reason, source_id=act.cause_id)

    @event(Heard)
    def __init__(self, id: UUID, act: Act, authorization_id: UUID, state: str, reason: str, source_id: str) -> None:
        self.authorization_id = authorization_id
        self.state = state

    @event(StateNoted)
    def _state_noted(self, act: Act, state: str, reason: str, source_id: str) -> None:
        self.state = state


class KnownChange(Aggregate):
    """A change that was heard to be cancelled or rejected, or to be put on hold."""

    TOPIC = "deploy.KnownChange"

    class Heard(FirstHeardFact):
        """A change was heard to be cancelled, rejected or put on hold."""

        change_id: UUID
        state: str
        reason: str
        source_id: str

    class StateNoted(HeardFact):
        """A change was heard to go on after a hold, to be put on hold again, cancelled or rejected."""

        state: str
        reason: str
        source_id: str

    @classmethod
    def hear(cls, act: Act, *, known_id: UUID, change_id: UUID, state: str, reason: str) -> KnownChange:
        return cls(id=known_id, act=act, change_id=change_id, state=state, reason=reason, source_id=act.cause_id)

    def note_state(self, act: Act, *, state: str, reason: str) -> None:
        # A change that ended is never taken up again.
        if self.state not in {state, *ENDED_CHANGE}:
            self._state_noted(act=act, state=state, reason=reason, source_id=act.cause_id)

    @event(Heard)
    def __init__(self, id: UUID, act: Act, change_id: UUID, state: str, reason: str, source_id: str) -> None:
        self.change_id = change_id
        self.state = state

    @event(StateNoted)
    def _state_noted(self, act: Act, state: str, reason: str, source_id: str) -> None:
        self.state = state


@dataclass(frozen=True)
class Waiver:
    """A conflict with the change schedule that somebody waived by name."""

    conflict_id: str
    code: str
    detail: str
    environment_id: UUID
    waived_by: str
    window_id: UUID | None = None


class KnownRelease(Aggregate):
    """A release, as far as it can decide a deployment."""

    TOPIC = "deploy.KnownRelease"

    class Heard(FirstHeardFact):
        """A release was heard of."""

        release_id: UUID
        service_id: UUID | None
        source_id: str

    class ChangesNoted(HeardFact):
        """The changes that a release carries were heard."""

        change_ids: tuple[UUID, ...]
        source_id: str

    class HoldNoted(HeardFact):
        """A release was heard to be put on hold, or taken off it."""

        on_hold: bool
        source_id: str

    class CancellationNoted(HeardFact):
        """A release was heard to be cancelled, or to be cancelled after its review."""

        reason: str
        source_id: str

    class WaiversNoted(HeardFact):
        """The waived conflicts of a release's deployment plan were heard."""

        waivers: tuple[Waiver, ...]
        source_id: str

    @classmethod
    def hear(cls, act: Act, *, known_id: UUID, release_id: UUID, service_id: UUID | None) -> KnownRelease:
        return cls(id=known_id, act=act, release_id=release_id, service_id=service_id, source_id=act.cause_id)

    def note_changes(self, act: Act, *, change_ids: tuple[UUID, ...]) -> None:
        if self.change_ids != change_ids:
            self._changes_noted(act=act, change_ids=change_ids, source_id=act.cause_id)

    def note_hold(self, act: Act, *, on_hold: bool) -> None:
        if self.on_hold != on_hold:
            self._hold_noted(act=act, on_hold=on_hold, source_id=act.cause_id)

    def note_cancellation(self, act: Act, *, reason: str) -> None:
        if not self.cancelled:
            self._cancellation_noted(act=act, reason=reason, source_id=act.cause_id)

    def note_waivers(self, act: Act, *, waivers: tuple[Waiver, ...]) -> None:
        if self.waivers != waivers:
            self._waivers_noted(act=act, waivers=waivers, source_id=act.cause_id)

    @event(Heard)
    def __init__(self, id: UUID, act: Act, release_id: UUID, service_id: UUID | None, source_id: str) -> None:
        self.release_id = release_id
        self.change_ids: tuple[UUID, ...] = ()
        self.on_hold = False
        self.cancelled = False
        self.waivers: tuple[Waiver, ...] = ()

    @event(ChangesNoted)
    def _changes_noted(self, act: Act, change_ids: tuple[UUID, ...], source_id: str) -> None:
        self.change_ids = change_ids

    @event(HoldNoted)
    def _hold_noted(self, *, act: Act, on_hold: bool, source_id: str) -> None:
        self.on_hold = on_hold

    @event(CancellationNoted)
    def _cancellation_noted(self, act: Act, reason: str, source_id: str) -> None:
        self.cancelled = True

    @event(WaiversNoted)
    def _waivers_noted(self, act: Act, waivers: tuple[Waiver, ...], source_id: str) -> None:
        self.waivers = waivers
