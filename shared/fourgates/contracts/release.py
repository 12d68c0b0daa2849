"""What release management says: phases, requests for gates, builds, evidence, requests to the DML and to deployment."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime

from fourgates.contracts.common import (
    CarriedChange,
    ChangeType,
    Contract,
    Gate,
    Grant,
    Item,
    LineagePerson,
    Outcome,
    Part,
    PlannedEnvironment,
    ReleaseKind,
    ReleaseState,
    Risk,
    Step,
    WayBack,
)


class ReleaseContract(Part):
    """What every fact about a release names."""

    release_id: UUID
    service_id: UUID


class ReleaseOpened(ReleaseContract, Contract, type="dev.fourgates.release.opened.v1"):
    """A release was requested for a service, with its reason and the changes it carries."""

    kind: ReleaseKind
    version: str
    reason: str
    change_ids: list[UUID]
    requested_by: str
    emergency: bool
    predecessor_id: UUID | None = None
    evaluation_id: UUID | None = None


class ChangesCarried(ReleaseContract, Contract, type="dev.fourgates.release.changes_carried.v1"):
    """The set of changes that a release carries is now this."""

    change_ids: list[UUID]


class GateRequested(ReleaseContract, Contract, type="dev.fourgates.release.gate_requested.v1"):
    """A release asks for one gate, or for two joined ones in an emergency, with a digest per field of what is bound.

    Everything that a policy decides on is here: change type and risk (the strictest of the changes), tier,
    environments, and the people of the lineage.
    """

    request_id: UUID
    gates: list[Gate]
    kind: ReleaseKind
    document: dict[str, str]
    document_digest: str
    summary: str
    change_type: ChangeType
    risk: Risk
    service_tier: str
    environment_ids: list[UUID]
    changes: list[CarriedChange]
    lineage: list[LineagePerson]
    signed_off_by: str | None = None
    emergency: bool = False


class GateRequestWithdrawn(ReleaseContract, Contract, type="dev.fourgates.release.gate_request_withdrawn.v1"):
    """What a request or an unused grant bound has changed, or is no longer wanted: it is withdrawn or void."""

    request_id: UUID
    gates: list[Gate]
    reason: str


class ConfirmationRequested(ReleaseContract, Contract, type="dev.fourgates.release.confirmation_requested.v1"):
    """After an emergency, the CAB is asked to confirm what two people decided."""

    request_id: UUID
    document: dict[str, str]
    document_digest: str
    summary: str
    change_type: ChangeType
    risk: Risk
    service_tier: str
    lineage: list[LineagePerson]


class PhaseEntered(ReleaseContract, Contract, type="dev.fourgates.release.phase_entered.v1"):
    """A release entered a phase and used this grant. Review has no gate, so its grant is absent."""

    phase: ReleaseState
    kind: ReleaseKind
    version: str
    change_ids: list[UUID]
    entered_by: str
    grant: Grant | None = None


class WentBack(ReleaseContract, Contract, type="dev.fourgates.release.went_back.v1"):
    """A release went back to an earlier phase; these grants are void and this build's candidates are discarded."""

    way: WayBack
    from_phase: ReleaseState
    to_phase: ReleaseState
    reason: str
    voided_request_ids: list[UUID]
    discarded_build_id: UUID | None = None
    discarded_items: list[Item] = []


class BuildRecorded(ReleaseContract, Contract, type="dev.fourgates.release.build_recorded.v1"):
    """A build was recorded: its candidates, and its inputs, which were all definitive at that time."""

    build_id: UUID
    attempt: int
    candidates: list[Item]
    inputs: list[Item]
    built_by: str


class EvidenceBound(ReleaseContract, Contract, type="dev.fourgates.release.evidence_bound.v1"):
    """The evidence of a test run was bound to the build whose bytes were tested."""

    build_id: UUID
    test_run_id: UUID
    suite: str
    result: str
    tested_sha256: str
    evidence_sha256: str
    tested_by: str


class SignedOff(ReleaseContract, Contract, type="dev.fourgates.release.signed_off.v1"):
    """The change manager signed off a build whose required tests all passed."""

    build_id: UUID
    signed_off_by: str


class DeploymentPlanned(ReleaseContract, Contract, type="dev.fourgates.release.deployment_planned.v1"):
    """A deployment plan was written: environments in order, each with its window and waves."""

    plan_digest: str
    environments: list[PlannedEnvironment]
    emergency: bool = False


