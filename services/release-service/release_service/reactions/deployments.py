"""What this service does about what it hears of rehearsals and deployments."""

from __future__ import annotations

from fourgates.chassis.aggregate import Act
from fourgates.contracts import deploy

from release_service.application import ReleaseUseCases
from release_service.domain import DeploymentState


def keep_result_of_rehearsal(use_cases: ReleaseUseCases, act: Act, fact: deploy.RehearsalFinished) -> None:
    """Whenever a rehearsal finished, its measured duration decides whether the release may be deployed."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_rehearsal(
            act,
            rehearsal_id=fact.rehearsal_id,
            succeeded=fact.succeeded,
            duration_s=fact.duration_s,
            notes=tuple(fact.evidence),
        ),
    )


def keep_refusal_of_rehearsal(use_cases: ReleaseUseCases, act: Act, fact: deploy.RehearsalRefused) -> None:
    """Whenever a rehearsal was refused, the release shows why."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_rehearsal(
            act, rehearsal_id=fact.rehearsal_id, succeeded=False, duration_s=0.0, notes=tuple(fact.reasons)
        ),
    )


def know_started_deployment(use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentStarted) -> None:
    """Whenever a deployment started, nothing of its release may be edited until it ends."""
    _deployment(use_cases, act, fact, DeploymentState.RUNNING, f"started by {fact.started_by}")


def review_deployed_release(use_cases: ReleaseUseCases, act: Act, fact: deploy.Deployed) -> None:
    """Whenever a deployment stands, its release is reviewed."""
    _deployment(use_cases, act, fact, DeploymentState.DEPLOYED, f"version {fact.version}")


def review_backed_out_release(use_cases: ReleaseUseCases, act: Act, fact: deploy.BackedOut) -> None:
    """Whenever a deployment was backed out, its release is reviewed."""
    _deployment(use_cases, act, fact, DeploymentState.BACKED_OUT, fact.reason)


def review_release_of_failed_back_out(use_cases: ReleaseUseCases, act: Act, fact: deploy.BackOutFailed) -> None:
    """Whenever a back-out failed, its release is reviewed."""
    _deployment(use_cases, act, fact, DeploymentState.BACK_OUT_FAILED, fact.reason)


def know_aborted_deployment(use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentAborted) -> None:
    """Whenever a deployment never started, its release may redeploy, or ends when that was wanted."""
    _deployment(use_cases, act, fact, DeploymentState.ABORTED, fact.reason)


def know_refused_deployment(use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentRefused) -> None:
    """Whenever a deployment was refused, its release shows why."""
    _deployment(use_cases, act, fact, DeploymentState.REFUSED, "; ".join(fact.reasons))


def _deployment(
    use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentContract, heard: DeploymentState, detail: str
) -> None:
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_deployment(act, deployment_id=fact.deployment_id, heard=heard, detail=detail),
    )
