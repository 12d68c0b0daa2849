"""A media item from candidate to archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import (
    Act,
    Aggregate,
    Forbidden,
    NextCommand,
    Unmet,
    derived_id,
    event,
    refuse_any,
)

from dml_service.domain.entitlement import unentitled

QUARANTINERS = ("change_manager", "change_authority", "release_manager")
CLEARERS = ("change_authority",)
WITHDRAWERS = ("change_manager", "change_authority")
ARCHIVERS = ("change_manager", "release_manager")

_LIBRARY = UUID("9d2f4c1e-6a1b-5f0e-8c39-0f6d1f1f7d11")


class MediaState(StrEnum):
    """The states of a media item; superseded and loaded are marks beside them."""

    CANDIDATE = "candidate"
    DISCARDED = "discarded"
    DEFINITIVE = "definitive"
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"
    ARCHIVED = "archived"


class UseKind(StrEnum):
    """How a release used an item."""

    PACKAGED = "packaged"
    BUILT_WITH = "built_with"


@dataclass(frozen=True)
class Medium:
    """One content under one name and version, known by the digest of its bytes."""

    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str

    def __str__(self) -> str:
        """Return how people name it."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Use:
    """A release that used an item, and how."""

    release_id: UUID
    kind: UseKind


def item_id_of(name: str, version: str, sha256: str) -> UUID:
    """Return the id of a media item: one content under one name and version is one item, whoever built it."""
    return derived_id(_LIBRARY, f"{name}@{version}#{sha256}")


def name_id_of(name: str, version: str) -> UUID:
    """Return the id of a name and version in the library."""
    return derived_id(_LIBRARY, f"{name}@{version}")


