"""Use cases about authorizations: opening, voting, and what becomes of a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from fourgates.chassis.aggregate import Act, digest_of, refuse_any

from change_service import views
from change_service.application.base import UseCaseBase
from change_service.application.changes import grant_of
from change_service.domain import (
    FINAL,
    NO_RULE,
    POLICY_ID,
    AuthorityPolicy,
    Authorization,
    AuthorizationState,
    Ballot,
    Change,
    Gate,
    Inputs,
    KnownRelease,
    LineagePerson,
    Question,
    Rule,
    SchedulePlan,
    SubjectKind,
    Voter,
    conflicts,
    differences_to,
    holds_on,
    id_of_authorization,
    id_of_plan,
    lineage_of,
)


class DecisionCases(UseCaseBase):
    """Authorizations: one for each request, whoever makes it."""

    def open_authorization(self, act: Act, *, question: Question, inputs: Inputs) -> None:
        """Open what another service asked for, once; a request that cannot be opened is rejected with every reason."""
        if self._work.find(Authorization, id_of_authorization(question.request_id)) is not None:
            return
        release = self._release(question.release_id)
        changes = self._changes(bound.change_id for bound in question.changes)
        for change in changes.values():
            if change is not None and question.release_id and question.subject_kind is SubjectKind.GATE:
                change.carry(act, release_id=question.release_id)
        policy = self._work.get(AuthorityPolicy, POLICY_ID)
        rule = policy.rule_for((inputs, *_inputs_of(inputs, changes)))
        authorization = Authorization.request(
            act,
            question=replace(question, lineage=self._lineage(question, changes)),
            rule=rule or NO_RULE,
            policy_version=policy.in_force.number,
        )
        reasons = (
            *_against_rule(rule, question),
            *self._against_signers(act, authorization),
            *differences_to(question, changes),
            *_held(release, changes),
        )
        if reasons:
            authorization.reject(act, reasons=reasons)
        else:
            self._begin(act, authorization, changes)
        self._work.save(*(change for change in changes.values() if change is not None), authorization)

    def _against_signers(self, act: Act, authorization: Authorization) -> Iterator[str]:
        """Yield how whoever signed off is one of the lineage, under any name or as a delegate."""
        if Gate.CHECK_IN not in authorization.question.gates:
            return
        for signer in sorted(authorization.signers):
            voter = views.voter_at(self._work.views, signer, act.at) or Voter(signer, signer, (signer,))
            for person in conflicts(voter, authorization.question.lineage):
                yield f"{signer} signed off, and is, stands for or is an alias of {person.person_id}, {person.part}."

    def _begin(self, act: Act, authorization: Authorization, changes: dict[UUID, Change | None]) -> None:
        question = authorization.question
        authorization.escalate(act, electorates=self._electorates(authorization, act))
        for change in changes.values():
            if change is not None and question.release_id and Gate.PLANNING in question.gates:
                change.bind_scope(act, release_id=question.release_id)

    def _lineage(self, question: Question, changes: dict[UUID, Change | None]) -> tuple[LineagePerson, ...]:
        found = dict.fromkeys((*question.lineage, *lineage_of(changes)))
        if question.subject_kind is SubjectKind.CONFIRMATION and question.release_id:
            # Whoever decided at night does not confirm it by day.
            rows = views.authorizations_of_release(self._work.views, question.release_id, subject_kind="gate")
            for decider in (decider for row in rows if row["emergency"] for decider in row["deciders"]):
                found[LineagePerson(decider, "decider of the emergency")] = None
        return tuple(found)

    def vote(self, act: Act, *, authorization_id: UUID, ballot: Ballot, delegate_to: str | None) -> Authorization:
        """Give a vote, with the roles that the person holds here at this moment."""
        authorization = self._work.get(Authorization, authorization_id)
        known, voter = self._known(act)
        delegate = None if delegate_to is None else views.voter_at(self._work.views, delegate_to, act.at)
        standing = self.standing_of(act, authorization)
        authorization.vote(known, ballot=ballot, voter=voter, standing=standing, delegate=delegate)
        if authorization.may_escalate:
            # Whoever did not approve, or approved another step, may be one too few.
            authorization.escalate(act, electorates=self._electorates(authorization, act))
        self._work.save(authorization)
        return authorization

    def revoke_authorization(self, act: Act, *, authorization_id: UUID) -> Authorization:
        """Take a grant back, with the roles that the person holds here."""
        authorization = self._work.get(Authorization, authorization_id)
        authorization.revoke(self._known(act)[0])
        self._work.save(authorization)
        return authorization

    def withdraw_authorization(self, act: Act, *, authorization_id: UUID) -> Authorization:
        authorization = self._work.get(Authorization, authorization_id)
        authorization.withdraw(act)
        self._work.save(authorization)
        return authorization

    def end_request(self, act: Act, *, request_id: UUID, reason: str) -> None:
        """Withdraw a request, or void its unused grant, when there is one."""
        authorization = self._work.find(Authorization, id_of_authorization(request_id))
        if authorization is not None:
            authorization.end(act, reason=reason)
            self._work.save(authorization)

    def end_requests_of_release(self, act: Act, *, release_id: UUID, reason: str) -> None:
        """Withdraw or void everything that a release asked for and did not use."""
        for key in views.open_authorizations(self._work.views, release_id=str(release_id)):
            authorization = self._work.get(Authorization, key)
            authorization.end(act, reason=reason)
            self._work.save(authorization)

    def use_grant(self, act: Act, *, authorization_id: UUID, gate: Gate | None) -> None:
        """Record that a grant was used."""
        authorization = self._work.find(Authorization, authorization_id)
        if authorization is not None:
            authorization.use(act, gate=gate, used_at=act.at)
            self._work.save(authorization)

    # What follows from a decision.

    def carry_out_grant(self, act: Act, *, authorization_id: UUID) -> None:
        """Give a grant to what it is about, where that is kept here."""
        authorization = self._work.get(Authorization, authorization_id)
        if authorization.state is not AuthorizationState.GRANTED:
            return
        match authorization.question.subject_kind:
            case SubjectKind.CHANGE:
                self._authorize_change(act, authorization)
            case SubjectKind.OVERRIDE:
                self._waive_conflicts(act, authorization)
            case SubjectKind.CONFIRMATION:
                # What was done is confirmed by the decision itself.
                authorization.use(act, gate=None, used_at=act.at)
            case SubjectKind.GATE | SubjectKind.ACCEPTANCE:
                return
        self._work.save(authorization)

    def _authorize_change(self, act: Act, authorization: Authorization) -> None:
        change = self._work.get(Change, authorization.question.subject_id)
        held = change.grant is not None and change.grant.authorization_id == authorization.id
        if not held and not change.authorize(act, grant=grant_of(authorization)):
            authorization.end(act, reason="the change has moved on since it was asked for")
        self._work.save(change)

    def _waive_conflicts(self, act: Act, authorization: Authorization) -> None:
        question = authorization.question
        plan = self._work.get(SchedulePlan, id_of_plan(question.subject_id))
        waived = plan.waive(
            act,
            plan_digest=question.document["plan_digest"],
            conflict_ids=_conflicts_in(question),
            authorization_id=authorization.id,
            by=tuple(decider.person_id for decider in authorization.deciders),
        )
        if waived:
            authorization.use(act, gate=None, used_at=act.at)
        else:
            authorization.end(act, reason="the plan has changed since it was asked for")
        self._work.save(plan)

    def reject_change(self, act: Act, *, authorization_id: UUID) -> None:
        """Reject the change whose authorization was rejected; of a planning gate, let its changes be edited again."""
        authorization = self._work.get(Authorization, authorization_id)
        if authorization.question.subject_kind is SubjectKind.CHANGE:
            change = self._work.get(Change, authorization.question.subject_id)
            change.reject(act, authorization_id=authorization.id, reason="; ".join(authorization.reasons))
            self._work.save(change)
        self._reopen_scope(act, authorization)

    def take_grant_from_change(self, act: Act, *, authorization_id: UUID, reason: str) -> None:
        """Take a grant that ended from its change or plan; of a planning gate, let its changes be edited again."""
        authorization = self._work.get(Authorization, authorization_id)
        if authorization.question.subject_kind is SubjectKind.OVERRIDE:
            self._take_back_waiver(act, authorization.question)
        if authorization.question.subject_kind is SubjectKind.CHANGE:
            change = self._work.get(Change, authorization.question.subject_id)
            change.lose_grant(act, authorization_id=authorization.id, reason=reason)
            self._work.save(change)
        self._reopen_scope(act, authorization)

    def _take_back_waiver(self, act: Act, question: Question) -> None:
        plan = self._work.get(SchedulePlan, id_of_plan(question.subject_id))
        digest = question.document["plan_digest"]
        plan.take_back_waiver(act, plan_digest=digest, conflict_ids=_conflicts_in(question))
        self._work.save(plan)

    def _reopen_scope(self, act: Act, authorization: Authorization) -> None:
        question = authorization.question
        release: KnownRelease | None = self._release(question.release_id)
        if release is None or not release.rescoped or Gate.PLANNING not in question.gates:
            return
        for change in self._changes(bound.change_id for bound in question.changes).values():
            if change is not None:
                change.open_scope(act, release_id=release.release_id)
                self._work.save(change)

    def end_what_binds_change(self, act: Act, *, change_id: UUID, reason: str) -> None:
        """End every request and unused grant that binds another text of a change, or a change that was ended."""
        change = self._work.get(Change, change_id)
        for key in views.open_authorizations(self._work.views, change_ids=str(change_id)):
            authorization = self._work.get(Authorization, key)
            bound = {b.change_id: b.content_digest for b in authorization.question.changes}
            if bound.get(change_id) != change.content_digest or change.state in FINAL:
                authorization.end(act, reason=reason)
                self._work.save(authorization)

    def use_grant_of_change(self, act: Act, *, change_id: UUID) -> None:
        """Use the authorization of a change whose implementation started, or that was reviewed on its own."""
        change = self._work.get(Change, change_id)
        if change.grant is not None:
            self.use_grant(act, authorization_id=change.grant.authorization_id, gate=None)

    # Waivers of conflicts.

    def request_waiver(
        self, act: Act, *, release_id: UUID, request_id: UUID, conflict_ids: tuple[str, ...]
    ) -> Authorization:
        """Ask an authority to waive conflicts of a deployment plan by name."""
        plan = self._work.get(SchedulePlan, id_of_plan(release_id))
        policy = self._work.get(AuthorityPolicy, POLICY_ID)
        inputs = (Inputs(SubjectKind.OVERRIDE, emergency=plan.plan.emergency),)
        release = self._release(release_id)
        changes = self._changes(release.change_ids if release else ())
        holds = holds_on(release, changes)
        refuse_any((*plan.unmet_for_waiver(act, conflict_ids, holds), *policy.unmet_for_rule(inputs)))
        details = {c.conflict_id: c.detail for c in plan.conflicts if c.conflict_id in conflict_ids}
        document = {"plan_digest": plan.plan.plan_digest, **details}
        lineage = (LineagePerson(act.person, "requester"), *self._lineage_of_release(release_id))
        question = Question(
            request_id=request_id,
            subject_kind=SubjectKind.OVERRIDE,
            subject_id=release_id,
            document=document,
            document_digest=digest_of(document),
            summary=f"Waive {len(details)} conflicts of the deployment plan: {act.why}",
            lineage=(*lineage, *lineage_of(changes)),
            release_id=release_id,
            emergency=plan.plan.emergency,
        )
        authorization = Authorization.request(
            act, question=question, rule=policy.rule_for(inputs) or NO_RULE, policy_version=policy.in_force.number
        )
        authorization.escalate(act, electorates=self._electorates(authorization, act))
        self._work.save(authorization)
        return authorization

    def _lineage_of_release(self, release_id: UUID) -> tuple[LineagePerson, ...]:
        rows = views.authorizations_of_release(self._work.views, release_id, subject_kind="gate")
        latest = self._work.find(Authorization, UUID(rows[0]["key"])) if rows else None
        return latest.question.lineage if latest else ()

    def end_old_waivers(self, act: Act, *, release_id: UUID, plan_digest: str) -> None:
        """End what was asked or granted about an earlier plan of a release."""
        keys = views.open_authorizations(self._work.views, release_id=str(release_id), subject_kind="override")
        for authorization in (self._work.get(Authorization, key) for key in keys):
            if authorization.question.document["plan_digest"] != plan_digest:
                authorization.end(act, reason="another deployment plan was written")
                self._work.save(authorization)

    # The clock.

    def expire_what_is_due(self, act: Act) -> None:
        """Expire the requests and grants whose time has come, a bounded number at once."""
        for key in views.due_authorizations(self._work.views, act.at, self._settings.expiries_per_tick_max):
            authorization = self._work.get(Authorization, key)
            authorization.expire(act)
            self._work.save(authorization)

    def escalate_what_is_due(self, act: Act) -> None:
        """Escalate the requests that nobody decided in time, a bounded number at once."""
        for key in views.due_escalations(self._work.views, act.at, self._settings.escalations_per_tick_max):
            authorization = self._work.get(Authorization, key)
            authorization.escalate(act, electorates=self._electorates(authorization, act))
            self._work.save(authorization)


def _conflicts_in(question: Question) -> tuple[str, ...]:
    """Return the conflicts that a waiver names."""
    return tuple(name for name in question.document if name != "plan_digest")


def _inputs_of(asked: Inputs, changes: dict[UUID, Change | None]) -> tuple[Inputs, ...]:
    """Return the inputs of each carried change, so that the strictest of them decides."""
    contents = (change.content for change in changes.values() if change is not None)
    return tuple(replace(asked, change_type=c.change_type, risk=c.risk) for c in contents)


def _against_rule(rule: Rule | None, question: Question) -> tuple[str, ...]:
    if rule is None:
        return ("No rule of the authority policy in force applies to this request.",)
    if len(question.gates) > 1 and not rule.may_join:
        return (f"Rule {rule.name} does not let gates be joined.",)
    if question.emergency and question.subject_kind is SubjectKind.GATE and not rule.asks_the_ecab:
        return (f"Rule {rule.name} lets an emergency pass without a voter of the ECAB.",)
    return ()


def _held(release: KnownRelease | None, changes: dict[UUID, Change | None]) -> tuple[str, ...]:
    return tuple(f"{held} is on hold." for held in holds_on(release, changes))
