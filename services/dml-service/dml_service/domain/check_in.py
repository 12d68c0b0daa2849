"""The request of a release to take its items into the library, and what was heard that decides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Unmet, derived_id, event, refuse_any

from dml_service.domain.media import Medium, item_id_of

CHECK_IN_GATE = "check_in"


class CheckInState(StrEnum):
    """The states of a check-in request."""

    REQUESTED = "requested"
    COMPLETED = "completed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Decision:
    """One vote that made a grant."""

    person_id: str
    roles: tuple[str, ...]
    voted_at: datetime
    meaning: str
    reason: str


@dataclass(frozen=True)
class UsedGrant:
    """The grant that a release used to enter check-in: who authorized what, under which policy."""

    authorization_id: UUID
    request_id: UUID
    gate: str
    document_digest: str
    deciders: tuple[Decision, ...]
    policy_version: int
    rule: str
    granted_at: datetime
    expires_at: datetime


class KnownGrant(Aggregate):
    """What was heard about an authorization after it was granted."""

    TOPIC = "dml.KnownGrant"

    class Revoked(Aggregate.Created):
        """It was heard that an authority took this grant back."""

        authorization_id: UUID
        reason: str
        source_id: str

    @staticmethod
    def id_of(authorization_id: UUID) -> UUID:
        """Return the id under which facts about an authorization are kept."""
        return derived_id(authorization_id, "known-grant")

    @classmethod
    def revoke(cls, act: Act, *, authorization_id: UUID, reason: str) -> KnownGrant:
        """Note a revocation."""
        return cls(
            id=cls.id_of(authorization_id),
            act=act,
            authorization_id=authorization_id,
            reason=reason,
            source_id=act.cause_id,
        )

    @event(Revoked)
    def __init__(self, id: UUID, act: Act, authorization_id: UUID, reason: str, source_id: str) -> None:
        self.authorization_id = authorization_id
        self.reason = reason


class KnownRelease(Aggregate):
    """What was heard about a release: its builds, which of them are void, and whether it was cancelled."""

    TOPIC = "dml.KnownRelease"

    class Noted(Aggregate.Created):
        """A release was heard of for the first time."""

        release_id: UUID
        service_id: UUID
        source_id: str

    class BuildNoted(Aggregate.Event):
        """A build of the release was heard of, with its candidates and its inputs."""

        build_id: UUID
        candidates: tuple[Medium, ...]
        inputs: tuple[Medium, ...]
        source_id: str

    class BuildVoided(Aggregate.Event):
        """A way back voided a build."""

        build_id: UUID
        source_id: str

    class Cancelled(Aggregate.Event):
        """The release was cancelled, and all its builds with it."""

        source_id: str

    @staticmethod
    def id_of(release_id: UUID) -> UUID:
        """Return the id under which facts about a release are kept."""
        return derived_id(release_id, "known-release")

    @classmethod
    def note(cls, act: Act, *, release_id: UUID, service_id: UUID) -> KnownRelease:
        """Note a release."""
        known_id = cls.id_of(release_id)
        return cls(id=known_id, act=act, release_id=release_id, service_id=service_id, source_id=act.cause_id)

    def note_build(
        self, act: Act, *, build_id: UUID, candidates: tuple[Medium, ...], inputs: tuple[Medium, ...]
    ) -> None:
        """Note a build, once."""
        if build_id not in self.builds:
            self._build_noted(act=act, build_id=build_id, candidates=candidates, inputs=inputs, source_id=act.cause_id)

    def void_build(self, act: Act, *, build_id: UUID) -> None:
        """Note that a build is void, even before the build itself was heard of."""
        if build_id not in self.voided:
            self._build_voided(act=act, build_id=build_id, source_id=act.cause_id)

    def cancel(self, act: Act) -> None:
        """Note that the release was cancelled, once."""
        if not self.cancelled:
            self._cancelled(act=act, source_id=act.cause_id)

    def knows(self, build_id: UUID) -> bool:
        """Return whether this build was heard of, as recorded or as void."""
        return self.cancelled or build_id in self.builds or build_id in self.voided

    def unmet_for_check_in(self, *, build_id: UUID, items: Iterable[Medium]) -> Iterator[Unmet]:
        """Yield why these items cannot be checked in as those of a build of this release."""
        if self.cancelled:
            yield Unmet(
                "release-cancelled",
                f"Release {self.release_id} was cancelled.",
                source=f"known_release:{self.id}",
                remedy="open a new release",
            )
        if build_id in self.voided:
            yield Unmet(
                "build-void",
                f"Build {build_id} was voided by a way back.",
                source=f"known_release:{self.id}",
                remedy="record a new build",
            )
        recorded = {item_id_of(m.name, m.version, m.sha256) for m in self.builds.get(build_id, ())}
        for item in items:
            if item_id_of(item.name, item.version, item.sha256) not in recorded:
                yield Unmet(
                    "not-recorded",
                    f"{item} with sha256 {item.sha256} was not recorded as a candidate of build {build_id}.",
                    source=f"known_release:{self.id}",
                    remedy="check in what the build recorded",
                )

    @event(Noted)
    def __init__(self, id: UUID, act: Act, release_id: UUID, service_id: UUID, source_id: str) -> None:
        self.release_id = release_id
        self.service_id = service_id
        self.builds: dict[UUID, tuple[Medium, ...]] = {}
        self.voided: frozenset[UUID] = frozenset()
        self.cancelled = False

    @event(BuildNoted)
    def _build_noted(
        self,
        act: Act,
        build_id: UUID,
        candidates: tuple[Medium, ...],
        inputs: tuple[Medium, ...],
        source_id: str,
    ) -> None:
        self.builds = {**self.builds, build_id: candidates}

    @event(BuildVoided)
    def _build_voided(self, act: Act, build_id: UUID, source_id: str) -> None:
        self.voided |= {build_id}

    @event(Cancelled)
    def _cancelled(self, act: Act, source_id: str) -> None:
        self.cancelled = True


class CheckIn(Aggregate):
    """One request to take the items of a build into the library: all of them or none."""

    TOPIC = "dml.CheckIn"

    class Requested(Aggregate.Created):
        """A release that entered check-in asked for its items to be taken into the library."""

        release_id: UUID
        service_id: UUID
        build_id: UUID
        kind: str
        items: tuple[Medium, ...]
        grant: UsedGrant
        loaded: bool
        supersedes_item_ids: tuple[UUID, ...]
        wait_until: datetime
        source_id: str

    class Completed(Aggregate.Event):
        """Every item of the request is definitive."""

        item_ids: tuple[UUID, ...]

    class Refused(Aggregate.Event):
        """The request was refused as a whole, for all of these reasons; nothing of it entered the library."""

        reasons: tuple[str, ...]

    class Cancelled(Aggregate.Event):
        """The release no longer wants the check-in."""

        reason: str

    @classmethod
    def request(
        cls,
        act: Act,
        *,
        check_in_id: UUID,
        release_id: UUID,
        service_id: UUID,
        build_id: UUID,
        kind: str,
        items: tuple[Medium, ...],
        grant: UsedGrant,
        loaded: bool,
        supersedes_item_ids: tuple[UUID, ...],
        wait_until: datetime,
    ) -> CheckIn:
        """Record the request; it waits for facts that were not heard yet until the given time."""
        return cls(
            id=check_in_id,
            act=act,
            release_id=release_id,
            service_id=service_id,
            build_id=build_id,
            kind=kind,
            items=items,
            grant=grant,
            loaded=loaded,
            supersedes_item_ids=supersedes_item_ids,
            wait_until=wait_until,
            source_id=act.cause_id,
        )

    def must_wait(self, act: Act, *, build_known: bool) -> bool:
        """Return whether the request still waits for its build to be heard of."""
        return not build_known and act.at < self.wait_until

    def complete(self, act: Act, *, revoked: KnownGrant | None) -> None:
        """Record that all items are definitive."""
        refuse_any(self.unmet_for_completion(revoked=revoked, build_known=True))
        self._completed(act=act, item_ids=self.item_ids)

    def refuse(self, act: Act, *, unmet: tuple[Unmet, ...]) -> None:
        """Answer the request with every reason against it."""
        self._refused(act=act, reasons=tuple(f"{u.code}: {u.detail}" for u in unmet))

    def unmet_for_completion(self, *, revoked: KnownGrant | None, build_known: bool) -> Iterator[Unmet]:
        """Yield why the request as such cannot be met, whatever its items are."""
        if self.grant.gate != CHECK_IN_GATE:
            yield Unmet(
                "wrong-gate",
                f"The grant is for the gate {self.grant.gate}, not for {CHECK_IN_GATE}.",
                source="check_in.grant",
                remedy="request the check-in gate (G3)",
            )
        if revoked is not None:
            yield Unmet(
                "grant-revoked",
                f"The grant {self.grant.authorization_id} was revoked: {revoked.reason}",
                source=f"known_grant:{revoked.id}",
                remedy="request the check-in gate (G3) anew",
            )
        if not build_known:
            yield Unmet(
                "build-unknown",
                f"Build {self.build_id} was not heard of until {self.wait_until.isoformat()}.",
                source="check_in.wait_until",
                remedy="record the build, then enter check-in again",
            )
        if len({(item.name, item.version) for item in self.items}) != len(self.items):
            yield Unmet(
                "name-twice",
                "The request names one name and version twice.",
                source="check_in.items",
                remedy="give each item a version of its own",
            )

    def cancel(self, act: Act, *, reason: str) -> None:
        """Note that the release no longer wants it; what was answered stays as it was answered."""
        if self.state is CheckInState.REQUESTED:
            self._cancelled(act=act, reason=reason)

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return nothing: only what is heard moves a check-in."""
        return ()

    @property
    def item_ids(self) -> tuple[UUID, ...]:
        """The media items that were asked for, in order."""
        return tuple(item_id_of(item.name, item.version, item.sha256) for item in self.items)

    @event(Requested)
    def __init__(
        self,
        id: UUID,
        act: Act,
        release_id: UUID,
        service_id: UUID,
        build_id: UUID,
        kind: str,
        items: tuple[Medium, ...],
        grant: UsedGrant,
        *,
        loaded: bool,
        supersedes_item_ids: tuple[UUID, ...],
        wait_until: datetime,
        source_id: str,
    ) -> None:
        self.release_id = release_id
        self.service_id = service_id
        self.build_id = build_id
        self.kind = kind
        self.items = items
        self.grant = grant
        self.loaded = loaded
        self.supersedes_item_ids = supersedes_item_ids
        self.wait_until = wait_until
        self.state = CheckInState.REQUESTED
        self.reasons: tuple[str, ...] = ()

    @event(Completed)
    def _completed(self, act: Act, item_ids: tuple[UUID, ...]) -> None:
        self.state = CheckInState.COMPLETED

    @event(Refused)
    def _refused(self, act: Act, reasons: tuple[str, ...]) -> None:
        self.state = CheckInState.REFUSED
        self.reasons = reasons

    @event(Cancelled)
    def _cancelled(self, act: Act, reason: str) -> None:
        self.state = CheckInState.CANCELLED
        self.reasons = (reason,)
