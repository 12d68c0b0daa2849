"""The change (RFC): its content, its way from draft to closed, and the release that carries it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, event, refuse_any

from change_service.domain.change_rules import (
    FINAL,
    RAISERS,
    ChangeGrant,
    ChangeRules,
    ChangeState,
    Content,
    unmet_for_content,
)
from change_service.domain.values import Outcome, Risk, unmet_entitlement


class Change(ChangeRules, Aggregate):
    """A request for change and its record."""

    TOPIC = "change.Change"

    class Drafted(Aggregate.Created):
        """A change was drafted."""

        content: Content

    class Submitted(Aggregate.Event):
        """A change was requested."""

    class Linked(Aggregate.Event):
        """A missed target opened this change."""

        evaluation_id: UUID
        release_id: UUID
        review_id: UUID

    class Assessed(Aggregate.Event):
        """Change management assessed a change; the risk in the content is the assessed one."""

        content: Content
        findings: str
        previous_digest: str

    class Rewritten(Aggregate.Event):
        """The content of a change was edited; every authorization of the old content is void."""

        content: Content

    class PutToAuthority(Aggregate.Event):
        """A change authority was asked to authorize a change."""

        authorization_id: UUID

    class Authorized(Aggregate.Event):
        """A change authority authorized a change with exactly this content."""

        grant: ChangeGrant

    class GrantLost(Aggregate.Event):
        """The authorization of a change expired or was revoked; it needs a new one."""

        authorization_id: UUID
        reason: str

    class Rejected(Aggregate.Event):
        """A change authority rejected a change."""

        authorization_id: UUID
        reason: str

    class Cancelled(Aggregate.Event):
        """A change was cancelled."""

    class PutOnHold(Aggregate.Event):
        """A change was put on hold."""

    class TakenOffHold(Aggregate.Event):
        """A change goes on after a hold."""

    class Carried(Aggregate.Event):
        """An open release carries this change from now on."""

        release_id: UUID

    class Dropped(Aggregate.Event):
        """The release that carried this change carries it no longer; the change is free again."""

        release_id: UUID
        reason: str

    class ScopeOpened(Aggregate.Event):
        """The release that carries this change rescoped, or lost its request to plan again: its text may be edited."""

        release_id: UUID

    class ScopeBound(Aggregate.Event):
        """The release that carries this change asked to plan with this text: it may no longer be edited."""

        release_id: UUID

    class Scheduled(Aggregate.Event):
        """The release that carries this change entered deployment: its implementation is on the change schedule."""

        release_id: UUID

    class ImplementationStarted(Aggregate.Event):
        """The deployment of the release that carries this change started."""

        release_id: UUID

    class SentBack(Aggregate.Event):
        """The release that carries this change went back to an earlier phase, so nothing of it is implemented."""

        release_id: UUID

    class Reviewed(Aggregate.Event):
        """A change was reviewed, by its release or on its own, with this outcome."""

        outcome: Outcome
        release_id: UUID | None

    class Closed(Aggregate.Event):
        """A change was closed with the outcome of its review."""

        outcome: Outcome
        release_id: UUID | None

    # Commands of people.

    @classmethod
    def draft(cls, act: Act, *, change_id: UUID, content: Content) -> Change:
        """Draft a change. Refused without entitlement, or when it alters a service and names none."""
        refuse_any((*unmet_entitlement(act, RAISERS, "Raising a change"), *unmet_for_content(content)))
        return cls(id=change_id, act=act, content=content)

    @classmethod
    def link(
        cls, act: Act, *, change_id: UUID, content: Content, evaluation_id: UUID, release_id: UUID, review_id: UUID
    ) -> Change:
        """Raise the change that a missed target opens; it is requested at once."""
        change = cls(id=change_id, act=act, content=content)
        change._linked(act=act, evaluation_id=evaluation_id, release_id=release_id, review_id=review_id)
        change._submitted(act=act)
        return change

    def submit(self, act: Act) -> None:
        refuse_any(self.unmet_for_submit(act))
        self._submitted(act=act)

    def assess(self, act: Act, *, risk: Risk, findings: str) -> None:
        """Assess a change. An assessed risk that differs from the stated one becomes part of the content."""
        refuse_any(self.unmet_for_assess(act, risk))
        content = replace(self.content, risk=risk)
        self._assessed(act=act, content=content, findings=findings, previous_digest=self.content_digest)

    def rewrite(self, act: Act, *, content: Content) -> None:
        """Replace the content, which voids every authorization of the old one."""
        refuse_any((*self.unmet_for_rewrite(act), *unmet_for_content(content)))
        self._rewritten(act=act, content=content)

    def put_to_authority(
        self, act: Act, *, authorization_id: UUID, undecided: bool = False, by_model: bool = False
    ) -> None:
        """Ask for authorization; `undecided` says that an earlier request still waits for its decision."""
        refuse_any(self.unmet_for_put_to_authority(act, undecided=undecided, by_model=by_model))
        self._put_to_authority(act=act, authorization_id=authorization_id)

    def cancel(self, act: Act) -> None:
        refuse_any(self.unmet_for_cancel(act))
        self._cancelled(act=act)

    def put_on_hold(self, act: Act) -> None:
        refuse_any(self.unmet_for_put_on_hold(act))
        self._put_on_hold(act=act)

    def take_off_hold(self, act: Act) -> None:
        refuse_any(self.unmet_for_take_off_hold(act))
        self._taken_off_hold(act=act)

    def review(self, act: Act, *, outcome: Outcome) -> None:
        """Review a change that alters no service; all others are reviewed with their release."""
        refuse_any(self.unmet_for_review(act))
        self._reviewed(act=act, outcome=outcome, release_id=None)

    def close(self, act: Act) -> None:
        """Close a change that was reviewed on its own."""
        refuse_any(self.unmet_for_close(act))
        self._closed(act=act, outcome=self.outcome, release_id=None)

    # Facts that reactions bring. Those that are known already, or no longer matter, make no event.

    def authorize(self, act: Act, *, grant: ChangeGrant) -> bool:
        """Take a grant; returns False when the change has moved on since it was asked for."""
        if not self.awaits(grant.authorization_id) or grant.content_digest != self.content_digest:
            return False
        self._authorized(act=act, grant=grant)
        return True

    def reject(self, act: Act, *, authorization_id: UUID, reason: str) -> None:
        if self.awaits(authorization_id):
            self._rejected(act=act, authorization_id=authorization_id, reason=reason)

    def lose_grant(self, act: Act, *, authorization_id: UUID, reason: str) -> None:
        held = self.grant is not None and self.grant.authorization_id == authorization_id
        if held and self.state not in FINAL:
            self._grant_lost(act=act, authorization_id=authorization_id, reason=reason)

    def carry(self, act: Act, *, release_id: UUID) -> bool:
        """Be carried by a release; returns False when that cannot be, as another one carries it or it has ended."""
        if self.carried_by is None and self.state not in FINAL:
            self._carried(act=act, release_id=release_id)
        return self.carried_by == release_id

    def drop(self, act: Act, *, release_id: UUID, reason: str) -> None:
        if self.carried_by == release_id and self.state is not ChangeState.CLOSED:
            self._dropped(act=act, release_id=release_id, reason=reason)

    def open_scope(self, act: Act, *, release_id: UUID) -> None:
        if self.carried_by == release_id and not self.scope_open and self.state not in FINAL:
            self._scope_opened(act=act, release_id=release_id)

    def bind_scope(self, act: Act, *, release_id: UUID) -> None:
        if self.carried_by == release_id and self.scope_open:
            self._scope_bound(act=act, release_id=release_id)

    def schedule(self, act: Act, *, release_id: UUID) -> None:
        if self.carried_by == release_id and self.state is ChangeState.AUTHORIZED:
            self._scheduled(act=act, release_id=release_id)

    def implement(self, act: Act, *, release_id: UUID) -> None:
        if self.carried_by == release_id and self.state in {ChangeState.AUTHORIZED, ChangeState.SCHEDULED}:
            self._implementation_started(act=act, release_id=release_id)

    def send_back(self, act: Act, *, release_id: UUID) -> None:
        if self.carried_by == release_id and self.state in {ChangeState.SCHEDULED, ChangeState.IMPLEMENTING}:
            self._sent_back(act=act, release_id=release_id)

    def close_with_release(self, act: Act, *, release_id: UUID, outcome: Outcome) -> None:
        if self.carried_by == release_id and self.state not in FINAL:
            self._reviewed(act=act, outcome=outcome, release_id=release_id)
            self._closed(act=act, outcome=outcome, release_id=release_id)

    # What each event does to the state.

    @event(Drafted)
    def __init__(self, id: UUID, act: Act, content: Content) -> None:
        self.content = content
        self.state = ChangeState.DRAFT
        self.requested_by = act.person
        self.raised_at: datetime = act.at
        self.authors: tuple[str, ...] = (act.person,)
        self.on_hold = False
        self.evaluation_id: UUID | None = None
        self.asked_authorization_id: UUID | None = None
        self.grant: ChangeGrant | None = None
        self.carried_by: UUID | None = None
        self.scope_open = False
        self.outcome: Outcome = Outcome.SUCCESSFUL
        self.assessed_by: str | None = None

    @event(Submitted)
    def _submitted(self, act: Act) -> None:
        self.state = ChangeState.REQUESTED

    @event(Linked)
    def _linked(self, act: Act, evaluation_id: UUID, release_id: UUID, review_id: UUID) -> None:
        self.evaluation_id = evaluation_id

    @event(Assessed)
    def _assessed(self, act: Act, content: Content, findings: str, previous_digest: str) -> None:
        self.content = content
        self.assessed_by = act.person
        self.state = ChangeState.ASSESSED

    @event(Rewritten)
    def _rewritten(self, act: Act, content: Content) -> None:
        self.content = content
        if act.person not in self.authors:
            self.authors = (*self.authors, act.person)
        self.state = ChangeState.DRAFT if self.state is ChangeState.DRAFT else ChangeState.REQUESTED
        self.grant = None
        self.asked_authorization_id = None

    @event(PutToAuthority)
    def _put_to_authority(self, act: Act, authorization_id: UUID) -> None:
        self.asked_authorization_id = authorization_id

    @event(Authorized)
    def _authorized(self, act: Act, grant: ChangeGrant) -> None:
        self.grant = grant
        self.state = ChangeState.AUTHORIZED

    @event(GrantLost)
    def _grant_lost(self, act: Act, authorization_id: UUID, reason: str) -> None:
        self.grant = None
        if self.state in {ChangeState.AUTHORIZED, ChangeState.SCHEDULED}:
            self.state = ChangeState.ASSESSED

    @event(Rejected)
    def _rejected(self, act: Act, authorization_id: UUID, reason: str) -> None:
        self.state = ChangeState.REJECTED

    @event(Cancelled)
    def _cancelled(self, act: Act) -> None:
        self.state = ChangeState.CANCELLED
        self.grant = None

    @event(PutOnHold)
    def _put_on_hold(self, act: Act) -> None:
        self.on_hold = True

    @event(TakenOffHold)
    def _taken_off_hold(self, act: Act) -> None:
        self.on_hold = False

    @event(Carried)
    def _carried(self, act: Act, release_id: UUID) -> None:
        self.carried_by = release_id
        self.scope_open = False

    @event(Dropped)
    def _dropped(self, act: Act, release_id: UUID, reason: str) -> None:
        self.carried_by = None
        self.scope_open = False
        self._return_to_authorized()

    @event(ScopeOpened)
    def _scope_opened(self, act: Act, release_id: UUID) -> None:
        self.scope_open = True

    @event(ScopeBound)
    def _scope_bound(self, act: Act, release_id: UUID) -> None:
        self.scope_open = False

    @event(Scheduled)
    def _scheduled(self, act: Act, release_id: UUID) -> None:
        self.state = ChangeState.SCHEDULED

    @event(ImplementationStarted)
    def _implementation_started(self, act: Act, release_id: UUID) -> None:
        self.state = ChangeState.IMPLEMENTING

    @event(SentBack)
    def _sent_back(self, act: Act, release_id: UUID) -> None:
        self._return_to_authorized()

    @event(Reviewed)
    def _reviewed(self, act: Act, outcome: Outcome, release_id: UUID | None) -> None:
        self.outcome = outcome
        self.state = ChangeState.REVIEWED

    @event(Closed)
    def _closed(self, act: Act, outcome: Outcome, release_id: UUID | None) -> None:
        self.state = ChangeState.CLOSED

    def _return_to_authorized(self) -> None:
        if self.state in {ChangeState.SCHEDULED, ChangeState.IMPLEMENTING}:
            self.state = ChangeState.AUTHORIZED if self.grant else ChangeState.ASSESSED