class MediaItem(Aggregate):
    """One content under one name and version: offered by builds, and definitive once it is checked in."""

    TOPIC = "dml.MediaItem"

    class Recorded(Aggregate.Created):
        """A build offered this medium as its candidate."""

        medium: Medium
        release_id: UUID
        build_id: UUID

    class RecordedAgain(Aggregate.Event):
        """Another build offered exactly the same content under the same name and version."""

        release_id: UUID
        build_id: UUID

    class Discarded(Aggregate.Event):
        """A build that offered this candidate is void; the candidate is discarded unless another build offers it."""

        build_id: UUID

    class CheckedIn(Aggregate.Event):
        """The item became definitive under a grant of the check-in gate."""

        release_id: UUID
        build_id: UUID
        authorization_id: UUID
        document_digest: str
        loaded: bool

    class Superseded(Aggregate.Event):
        """A newer package took the place of this item, which stays definitive."""

        release_id: UUID

    class Quarantined(Aggregate.Event):
        """The item is under suspicion: nobody checks it out, builds with it or deploys it."""

        reason: str
        authorization_id: UUID | None = None

    class Cleared(Aggregate.Event):
        """A change authority decided that the quarantined item is definitive again."""

        reason: str

    class Withdrawn(Aggregate.Event):
        """The item was withdrawn from use; its bytes and its history stay."""

        reason: str
        release_id: UUID | None = None

    class Archived(Aggregate.Event):
        """The item is kept for the record only."""

        reason: str

    class UseNoted(Aggregate.Event):
        """A release packaged the item or built with it."""

        use: Use

    # What people and other services ask for.

    @classmethod
    def record(cls, act: Act, *, medium: Medium, release_id: UUID, build_id: UUID) -> MediaItem:
        """Record a candidate of a build."""
        item_id = item_id_of(medium.name, medium.version, medium.sha256)
        return cls(id=item_id, act=act, medium=medium, release_id=release_id, build_id=build_id)

    def record_again(self, act: Act, *, release_id: UUID, build_id: UUID) -> None:
        """Note that another build offers the same content; a build that is known already changes nothing."""
        if build_id not in self.builds:
            self._recorded_again(act=act, release_id=release_id, build_id=build_id)

    def discard(self, act: Act, *, build_id: UUID) -> None:
        """Discard what a void build offered; what is in the library stays."""
        if self.state is MediaState.CANDIDATE and build_id in self.builds:
            self._discarded(act=act, build_id=build_id)

    def check_in(
        self,
        act: Act,
        *,
        release_id: UUID,
        build_id: UUID,
        size_bytes: int,
        stored_bytes: int | None,
        authorization_id: UUID,
        document_digest: str,
        loaded: bool,
    ) -> None:
        """Make the item definitive; what is definitive already only notes the package that uses it."""
        refuse_any(self.unmet_for_check_in(build_id=build_id, size_bytes=size_bytes, stored_bytes=stored_bytes))
        if self.state is MediaState.CANDIDATE:
            self._checked_in(
                act=act,
                release_id=release_id,
                build_id=build_id,
                authorization_id=authorization_id,
                document_digest=document_digest,
                loaded=loaded,
            )
        self.note_use(act, release_id=release_id, kind=UseKind.PACKAGED)

    def unmet_for_check_in(self, *, build_id: UUID, size_bytes: int, stored_bytes: int | None) -> Iterator[Unmet]:
        """Yield why the item cannot enter the library; `stored_bytes` is what the store holds, verified, or nothing."""
        if self.state not in (MediaState.CANDIDATE, MediaState.DEFINITIVE):
            yield Unmet(
                "not-a-candidate",
                f"{self.medium} is {self.state}.",
                source="media_item.state",
                remedy="rebuild, which records a new candidate",
            )
        if build_id not in self.builds:
            yield Unmet(
                "not-of-this-build",
                f"{self.medium} with sha256 {self.medium.sha256} is not a candidate of build {build_id}.",
                source="media_item.builds",
                remedy="check in what the build recorded",
            )
        if stored_bytes is None:
            yield Unmet(
                "bytes-missing",
                f"No sound bytes with sha256 {self.medium.sha256} are in the store for {self.medium}.",
                source="blobs",
                remedy=f"upload them: PUT /dml/v1/blobs/{self.medium.sha256}",
            )
        elif stored_bytes != size_bytes:
            yield Unmet(
                "size-differs",
                f"{self.medium} was announced with {size_bytes} bytes and has {stored_bytes}.",
                source="blobs",
                remedy="record the build with the true size",
            )

    def supersede(self, act: Act, *, release_id: UUID) -> None:
        """Mark a definitive item as superseded, once."""
        if self.state is MediaState.DEFINITIVE and not self.superseded:
            self._superseded(act=act, release_id=release_id)

    def quarantine(self, act: Act, *, reason: str) -> None:
        """Put the item under quarantine."""
        refuse_any(self.unmet_for_quarantine(act))
        self._quarantined(act=act, reason=reason, authorization_id=None)

    def unmet_for_quarantine(self, act: Act) -> Iterator[Unmet]:
        """Yield why the item cannot be quarantined."""
        yield from unentitled(act, QUARANTINERS, "quarantine a media item")
        if self.state is not MediaState.DEFINITIVE:
            yield Unmet(
                "not-definitive",
                f"Only a definitive item is quarantined; {self.medium} is {self.state}.",
                source="media_item.state",
                remedy="nothing: it cannot be used as it is",
            )

    def quarantine_by_revocation(self, act: Act, *, authorization_id: UUID, reason: str) -> None:
        """Quarantine an item whose check-in was authorized by a grant that was revoked afterwards."""
        if self.state is MediaState.DEFINITIVE and self.authorization_id == authorization_id:
            self._quarantined(act=act, reason=reason, authorization_id=authorization_id)

    def clear(self, act: Act, *, reason: str) -> None:
        """Make a quarantined item definitive again."""
        refuse_any(self.unmet_for_clearance(act))
        self._cleared(act=act, reason=reason)

    def unmet_for_clearance(self, act: Act) -> Iterator[Unmet]:
        """Yield why the item cannot be cleared by this person now."""
        yield from unentitled(act, CLEARERS, "clear a media item")
        if act.person in self.offered_by:
            yield Forbidden(
                "lineage-builder",
                f"{act.person} built {self.medium}; nobody clears what they built.",
                source="media_item.offered_by",
                remedy="ask another change authority",
                person=act.person,
            )
        if act.machine:
            yield Forbidden(
                "lineage-machine",
                "A machine account decides nothing.",
                source="token",
                remedy="ask a person who is a change authority",
                person=act.person,
            )
        if self.state is not MediaState.QUARANTINED:
            yield Unmet(
                "not-quarantined",
                f"Only a quarantined item is cleared; {self.medium} is {self.state}.",
                source="media_item.state",
                remedy="nothing: there is nothing to clear",
            )

    def withdraw(self, act: Act, *, reason: str) -> None:
        """Withdraw the item from use for good."""
        refuse_any(self.unmet_for_withdrawal(act))
        self._withdrawn(act=act, reason=reason, release_id=None)

    def unmet_for_withdrawal(self, act: Act) -> Iterator[Unmet]:
        """Yield why the item cannot be withdrawn."""
        yield from unentitled(act, WITHDRAWERS, "withdraw a media item")
        if self.state not in (MediaState.DEFINITIVE, MediaState.QUARANTINED):
            yield Unmet(
                "not-in-use",
                f"Only a definitive or quarantined item is withdrawn; {self.medium} is {self.state}.",
                source="media_item.state",
                remedy="nothing: it is not in use",
            )

    def withdraw_with_release(self, act: Act, *, release_id: UUID, reason: str) -> None:
        """Withdraw the item because its release, of a kind without deployment, was cancelled: that is its back-out."""
        checked_in_by_it = self.checked_in_by_release_id == release_id
        if checked_in_by_it and self.state in (MediaState.DEFINITIVE, MediaState.QUARANTINED):
            self._withdrawn(act=act, reason=reason, release_id=release_id)

    def archive(self, act: Act, *, reason: str) -> None:
        """Keep the item for the record only."""
        refuse_any(self.unmet_for_archiving(act))
        self._archived(act=act, reason=reason)

    def unmet_for_archiving(self, act: Act) -> Iterator[Unmet]:
        """Yield why the item cannot be archived."""
        yield from unentitled(act, ARCHIVERS, "archive a media item")
        superseded = self.state is MediaState.DEFINITIVE and self.superseded
        if self.state is not MediaState.WITHDRAWN and not superseded:
            yield Unmet(
                "not-withdrawn",
                f"Only a withdrawn or superseded item is archived; {self.medium} is {self.state}.",
                source="media_item.state",
                remedy=f"withdraw it: POST /dml/v1/media-items/{self.id}/withdrawal",
            )

    def note_use(self, act: Act, *, release_id: UUID, kind: UseKind) -> None:
        """Note that a release packaged the item or built with it, once for each."""
        use = Use(release_id=release_id, kind=kind)
        if use not in self.uses:
            self._use_noted(act=act, use=use)

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return what can come next, by whom, and why not."""
        return (
            NextCommand("quarantine", QUARANTINERS, tuple(self.unmet_for_quarantine(act))),
            NextCommand("clearance", CLEARERS, tuple(self.unmet_for_clearance(act))),
            NextCommand("withdrawal", WITHDRAWERS, tuple(self.unmet_for_withdrawal(act))),
            NextCommand("archiving", ARCHIVERS, tuple(self.unmet_for_archiving(act))),
        )

    @property
    def used_by_release_ids(self) -> tuple[UUID, ...]:
        """Every release that packaged the item or built with it, in the order in which it was heard."""
        return tuple(dict.fromkeys(use.release_id for use in self.uses))

    # What each event does to the state.

    @event(Recorded)
    def __init__(self, id: UUID, act: Act, medium: Medium, release_id: UUID, build_id: UUID) -> None:
        self.medium = medium
        self.state = MediaState.CANDIDATE
        self.builds: dict[UUID, UUID] = {build_id: release_id}
        self.offered_by: frozenset[str] = frozenset({act.person})
        self.superseded = False
        self.loaded = False
        self.uses: tuple[Use, ...] = ()
        self.authorization_id: UUID | None = None
        self.checked_in_by_release_id: UUID | None = None
        self.checked_in_build_id: UUID | None = None

    @event(RecordedAgain)
    def _recorded_again(self, act: Act, release_id: UUID, build_id: UUID) -> None:
        self.builds = {**self.builds, build_id: release_id}
        self.offered_by |= {act.person}
        if self.state is MediaState.DISCARDED:
            self.state = MediaState.CANDIDATE

    @event(Discarded)
    def _discarded(self, act: Act, build_id: UUID) -> None:
        self.builds = {build: release for build, release in self.builds.items() if build != build_id}
        if not self.builds:
            self.state = MediaState.DISCARDED

    @event(CheckedIn)
    def _checked_in(
        self, act: Act, release_id: UUID, build_id: UUID, authorization_id: UUID, document_digest: str, *, loaded: bool
    ) -> None:
        self.state = MediaState.DEFINITIVE
        self.checked_in_by_release_id = release_id
        self.checked_in_build_id = build_id
        self.authorization_id = authorization_id
        self.document_digest = document_digest
        self.loaded = loaded

    @event(Superseded)
    def _superseded(self, act: Act, release_id: UUID) -> None:
        self.superseded = True

    @event(Quarantined)
    def _quarantined(self, act: Act, reason: str, authorization_id: UUID | None) -> None:
        self.state = MediaState.QUARANTINED

    @event(Cleared)
    def _cleared(self, act: Act, reason: str) -> None:
        self.state = MediaState.DEFINITIVE

    @event(Withdrawn)
    def _withdrawn(self, act: Act, reason: str, release_id: UUID | None) -> None:
        self.state = MediaState.WITHDRAWN

    @event(Archived)
    def _archived(self, act: Act, reason: str) -> None:
        self.state = MediaState.ARCHIVED

    @event(UseNoted)
    def _use_noted(self, act: Act, use: Use) -> None:
        self.uses = (*self.uses, use)
