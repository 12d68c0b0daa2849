"""What was heard of releases and of grants, and can decide a check-in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, derived_id, event

from dml_service.domain.media import Medium, item_id_of


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

    class SignOffNoted(Aggregate.Event):
        """A change manager signed off a build of the release."""

        build_id: UUID
        source_id: str

    class SignOffsVoided(Aggregate.Event):
        """A way back voided the sign-off of every build so far."""

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

    def note_sign_off(self, act: Act, *, build_id: UUID) -> None:
        """Note the sign-off of a build, once."""
        if build_id not in self.signed_off:
            self._sign_off_noted(act=act, build_id=build_id, source_id=act.cause_id)

    def void_sign_offs(self, act: Act) -> None:
        """Note that what was signed off has to be signed off anew."""
        if self.signed_off:
            self._sign_offs_voided(act=act, source_id=act.cause_id)

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

    def ready(self, build_id: UUID) -> bool:
        """Return whether all was heard that a check-in of this build waits for, or that there will never be one."""
        gone = self.cancelled or build_id in self.voided
        return gone or (build_id in self.builds and build_id in self.signed_off)

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
        if build_id not in self.signed_off:
            yield Unmet(
                "not-signed-off",
                f"Build {build_id} was not heard to be signed off.",
                source=f"known_release:{self.id}",
                remedy="sign it off: POST /release/v1/releases/{id}/sign-offs",
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
        self.signed_off: frozenset[UUID] = frozenset()
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

    @event(SignOffNoted)
    def _sign_off_noted(self, act: Act, build_id: UUID, source_id: str) -> None:
        self.signed_off |= {build_id}

    @event(SignOffsVoided)
    def _sign_offs_voided(self, act: Act, source_id: str) -> None:
        self.signed_off = frozenset()

    @event(BuildVoided)
    def _build_voided(self, act: Act, build_id: UUID, source_id: str) -> None:
        self.voided |= {build_id}

    @event(Cancelled)
    def _cancelled(self, act: Act, source_id: str) -> None:
        self.cancelled = True
