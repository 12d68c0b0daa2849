"""How votes are counted: who may vote in a step, whom a vote counts as, and whether a quorum is met or can be met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations

from change_service.domain.policy import QuorumKind, Rule, Step
from change_service.domain.values import LineagePerson

SIGNER = "signer"


class VoteKind(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    REJECT = "reject"
    ABSTAIN = "abstain"
    REQUEST_CHANGES = "request_changes"
    DELEGATE = "delegate"


# Somebody who abstained or asked for changes may still make up their mind.
DECIDING = frozenset({VoteKind.APPROVE, VoteKind.REJECT, VoteKind.DELEGATE})
COUNTED = frozenset({VoteKind.APPROVE, VoteKind.ABSTAIN})


@dataclass(frozen=True)
class Vote:
    """One vote, as it was given: by whom, as whom it counts, with which roles, when, and what was read."""

    person_id: str
    identity: str
    counts_as: str
    kind: VoteKind
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    at: datetime
    meaning: str
    reason: str
    digest: str
    step: int
    delegated_to: str | None = None


@dataclass(frozen=True)
class Delegator:
    """A person who lent their entitlement to a voter."""

    identity: str
    subjects: tuple[str, ...]
    roles: tuple[str, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Voter:
    """A person as known at the moment of a vote: all their subjects, roles, groups, and who delegated to them."""

    person_id: str
    identity: str
    subjects: tuple[str, ...]
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    delegators: tuple[Delegator, ...] = ()
    machine: bool = False

    @property
    def kin(self) -> frozenset[str]:
        """The voter under every name, and everybody who delegated to the voter."""
        return frozenset(self.subjects) | {subject for d in self.delegators for subject in d.subjects}


def conflicts(voter: Voter, lineage: tuple[LineagePerson, ...]) -> tuple[LineagePerson, ...]:
    """Return the parts that the voter, an alias or a delegator had in what is decided. Signing off is none of them."""
    return tuple(person for person in lineage if person.part != SIGNER and person.person_id in voter.kin)


def entitled(roles: tuple[str, ...], groups: tuple[str, ...], step: Step, more_roles: tuple[str, ...]) -> bool:
    """Return whether somebody with these roles and groups may vote in a step."""
    if step.group_id is not None and str(step.group_id) in groups:
        return True
    return bool({*step.roles, *more_roles} & set(roles))


def counts_as(voter: Voter, step: Step, votes: tuple[Vote, ...], more_roles: tuple[str, ...]) -> str | None:
    """Return the identity whose entitlement the voter uses: their own, a delegator's, or None without any."""
    if entitled(voter.roles, voter.groups, step, more_roles):
        return voter.identity
    for delegator in voter.delegators:
        if entitled(delegator.roles, delegator.groups, step, more_roles):
            return delegator.identity
    for vote in votes:
        if vote.delegated_to in voter.subjects and entitled(vote.roles, vote.groups, step, more_roles):
            return vote.identity
    return None


def spent(voter: Voter, as_whom: str | None, votes: tuple[Vote, ...]) -> bool:
    """Return whether the voter, or the person as whom the vote would count, has decided already.

    A vote that was delegated to this voter in this authorization is theirs to give.
    """
    for vote in votes:
        if vote.kind not in DECIDING:
            continue
        taken = {vote.identity, vote.counts_as}
        if voter.identity in taken or (as_whom in taken and vote.delegated_to not in voter.subjects):
            return True
    return False


def meets(step: Step, index: int, votes: tuple[Vote, ...], electorate: tuple[str, ...]) -> bool:
    """Return whether the votes of a step meet its quorum. `electorate` counts only where all must approve."""
    approved = {vote.counts_as for vote in votes if vote.step == index and vote.kind is VoteKind.APPROVE}
    if step.quorum is not QuorumKind.ALL:
        return len(approved) >= step.weight
    heard = [vote for vote in votes if vote.step == index and vote.kind in COUNTED]
    done = {name for vote in heard for name in (vote.identity, vote.counts_as)}
    # Whoever delegated is heard when their delegate is.
    done |= {vote.identity for vote in votes if vote.kind is VoteKind.DELEGATE and vote.delegated_to in done}
    return bool(approved) and set(electorate) <= done


def electorate_of(
    step: Step, voters: tuple[Voter, ...], lineage: tuple[LineagePerson, ...], more_roles: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the people who may vote in a step: entitled by their own roles, in no conflict, no machine."""
    return tuple(
        voter.identity
        for voter in voters
        if not voter.machine and not conflicts(voter, lineage) and entitled(voter.roles, voter.groups, step, more_roles)
    )


def shortfall(
    rule: Rule,
    from_step: int,
    votes: tuple[Vote, ...],
    electorates: tuple[tuple[str, ...], ...],
) -> str | None:
    """Say which of the remaining steps cannot be met by the people there are, or None.

    By Hall's theorem distinct people can be found for all steps exactly if every set of steps has, together, as many
    candidates as it takes approvals.
    """
    used = {vote.counts_as for vote in votes if vote.kind is VoteKind.APPROVE}
    open_steps = []
    for index in range(from_step, len(rule.steps)):
        step = rule.steps[index]
        given = sum(vote.step == index and vote.kind is VoteKind.APPROVE for vote in votes)
        needed = max((1 if step.quorum is QuorumKind.ALL else step.weight) - given, 0)
        open_steps.append((step.name, needed, set(electorates[index]) - used))
    for size in range(1, len(open_steps) + 1):
        for chosen in combinations(open_steps, size):
            needed, found = sum(n for _, n, _ in chosen), set().union(*(people for _, _, people in chosen))
            if len(found) < needed:
                names = ", ".join(name for name, _, _ in chosen)
                return f"cannot be met: {names} needs {needed} more, and only {len(found)} may vote"
    return None
