"""The request of a release to take its items into the library: all of them or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Unmet, event, refuse_any

from dml_service.domain.known import KnownGrant
from dml_service.domain.media import Medium, item_id_of

CHECK_IN_GATE = "check_in"
LOADED_KIND = "initial_load"


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

    def must_wait(self, act: Act, *, ready: bool) -> bool:
        """Return whether the request still waits for its build and the sign-off of it to be heard of."""
        return not ready and act.at < self.wait_until

    def complete(self, act: Act, *, revoked: KnownGrant | None, grant_used: bool = False) -> None:
        """Record that all items are definitive."""
        refuse_any(self.unmet_for_completion(revoked=revoked, build_known=True, grant_used=grant_used))
        self._completed(act=act, item_ids=self.item_ids)

    def refuse(self, act: Act, *, unmet: tuple[Unmet, ...]) -> None:
        """Answer the request with every reason against it."""
        self._refused(act=act, reasons=tuple(f"{u.code}: {u.detail}" for u in unmet))

    def unmet_for_completion(
        self, *, revoked: KnownGrant | None, build_known: bool, grant_used: bool = False
    ) -> Iterator[Unmet]:
        """Yield why the request as such cannot be met, whatever its items are."""
        yield from self._unmet_for_grant(revoked, grant_used=grant_used)
        if not build_known:
            yield Unmet(
                "build-unknown",
                f"Build {self.build_id} was not heard of until {self.wait_until.isoformat()}.",
                source="check_in.wait_until",
                remedy="record the build, then enter check-in again",
            )
        if self.loaded != (self.kind == LOADED_KIND):
            yield Unmet(
                "load-by-another-kind",
                f"What an {LOADED_KIND} takes in is marked as loaded for ever, and nothing else is.",
                source="check_in.kind",
                remedy=f"open a release of kind {LOADED_KIND}",
            )
        yield from self._unmet_for_names()

    def _unmet_for_grant(self, revoked: KnownGrant | None, *, grant_used: bool) -> Iterator[Unmet]:
        remedy = "request the check-in gate (G3) anew"
        if self.grant.gate != CHECK_IN_GATE:
            yield Unmet(
                "wrong-gate",
                f"The grant is for the gate {self.grant.gate}, not for {CHECK_IN_GATE}.",
                source="check_in.grant",
                remedy="request the check-in gate (G3)",
            )
        if not self.grant.deciders:
            yield Unmet("grant-undecided", "Nobody decided this grant.", source="check_in.grant", remedy=remedy)
        if grant_used:
            yield Unmet(
                "grant-used",
                f"Another check-in was asked for under the grant {self.grant.authorization_id}, which is used once.",
                source="check_in.grant",
                remedy=remedy,
            )
        if revoked is not None:
            yield Unmet(
                "grant-revoked",
                f"The grant {self.grant.authorization_id} was revoked: {revoked.reason}",
                source=f"known_grant:{revoked.id}",
                remedy=remedy,
            )

    def _unmet_for_names(self) -> Iterator[Unmet]:
        if not self.items:
            yield Unmet(
                "nothing-to-check-in",
                "The request names no item.",
                source="check_in.items",
                remedy="record a build with its candidates",
            )
        if len({(item.name, item.version) for item in self.items}) != len(self.items):
            yield Unmet(
                "name-twice",
                "The request names one name and version twice.",
                source="check_in.items",
                remedy="give each item a version of its own",
            )
        for item in self.items:
            if "@" in item.version:
                # A name and version are kept as name@version, so that only one of them may have the sign.
                yield Unmet(
                    "version-unclear",
                    f"The version of {item} has an @ in it.",
                    source="check_in.items",
                    remedy="give it a version without @",
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
