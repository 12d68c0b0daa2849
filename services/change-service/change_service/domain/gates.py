"""What stands against a request, read from the things that it binds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from change_service.domain.authorization_rules import Question
from change_service.domain.change import Change
from change_service.domain.change_rules import AUTHORIZED_STATES, FINAL, ChangeState
from change_service.domain.release import KnownRelease
from change_service.domain.values import CarriedChange, ChangeType, Gate, LineagePerson, SubjectKind


def holds_on(release: KnownRelease | None, changes: Mapping[UUID, Change | None]) -> tuple[str, ...]:
    """Return what is on hold of a release and its changes."""
    held = [f"Change {change.id}" for change in changes.values() if change is not None and change.on_hold]
    if release is not None and release.on_hold:
        held.append(f"Release {release.release_id}")
    return tuple(held)


def differences_to(question: Question, changes: Mapping[UUID, Change | None]) -> tuple[str, ...]:
    """Return how the changes differ from what the question binds."""
    return tuple(
        reason for bound in question.changes for reason in _against(question, bound, changes.get(bound.change_id))
    )


def _against(question: Question, bound: CarriedChange, change: Change | None) -> Iterator[str]:
    if change is None:
        yield f"Change {bound.change_id} is not known."
        return
    if change.content_digest != bound.content_digest:
        yield f"Change {change.id} has the content {change.content_digest}, the request binds {bound.content_digest}."
    if change.state in FINAL:
        yield f"Change {change.id} is {change.state}."
    if question.subject_kind is SubjectKind.GATE:
        yield from _against_gate(question, change)


def _against_gate(question: Question, change: Change) -> Iterator[str]:
    if change.carried_by != question.release_id:
        yield f"Change {change.id} is carried by {change.carried_by or 'no release'}."
    if change.state is ChangeState.DRAFT:
        yield f"Change {change.id} is a draft and was not requested."
    later = set(question.gates) - {Gate.PLANNING}
    if later and change.state not in AUTHORIZED_STATES | FINAL:
        yield f"Change {change.id} is {change.state} and not authorized."
    if question.emergency and change.content.change_type is not ChangeType.EMERGENCY:
        # Or an emergency would be a way round the votes that a normal change takes.
        kind = change.content.change_type
        yield f"Change {change.id} is {kind}; an emergency release carries emergency changes only."


def lineage_of(changes: Mapping[UUID, Change | None]) -> tuple[LineagePerson, ...]:
    """Return who had a part in the text of the changes."""
    found: dict[LineagePerson, None] = {}
    for change in changes.values():
        if change is not None:
            found[LineagePerson(change.requested_by, "requester")] = None
            found.update((LineagePerson(author, "author"), None) for author in change.authors)
    return tuple(found)
