"""The tables of the process: which gate opens what, which kind does what, and where each way back leads."""

from __future__ import annotations

from dataclasses import dataclass

from release_service.domain.states import DeploymentState, Gate, ReleaseKind, ReleaseState, WayBack

S = ReleaseState

# From which phase a gate opens the next one.
OPENS_FROM = {
    Gate.PLANNING: S.REQUESTED,
    Gate.BUILD_AND_TEST: S.PLANNING,
    Gate.CHECK_IN: S.BUILD_AND_TEST,
    Gate.DEPLOYMENT: S.CHECK_IN,
}
PHASE_OF = {gate: S(gate.value) for gate in Gate}
GATE_OF = {phase: gate for gate, phase in PHASE_OF.items()}

# In an emergency one vote may give two gates; the pair is asked for where the first of them is.
JOINED: dict[tuple[Gate, ...], ReleaseState] = {
    (Gate.PLANNING, Gate.BUILD_AND_TEST): S.REQUESTED,
    (Gate.CHECK_IN, Gate.DEPLOYMENT): S.BUILD_AND_TEST,
}

# What the fields of a bound document begin with, by gate.
BOUND = {
    Gate.PLANNING: ("scope.",),
    Gate.BUILD_AND_TEST: ("scope.", "plan."),
    Gate.CHECK_IN: ("package.", "build."),
    Gate.DEPLOYMENT: ("package.", "deployment."),
}

WITHOUT_DEPLOYMENT = frozenset({ReleaseKind.MEDIA, ReleaseKind.INITIAL_LOAD})

# What a kind always tests, whatever its plan says. A retirement rehearses its procedure instead.
KIND_SUITES: dict[ReleaseKind, tuple[str, ...]] = {
    ReleaseKind.MEDIA: ("supplier", "licence", "checksum_or_signature", "scan"),
    ReleaseKind.INITIAL_LOAD: ("dry_run",),
}

FINAL = frozenset({S.CLOSED, S.CANCELLED})
NEVER_RAN = frozenset({DeploymentState.REQUESTED, DeploymentState.ABORTED, DeploymentState.REFUSED})
DID_NOT_STAY = frozenset({DeploymentState.BACKED_OUT, DeploymentState.BACK_OUT_FAILED})
ENDED = DID_NOT_STAY | {DeploymentState.DEPLOYED}


@dataclass(frozen=True)
class Way:
    """One row of the table of the ways back."""

    allowed_in: frozenset[ReleaseState]
    leads_to: ReleaseState
    voided_gates: tuple[Gate, ...]
    voids_build: bool
    voids_sign_off: bool


G = Gate
WAYS = {
    WayBack.RESCOPE: Way(
        allowed_in=frozenset({S.PLANNING, S.BUILD_AND_TEST, S.CHECK_IN, S.REVIEW}),
        leads_to=S.REQUESTED,
        voided_gates=(G.PLANNING, G.BUILD_AND_TEST, G.CHECK_IN, G.DEPLOYMENT),
        voids_build=True,
        voids_sign_off=True,
    ),
    WayBack.REPLAN: Way(
        allowed_in=frozenset({S.BUILD_AND_TEST, S.CHECK_IN, S.DEPLOYMENT, S.REVIEW}),
        leads_to=S.PLANNING,
        voided_gates=(G.BUILD_AND_TEST, G.CHECK_IN, G.DEPLOYMENT),
        voids_build=False,
        voids_sign_off=True,
    ),
    WayBack.REBUILD: Way(
        allowed_in=frozenset({S.BUILD_AND_TEST, S.CHECK_IN, S.DEPLOYMENT, S.REVIEW}),
        leads_to=S.BUILD_AND_TEST,
        voided_gates=(G.CHECK_IN, G.DEPLOYMENT),
        voids_build=True,
        voids_sign_off=True,
    ),
    WayBack.REDEPLOY: Way(
        allowed_in=frozenset({S.DEPLOYMENT, S.REVIEW}),
        leads_to=S.CHECK_IN,
        voided_gates=(G.DEPLOYMENT,),
        voids_build=False,
        voids_sign_off=False,
    ),
}
