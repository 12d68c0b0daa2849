"""Authority policies: matching, strictness, and who changes them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from change_service.domain import (
    AuthorityPolicy,
    ChangeType,
    Gate,
    Inputs,
    Match,
    QuorumKind,
    Risk,
    Rule,
    Step,
    SubjectKind,
    shipped_rules,
)
from fourgates.chassis.aggregate import digest_of
from fourgates.chassis.testing import an_act, refused, replayed

MIA = an_act("mia", roles=("change_manager",))
ADA = an_act("ada", roles=("change_authority",))
TOM = an_act("tom", roles=("tester",))
STEP = Step("authority", ("change_authority",))
OTHER_RULES = (Rule("all", Match(), (STEP,)),)
DIGEST = digest_of(OTHER_RULES)
GATE = Inputs(SubjectKind.GATE, ChangeType.NORMAL, Risk.LOW, (Gate.PLANNING,))


def a_policy():
    return AuthorityPolicy.install(an_act("installation"), rules=shipped_rules())


def test_the_shipped_policy_is_version_one():
    assert a_policy().in_force.number == 1


def test_two_entitled_people_change_the_policy():
    policy = a_policy()
    with refused("not-entitled"):
        policy.propose(TOM, rules=OTHER_RULES)
    policy.propose(MIA, rules=OTHER_RULES)
    with refused("four-eyes"):
        policy.approve(MIA, digest=DIGEST)
    with refused("four-eyes"):
        policy.approve(an_act("mia2", roles=("change_manager",)), digest=DIGEST, subjects=("mia", "mia2"))
    with refused("not-entitled"):
        policy.approve(TOM, digest=DIGEST)
    assert policy.in_force.number == 1
    with refused("older-digest"):
        policy.approve(ADA, digest="older")
    policy.approve(ADA, digest=DIGEST)
    assert policy.in_force.number == 2
    assert (policy.in_force.proposed_by, policy.in_force.approved_by) == ("mia", "ada")
    assert replayed(policy).versions == policy.versions


def test_without_a_proposal_there_is_nothing_to_approve_or_decline():
    policy = a_policy()
    with refused("nothing-proposed"):
        policy.approve(ADA, digest=DIGEST)
    with refused("nothing-proposed", "not-entitled"):
        policy.decline(TOM)
    policy.propose(MIA, rules=OTHER_RULES)
    policy.decline(ADA)
    assert policy.proposal is None


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("rules-not-named-apart", ()),
        ("rules-not-named-apart", OTHER_RULES * 2),
        ("no-step", (Rule("r", Match(), ()),)),
        ("no-validity", (Rule("r", Match(), (STEP,), grant_validity_s=0),)),
        ("quorum-without-sense", (Rule("r", Match(), (replace(STEP, count=0),)),)),
        ("quorum-without-sense", (Rule("r", Match(), (replace(STEP, quorum=QuorumKind.OF_GROUP),)),)),
        ("nobody-to-vote", (Rule("r", Match(), (Step("s", ("boss",)),)),)),
        ("nobody-to-vote", (Rule("r", Match(), (Step("s"),)),)),
    ],
)
def test_rules_without_sense_are_refused(code, rules):
    with refused(code):
        a_policy().propose(MIA, rules=rules)


def test_the_strictest_rule_applies():
    policy = a_policy()
    high = replace(GATE, risk=Risk.HIGH)
    assert policy.rule_for((GATE,)).name == "low-gate"
    assert policy.rule_for((GATE, high)).name == "high-gate"


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        (replace(GATE, emergency=True, change_type=ChangeType.EMERGENCY, risk=Risk.HIGH), "emergency-gate"),
        (replace(GATE, change_type=ChangeType.STANDARD), "standard-gate"),
        (replace(GATE, risk=Risk.MEDIUM), "medium-gate"),
        (Inputs(SubjectKind.ACCEPTANCE), "acceptance"),
        (Inputs(SubjectKind.OVERRIDE, emergency=True), "override"),
        (Inputs(SubjectKind.CONFIRMATION), "confirmation"),
    ],
)
def test_the_shipped_policy_has_a_rule_for_everything(inputs, name):
    assert a_policy().rule_for((inputs,)).name == name


def test_a_rule_matches_tier_gate_and_environment():
    environment = UUID(int=5)
    match = Match(gates=(Gate.DEPLOYMENT,), service_tiers=("gold",), environment_ids=(environment,))
    rule = Rule("gold", match, (STEP,))
    inputs = replace(GATE, gates=(Gate.CHECK_IN, Gate.DEPLOYMENT), service_tier="gold", environment_ids=(environment,))
    assert rule.applies_to(inputs)
    assert not rule.applies_to(replace(inputs, service_tier="silver"))
    assert not rule.applies_to(replace(inputs, gates=(Gate.PLANNING,)))
    assert not rule.applies_to(replace(inputs, environment_ids=()))


def test_no_rule_is_no_decision():
    policy = a_policy()
    policy.propose(MIA, rules=(Rule("only", Match((SubjectKind.CHANGE,)), (STEP,)),))
    policy.approve(ADA, digest=policy.proposal.digest)
    assert policy.rule_for((GATE,)) is None


def test_all_is_stricter_than_any_number_and_the_signer_less_strict():
    many = Rule("many", Match(), (replace(STEP, quorum=QuorumKind.AT_LEAST, count=9),))
    every = Rule("every", Match(), (replace(STEP, quorum=QuorumKind.ALL),))
    lax = Rule("lax", Match(), (STEP,), signer_may_vote=True)
    assert every.strictness > many.strictness > OTHER_RULES[0].strictness > lax.strictness


def test_next_names_the_keepers():
    policy = a_policy()
    policy.propose(MIA, rules=OTHER_RULES)
    assert {c.command for c in policy.next(MIA) if c.possible} == {"propose", "decline"}


def test_without_a_rule_nothing_is_requested():
    assert [u.code for u in a_policy().unmet_for_rule((Inputs(SubjectKind.CHANGE),))] == ["no-rule"]
    assert not list(a_policy().unmet_for_rule((GATE,)))


def test_no_machine_account_is_one_of_the_two_people():
    policy = a_policy()
    robot = an_act("robot", roles=("change_authority",), machine=True)
    with refused("machine-account"):
        policy.propose(robot, rules=OTHER_RULES)
    policy.propose(MIA, rules=OTHER_RULES)
    with refused("machine-account"):
        policy.approve(robot, digest=DIGEST)
    assert policy.in_force.number == 1
