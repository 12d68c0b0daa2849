"""The slow work of deployment: steps carried out in the order of the log, drift looked for, nodes kept running."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from uuid import UUID

from fourgates.chassis.aggregate import Act
from fourgates.chassis.clock import Clock
from fourgates.chassis.service import CarryOut

from deploy_service.application import DeployUseCases, Executor, Place
from deploy_service.domain import (
    DeploymentRequest,
    Order,
    Package,
    Phase,
    Placed,
    RehearsalRequest,
    Result,
)

Answer = TypeVar("Answer")
Taken = tuple[Order | None, DeploymentRequest | RehearsalRequest, Placed | None]


def answer_of(carry_out: CarryOut, ask: Callable[[DeployUseCases], Answer]) -> Answer:
    """Return what a use case answers; after a lost race, its last answer."""
    answers: list[Answer] = []
    carry_out(lambda use_cases: answers.append(ask(use_cases)))
    return answers[-1]


class StepRunner:
    """Carries out the orders of a deployment or a rehearsal one after the other, until there are none.

    It keeps nothing itself: what is done stands in the log, so that it can be begun again at any point.
    """

    def __init__(self, executor: Executor, clock: Clock) -> None:
        self._executor = executor
        self._clock = clock

    def run_deployment(self, happened: Any, act: Act, carry_out: CarryOut) -> None:
        """Carry out what a deployment asks for, from wherever it stands."""
        deployment_id: UUID = happened.originator_id

        def take(use_cases: DeployUseCases, now: Act) -> Taken:
            return use_cases.take_order(now, deployment_id=deployment_id)

        def record(use_cases: DeployUseCases, now: Act, order: Order, result: Result) -> None:
            use_cases.record_result(now, deployment_id=deployment_id, order=order, result=result)

        self._run(act, carry_out, take, record)

    def run_rehearsal(self, happened: Any, act: Act, carry_out: CarryOut) -> None:
        """Carry out what a rehearsal asks for, from wherever it stands."""
        rehearsal_id: UUID = happened.originator_id

        def take(use_cases: DeployUseCases, now: Act) -> Taken:
            return use_cases.take_rehearsal_order(now, rehearsal_id=rehearsal_id)

        def record(use_cases: DeployUseCases, now: Act, order: Order, result: Result) -> None:
            use_cases.record_rehearsed(now, rehearsal_id=rehearsal_id, order=order, result=result)

        self._run(act, carry_out, take, record)

    def _run(
        self,
        act: Act,
        carry_out: CarryOut,
        take: Callable[[DeployUseCases, Act], Taken],
        record: Callable[[DeployUseCases, Act, Order, Result], None],
    ) -> None:
        while self._run_one(act, carry_out, take, record):
            pass

    def _run_one(
        self,
        act: Act,
        carry_out: CarryOut,
        take: Callable[[DeployUseCases, Act], Taken],
        record: Callable[[DeployUseCases, Act, Order, Result], None],
    ) -> bool:
        order, request, before = answer_of(carry_out, lambda use_cases: take(use_cases, self._now(act)))
        if order is None:
            return False
        result = self._carried_out(order, request, None if before is None else before.package)
        carry_out(lambda use_cases: record(use_cases, self._now(act), order, result))
        return True

    def _carried_out(
        self, order: Order, request: DeploymentRequest | RehearsalRequest, before: Package | None
    ) -> Result:
        place = Place(order.environment_id, order.node, request.service_id)
        leaving = order.phase is Phase.BACK_OUT
        restores = any(step.action == "restore" for step in request.back_out_steps)
        if order.phase is Phase.REMOVE:
            return self._executor.clear(place)
        if order.step is None:
            stays = before if restores else None
            expected = stays if leaving else (None if request.retires else request.package)
            return self._executor.verify(place, expected)
        if leaving and before is None and restores and order.step.action in {"start", "probe"}:
            # What is put back is nothing: so nothing is started, and nothing may answer.
            return self._executor.verify(place, None)
        return self._executor.carry_out(order.step, place, package=request.package, before=before)

    def _now(self, act: Act) -> Act:
        return act.but(at=self._clock.now())


class DriftInspector:
    """Compares what really runs in an environment with what the log says."""

    def __init__(self, executor: Executor, clock: Clock) -> None:
        self._executor = executor
        self._clock = clock

    def inspect(self, happened: Any, act: Act, carry_out: CarryOut) -> None:
        """Look at every node of an environment, and keep what differs."""
        environment_id: UUID = happened.originator_id
        for service_id, placed in answer_of(carry_out, lambda use_cases: use_cases.what_stands_in(environment_id)):
            place = Place(environment_id, placed.node, service_id)
            self._record(act, carry_out, place, self._executor.inspect(place))

    def _record(self, act: Act, carry_out: CarryOut, place: Place, found: str) -> None:
        now = act.but(at=self._clock.now())
        carry_out(
            lambda use_cases: use_cases.record_inspection(
                now, environment_id=place.environment_id, node=place.node, service_id=place.service_id, found=found
            )
        )


class Revivable(Executor, Protocol):
    """An executor whose nodes end with this process."""

    def revive(self) -> None:
        """Start again what was ended."""
        ...


class NodeKeeper:
    """A worker that, once after the start, brings the nodes to what the log says."""

    def __init__(self, executor: Revivable, carry_out: CarryOut) -> None:
        self.name = "deploy-node-keeper"
        self._executor = executor
        self._carry_out = carry_out
        self._kept = False
        self._pause = threading.Event()

    def step(self) -> bool:
        """Bring every node to what the log says, the first time."""
        if self._kept:
            return False
        self._executor.revive()
        for environment_id in answer_of(self._carry_out, lambda use_cases: use_cases.environments_with_something()):
            self._keep(environment_id)
        self._kept = True
        return False

    def _keep(self, environment_id: UUID) -> None:
        standing = answer_of(self._carry_out, lambda use_cases: use_cases.what_stands_in(environment_id))
        for service_id, placed in standing:
            self._executor.keep(Place(environment_id, placed.node, service_id), placed.package, placed.url)

    def wait(self, timeout_s: float) -> None:
        """Nothing more will come; look now and then whether it is time to end."""
        self._pause.wait(timeout_s)

    def close(self) -> None:
        """Nothing is held."""
