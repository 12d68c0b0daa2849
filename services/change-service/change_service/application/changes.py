"""Use cases about changes and change models."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import Act, derived_id, digest_of, refuse_any

from change_service import views
from change_service.application.base import UseCaseBase
from change_service.domain import (
    NO_RULE,
    POLICY_ID,
    AuthorityPolicy,
    Authorization,
    AuthorizationState,
    CarriedChange,
    Change,
    ChangeGrant,
    ChangeModel,
    ChangeType,
    Content,
    Inputs,
    ModelContent,
    Outcome,
    Question,
    Risk,
    SubjectKind,
    lineage_of,
)


class ChangeCases(UseCaseBase):
    """Changes, from draft to closed, and the models that authorize standard ones."""

    def draft_change(self, act: Act, *, change_id: UUID, content: Content) -> Change:
        change = Change.draft(act, change_id=change_id, content=content)
        self._work.save(change)
        return change

    def submit_change(self, act: Act, *, change_id: UUID) -> Change:
        change = self._work.get(Change, change_id)
        change.submit(act)
        self._work.save(change)
        return change

    def assess_change(self, act: Act, *, change_id: UUID, risk: Risk, findings: str) -> Change:
        change = self._work.get(Change, change_id)
        change.assess(act, risk=risk, findings=findings)
        self._work.save(change)
        return change

    def rewrite_change(self, act: Act, *, change_id: UUID, content: Content) -> Change:
        change = self._work.get(Change, change_id)
        change.rewrite(act, content=content)
        self._work.save(change)
        return change

    def cancel_change(self, act: Act, *, change_id: UUID) -> Change:
        change = self._work.get(Change, change_id)
        change.cancel(act)
        self._work.save(change)
        return change

    def hold_change(self, act: Act, *, change_id: UUID) -> Change:
        change = self._work.get(Change, change_id)
        change.put_on_hold(act)
        self._work.save(change)
        return change

    def resume_change(self, act: Act, *, change_id: UUID) -> Change:
        change = self._work.get(Change, change_id)
        change.take_off_hold(act)
        self._work.save(change)
        return change

    def review_change(self, act: Act, *, change_id: UUID, outcome: Outcome) -> Change:
        change = self._work.get(Change, change_id)
        change.review(act, outcome=outcome)
        self._work.save(change)
        return change

    def close_change(self, act: Act, *, change_id: UUID) -> Change:
        change = self._work.get(Change, change_id)
        change.close(act)
        self._work.save(change)
        return change

    def link_change(
        self, act: Act, *, content: Content, evaluation_id: UUID, release_id: UUID, review_id: UUID
    ) -> None:
        """Raise the change that a missed target opens, once; its id follows from the evaluation."""
        change_id = derived_id(evaluation_id, "linked-change")
        if self._work.find(Change, change_id) is None:
            change = Change.link(
                act,
                change_id=change_id,
                content=content,
                evaluation_id=evaluation_id,
                release_id=release_id,
                review_id=review_id,
            )
            self._work.save(change)

    def request_change_authorization(
        self, act: Act, *, change_id: UUID, request_id: UUID, model_id: UUID | None = None
    ) -> Authorization:
        """Ask an authority to authorize a change, or authorize a standard one by its model at once."""
        change = self._work.get(Change, change_id)
        policy = self._work.get(AuthorityPolicy, POLICY_ID)
        model = None if model_id is None else self._work.get(ChangeModel, model_id)
        inputs = (_inputs_of(change.content),)
        kin = views.kin_of(self._work.views, change.lineage, act.at)
        undecided = self._is_undecided(change)
        refuse_any(
            (
                *change.unmet_for_put_to_authority(act, undecided=undecided, by_model=model is not None),
                *(model.unmet_for_use(act, change.content, kin) if model else ()),
                *policy.unmet_for_rule(inputs),
            )
        )
        authorization = Authorization.request(
            act,
            question=_question_of(change, request_id),
            rule=policy.rule_for(inputs) or NO_RULE,
            policy_version=policy.in_force.number,
        )
        change.put_to_authority(act, authorization_id=authorization.id, undecided=undecided, by_model=model is not None)
        if model is None:
            authorization.escalate(act, electorates=self._electorates(authorization, act))
        else:
            self._authorize_by_model(act, change, authorization, model, kin)
        self._work.save(change, authorization)
        return authorization

    def _authorize_by_model(
        self, act: Act, change: Change, authorization: Authorization, model: ChangeModel, kin: tuple[str, ...]
    ) -> None:
        model.use(act, change_id=change.id, authorization_id=authorization.id, content=change.content, kin=kin)
        authorization.grant_by_model(act, model_id=model.id, deciders=model.approvals)
        change.authorize(act, grant=grant_of(authorization))
        self._work.save(model)

    def _is_undecided(self, change: Change) -> bool:
        asked = change.asked_authorization_id
        earlier = None if asked is None else self._work.find(Authorization, asked)
        return earlier is not None and earlier.state is AuthorizationState.REQUESTED

    def draft_model(self, act: Act, *, model_id: UUID, content: ModelContent) -> ChangeModel:
        model = ChangeModel.draft(act, model_id=model_id, content=content)
        self._work.save(model)
        return model

    def revise_model(self, act: Act, *, model_id: UUID, content: ModelContent) -> ChangeModel:
        model = self._work.get(ChangeModel, model_id)
        model.revise(act, content=content)
        self._work.save(model)
        return model

    def approve_model(self, act: Act, *, model_id: UUID, number: int, meaning: str) -> ChangeModel:
        """Approve a model, with the roles that the person holds here."""
        known, voter = self._known(act)
        model = self._work.get(ChangeModel, model_id)
        model.approve(known, number=number, meaning=meaning, subjects=voter.subjects)
        self._work.save(model)
        return model

    def withdraw_model(self, act: Act, *, model_id: UUID) -> ChangeModel:
        model = self._work.get(ChangeModel, model_id)
        model.withdraw(act)
        self._work.save(model)
        return model


def _inputs_of(content: Content) -> Inputs:
    emergency = content.change_type is ChangeType.EMERGENCY
    return Inputs(SubjectKind.CHANGE, content.change_type, content.risk, emergency=emergency)


def _question_of(change: Change, request_id: UUID) -> Question:
    content = change.content
    document = {
        "title": content.title,
        "change_type": content.change_type.value,
        "risk": content.risk.value,
        "content": change.content_digest,
    }
    return Question(
        request_id=request_id,
        subject_kind=SubjectKind.CHANGE,
        subject_id=change.id,
        document=document,
        document_digest=digest_of(document),
        summary=f"Authorize the change: {content.title}",
        lineage=lineage_of({change.id: change}),
        changes=(CarriedChange(change.id, change.content_digest),),
        emergency=content.change_type is ChangeType.EMERGENCY,
    )


def grant_of(authorization: Authorization) -> ChangeGrant:
    """Return the grant of a change, as the change keeps it."""
    (bound,) = authorization.question.changes
    return ChangeGrant(
        authorization_id=authorization.id,
        content_digest=bound.content_digest,
        deciders=authorization.deciders,
        policy_version=authorization.policy_version,
        model_id=authorization.model_id,
    )