class ImpactRequested(ReleaseContract, Contract, type="dev.fourgates.release.impact_requested.v1"):
    """A release asks configuration management for its impact."""

    kind: ReleaseKind


class OwnersInformed(ReleaseContract, Contract, type="dev.fourgates.release.owners_informed.v1"):
    """The owners of the dependent services were informed of a deployment."""

    service_ids: list[UUID]
    informed_by: str


class CheckInRequested(ReleaseContract, Contract, type="dev.fourgates.release.check_in_requested.v1"):
    """A release entered check-in and asks the DML to take its items; `loaded` marks an initial load for ever."""

    build_id: UUID
    kind: ReleaseKind
    items: list[Item]
    grant: Grant
    loaded: bool = False
    supersedes_item_ids: list[UUID] = []


class RehearsalRequested(ReleaseContract, Contract, type="dev.fourgates.release.rehearsal_requested.v1"):
    """A release asks deploy-service to rehearse its package and its back-out steps in a sandbox, under G2."""

    rehearsal_id: UUID
    kind: ReleaseKind
    version: str
    items: list[Item]
    deployment_steps: list[Step]
    back_out_steps: list[Step]
    forward_steps: list[Step]
    package_digest: str
    steps_digest: str
    longest_duration_s: int
    environment_id: UUID
    grant: Grant


class DeploymentRequested(ReleaseContract, Contract, type="dev.fourgates.release.deployment_requested.v1"):
    """A release entered deployment and asks for it to be carried out under G4."""

    deployment_id: UUID
    kind: ReleaseKind
    version: str
    items: list[Item]
    environments: list[PlannedEnvironment]
    deployment_steps: list[Step]
    back_out_steps: list[Step]
    forward_steps: list[Step]
    point_of_no_return: int | None
    package_digest: str
    steps_digest: str
    rehearsal_id: UUID | None
    on_window_end: str
    grant: Grant
    built_by: list[str]
    emergency: bool = False


class CheckInRequestCancelled(ReleaseContract, Contract, type="dev.fourgates.release.check_in_request_cancelled.v1"):
    """A check-in that was asked for is no longer wanted."""

    build_id: UUID
    reason: str


class DeploymentRequestCancelled(
    ReleaseContract, Contract, type="dev.fourgates.release.deployment_request_cancelled.v1"
):
    """A deployment that was asked for and has not started is no longer wanted."""

    deployment_id: UUID
    reason: str


class Debt(Part):
    """What an emergency left for later, and until when."""

    code: str
    detail: str
    due_at: AwareDatetime


class DebtsIncurred(ReleaseContract, Contract, type="dev.fourgates.release.debts_incurred.v1"):
    """An emergency release used a gate before everything was done; each debt blocks closing until it is settled."""

    debts: list[Debt]


class DebtSettled(ReleaseContract, Contract, type="dev.fourgates.release.debt_settled.v1"):
    """A debt of an emergency was settled."""

    code: str
    how: str


class DebtFailed(ReleaseContract, Contract, type="dev.fourgates.release.debt_failed.v1"):
    """A debt of an emergency failed or fell overdue: it counts as a missed target."""

    code: str
    reason: str
    evaluation_id: UUID


class SuccessorOpened(ReleaseContract, Contract, type="dev.fourgates.release.successor_opened.v1"):
    """A missed target opened a successor release, and the whole process begins again; its id is derived."""

    successor_id: UUID
    evaluation_id: UUID
    change_id: UUID


class ReleasePutOnHold(ReleaseContract, Contract, type="dev.fourgates.release.put_on_hold.v1"):
    """A release was put on hold: no requests, votes, entries or new deployments."""

    reason: str


class ReleaseTakenOffHold(ReleaseContract, Contract, type="dev.fourgates.release.taken_off_hold.v1"):
    """A release goes on after a hold."""

    reason: str


class ReleaseClosed(ReleaseContract, Contract, type="dev.fourgates.release.closed.v1"):
    """A release was closed by the decision of its review."""

    kind: ReleaseKind
    outcome: Outcome
    change_ids: list[UUID]


class CancellationRequested(ReleaseContract, Contract, type="dev.fourgates.release.cancellation_requested.v1"):
    """Something ran, so a cancellation waits for its review; no other way back is allowed from here."""

    reason: str


class ReleaseCancelled(ReleaseContract, Contract, type="dev.fourgates.release.cancelled.v1"):
    """A release was cancelled; its candidates are discarded and its changes are free again."""

    kind: ReleaseKind
    change_ids: list[UUID]
    reason: str
    discarded_items: list[Item] = []
