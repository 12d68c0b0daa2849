"""Change models: how standard changes are authorized, within a scope, until they expire, a limited number of times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Forbidden, NextCommand, Unmet, event, refuse_any

from change_service.domain.change_rules import Content
from change_service.domain.values import (
    CHANGE_AUTHORITY,
    CHANGE_MANAGER,
    RISK_ORDER,
    ChangeType,
    Decider,
    Risk,
    unmet_entitlement,
)

KEEPERS_OF_MODELS = (CHANGE_MANAGER, CHANGE_AUTHORITY)
APPROVALS_NEEDED = 2


@dataclass(frozen=True)
class ModelContent:
    """What a change model covers. Without services it covers all of them."""

    name: str
    description: str
    service_ids: tuple[UUID, ...]
    highest_risk: Risk
    expires_at: datetime
    max_uses: int


class ChangeModel(Aggregate):
    """A versioned model by which standard changes are authorized; two entitled people approve each version."""

    TOPIC = "change.ChangeModel"

    class Drafted(Aggregate.Created):
        """A change model was drafted as its first version."""

        content: ModelContent

    class Revised(Aggregate.Event):
        """A next version of a change model was written; it needs new approvals, and its uses count anew."""

        content: ModelContent
        number: int

    class Approved(Aggregate.Event):
        """An entitled person approved the version; the second one puts it in force."""

        approval: Decider
        subjects: tuple[str, ...]

    class Used(Aggregate.Event):
        """A standard change was authorized by the model; the use is counted."""

        change_id: UUID
        authorization_id: UUID

    class Withdrawn(Aggregate.Event):
        """A change model is used no more."""

    @classmethod
    def draft(cls, act: Act, *, model_id: UUID, content: ModelContent) -> ChangeModel:
        refuse_any(
            (*unmet_entitlement(act, KEEPERS_OF_MODELS, "Drafting a change model"), *_unmet_content(act, content))
        )
        return cls(id=model_id, act=act, content=content)

    def revise(self, act: Act, *, content: ModelContent) -> None:
        """Write the next version, which voids the approvals of the one before."""
        refuse_any((*self.unmet_for_revise(act), *_unmet_content(act, content)))
        self._revised(act=act, content=content, number=self.number + 1)

    def approve(self, act: Act, *, number: int, meaning: str, subjects: tuple[str, ...] = ()) -> None:
        """Approve the version that was read; `subjects` are all names under which the approver is known."""
        names = tuple(dict.fromkeys((act.person, *subjects)))
        refuse_any((*self.unmet_for_approve(act, names), *self._unmet_number(number)))
        self._approved(act=act, approval=Decider(act.person, act.roles, act.at, meaning, act.why), subjects=names)

    def use(self, act: Act, *, change_id: UUID, authorization_id: UUID, content: Content, kin: tuple[str, ...]) -> None:
        """Count a use for a change; `kin` are the people of its lineage with their aliases and delegates."""
        refuse_any(self.unmet_for_use(act, content, kin))
        self._used(act=act, change_id=change_id, authorization_id=authorization_id)

    def withdraw(self, act: Act) -> None:
        refuse_any(self.unmet_for_withdraw(act))
        self._withdrawn(act=act)

    def unmet_for_revise(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, KEEPERS_OF_MODELS, "Revising a change model")
        yield from self._unmet_withdrawn()

    def unmet_for_approve(self, act: Act, names: tuple[str, ...]) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, KEEPERS_OF_MODELS, "Approving a change model")
        yield from self._unmet_withdrawn()
        if act.machine:
            yield Forbidden(
                "machine-account",
                "No machine account decides.",
                source="machine",
                remedy="let a person approve",
                person=act.person,
            )
        if self.author in names:
            yield Forbidden(
                "four-eyes",
                "The author of a version does not approve it.",
                source="author",
                remedy=f"ask another {' or '.join(KEEPERS_OF_MODELS)}",
                person=act.person,
            )
        if set(names) & set(self.approver_subjects):
            yield Unmet(
                "already-approved",
                "The same person never counts twice.",
                source="approvals",
                remedy="ask somebody who has not approved",
            )

    def _unmet_number(self, number: int) -> Iterator[Unmet]:
        if number != self.number:
            yield Unmet(
                "older-version",
                f"The approval names version {number}; the model is at version {self.number}.",
                source="number",
                remedy=f"read GET /change/v1/change-models/{self.id} again",
            )

    def unmet_for_use(self, act: Act, content: Content, kin: tuple[str, ...]) -> Iterator[Unmet]:
        """Name everything that keeps a change from being authorized by this model now."""
        yield from self._unmet_withdrawn()
        yield from self._unmet_in_force(act)
        yield from self._unmet_scope(content)
        for name in sorted(set(kin) & set(self.approver_subjects)):
            yield Forbidden(
                "segregation-of-duties",
                f"{name} approved the model, and is requester or author of the change, or an alias or delegate of one.",
                source="lineage",
                remedy="request normal authorization instead",
                person=name,
            )

    def _unmet_in_force(self, act: Act) -> Iterator[Unmet]:
        if len(self.approvals) < APPROVALS_NEEDED:
            yield Unmet(
                "model-not-approved",
                f"Version {self.number} of the model has {len(self.approvals)} of {APPROVALS_NEEDED} approvals.",
                source="approvals",
                remedy=f"approve it: POST /change/v1/change-models/{self.id}/approvals",
            )
        if act.at >= self.content.expires_at:
            yield Unmet(
                "model-expired",
                f"The model expired at {self.content.expires_at.isoformat()}.",
                source="expires_at",
                remedy=f"revise it: PUT /change/v1/change-models/{self.id}/content",
            )
        if len(self.uses) >= self.content.max_uses:
            yield Unmet(
                "model-used-up",
                f"The model was used {len(self.uses)} times, which is all it allows.",
                source="max_uses",
                remedy=f"revise it: PUT /change/v1/change-models/{self.id}/content",
            )

    def _unmet_scope(self, content: Content) -> Iterator[Unmet]:
        if content.change_type is not ChangeType.STANDARD:
            yield Unmet(
                "not-a-standard-change",
                f"A model authorizes standard changes; this one is {content.change_type}.",
                source="change_type",
                remedy="request authorization without a model",
            )
        if self.content.service_ids and set(content.service_ids) - set(self.content.service_ids):
            yield Unmet(
                "outside-the-scope",
                "The change names services that the model does not cover.",
                source="service_ids",
                remedy="request normal authorization, or revise the model",
            )
        if RISK_ORDER.index(content.risk) > RISK_ORDER.index(self.content.highest_risk):
            yield Unmet(
                "too-risky",
                f"The model covers changes up to {self.content.highest_risk} risk; this one is {content.risk}.",
                source="risk",
                remedy="request normal authorization",
            )

    def unmet_for_withdraw(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, KEEPERS_OF_MODELS, "Withdrawing a change model")
        yield from self._unmet_withdrawn()

    def _unmet_withdrawn(self) -> Iterator[Unmet]:
        if self.withdrawn:
            yield Unmet("model-withdrawn", "The model is withdrawn.", source="withdrawn", remedy="draft another model")

    def next(self, act: Act, subjects: tuple[str, ...] = ()) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        names = (act.person, *subjects)
        return (
            NextCommand("approve", KEEPERS_OF_MODELS, tuple(self.unmet_for_approve(act, names))),
            NextCommand("revise", KEEPERS_OF_MODELS, tuple(self.unmet_for_revise(act))),
            NextCommand("withdraw", KEEPERS_OF_MODELS, tuple(self.unmet_for_withdraw(act))),
        )

    @event(Drafted)
    def __init__(self, id: UUID, act: Act, content: ModelContent) -> None:
        self.number = 0
        self.withdrawn = False
        self._begin_version(act, content, 1)

    @event(Revised)
    def _revised(self, act: Act, content: ModelContent, number: int) -> None:
        self._begin_version(act, content, number)

    def _begin_version(self, act: Act, content: ModelContent, number: int) -> None:
        self.content = content
        self.number = number
        self.author = act.person
        self.approvals: tuple[Decider, ...] = ()
        self.approver_subjects: tuple[str, ...] = ()
        self.uses: tuple[UUID, ...] = ()

    @event(Approved)
    def _approved(self, act: Act, approval: Decider, subjects: tuple[str, ...]) -> None:
        self.approvals = (*self.approvals, approval)
        self.approver_subjects = (*self.approver_subjects, *subjects)

    @event(Used)
    def _used(self, act: Act, change_id: UUID, authorization_id: UUID) -> None:
        self.uses = (*self.uses, change_id)

    @event(Withdrawn)
    def _withdrawn(self, act: Act) -> None:
        self.withdrawn = True


def _unmet_content(act: Act, content: ModelContent) -> Iterator[Unmet]:
    if content.expires_at <= act.at or content.max_uses < 1:
        yield Unmet(
            "model-without-use",
            "A model expires in the future and allows at least one use.",
            source="content",
            remedy="give a later expiry and a positive number of uses",
        )
