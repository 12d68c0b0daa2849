"""What the use cases make of several aggregates at once, on a store in memory."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from change_service.app import build
from change_service.domain import (
    POLICY_ID,
    AuthorizationState,
    Ballot,
    ChangeState,
    ChangeType,
    Content,
    Delegation,
    Gate,
    Inputs,
    LineagePerson,
    Match,
    ModelContent,
    Plan,
    PlannedEnvironment,
    Question,
    Risk,
    Rule,
    Step,
    SubjectKind,
    VoteKind,
    Window,
    WindowKind,
    id_of_authorization,
    id_of_plan,
    shipped_rules,
)
from change_service.settings import ChangeSettings
from fourgates.chassis.testing import NOON, refused
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier

from tests.unit.change.a_world import (
    CHANGE,
    CONFIRMATION,
    GATE_REQUEST,
    MODEL,
    NORMAL,
    PEOPLE,
    RELEASE,
    REQUEST,
    SERVICE,
    World,
)


@pytest.fixture
def world(tmp_path):
    settings = ChangeSettings(data_folder=tmp_path)
    return World(Hearing(lambda parts: build(parts, settings), a_verifier(), a_security_log()))


def test_votes_count_by_the_roles_kept_here_and_not_by_the_token(world):
    world.change()
    world.ask()
    with refused("not-entitled"):
        world.do(
            lambda u: u.vote(
                world.act("tess", "change_authority"),
                authorization_id=id_of_authorization(REQUEST),
                ballot=Ballot(VoteKind.APPROVE, "", world.authorization().question.document_digest),
                delegate_to=None,
            )
        )
    world.vote("cora")
    assert world.authorization().votes[0].roles == ("change_authority", "cab_member")
    assert world.load(CHANGE).state is ChangeState.AUTHORIZED


@pytest.mark.parametrize(
    ("voter", "code"),
    [("rita", "segregation-of-duties"), ("rita2", "segregation-of-duties"), ("robot", "machine-account")],
)
def test_neither_the_requester_nor_an_alias_nor_a_machine_decides(world, voter, code):
    world.change()
    world.ask()
    with refused(code):
        world.vote(voter)


def test_a_delegate_of_the_requester_does_not_decide_and_one_of_a_voter_does(world):
    world.change(by="carl")
    world.ask()
    later = NOON + timedelta(days=1)
    for lender, delegate in (("carl", "nora"), ("cora", "tess")):
        lent = Delegation(UUID(int=77), delegate, ("change_authority",), NOON, later)
        world.do(
            lambda u, lender=lender, lent=lent: u.delegate_roles(
                world.act(lender),
                person_id=lender,
                delegation_id=lent.delegation_id,
                delegate_id=lent.delegate_id,
                roles=lent.roles,
                starts_at=None,
                ends_at=lent.ends_at,
            )
        )
    with refused("segregation-of-duties"):
        world.vote("nora")
    world.vote("tess")
    assert world.authorization().votes[0].counts_as == "cora"
    assert world.load(CHANGE).state is ChangeState.AUTHORIZED


def test_a_model_authorizes_a_standard_change_at_once_and_counts_the_use(world):
    scope = ModelContent("Restart", "", (SERVICE,), Risk.LOW, NOON + timedelta(days=9), 1)
    world.do(lambda u: u.draft_model(world.act("mona"), model_id=MODEL, content=scope))
    for approver in ("cora", "carl"):
        world.do(lambda u, by=approver: u.approve_model(world.act(by), model_id=MODEL, number=1, meaning="sound"))
    world.change(Content("Restart", "", ChangeType.STANDARD, Risk.LOW, (SERVICE,)))
    with refused("model-needed"):
        world.ask()
    world.ask(MODEL)
    change, authorization = world.load(CHANGE), world.authorization()
    assert change.state is ChangeState.AUTHORIZED
    assert change.grant.model_id == MODEL
    assert [d.person_id for d in authorization.deciders] == ["cora", "carl"]
    assert world.load(MODEL).uses == (CHANGE,)


def test_a_gate_binds_the_scope_and_its_end_opens_it_after_a_rescope(world):
    world.change()
    act = world.act("rita")
    world.do(lambda u: u.note_content(act, release_id=RELEASE, change_ids=(CHANGE,)))
    with refused("carried-by-an-open-release"):
        world.do(lambda u: u.rewrite_change(act, change_id=CHANGE, content=NORMAL))
    world.do(
        lambda u: u.note_way_back(act, release_id=RELEASE, way="rescope", from_phase="planning", to_phase="requested")
    )
    assert world.load(CHANGE).scope_open
    assert world.gate(Gate.PLANNING).state is AuthorizationState.REQUESTED
    assert not world.load(CHANGE).scope_open
    world.do(lambda u: u.end_request(act, request_id=GATE_REQUEST, reason="the scope changed"))
    assert world.load(CHANGE).scope_open


def test_a_request_that_cannot_be_opened_is_rejected_with_every_reason(world):
    world.change()
    rejected = world.gate(Gate.PLANNING, Gate.BUILD_AND_TEST)
    assert rejected.state is AuthorizationState.REJECTED
    assert len(rejected.reasons) == 2
    assert "does not let gates be joined" in rejected.reasons[0]
    assert "not authorized" in rejected.reasons[1]
    unknown = world.gate(Gate.PLANNING, request_id=REQUEST, change_id=UUID(int=99))
    assert unknown.reasons == (f"Change {UUID(int=99)} is not known.",)


def test_two_people_suffice_at_night_and_neither_confirms_by_day(world):
    urgent = Content("Fix it", "", ChangeType.EMERGENCY, Risk.HIGH, (SERVICE,))
    world.change(urgent)
    world.ask()
    world.vote("nora")
    world.do(lambda u: u.note_content(world.act("rita"), release_id=RELEASE, change_ids=(CHANGE,)))
    joined = world.gate(Gate.PLANNING, Gate.BUILD_AND_TEST, emergency=True)
    assert (joined.rule.name, joined.state) == ("emergency-gate", AuthorizationState.REQUESTED)
    world.vote("nora", GATE_REQUEST)
    question = Question(CONFIRMATION, SubjectKind.CONFIRMATION, RELEASE, {}, "d", "", (), RELEASE)
    inputs = Inputs(SubjectKind.CONFIRMATION)
    world.do(lambda u: u.open_authorization(world.act("change-service"), question=question, inputs=inputs))
    with refused("segregation-of-duties"):
        world.vote("nora", CONFIRMATION)
    world.vote("cora", CONFIRMATION)
    assert world.authorization(CONFIRMATION).state is AuthorizationState.USED


def test_an_installation_is_repeated_without_effect(world):
    with world.here.watched() as happened:
        world.do(lambda u: u.install(world.act("installation"), people=PEOPLE, rules=shipped_rules()))
    assert happened == []
    assert world.load(POLICY_ID).in_force.number == 1


def test_an_edit_in_the_moment_of_a_vote_is_seen_by_the_vote(world):
    world.change()
    world.ask()
    edited = Content("Other", "", ChangeType.NORMAL, Risk.LOW, (SERVICE,))
    # Without letting the reaction to the edit run: both happen at the same time.
    world.here.service.carry_out(lambda u: u.rewrite_change(world.act("rita"), change_id=CHANGE, content=edited))
    with refused("bound-content-differs"):
        world.vote("cora")


def test_rebuilt_views_equal_the_live_ones(world):
    world.change()
    world.ask()
    world.vote("cora")
    views = world.here.service.views
    names = ("changes", "authorizations", "people", "policy_versions")
    live = {name: views.find(name) for name in names}
    views.rebuild()
    assert {name: views.find(name) for name in names} == live
    assert live["changes"][0]["state"] == "authorized"


def test_a_machine_account_known_here_changes_no_policy_whatever_its_token_says(world):
    with refused("machine-account"):
        world.do(lambda u: u.propose_policy(world.act("robot"), policy_id=POLICY_ID, rules=shipped_rules()))


def lend(world, lender, delegate, role):
    lent = Delegation(UUID(int=77), delegate, (role,), NOON, NOON + timedelta(days=1))
    world.do(
        lambda u: u.delegate_roles(
            world.act(lender),
            person_id=lender,
            delegation_id=lent.delegation_id,
            delegate_id=delegate,
            roles=lent.roles,
            starts_at=None,
            ends_at=lent.ends_at,
        )
    )


def test_a_role_that_the_lender_lost_entitles_no_delegate_any_more(world):
    world.change()
    world.ask()
    lend(world, "cora", "tess", "change_authority")
    world.do(lambda u: u.give_roles(world.act("mona"), person_id="cora", roles=("auditor",)))
    with refused("not-entitled"):
        world.vote("tess")


def test_nobody_joins_a_group_under_another_of_their_names(world):
    world.do(lambda u: u.name_alias(world.act("cora", "change_manager"), person_id="mona", alias="mona2"))
    with refused("own-membership"):
        world.do(lambda u: u.form_group(world.act("mona"), group_id=REQUEST, name="CAB", member_ids=("mona2",)))
    world.do(lambda u: u.form_group(world.act("mona"), group_id=REQUEST, name="CAB", member_ids=("cora",)))
    with refused("own-membership"):
        world.do(lambda u: u.name_members(world.act("mona"), group_id=REQUEST, member_ids=("cora", "mona2")))


def test_an_approval_that_leaves_too_few_for_the_next_step_escalates(world):
    steps = (Step("authority", ("change_authority",)), Step("requesters", ("requester",)))
    rules = (Rule("two steps", Match(), steps, escalate_to=("cab_member",)),)
    world.do(lambda u: u.propose_policy(world.act("mona"), policy_id=POLICY_ID, rules=rules))
    digest = world.load(POLICY_ID).proposal.digest
    world.do(lambda u: u.approve_policy(world.act("cora"), policy_id=POLICY_ID, digest=digest))
    world.change()
    world.ask()
    assert not world.authorization().escalated
    # Carl is the only requester who had no part in the change.
    world.vote("carl")
    assert "cannot be met" in world.authorization().escalation


def a_waiver_granted(world):
    rung = PlannedEnvironment(SERVICE, NOON, NOON + timedelta(hours=1))
    world.change()
    world.do(lambda u: u.note_content(world.act("rita"), release_id=RELEASE, change_ids=(CHANGE,)))
    window = Window(MODEL, WindowKind.FREEZE, NOON, NOON + timedelta(hours=9))
    world.do(lambda u: u.set_window(world.act("mona"), window=window))
    world.do(lambda u: u.note_plan(world.act("change-service"), plan=Plan(RELEASE, SERVICE, "p1", (rung,))))
    ask_for_waiver(world)
    world.vote("cora")


def ask_for_waiver(world):
    (conflict,) = world.load(id_of_plan(RELEASE)).conflicts
    ids = (conflict.conflict_id,)
    world.do(lambda u: u.request_waiver(world.act("mona"), release_id=RELEASE, request_id=REQUEST, conflict_ids=ids))


def test_a_revoked_waiver_waives_no_longer(world):
    a_waiver_granted(world)
    assert world.load(id_of_plan(RELEASE)).conflicts[0].waived_by == ("cora",)
    world.do(lambda u: u.revoke_authorization(world.act("carl"), authorization_id=id_of_authorization(REQUEST)))
    assert world.load(id_of_plan(RELEASE)).conflicts[0].waived_by == ()


def test_a_hold_of_the_release_forbids_asking_for_a_waiver(world):
    world.do(lambda u: u.note_hold(world.act("rita"), release_id=RELEASE, on_hold=True))
    with refused("on-hold"):
        a_waiver_granted(world)


@pytest.mark.parametrize(
    ("signer", "rejected"), [("mona", False), ("tess", True), ("rita2", True), ("nora", True), ("stranger", True)]
)
def test_whoever_signed_off_is_none_of_the_lineage_under_no_name_and_for_nobody(world, signer, rejected):
    world.change()
    world.ask()
    world.vote("cora")
    lend(world, "carl", "nora", "change_authority")
    parts = (("tess", "tester"), ("carl", "builder"), ("stranger", "builder"))
    lineage = tuple(LineagePerson(*part) for part in parts)
    asked = world.gate(Gate.CHECK_IN, lineage=lineage, signed_by=signer)
    assert (asked.state is AuthorizationState.REJECTED) is rejected
    assert all(reason.startswith(f"{signer} signed off") for reason in asked.reasons)


def test_an_emergency_is_not_decided_without_the_ecab(world):
    steps = (Step("managers", ("change_manager",)),)
    rules = tuple(Rule(f"any {kind}", Match((kind,)), steps, may_join=True) for kind in SubjectKind)
    world.do(lambda u: u.propose_policy(world.act("mona"), policy_id=POLICY_ID, rules=rules))
    digest = world.load(POLICY_ID).proposal.digest
    world.do(lambda u: u.approve_policy(world.act("cora"), policy_id=POLICY_ID, digest=digest))
    world.change(Content("Fix it", "", ChangeType.EMERGENCY, Risk.HIGH, (SERVICE,)))
    assert "without a voter of the ECAB" in world.gate(Gate.PLANNING, emergency=True).reasons[0]
