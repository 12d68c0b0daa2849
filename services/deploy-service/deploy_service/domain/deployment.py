"""A deployment: one use of G4, through its environments in order, with one way in and three ways to end."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Refused, Unmet, event, refuse_any

from deploy_service.domain.conditions import unmet_for_plan
from deploy_service.domain.deployment_conditions import INTERRUPTIBLE, STARTED, WORKING, DeploymentConditions
from deploy_service.domain.facts import EnvironmentFact, Facts
from deploy_service.domain.parts import (
    ENDED,
    INTERRUPTED,
    DeploymentRequest,
    DeploymentState,
    Order,
    Phase,
    Placed,
    Result,
    Rung,
)


class WorkBegan(Aggregate.Event):
    """From here on there are steps to be carried out."""


class Deployment(DeploymentConditions, Aggregate):
    """What a release asked to be deployed under G4, and everything that was done for it."""

    TOPIC = "deploy.Deployment"

    class Planned(Aggregate.Created):
        """A release asked for a deployment; it waits for a deployer to start it."""

        request: DeploymentRequest

    class RequestRefused(Aggregate.Event):
        """A deployment that was asked for cannot be planned like this."""

        reasons: tuple[str, ...]

    class Started(WorkBegan):
        """A deployer started a deployment in its first environment, where this stood before."""

        environment_id: UUID
        soak_s: int
        before: tuple[Placed, ...]

    class EnvironmentBegan(WorkBegan):
        """A deployment went on to its next environment, where this stood before."""

        environment_id: UUID
        soak_s: int
        before: tuple[Placed, ...]

    class StepBegan(Aggregate.Event):
        """A step is being carried out on a node; should its result never come, it was interrupted."""

        order: Order

    class StepDone(Aggregate.Event):
        """A step of a deployment or of its back-out was carried out, or failed."""

        order: Order
        result: Result

    class VerificationBegan(Aggregate.Event):
        """All steps are done; what really runs is being compared with what was authorized."""

        environment_id: UUID

    class WentForward(Aggregate.Event):
        """The forward steps are done on every node past the point of no return."""

        nodes: tuple[str, ...]

    class EnvironmentStands(Aggregate.Event):
        """A deployment stands in an environment, verified, and must stand there until the end of its soak time."""

        environment_id: UUID
        placed: tuple[Placed, ...]
        soak_until_at: datetime

    class Deployed(Aggregate.Event):
        """A deployment stands in all its environments."""

    class Paused(Aggregate.Event):
        """A deployment was paused: by a person, by its window's end, or by something that was heard."""

        reason: str

    class Resumed(WorkBegan):
        """A deployer resumed a paused deployment."""

    class GoingForwardBegan(WorkBegan):
        """Something failed past the point of no return: the rehearsed forward steps are carried out."""

        reason: str
        nodes: tuple[str, ...]

    class BackOutBegan(WorkBegan):
        """A deployment is being backed out of an environment by the rehearsed steps."""

        environment_id: UUID
        reason: str
        nodes: tuple[str, ...]
        steps_digest: str

    class BackedOut(Aggregate.Event):
        """A deployment was backed out; what stood before stands again."""

        environment_id: UUID
        reason: str
        restored: tuple[Placed, ...]

    class BackOutFailed(Aggregate.Event):
        """A back-out failed, or a failure past the point of no return could not go forward."""

        environment_id: UUID
        reason: str

    class Aborted(Aggregate.Event):
        """A deployment never started."""

        reason: str

    # Commands; the conditions of each are in deployment_conditions.py.

    @classmethod
    def plan(
        cls,
        act: Act,
        *,
        deployment_id: UUID,
        request: DeploymentRequest,
        environments: tuple[EnvironmentFact, ...],
        grant_used: bool = False,
    ) -> Deployment:
        """Record a request. One that cannot be carried out is a record too: its refusal is its second event."""
        deployment = cls(id=deployment_id, act=act, request=request)
        try:
            refuse_any(unmet_for_plan(request, environments, grant_used=grant_used))
        except Refused as refusal:
            deployment._request_refused(act=act, reasons=tuple(f"{u.code}: {u.detail}" for u in refusal.unmet))
        return deployment

    def start(self, act: Act, *, facts: Facts, before: tuple[Placed, ...]) -> None:
        """Begin the first environment."""
        refuse_any(self.unmet_for_start(act, facts))
        rung = self.rung
        self._started(act=act, environment_id=rung.environment_id, soak_s=self._soak_s(rung, facts), before=before)

    def begin_next_environment(self, act: Act, *, facts: Facts, before: tuple[Placed, ...]) -> None:
        """Go on to the next environment of the ladder."""
        refuse_any(self.unmet_for_next_environment(act, facts))
        rung = self.rung_due
        self._environment_began(
            act=act, environment_id=rung.environment_id, soak_s=self._soak_s(rung, facts), before=before
        )

    def pause(self, act: Act, *, reason: str) -> None:
        """Pause after the step that is being carried out."""
        refuse_any(self.unmet_for_pause(act))
        self._paused(act=act, reason=reason)

    def resume(self, act: Act, *, facts: Facts) -> None:
        """Go on after a pause."""
        refuse_any(self.unmet_for_resume(act, facts))
        self._resumed(act=act)

    def back_out(self, act: Act, *, reason: str) -> None:
        """Back out by the rehearsed steps; past the point of no return, go forward by the rehearsed ones."""
        refuse_any(self.unmet_for_back_out(act))
        self._leave(act, reason)

    def abort(self, act: Act, *, reason: str) -> None:
        """Give up a deployment that never started."""
        refuse_any(self.unmet_for_abort(act))
        self._aborted(act=act, reason=reason)

    # What reactions, the clock and the executor do. What comes too late, or twice, changes nothing.

    def drop(self, act: Act, *, reason: str) -> None:
        """Abort a deployment that can no longer start; what has started is left alone."""
        if self.state is DeploymentState.PLANNED:
            self._aborted(act=act, reason=reason)

    def heed(self, act: Act, *, unmet: tuple[Unmet, ...], back_out: bool) -> None:
        """Stop running work because of what was heard after the use."""
        self._stop(act, "; ".join(f"{u.code}: {u.detail}" for u in unmet), back_out=back_out)

    def end_window(self, act: Act) -> None:
        """Pause or back out, as the plan says, when the window of the environment has ended."""
        rung = self.rung_due
        if act.at < rung.window_end:
            return
        reason = f"The window ended at {rung.window_end.isoformat()}."
        plan_backs_out = self.request.on_window_end == "back_out"
        if plan_backs_out and self.stands and self.state in STARTED:
            self._back_out_of(act, self.rung_due, reason, ())
        elif plan_backs_out and self.state is DeploymentState.PAUSED and not self.past_return:
            self._leave(act, reason)
        else:
            self._stop(act, reason, back_out=plan_backs_out)

    def _stop(self, act: Act, reason: str, *, back_out: bool) -> None:
        if self.state not in INTERRUPTIBLE:
            return
        # Past the point of no return only a person decides to go on: nothing can be taken back.
        if back_out and not self.past_return:
            self._leave(act, reason)
        else:
            self._paused(act=act, reason=reason)

    def take_order(self, act: Act) -> Order | None:
        """Return the next order to be carried out, and keep that it began; None when there is nothing to do."""
        self._conclude(act)
        if self.state not in WORKING:
            return None
        lost = self.in_flight
        if lost is not None and lost.phase is self.phase:
            return lost
        if lost is not None:  # Its result never came, and meanwhile something else is to be done.
            self._step_done(act=act, order=lost, result=INTERRUPTED)
        script = self.script()
        if self.done >= len(script):
            return None
        self._step_began(act=act, order=script[self.done])
        return self.in_flight

    def record_result(self, act: Act, *, order: Order, result: Result) -> None:
        """Keep what came of an order, and draw the consequence."""
        if order != self.in_flight:
            return
        self._step_done(act=act, order=order, result=result)
        if self.state in ENDED or order.phase is not self.phase:
            return
        if not result.succeeded:
            name = "verification" if order.step is None else order.step.name
            self._leave(act, f"{name} failed on {order.node}: {result.detail}")
        self._conclude(act)

    def _conclude(self, act: Act) -> None:
        """When every order of the phase is done, go on to what follows it."""
        while self.state in WORKING and not self.stands and self.done >= len(self.script()):
            environment_id = self.rung.environment_id
            if self.phase is Phase.DEPLOY:
                self._verification_began(act=act, environment_id=environment_id)
            elif self.phase is Phase.FORWARD:
                self._went_forward(act=act, nodes=self.touched)
            elif self.phase is Phase.VERIFY:
                soak_until_at = act.at + timedelta(seconds=self.soak_s)
                self._environment_stands(
                    act=act, environment_id=environment_id, placed=self._placed(), soak_until_at=soak_until_at
                )
                if self.position == len(self.request.environments) - 1:
                    self._deployed(act=act)
            else:
                self._backed_out(act=act, environment_id=self.leaving_id, reason=self.reason, restored=self._restored())

    def _leave(self, act: Act, reason: str) -> None:
        """After a failure, or because somebody wants it: back out, go forward, or say that neither is possible."""
        if self.stands and self.past_return:
            self._back_out_of(act, self.rung_due, reason, ())
        elif self.phase in {Phase.BACK_OUT, Phase.FORWARD} or (self.past_return and not self._can_go_forward()):
            self._back_out_failed(act=act, environment_id=self.rung.environment_id, reason=reason)
        elif self.past_return:
            self._going_forward_began(act=act, reason=reason, nodes=self.touched)
        else:
            self._back_out_of(act, self.rung, reason, tuple(reversed(self.touched)))

    def _back_out_of(self, act: Act, rung: Rung, reason: str, nodes: tuple[str, ...]) -> None:
        """Back out of these nodes of an environment; what was not touched yet ends at once, and what stands stays."""
        digest = self.request.steps_digest
        self._back_out_began(
            act=act, environment_id=rung.environment_id, reason=reason, nodes=nodes, steps_digest=digest
        )
        self._conclude(act)

    # What each event does to the state.

    @event(Planned)
    def __init__(self, id: UUID, act: Act, request: DeploymentRequest) -> None:
        self.request = request
        self.state = DeploymentState.PLANNED
        self.planned_at = act.at
        self.begun = False
        self.standing = ()
        self.started_at = self.started_by = self.in_flight = None
        self.reason = ""
        self.reasons = ()
        self._enter(0, 0, ())

    @event(RequestRefused)
    def _request_refused(self, act: Act, reasons: tuple[str, ...]) -> None:
        self.state = DeploymentState.ABORTED
        self.reasons = reasons

    @event(Started)
    def _started(self, act: Act, environment_id: UUID, soak_s: int, before: tuple[Placed, ...]) -> None:
        self.state = DeploymentState.RUNNING
        self.begun = True
        self.started_by = act.by
        self.started_at = act.at
        self._enter(0, soak_s, before)

    @event(EnvironmentBegan)
    def _environment_began(self, act: Act, environment_id: UUID, soak_s: int, before: tuple[Placed, ...]) -> None:
        self._enter(self.position + 1, soak_s, before)

    @event(StepBegan)
    def _step_began(self, act: Act, order: Order) -> None:
        self.in_flight = order
        if order.phase is Phase.DEPLOY:
            limit = self.request.point_of_no_return
            self.past_return = self.past_return or (limit is not None and order.index + 1 >= limit)
            self.touched = self.touched if order.node in self.touched else (*self.touched, order.node)

    @event(StepDone)
    def _step_done(self, act: Act, order: Order, result: Result) -> None:
        self.in_flight = None
        if order.phase is self.phase and result.succeeded:
            self.done += 1
        if result.url is not None:
            self.urls[order.node] = result.url
        if result.manifest_digest is not None:
            self.manifests[order.node] = result.manifest_digest

    @event(VerificationBegan)
    def _verification_began(self, act: Act, environment_id: UUID) -> None:
        self.state = DeploymentState.VERIFYING
        self._turn_to(Phase.VERIFY, ())

    @event(WentForward)
    def _went_forward(self, act: Act, nodes: tuple[str, ...]) -> None:
        self.went_forward = True
        self.finished_nodes = nodes
        self._turn_to(Phase.DEPLOY, ())

    @event(EnvironmentStands)
    def _environment_stands(
        self, act: Act, environment_id: UUID, placed: tuple[Placed, ...], soak_until_at: datetime
    ) -> None:
        self.state = DeploymentState.RUNNING
        self.stands = True
        self.standing = (*self.standing, (environment_id, placed))
        self.soak_until_at = soak_until_at

    @event(Deployed)
    def _deployed(self, act: Act) -> None:
        self.state = DeploymentState.DEPLOYED

    @event(Paused)
    def _paused(self, act: Act, reason: str) -> None:
        self.state = DeploymentState.PAUSED
        self.reason = reason

    @event(Resumed)
    def _resumed(self, act: Act) -> None:
        verifying = self.phase is Phase.VERIFY and not self.stands
        self.state = DeploymentState.VERIFYING if verifying else DeploymentState.RUNNING
        self.reason = ""

    @event(GoingForwardBegan)
    def _going_forward_began(self, act: Act, reason: str, nodes: tuple[str, ...]) -> None:
        self.state = DeploymentState.RUNNING
        self.reason = reason
        self._turn_to(Phase.FORWARD, nodes)

    @event(BackOutBegan)
    def _back_out_began(
        self, act: Act, environment_id: UUID, reason: str, nodes: tuple[str, ...], steps_digest: str
    ) -> None:
        self.state = DeploymentState.BACKING_OUT
        self.reason = reason
        self.leaving_id = environment_id
        self.stands = False
        self.standing = tuple(each for each in self.standing if each[0] != environment_id)
        self.urls = {}
        self.manifests = {}
        self._turn_to(Phase.BACK_OUT, nodes)

    @event(BackedOut)
    def _backed_out(self, act: Act, environment_id: UUID, reason: str, restored: tuple[Placed, ...]) -> None:
        self.state = DeploymentState.BACKED_OUT
        self.restored = restored

    @event(BackOutFailed)
    def _back_out_failed(self, act: Act, environment_id: UUID, reason: str) -> None:
        self.state = DeploymentState.BACK_OUT_FAILED
        self.reason = reason

    @event(Aborted)
    def _aborted(self, act: Act, reason: str) -> None:
        self.state = DeploymentState.ABORTED
        self.reason = reason
