"""What was heard of releases, services and follow-ups, and can decide a command here."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, derived_id, event

from review_service.domain.values import Debt, DebtState, LineagePerson, ReleaseFacts


class KnownRelease(Aggregate):
    """A release as heard: its people, its debts, the phase it is in, and the reviews that wait for such facts."""

    TOPIC = "review.KnownRelease"

    class Noted(Aggregate.Created):
        """Something of this release was heard for the first time."""

        release_id: UUID
        service_id: UUID

    class LineageNoted(Aggregate.Event):
        """More people of the lineage of the release were heard of."""

        people: tuple[LineagePerson, ...]

    class DeploymentRequestNoted(Aggregate.Event):
        """The release was heard to ask for a deployment."""

        deployment_id: UUID

    class ReviewPhaseNoted(Aggregate.Event):
        """The release was heard to enter review."""

        kind: str

    class DebtsNoted(Aggregate.Event):
        """The release was heard to incur debts."""

        debts: tuple[Debt, ...]

    class DebtSettledNoted(Aggregate.Event):
        """A debt of the release was heard to be settled."""

        code: str

    class DebtFailedNoted(Aggregate.Event):
        """A debt of the release was heard to have failed."""

        code: str
        reason: str
        evaluation_id: UUID

    class CancellationNoted(Aggregate.Event):
        """The release was heard to be cancelled, or to wait for its review in order to be."""

        reason: str

    class ReviewNoted(Aggregate.Event):
        """A review of this release was opened here."""

        review_id: UUID

    @classmethod
    def id_of(cls, release_id: UUID) -> UUID:
        """Return the id under which a release is known here."""
        return derived_id(release_id, "known-release")

    @classmethod
    def note(cls, act: Act, *, release_id: UUID, service_id: UUID) -> KnownRelease:
        """Begin to know a release."""
        return cls(id=cls.id_of(release_id), act=act, release_id=release_id, service_id=service_id)

    @event(Noted)
    def __init__(self, id: UUID, act: Act, release_id: UUID, service_id: UUID) -> None:
        self.release_id = release_id
        self.service_id = service_id
        self.lineage: tuple[LineagePerson, ...] = ()
        self.deployment_id: UUID | None = None
        self.in_review = False
        self.debts: dict[str, Debt] = {}
        self.cancellation_requested = False
        self.review_ids: tuple[UUID, ...] = ()

    def facts_for(self, deployment_id: UUID | None) -> ReleaseFacts:
        """Return what the review of a deployment, or of a release without one, has to know."""
        return ReleaseFacts(
            in_review=self.in_review and self.deployment_id == deployment_id,
            cancellation_requested=self.cancellation_requested,
            debts=tuple(self.debts[code] for code in sorted(self.debts)),
            lineage=self.lineage,
        )

    def note_lineage(self, act: Act, *, people: tuple[LineagePerson, ...]) -> None:
        """Add people to the lineage."""
        new = tuple(person for person in dict.fromkeys(people) if person not in self.lineage)
        if new:
            self._lineage_noted(act=act, people=new)

    @event(LineageNoted)
    def _lineage_noted(self, act: Act, people: tuple[LineagePerson, ...]) -> None:
        self.lineage = (*self.lineage, *people)

    def note_deployment_request(self, act: Act, *, deployment_id: UUID) -> None:
        """Note which deployment the release asked for last."""
        if deployment_id != self.deployment_id:
            self._deployment_request_noted(act=act, deployment_id=deployment_id)

    @event(DeploymentRequestNoted)
    def _deployment_request_noted(self, act: Act, deployment_id: UUID) -> None:
        self.deployment_id = deployment_id
        self.in_review = False

    def note_review_phase(self, act: Act, *, kind: str) -> None:
        """Note that the release waits for the review of what it asked for last."""
        if not self.in_review:
            self._review_phase_noted(act=act, kind=kind)

    @event(ReviewPhaseNoted)
    def _review_phase_noted(self, act: Act, kind: str) -> None:
        self.in_review = True

    def note_debts(self, act: Act, *, debts: tuple[Debt, ...]) -> None:
        """Note debts; one with the same code and due date is known already."""
        new = tuple(
            debt for debt in debts if debt.code not in self.debts or self.debts[debt.code].due_at != debt.due_at
        )
        if new:
            self._debts_noted(act=act, debts=new)

    @event(DebtsNoted)
    def _debts_noted(self, act: Act, debts: tuple[Debt, ...]) -> None:
        for debt in debts:
            known = self.debts.get(debt.code)
            # A failure that was heard before its debt has no due date yet, and stays a failure.
            if known is not None and known.due_at is None:
                self.debts[debt.code] = replace(known, detail=debt.detail, due_at=debt.due_at)
            else:
                self.debts[debt.code] = debt

    def note_debt_settled(self, act: Act, *, code: str) -> None:
        """Note that a debt was settled."""
        if code in self.debts and self.debts[code].state is DebtState.OPEN:
            self._debt_settled_noted(act=act, code=code)

    @event(DebtSettledNoted)
    def _debt_settled_noted(self, act: Act, code: str) -> None:
        self.debts[code] = replace(self.debts[code], state=DebtState.SETTLED)

    def note_debt_failed(self, act: Act, *, code: str, reason: str, evaluation_id: UUID) -> None:
        """Note that a debt failed; the release gave the id of the evaluation that stands for it."""
        if code not in self.debts or self.debts[code].evaluation_id != evaluation_id:
            self._debt_failed_noted(act=act, code=code, reason=reason, evaluation_id=evaluation_id)

    @event(DebtFailedNoted)
    def _debt_failed_noted(self, act: Act, code: str, reason: str, evaluation_id: UUID) -> None:
        known = self.debts.get(code, Debt(code=code, detail="", due_at=None))
        self.debts[code] = replace(known, state=DebtState.FAILED, reason=reason, evaluation_id=evaluation_id)

    def note_cancellation(self, act: Act, *, reason: str) -> None:
        """Note that no other end than cancelling is wanted."""
        if not self.cancellation_requested:
            self._cancellation_noted(act=act, reason=reason)

    @event(CancellationNoted)
    def _cancellation_noted(self, act: Act, reason: str) -> None:
        self.cancellation_requested = True

    def note_review(self, act: Act, *, review_id: UUID) -> None:
        """Remember a review, so that later facts reach it."""
        if review_id not in self.review_ids:
            self._review_noted(act=act, review_id=review_id)

    @event(ReviewNoted)
    def _review_noted(self, act: Act, review_id: UUID) -> None:
        self.review_ids = (*self.review_ids, review_id)


class KnownService(Aggregate):
    """A service as heard from configuration management."""

    TOPIC = "review.KnownService"

    class Noted(Aggregate.Created):
        """Something of this service was heard for the first time."""

        service_id: UUID
        name: str
        owner_id: str
        lifecycle: str

    class RegistrationNoted(Aggregate.Event):
        """The name and the owner of a service were heard after its lifecycle."""

        name: str
        owner_id: str

    class LifecycleNoted(Aggregate.Event):
        """The service was heard to be pipeline, live, retiring or retired."""

        lifecycle: str

    @classmethod
    def id_of(cls, service_id: UUID) -> UUID:
        """Return the id under which a service is known here."""
        return derived_id(service_id, "known-service")

    @classmethod
    def note(cls, act: Act, *, service_id: UUID, name: str = "", owner_id: str = "", lifecycle: str) -> KnownService:
        """Begin to know a service."""
        return cls(
            id=cls.id_of(service_id), act=act, service_id=service_id, name=name, owner_id=owner_id, lifecycle=lifecycle
        )

    @event(Noted)
    def __init__(self, id: UUID, act: Act, service_id: UUID, name: str, owner_id: str, lifecycle: str) -> None:
        self.service_id = service_id
        self.name = name
        self.owner_id = owner_id
        self.lifecycle = lifecycle

    def note_registration(self, act: Act, *, name: str, owner_id: str) -> None:
        """Note name and owner; a lifecycle heard earlier is newer than the registration."""
        if (name, owner_id) != (self.name, self.owner_id):
            self._registration_noted(act=act, name=name, owner_id=owner_id)

    @event(RegistrationNoted)
    def _registration_noted(self, act: Act, name: str, owner_id: str) -> None:
        self.name = name
        self.owner_id = owner_id

    def note_lifecycle(self, act: Act, *, lifecycle: str) -> None:
        """Note where the service stands in its life."""
        if lifecycle != self.lifecycle:
            self._lifecycle_noted(act=act, lifecycle=lifecycle)

    @event(LifecycleNoted)
    def _lifecycle_noted(self, act: Act, lifecycle: str) -> None:
        self.lifecycle = lifecycle


class KnownFollowUp(Aggregate):
    """What was heard to follow a missed target: its linked change and its successor release."""

    TOPIC = "review.KnownFollowUp"

    class Noted(Aggregate.Created):
        """Something of the follow-up of this evaluation was heard or is awaited."""

        evaluation_id: UUID

    class ReviewNoted(Aggregate.Event):
        """A review awaits this follow-up."""

        review_id: UUID

    class LinkedChangeNoted(Aggregate.Event):
        """The linked change was heard to exist."""

        change_id: UUID

    class SuccessorNoted(Aggregate.Event):
        """The successor release was heard to exist."""

        successor_id: UUID

    @classmethod
    def id_of(cls, evaluation_id: UUID) -> UUID:
        """Return the id under which the follow-up of an evaluation is known here."""
        return derived_id(evaluation_id, "known-follow-up")

    @classmethod
    def note(cls, act: Act, *, evaluation_id: UUID) -> KnownFollowUp:
        """Begin to know a follow-up."""
        return cls(id=cls.id_of(evaluation_id), act=act, evaluation_id=evaluation_id)

    @event(Noted)
    def __init__(self, id: UUID, act: Act, evaluation_id: UUID) -> None:
        self.evaluation_id = evaluation_id
        self.review_id: UUID | None = None
        self.change_id: UUID | None = None
        self.successor_id: UUID | None = None

    def note_review(self, act: Act, *, review_id: UUID) -> None:
        """Remember which review awaits this; a debt of a backed-out deployment can move on to the next review."""
        if review_id != self.review_id:
            self._review_noted(act=act, review_id=review_id)

    @event(ReviewNoted)
    def _review_noted(self, act: Act, review_id: UUID) -> None:
        self.review_id = review_id

    def note_linked_change(self, act: Act, *, change_id: UUID) -> None:
        """Note the linked change. Its id follows from the evaluation; any other change is not it."""
        if self.change_id is None and change_id == derived_id(self.evaluation_id, "linked-change"):
            self._linked_change_noted(act=act, change_id=change_id)

    @event(LinkedChangeNoted)
    def _linked_change_noted(self, act: Act, change_id: UUID) -> None:
        self.change_id = change_id

    def note_successor(self, act: Act, *, successor_id: UUID) -> None:
        """Note the successor release. Its id follows from the evaluation; any other release is not it."""
        if self.successor_id is None and successor_id == derived_id(self.evaluation_id, "successor-release"):
            self._successor_noted(act=act, successor_id=successor_id)

    @event(SuccessorNoted)
    def _successor_noted(self, act: Act, successor_id: UUID) -> None:
        self.successor_id = successor_id
