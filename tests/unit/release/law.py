"""The invariants of the process, told about each event of a release in order."""

from __future__ import annotations

import re

from release_service.domain import ChangeState, DeploymentState, Gate, ReleaseState

GATE_OF_ENTRY = {
    "PlanningEntered": Gate.PLANNING,
    "BuildAndTestEntered": Gate.BUILD_AND_TEST,
    "CheckInEntered": Gate.CHECK_IN,
    "DeploymentEntered": Gate.DEPLOYMENT,
}
INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
DID_NOT_STAY = (DeploymentState.BACKED_OUT, DeploymentState.BACK_OUT_FAILED)


class Law:
    """The invariants, told about each event in order; it knows the release only as it was before that event."""

    def __init__(self):
        self.granted = {}
        self.ended = set()
        self.used = set()
        self.reviewed = False
        self.ran = False

    def judge(self, before, event):
        name = type(event).__name__
        if name in GATE_OF_ENTRY:
            self._entry(before, event, GATE_OF_ENTRY[name])
        judge = getattr(self, f"on_{INNER_CAPITAL.sub('_', name).lower()}", None)
        if judge is not None:
            judge(before, event)

    def on_grant_noted(self, before, event):
        self.granted[event.grant.request_id] = event.grant

    def on_gate_request_withdrawn(self, before, event):
        self.ended.add(event.request_id)

    def on_gate_request_ended(self, before, event):
        self.ended.add(event.request_id)

    def on_grant_crossed(self, before, event):
        self.ended.add(event.request_id)

    def _entry(self, before, event, gate):
        # Invariant 1: a grant for this gate, given earlier, unused, valid now, that binds what is there now.
        grant = event.grant
        request = before.requests[grant.request_id]
        assert self.granted[grant.request_id] == grant
        assert grant.request_id not in self.ended
        assert (grant.request_id, gate) not in self.used
        assert gate in request.gates
        assert grant.expires_at > event.act.at
        assert grant.document_digest == request.document_digest
        assert event.document == before.document((gate,), request.owed)
        assert all(request.document[name] == digest for name, digest in event.document.items())
        assert not before.on_hold
        self.used.add((grant.request_id, gate))
        if gate is not Gate.PLANNING:
            self._authorized(before)

    def _authorized(self, release):
        assert release.changes
        assert {change.state for change in release.changes.values()} == {ChangeState.AUTHORIZED}

    def on_build_recorded(self, before, event):
        # Invariants 2 and 3; invariant 4 is kept by the rule, which knows the library.
        assert before.state is ReleaseState.BUILD_AND_TEST
        assert all(risk.contingency_action.strip() for risk in before.plan.risks)
        assert before.plan.back_out.steps or not before.deploys
        assert event.attempt == len(before.builds) + 1
        self._authorized(before)

    def on_test_run_recorded(self, before, event):
        # Invariant 5: evidence names this build's bytes.
        assert event.build_id == before.build.build_id
        assert event.tested_sha256 in {before.build.package_digest, *(i.sha256 for i in before.build.candidates)}

    def on_signed_off(self, before, event):
        assert event.build_id == before.build.build_id
        assert before.suites_not_passed(minimum_only=before.emergency) == ()
        assert event.act.person not in {person.person_id for person in before.lineage()}

    def on_deployment_requested(self, before, event):
        self.reviewed = False

    def on_deployment_noted(self, before, event):
        self.ran = event.heard in {DeploymentState.DEPLOYED, *DID_NOT_STAY}

    def on_review_entered(self, before, event):
        # Invariant 9: the review comes right after the end of a deployment.
        assert self.ran or not before.deploys
        self.ran = False

    def on_review_decided(self, before, event):
        self.reviewed = True

    def on_closed(self, before, event):
        assert before.state is ReleaseState.REVIEW
        assert self.reviewed
        assert not before.open_debts()
