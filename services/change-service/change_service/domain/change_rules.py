"""What stands in the way of each command on a change, and what follows from its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from fourgates.chassis.aggregate import Act, Forbidden, NextCommand, Unmet, digest_of

from change_service.domain.values import (
    CHANGE_AUTHORITY,
    CHANGE_MANAGER,
    MACHINE,
    RELEASE_MANAGER,
    REQUESTER,
    SERVICE_OWNER,
    ChangeType,
    Decider,
    Risk,
    unmet_entitlement,
)


class ChangeState(StrEnum):
    """The states of a change."""

    DRAFT = "draft"
    REQUESTED = "requested"
    ASSESSED = "assessed"
    AUTHORIZED = "authorized"
    SCHEDULED = "scheduled"
    IMPLEMENTING = "implementing"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


FINAL = frozenset({ChangeState.CLOSED, ChangeState.REJECTED, ChangeState.CANCELLED})
BEFORE_WORK = frozenset(
    {
        ChangeState.DRAFT,
        ChangeState.REQUESTED,
        ChangeState.ASSESSED,
        ChangeState.AUTHORIZED,
        ChangeState.SCHEDULED,
    }
)
AUTHORIZED_STATES = frozenset({ChangeState.AUTHORIZED, ChangeState.SCHEDULED, ChangeState.IMPLEMENTING})
RAISERS = (REQUESTER, SERVICE_OWNER, RELEASE_MANAGER, CHANGE_MANAGER, MACHINE)
ASSESSORS = (CHANGE_MANAGER, CHANGE_AUTHORITY)


@dataclass(frozen=True)
class Content:
    """What a change asks for; its digest is what people authorize."""

    title: str
    description: str
    change_type: ChangeType
    risk: Risk
    service_ids: tuple[UUID, ...]
    alters_service: bool = True
    retrospective: bool = False

    @cached_property
    def digest(self) -> str:
        """The digest of this content."""
        return digest_of(self)


@dataclass(frozen=True)
class ChangeGrant:
    """The authorization of a change, as the change keeps it."""

    authorization_id: UUID
    content_digest: str
    deciders: tuple[Decider, ...]
    policy_version: int
    model_id: UUID | None = None


class ChangeRules:
    """The rules of a change, over the state that its events make."""

    id: UUID
    state: ChangeState
    content: Content
    requested_by: str
    authors: tuple[str, ...]
    on_hold: bool
    asked_authorization_id: UUID | None
    carried_by: UUID | None
    scope_open: bool

    @property
    def content_digest(self) -> str:
        """The digest of the content as it is now, which an authorization binds."""
        return self.content.digest

    def unmet_for_submit(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, RAISERS, "Requesting a change")
        yield from self._unmet_state(ChangeState.DRAFT, "requested")
        yield from self._unmet_hold("requested")

    def unmet_for_assess(self, act: Act, risk: Risk | None = None) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, ASSESSORS, "Assessing a change")
        yield from self._unmet_state(ChangeState.REQUESTED, "assessed")
        if risk not in {None, self.content.risk}:
            # Another risk is other content.
            yield from self._unmet_carried()

    def unmet_for_rewrite(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, RAISERS, "Editing a change")
        if self.state not in BEFORE_WORK:
            yield Unmet(
                "not-editable",
                f"A change that is {self.state} is not edited.",
                source="state",
                remedy="raise another change: POST /change/v1/changes",
            )
        yield from self._unmet_carried()

    def _unmet_carried(self) -> Iterator[Unmet]:
        if self.carried_by is not None and not self.scope_open:
            yield Unmet(
                "carried-by-an-open-release",
                f"Release {self.carried_by} carries this change and has not rescoped.",
                source="carried_by",
                remedy=f"rescope release {self.carried_by} first, or let it drop the change",
            )

    def unmet_for_put_to_authority(self, act: Act, *, undecided: bool, by_model: bool) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, RAISERS, "Requesting authorization")
        if self.content.change_type is ChangeType.STANDARD and not by_model:
            yield Unmet(
                "model-needed",
                "A standard change is authorized by a change model.",
                source="content.change_type",
                remedy="name a model of GET /change/v1/change-models, or rewrite the change as a normal one",
            )
        if self.state is not self.state_to_authorize:
            yield Unmet(
                "not-assessed",
                f"A change is put to an authority when it is assessed; this one is {self.state}.",
                source="state",
                remedy=f"assess it: POST /change/v1/changes/{self.id}/assessment",
            )
        if undecided:
            yield Unmet(
                "already-put-to-authority",
                f"Authorization {self.asked_authorization_id} of this change waits for its decision.",
                source="authorization",
                remedy=f"vote: POST /change/v1/authorizations/{self.asked_authorization_id}/votes",
            )
        yield from self._unmet_hold("put to an authority")

    def unmet_for_cancel(self, act: Act) -> Iterator[Unmet]:
        if act.person not in self.lineage and CHANGE_MANAGER not in act.roles:
            yield Forbidden(
                "not-entitled",
                "A change is cancelled by its requester, an author or a change manager.",
                source="requested_by",
                remedy="ask the requester or a change manager",
                person=act.person,
            )
        if self.state not in BEFORE_WORK:
            yield Unmet(
                "not-cancellable",
                f"A change that is {self.state} is not cancelled.",
                source="state",
                remedy="back out the deployment and cancel the release, while it is implementing",
            )

    def unmet_for_put_on_hold(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, ASSESSORS, "Putting a change on hold")
        if self.on_hold or self.state in FINAL:
            yield Unmet(
                "not-holdable",
                f"Only a change that goes on is put on hold; this one is {'on hold' if self.on_hold else self.state}.",
                source="on_hold",
                remedy="nothing needs to be done",
            )

    def unmet_for_take_off_hold(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, ASSESSORS, "Taking a change off hold")
        if not self.on_hold:
            detail = "This change is not on hold."
            yield Unmet("not-on-hold", detail, source="on_hold", remedy="nothing needs to be done")

    def unmet_for_review(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, (CHANGE_MANAGER,), "Reviewing a change")
        if self.content.alters_service:
            yield Unmet(
                "alters-a-service",
                "A change that alters a service is reviewed and closed only through a release.",
                source="content.alters_service",
                remedy="let a release carry it: POST /release/v1/releases",
            )
        if self.carried_by is not None:
            yield Unmet(
                "carried-by-a-release",
                f"Release {self.carried_by} carries this change; its review closes it.",
                source="carried_by",
                remedy=f"close release {self.carried_by} or let it drop the change",
            )
        yield from self._unmet_state(ChangeState.AUTHORIZED, "reviewed")

    def unmet_for_close(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, (CHANGE_MANAGER,), "Closing a change")
        yield from self._unmet_state(ChangeState.REVIEWED, "closed")

    def _unmet_state(self, needed: ChangeState, done: str) -> Iterator[Unmet]:
        if self.state is not needed:
            yield Unmet(
                "another-state",
                f"A change is {done} when it is {needed}; this one is {self.state}.",
                source="state",
                remedy=f"see GET /change/v1/changes/{self.id}/next",
            )

    def _unmet_hold(self, done: str) -> Iterator[Unmet]:
        if self.on_hold:
            yield Unmet(
                "on-hold",
                f"A change on hold is not {done}.",
                source="on_hold",
                remedy=f"take it off hold: POST /change/v1/changes/{self.id}/resumption",
            )

    def next(self, act: Act, *, undecided: bool = False) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not; a model is supposed where one is needed."""
        put = tuple(self.unmet_for_put_to_authority(act, undecided=undecided, by_model=True))
        return (
            NextCommand("submit", RAISERS, tuple(self.unmet_for_submit(act))),
            NextCommand("assess", ASSESSORS, tuple(self.unmet_for_assess(act))),
            NextCommand("rewrite", RAISERS, tuple(self.unmet_for_rewrite(act))),
            NextCommand("request_authorization", RAISERS, put),
            NextCommand("put_on_hold", ASSESSORS, tuple(self.unmet_for_put_on_hold(act))),
            NextCommand("take_off_hold", ASSESSORS, tuple(self.unmet_for_take_off_hold(act))),
            NextCommand("cancel", (REQUESTER, CHANGE_MANAGER), tuple(self.unmet_for_cancel(act))),
            NextCommand("review", (CHANGE_MANAGER,), tuple(self.unmet_for_review(act))),
            NextCommand("close", (CHANGE_MANAGER,), tuple(self.unmet_for_close(act))),
        )

    # What follows from the state.

    @property
    def lineage(self) -> tuple[str, ...]:
        """The requester and the authors: none of them decides about this change."""
        return tuple(dict.fromkeys((self.requested_by, *self.authors)))

    @property
    def state_to_authorize(self) -> ChangeState:
        # A standard change was assessed once, when its model was approved.
        standard = self.content.change_type is ChangeType.STANDARD and self.state is ChangeState.REQUESTED
        return ChangeState.REQUESTED if standard else ChangeState.ASSESSED

    def awaits(self, authorization_id: UUID) -> bool:
        return self.asked_authorization_id == authorization_id and self.state is self.state_to_authorize


def unmet_for_content(content: Content) -> Iterator[Unmet]:
    if content.alters_service and not content.service_ids:
        yield Unmet(
            "no-service",
            "A change that alters a service names at least one.",
            source="content.service_ids",
            remedy="name the services, or say that the change alters none",
        )
