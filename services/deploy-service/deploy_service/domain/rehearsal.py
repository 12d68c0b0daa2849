"""A rehearsal: the candidate in a sandbox, the back-out steps run and measured, the candidate removed again."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Refused, Unmet, event, refuse_any

from deploy_service.domain.conditions import unmet_for_rehearsal
from deploy_service.domain.facts import EnvironmentFact, Facts
from deploy_service.domain.parts import (
    Order,
    Package,
    Phase,
    Placed,
    RehearsalRequest,
    RehearsalState,
    Result,
    Step,
)

PUT_BASELINE = Step("put there what runs today", "restore")
REMOVE = Step("remove the candidate", "remove")


class RehearsalWorkBegan(Aggregate.Event):
    """From here on there are steps to be rehearsed."""


class Rehearsal(Aggregate):
    """One rehearsal of a package and of its back-out steps, under G2."""

    TOPIC = "deploy.Rehearsal"

    class Requested(Aggregate.Created):
        """A release asked for a rehearsal of its package in a sandbox."""

        request: RehearsalRequest

    class RequestRefused(Aggregate.Event):
        """A rehearsal that was asked for cannot be carried out."""

        reasons: tuple[str, ...]

    class Began(RehearsalWorkBegan):
        """A rehearsal began on these nodes, with what runs of the service today put there first."""

        nodes: tuple[str, ...]
        baseline: Package | None

    class StepDone(Aggregate.Event):
        """A step of a rehearsal was carried out, or failed."""

        order: Order
        result: Result

    class Stopped(Aggregate.Event):
        """A rehearsal may not go on; what is left to do is to remove the candidate."""

        reason: str

    class Finished(Aggregate.Event):
        """A rehearsal finished and the candidate is gone; the duration is that of the back-out."""

        succeeded: bool
        duration_s: float
        evidence: tuple[str, ...]

    @classmethod
    def request_one(
        cls,
        act: Act,
        *,
        rehearsal_id: UUID,
        request: RehearsalRequest,
        environment: EnvironmentFact | None,
        facts: Facts,
        baseline: Package | None,
    ) -> Rehearsal:
        """Record a request, and begin. One that cannot be carried out is a record too."""
        rehearsal = cls(id=rehearsal_id, act=act, request=request)
        try:
            refuse_any(unmet_for_rehearsal(request, environment, facts))
        except Refused as refusal:
            rehearsal._request_refused(act=act, reasons=tuple(f"{u.code}: {u.detail}" for u in refusal.unmet))
        else:
            rehearsal._began(act=act, nodes=environment.nodes if environment else (), baseline=baseline)
        return rehearsal

    def heed(self, act: Act, *, unmet: tuple[Unmet, ...]) -> None:
        """Stop because of what was heard after the beginning."""
        self.stop(act, reason="; ".join(f"{u.code}: {u.detail}" for u in unmet))

    def stop(self, act: Act, *, reason: str) -> None:
        """Go on with nothing but the removal of the candidate."""
        if self.state is RehearsalState.RUNNING and not self.failed:
            self._stopped(act=act, reason=reason)

    def take_order(self) -> Order | None:
        """Return the next order, or None when there is none."""
        script = self.script()
        return script[self.done] if self.done < len(script) else None

    def record_result(self, act: Act, *, order: Order, result: Result) -> None:
        """Keep what came of an order; the last one finishes the rehearsal."""
        if self.state is not RehearsalState.RUNNING or order != self.take_order():
            return
        self._step_done(act=act, order=order, result=result)
        if self.take_order() is None:
            in_time = self.back_out_s <= self.request.longest_duration_s
            verdict = f"The back-out took {self.back_out_s:.3f} s of {self.request.longest_duration_s} s allowed."
            self._finished(
                act=act,
                succeeded=in_time and not self.failed,
                duration_s=self.back_out_s,
                evidence=(*self.evidence, verdict),
            )

    def script(self) -> tuple[Order, ...]:
        """Return every order of the rehearsal that is still to be carried out, or was, since the last turn."""
        if self.state is not RehearsalState.RUNNING:
            return ()
        removal = tuple(self._orders(Phase.REMOVE, (REMOVE,)))
        return removal if self.failed else (*self._rehearsed_orders(), *removal)

    def _rehearsed_orders(self) -> Iterator[Order]:
        request = self.request
        if self.baseline is not None:
            yield from self._orders(Phase.BASELINE, (PUT_BASELINE,))
        yield from self._orders(Phase.DEPLOY, request.deployment_steps)
        yield from self._orders(Phase.VERIFY, (None,))
        if request.forward_steps:
            yield from self._orders(Phase.FORWARD, request.forward_steps)
            yield from self._orders(Phase.VERIFY, (None,))
        yield from self._orders(Phase.BACK_OUT, (*request.back_out_steps, None))

    def _orders(self, phase: Phase, steps: tuple[Step | None, ...]) -> Iterator[Order]:
        place = self.request.environment_id
        for node in self.nodes:
            for index, step in enumerate(steps):
                yield Order(phase, place, node, index, step)

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """A rehearsal runs by itself: nobody has anything to do."""
        return ()

    def before_on(self, node: str) -> Placed | None:
        """Return what stood on a node before the candidate came."""
        return None if self.baseline is None else Placed(node, self.baseline, None, "")

    # What each event does to the state.

    @event(Requested)
    def __init__(self, id: UUID, act: Act, request: RehearsalRequest) -> None:
        self.request = request
        self.state = RehearsalState.REQUESTED
        self.reasons: tuple[str, ...] = ()
        self.nodes: tuple[str, ...] = ()
        self.baseline: Package | None = None
        self.done = 0
        self.failed = False
        self.succeeded = False
        self.back_out_s = 0.0
        self.evidence: tuple[str, ...] = ()

    @event(RequestRefused)
    def _request_refused(self, act: Act, reasons: tuple[str, ...]) -> None:
        self.state = RehearsalState.REFUSED
        self.reasons = reasons

    @event(Began)
    def _began(self, act: Act, nodes: tuple[str, ...], baseline: Package | None) -> None:
        self.state = RehearsalState.RUNNING
        self.nodes = nodes
        self.baseline = baseline

    @event(StepDone)
    def _step_done(self, act: Act, order: Order, result: Result) -> None:
        name = "verification" if order.step is None else order.step.name
        word = "done" if result.succeeded else f"failed ({result.detail})"
        self.evidence = (*self.evidence, f"{order.phase} {order.node} {name}: {word} in {result.duration_s:.3f} s")
        if order.phase is Phase.BACK_OUT and order.step is not None:
            self.back_out_s += result.duration_s
        if result.succeeded or order.phase is Phase.REMOVE:
            self.done += 1
        else:
            self.done = 0
        self.failed = self.failed or not result.succeeded

    @event(Stopped)
    def _stopped(self, act: Act, reason: str) -> None:
        self.failed = True
        self.done = 0
        self.evidence = (*self.evidence, f"stopped: {reason}")

    @event(Finished)
    def _finished(self, *, act: Act, succeeded: bool, duration_s: float, evidence: tuple[str, ...]) -> None:
        self.state = RehearsalState.FINISHED
        self.succeeded = succeeded
        self.evidence = evidence
