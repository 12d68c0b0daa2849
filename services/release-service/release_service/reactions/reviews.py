"""What this service does about what it hears of reviews."""

from __future__ import annotations

from fourgates.chassis.aggregate import Act
from fourgates.contracts import review

from release_service.application import ReleaseUseCases
from release_service.domain import Outcome, ReviewDecision


def know_review_of_release(use_cases: ReleaseUseCases, act: Act, fact: review.ReviewOpened) -> None:
    """Whenever a review was opened, its release names it."""
    use_cases.tell_release(act, fact.release_id, lambda release: release.note_review(act, review_id=fact.review_id))


def open_successor_of_missed_target(use_cases: ReleaseUseCases, act: Act, fact: review.TargetMissed) -> None:
    """Whenever a target was missed, a successor release is opened that carries the linked change."""
    act = act.but(why=f"{fact.name} was missed: {fact.detail}"[:2000])
    use_cases.open_successor(act, predecessor_id=fact.release_id, evaluation_id=fact.evaluation_id)


def know_accepted_target(use_cases: ReleaseUseCases, act: Act, fact: review.TargetAccepted) -> None:
    """Whenever a missed target was accepted in writing, its release says so."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_target_accepted(
            act, evaluation_id=fact.evaluation_id, authorization_id=fact.authorization_id
        ),
    )


def do_as_the_review_decided(use_cases: ReleaseUseCases, act: Act, fact: review.ReviewClosed) -> None:
    """Whenever a review ended, its release is closed or cancelled, or goes back, as was decided."""
    act = act.but(why=fact.reason)
    decision = ReviewDecision(
        fact.review_id,
        fact.deployment_id,
        fact.decision,
        Outcome(fact.outcome.value),
        fact.reason,
        fact.decided_by,
    )
    use_cases.tell_release(act, fact.release_id, lambda release: release.note_review_closed(act, decision=decision))
