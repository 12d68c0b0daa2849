"""What this service does about what it hears of changes."""

from __future__ import annotations

from fourgates.chassis.aggregate import Act
from fourgates.contracts import change

from release_service.application import ReleaseUseCases
from release_service.domain import ChangeState, ChangeType, Risk


def know_requested_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeRequested) -> None:
    """Whenever a change was requested, know it, and tell the release that waits for it."""
    use_cases.note_change(
        act,
        change_id=fact.change_id,
        state=ChangeState.REQUESTED,
        content_digest=fact.content_digest,
        title=fact.title,
        change_type=ChangeType(fact.change_type.value),
        risk=Risk(fact.risk.value),
        requested_by=fact.requested_by,
        authors=tuple(fact.authors),
        service_ids=tuple(fact.service_ids),
        alters_service=fact.alters_service,
    )


def know_rewritten_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeRewritten) -> None:
    """Whenever a change was rewritten, its old content is authorized no more, and what bound it is void."""
    use_cases.note_change(
        act,
        change_id=fact.change_id,
        state=ChangeState.REQUESTED,
        content_digest=fact.content_digest,
        title=fact.title,
        risk=Risk(fact.risk.value),
        authors=tuple(fact.authors),
        service_ids=tuple(fact.service_ids),
    )


def know_authorized_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeAuthorized) -> None:
    """Whenever a change was authorized, a release may be built with exactly this content of it."""
    use_cases.note_change(
        act, change_id=fact.change_id, state=ChangeState.AUTHORIZED, content_digest=fact.content_digest
    )


def stop_release_of_rejected_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeRejected) -> None:
    """Whenever a change was rejected, the release that carries it stops."""
    use_cases.note_change(act, change_id=fact.change_id, state=ChangeState.REJECTED)


def stop_release_of_cancelled_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeCancelled) -> None:
    """Whenever a change was cancelled, the release that carries it stops."""
    use_cases.note_change(act, change_id=fact.change_id, state=ChangeState.CANCELLED)


def know_closed_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeClosed) -> None:
    """Whenever a change was closed, no release may carry it any more."""
    use_cases.note_change(act, change_id=fact.change_id, state=ChangeState.CLOSED)


def hold_release_of_held_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangePutOnHold) -> None:
    """Whenever a change was put on hold, the release that carries it passes no gate."""
    use_cases.note_change(act, change_id=fact.change_id, on_hold=True)


def free_release_of_held_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeTakenOffHold) -> None:
    """Whenever a change goes on after a hold, so does the release that carries it."""
    use_cases.note_change(act, change_id=fact.change_id, on_hold=False)
