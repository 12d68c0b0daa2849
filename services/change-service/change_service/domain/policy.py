"""Authority policies: who decides what, kept as data, versioned, and changed only by two entitled people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import (
    Act,
    Aggregate,
    Forbidden,
    NextCommand,
    Unmet,
    derived_id,
    digest_of,
    event,
    refuse_any,
)

from change_service.domain.values import (
    CAB_MEMBER,
    CHANGE_AUTHORITY,
    CHANGE_MANAGER,
    ECAB_MEMBER,
    ROLES,
    ChangeType,
    Gate,
    Risk,
    SubjectKind,
    unmet_entitlement,
)

HOUR_S = 3600
DAY_S = 24 * HOUR_S
POLICY_KEEPERS = (CHANGE_MANAGER, CHANGE_AUTHORITY)
# The one policy of an installation has an id that everybody can derive.
POLICY_ID = derived_id(UUID("6f757267-6174-5573-8000-000000000001"), "authority-policy")


class QuorumKind(StrEnum):
    """How many approvals a step takes."""

    FIRST = "first"
    ALL = "all"
    AT_LEAST = "at_least"
    OF_GROUP = "of_group"


@dataclass(frozen=True)
class Step:
    """One step of a decision: who may vote in it, and how many must approve."""

    name: str
    roles: tuple[str, ...] = ()
    quorum: QuorumKind = QuorumKind.FIRST
    count: int = 1
    group_id: UUID | None = None

    @property
    def weight(self) -> int:
        """How strict the step is: the approvals that it takes, where all is more than any number."""
        return 1 if self.quorum is QuorumKind.FIRST else 1000 if self.quorum is QuorumKind.ALL else self.count


@dataclass(frozen=True)
class Match:
    """To what a rule applies. An empty part applies to everything."""

    subject_kinds: tuple[SubjectKind, ...] = ()
    change_types: tuple[ChangeType, ...] = ()
    risks: tuple[Risk, ...] = ()
    gates: tuple[Gate, ...] = ()
    service_tiers: tuple[str, ...] = ()
    environment_ids: tuple[UUID, ...] = ()
    emergency: bool | None = None


@dataclass(frozen=True)
class Inputs:
    """What a policy is asked about."""

    subject_kind: SubjectKind
    change_type: ChangeType | None = None
    risk: Risk | None = None
    gates: tuple[Gate, ...] = ()
    service_tier: str = ""
    environment_ids: tuple[UUID, ...] = ()
    emergency: bool = False


@dataclass(frozen=True)
class Rule:
    """Who decides what this rule matches: steps in order, how long a request and a grant live, when it escalates."""

    name: str
    match: Match
    steps: tuple[Step, ...]
    grant_validity_s: int = 14 * DAY_S
    request_validity_s: int = 30 * DAY_S
    escalate_after_s: int = 3 * DAY_S
    escalate_to: tuple[str, ...] = (CHANGE_AUTHORITY,)
    signer_may_vote: bool = False
    may_join: bool = False

    def applies_to(self, inputs: Inputs) -> bool:
        """Return whether every part of the match holds; of several gates or environments, one is enough."""
        match = self.match
        return (
            _holds(match.subject_kinds, inputs.subject_kind)
            and _holds(match.change_types, inputs.change_type)
            and _holds(match.risks, inputs.risk)
            and _holds(match.service_tiers, inputs.service_tier)
            and _meet(match.gates, inputs.gates)
            and _meet(match.environment_ids, inputs.environment_ids)
            and match.emergency in {None, inputs.emergency}
        )

    @property
    def asks_the_ecab(self) -> bool:
        """True when one of the steps takes a voter of the ECAB and nobody else."""
        return any(step.roles == (ECAB_MEMBER,) and step.group_id is None for step in self.steps)

    @property
    def strictness(self) -> tuple[int, int, bool, int, str]:
        """Order rules: more approvals, more steps, no vote of the signer, a shorter grant; the name makes it total."""
        weight = sum(step.weight for step in self.steps)
        return (weight, len(self.steps), not self.signer_may_vote, -self.grant_validity_s, self.name)


def _holds(allowed: tuple[object, ...], value: object) -> bool:
    return not allowed or value in allowed


def _meet(allowed: tuple[object, ...], values: tuple[object, ...]) -> bool:
    return not allowed or bool(set(allowed) & set(values))


@dataclass(frozen=True)
class PolicyVersion:
    """One version of the policy, with the two people who made it."""

    number: int
    rules: tuple[Rule, ...]
    proposed_by: str
    approved_by: str


@dataclass(frozen=True)
class Proposal:
    """A proposed next version, which waits for another entitled person."""

    rules: tuple[Rule, ...]
    proposed_by: str
    reason: str

    @property
    def digest(self) -> str:
        """The digest of what an approver reads."""
        return digest_of(self.rules)


class AuthorityPolicy(Aggregate):
    """Who may decide what. Version 1 is shipped; every later one takes two entitled people."""

    TOPIC = "change.AuthorityPolicy"

    class Installed(Aggregate.Created):
        """An installation began with the shipped first version of its authority policy."""

        rules: tuple[Rule, ...]

    class Proposed(Aggregate.Event):
        """A next version of the authority policy was proposed."""

        rules: tuple[Rule, ...]

    class Approved(Aggregate.Event):
        """Another entitled person approved the proposed version, which is in force from now on."""

        number: int
        rules: tuple[Rule, ...]
        proposed_by: str

    class Declined(Aggregate.Event):
        """The proposed version was declined."""

    @classmethod
    def install(cls, act: Act, *, rules: tuple[Rule, ...]) -> AuthorityPolicy:
        """Create version 1. Refused when the rules are not sound."""
        refuse_any(unmet_for_rules(rules))
        return cls(id=POLICY_ID, act=act, rules=rules)

    def propose(self, act: Act, *, rules: tuple[Rule, ...]) -> None:
        """Propose the next version; an earlier proposal that nobody approved is replaced."""
        refuse_any((*self.unmet_for_propose(act), *unmet_for_rules(rules)))
        self._proposed(act=act, rules=rules)

    def approve(self, act: Act, *, digest: str, subjects: tuple[str, ...] = ()) -> None:
        """Put the proposed version in force; `subjects` are all names under which the approver is known."""
        refuse_any((*self.unmet_for_approve(act, subjects), *self._unmet_digest(digest)))
        if self.proposal is not None:
            number, proposal = self.in_force.number + 1, self.proposal
            self._approved(act=act, number=number, rules=proposal.rules, proposed_by=proposal.proposed_by)

    def decline(self, act: Act) -> None:
        refuse_any(self.unmet_for_decline(act))
        self._declined(act=act)

    def unmet_for_propose(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, POLICY_KEEPERS, "Proposing a policy version")
        yield from _unmet_machine(act)

    def unmet_for_approve(self, act: Act, subjects: tuple[str, ...] = ()) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, POLICY_KEEPERS, "Approving a policy version")
        yield from _unmet_machine(act)
        yield from self._unmet_proposal()
        if self.proposal is not None and self.proposal.proposed_by in {act.person, *subjects}:
            yield Forbidden(
                "four-eyes",
                "A policy version is approved by somebody else than the person who proposed it.",
                source="proposal.proposed_by",
                remedy=f"ask another {' or '.join(POLICY_KEEPERS)}",
                person=act.person,
            )

    def _unmet_digest(self, digest: str) -> Iterator[Unmet]:
        if self.proposal is not None and digest != self.proposal.digest:
            yield Unmet(
                "older-digest",
                "The approval names another digest than that of the proposed rules.",
                source="proposal",
                remedy=f"read GET /change/v1/authority-policies/{self.id} again",
            )

    def unmet_for_decline(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, POLICY_KEEPERS, "Declining a policy version")
        yield from self._unmet_proposal()

    def _unmet_proposal(self) -> Iterator[Unmet]:
        if self.proposal is None:
            yield Unmet(
                "nothing-proposed",
                "No next version of the policy is proposed.",
                source="proposal",
                remedy="propose one: POST /change/v1/authority-policies/proposals",
            )

    def next(self, act: Act, subjects: tuple[str, ...] = ()) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        return (
            NextCommand("propose", POLICY_KEEPERS, tuple(self.unmet_for_propose(act))),
            NextCommand("approve", POLICY_KEEPERS, tuple(self.unmet_for_approve(act, subjects))),
            NextCommand("decline", POLICY_KEEPERS, tuple(self.unmet_for_decline(act))),
        )

    @property
    def in_force(self) -> PolicyVersion:
        """The version in force."""
        return self.versions[-1]

    def rule_for(self, inputs: tuple[Inputs, ...]) -> Rule | None:
        """Return the strictest rule of the version in force that applies to any of the inputs, or None."""
        rules = [r for r in self.in_force.rules if any(r.applies_to(i) for i in inputs)]
        return max(rules, key=lambda r: r.strictness, default=None)

    def unmet_for_rule(self, inputs: tuple[Inputs, ...]) -> Iterator[Unmet]:
        """Name what is missing when no rule decides about the inputs."""
        if self.rule_for(inputs) is None:
            yield Unmet(
                "no-rule",
                f"No rule of policy version {self.in_force.number} applies.",
                source="policy",
                remedy="propose a policy version with such a rule",
            )

    @event(Installed)
    def __init__(self, id: UUID, act: Act, rules: tuple[Rule, ...]) -> None:
        self.versions: tuple[PolicyVersion, ...] = (PolicyVersion(1, rules, act.by, act.by),)
        self.proposal: Proposal | None = None

    @event(Proposed)
    def _proposed(self, act: Act, rules: tuple[Rule, ...]) -> None:
        self.proposal = Proposal(rules, act.person, act.why)

    @event(Approved)
    def _approved(self, act: Act, number: int, rules: tuple[Rule, ...], proposed_by: str) -> None:
        self.versions = (*self.versions, PolicyVersion(number, rules, proposed_by, act.person))
        self.proposal = None

    @event(Declined)
    def _declined(self, act: Act) -> None:
        self.proposal = None


def _unmet_machine(act: Act) -> Iterator[Unmet]:
    if act.machine:
        yield Forbidden(
            "machine-account",
            "A policy is changed by two people; no machine account is one of them.",
            source="machine",
            remedy="let a person do it",
            person=act.person,
        )


def unmet_for_rules(rules: tuple[Rule, ...]) -> Iterator[Unmet]:
    """Name everything that makes a set of rules unfit to decide by."""
    if len({rule.name for rule in rules}) != len(rules) or not rules:
        yield Unmet(
            "rules-not-named-apart",
            "A policy has rules, and no two of them share a name.",
            source="rules",
            remedy="name each rule differently",
        )
    for rule in rules:
        yield from _unmet_for_rule(rule)


def _unmet_for_rule(rule: Rule) -> Iterator[Unmet]:
    if not rule.steps:
        yield Unmet("no-step", f"Rule {rule.name} has no step.", source="rules", remedy="give it a step")
    if min(rule.grant_validity_s, rule.request_validity_s, rule.escalate_after_s) <= 0:
        yield Unmet(
            "no-validity",
            f"Rule {rule.name} lets a request or a grant live for no time.",
            source="rules",
            remedy="give positive seconds",
        )
    for step in rule.steps:
        if step.count < 1 or (step.quorum is QuorumKind.OF_GROUP) != (step.group_id is not None):
            yield Unmet(
                "quorum-without-sense",
                f"Step {step.name} of rule {rule.name} needs a positive count, and a group exactly for of_group.",
                source="rules",
                remedy="correct the quorum",
            )
        if set(step.roles) - set(ROLES) or not (step.roles or step.group_id):
            yield Unmet(
                "nobody-to-vote",
                f"Step {step.name} of rule {rule.name} needs known roles or a group.",
                source="rules",
                remedy=f"use roles of {', '.join(ROLES)}",
            )


def shipped_rules() -> tuple[Rule, ...]:
    """Return the rules of version 1, with which an installation starts."""
    return (
        *_rules_of(SubjectKind.CHANGE, "change", 90 * DAY_S),
        *_rules_of(SubjectKind.GATE, "gate", 14 * DAY_S),
        Rule("acceptance", Match((SubjectKind.ACCEPTANCE,)), (Step("authority", (CHANGE_AUTHORITY, CAB_MEMBER)),)),
        Rule("override", Match((SubjectKind.OVERRIDE,)), (Step("authority", (CHANGE_AUTHORITY, ECAB_MEMBER)),)),
        Rule("confirmation", Match((SubjectKind.CONFIRMATION,)), (Step("CAB", (CAB_MEMBER,)),)),
    )


def _rules_of(kind: SubjectKind, name: str, validity_s: int) -> Iterator[Rule]:
    planned = (ChangeType.NORMAL, ChangeType.EMERGENCY)
    one = Step("authority", (CHANGE_AUTHORITY, CAB_MEMBER))
    two = Step("authority and CAB", (CHANGE_AUTHORITY, CAB_MEMBER), QuorumKind.AT_LEAST, 2)
    any_of_three = Step("authority", (CHANGE_AUTHORITY, CAB_MEMBER, CHANGE_MANAGER))
    standard = Match((kind,), (ChangeType.STANDARD,), emergency=False)
    yield Rule(f"standard-{name}", standard, (any_of_three,), validity_s)
    for risk, step in ((Risk.LOW, one), (Risk.MEDIUM, one), (Risk.HIGH, two)):
        yield Rule(f"{risk}-{name}", Match((kind,), planned, (risk,), emergency=False), (step,), validity_s)
    # Two people suffice at three in the morning: the change manager who signs off may be the independent voter.
    yield Rule(
        f"emergency-{name}",
        Match((kind,), emergency=True),
        (Step("ECAB", (ECAB_MEMBER,)),),
        grant_validity_s=DAY_S,
        request_validity_s=DAY_S,
        escalate_after_s=HOUR_S,
        # An independent voter of the ECAB is never left out, however late it is.
        escalate_to=(ECAB_MEMBER,),
        signer_may_vote=True,
        may_join=True,
    )
