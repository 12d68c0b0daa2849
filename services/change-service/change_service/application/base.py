"""What all use cases of change management share: the unit of work, the settings, and who votes."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from fourgates.chassis.aggregate import Act
from fourgates.chassis.work import Work

from change_service import views
from change_service.domain import (
    Authorization,
    Change,
    KnownRelease,
    QuorumKind,
    Rule,
    Standing,
    Voter,
    differences_to,
    electorate_of,
    holds_on,
    id_of_known_release,
)
from change_service.settings import ChangeSettings


class UseCaseBase:
    """The unit of work of one request or reaction."""

    def __init__(self, work: Work, settings: ChangeSettings) -> None:
        self._work = work
        self._settings = settings

    def _known(self, act: Act) -> tuple[Act, Voter]:
        """Return the act with the roles that the person holds here, and the person as a voter."""
        found = views.voter_at(self._work.views, act.person, act.at)
        voter = found or Voter(act.person, act.person, (act.person,), machine=act.machine)
        # Whoever is known here as a machine account is one, whatever the token says.
        return act.but(roles=voter.roles, machine=act.machine or voter.machine), voter

    def _release(self, release_id: UUID | None) -> KnownRelease | None:
        return None if release_id is None else self._work.find(KnownRelease, id_of_known_release(release_id))

    def _changes(self, change_ids: Iterable[UUID]) -> dict[UUID, Change | None]:
        return {change_id: self._work.find(Change, change_id) for change_id in change_ids}

    def _electorates(self, authorization: Authorization, act: Act) -> tuple[tuple[str, ...], ...]:
        """Return for each step who may vote in it."""
        rule, more = authorization.rule, authorization.more_roles
        voters = self._voters(rule, more, act)
        return tuple(electorate_of(step, voters, authorization.question.lineage, more) for step in rule.steps)

    def _voters(self, rule: Rule, more_roles: tuple[str, ...], act: Act) -> tuple[Voter, ...]:
        roles = sorted({role for step in rule.steps for role in step.roles} | set(more_roles))
        groups = [str(step.group_id) for step in rule.steps if step.group_id]
        return tuple(views.voters_at(self._work.views, roles, groups, act.at, self._settings.electorate_max))

    def standing_of(self, act: Act, authorization: Authorization) -> Standing:
        """Return how things stand around an authorization now."""
        question = authorization.question
        changes = self._changes(bound.change_id for bound in question.changes)
        step, more = authorization.current_step, authorization.more_roles
        electorate: tuple[str, ...] = ()
        if step.quorum is QuorumKind.ALL:
            electorate = electorate_of(step, self._voters(authorization.rule, more, act), question.lineage, more)
        return Standing(
            holds=holds_on(self._release(question.release_id), changes),
            differences=differences_to(question, changes),
            electorate=electorate,
        )

    def holds_of(self, release_id: UUID, change_ids: Iterable[UUID]) -> tuple[str, ...]:
        """Return what is on hold of a release and of changes."""
        return holds_on(self._release(release_id), self._changes(change_ids))

    def voter_of(self, act: Act) -> Voter:
        """Return who asks, as a voter."""
        return self._known(act)[1]
