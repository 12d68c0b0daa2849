"""Change models."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from change_service.domain import ChangeModel, ChangeType, Content, ModelContent, Risk
from fourgates.chassis.testing import NOON, an_act, refused, replayed

MIA = an_act("mia", roles=("change_manager",))
ADA = an_act("ada", roles=("change_authority",))
CARL = an_act("carl", roles=("change_authority",))
TOM = an_act("tom", roles=("tester",))
SERVICE, CHANGE, GRANT = (UUID(int=n) for n in range(1, 4))
SCOPE = ModelContent("Restart", "Restart a node.", (SERVICE,), Risk.LOW, NOON + timedelta(days=90), 2)
STANDARD = Content("Restart", "Node 1", ChangeType.STANDARD, Risk.LOW, (SERVICE,))


def a_model(content=SCOPE):
    return ChangeModel.draft(MIA, model_id=UUID(int=9), content=content)


def an_approved(content=SCOPE):
    model = a_model(content)
    model.approve(ADA, number=1, meaning="sound")
    model.approve(CARL, number=1, meaning="sound")
    return model


def use(model, content=STANDARD, *, act=TOM, kin=("tom",)):
    model.use(act, change_id=CHANGE, authorization_id=GRANT, content=content, kin=kin)


def test_a_model_is_drafted_by_change_management_with_some_use():
    with refused("not-entitled", "model-without-use"):
        ChangeModel.draft(TOM, model_id=CHANGE, content=replace(SCOPE, max_uses=0))
    with refused("model-without-use"):
        a_model(replace(SCOPE, expires_at=NOON))


def test_two_entitled_people_who_did_not_write_it_approve_a_model():
    model = a_model()
    with refused("four-eyes"):
        model.approve(MIA, number=1, meaning="")
    with refused("not-entitled"):
        model.approve(TOM, number=1, meaning="")
    with refused("machine-account"):
        model.approve(an_act("robot", roles=("change_manager",), machine=True), number=1, meaning="")
    with refused("older-version"):
        model.approve(ADA, number=2, meaning="sound")
    model.approve(ADA, number=1, meaning="sound")
    with refused("already-approved"):
        model.approve(an_act("ada2", roles=("change_authority",)), number=1, meaning="", subjects=("ada",))
    with refused("model-not-approved"):
        use(model)
    model.approve(CARL, number=1, meaning="sound")
    use(model)
    assert [d.person_id for d in replayed(model).approvals] == ["ada", "carl"]


def test_a_use_stays_within_scope_time_and_number():
    model = an_approved()
    wild = replace(STANDARD, change_type=ChangeType.NORMAL, service_ids=(CHANGE,), risk=Risk.HIGH)
    with refused("not-a-standard-change", "outside-the-scope", "too-risky", "model-expired"):
        use(model, wild, act=an_act("tom", at=SCOPE.expires_at))
    use(model)
    use(model)
    with refused("model-used-up"):
        use(model)


def test_who_approved_the_model_does_not_decide_about_their_own_change():
    with refused("segregation-of-duties"):
        use(an_approved(), kin=("tom", "ada"))


def test_a_revision_needs_new_approvals():
    model = an_approved()
    use(model)
    with refused("not-entitled", "model-without-use"):
        model.revise(TOM, content=replace(SCOPE, max_uses=0))
    model.revise(MIA, content=replace(SCOPE, max_uses=5))
    assert (model.number, model.approvals, model.uses) == (2, (), ())


def test_a_withdrawn_model_is_used_no_more():
    model = an_approved()
    with refused("not-entitled"):
        model.withdraw(TOM)
    model.withdraw(MIA)
    for command in (
        lambda: use(model),
        lambda: model.revise(MIA, content=SCOPE),
        lambda: model.approve(ADA, number=1, meaning=""),
        lambda: model.withdraw(MIA),
    ):
        with refused("model-withdrawn"):
            command()
    assert not any(c.possible for c in model.next(MIA))
