"""Use cases about rehearsals: requested by a release, carried out by the executor, stopped by what is heard."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import Act

from deploy_service.application.base import UseCases
from deploy_service.domain import (
    Order,
    Placed,
    Rehearsal,
    RehearsalRequest,
    RehearsalState,
    Result,
    unmet_to_rehearse_on,
)
from deploy_service.views import (
    facts_for_rehearsal,
    facts_to_go_on_rehearsing,
    known_environment,
    what_runs_today,
)


class RehearsalUseCases(UseCases):
    """A rehearsal runs by itself once it was requested."""

    def request_rehearsal(self, act: Act, *, rehearsal_id: UUID, request: RehearsalRequest) -> None:
        """Record the request of a release, once; it begins at once unless something forbids it."""
        if self._work.find(Rehearsal, rehearsal_id) is not None:
            return
        views = self._work.views
        rehearsal = Rehearsal.request_one(
            act,
            rehearsal_id=rehearsal_id,
            request=request,
            environment=known_environment(views, request.environment_id),
            facts=facts_for_rehearsal(views, request.items, request.grant.authorization_id, request.service_id),
            baseline=what_runs_today(views, request.service_id),
        )
        self._work.save(rehearsal)

    def stop_rehearsals_that_may_not_go_on(self, act: Act) -> None:
        """Stop running rehearsals of which something was heard after their beginning."""
        for row in self._work.views.find("rehearsals", {"state": RehearsalState.RUNNING.value}):
            rehearsal = self._work.get(Rehearsal, UUID(row["key"]))
            unmet = tuple(unmet_to_rehearse_on(facts_to_go_on_rehearsing(self._work.views, rehearsal)))
            if unmet:
                rehearsal.heed(act, unmet=unmet)
                self._work.save(rehearsal)

    def stop_rehearsals_of_release(self, act: Act, *, release_id: UUID, reason: str) -> None:
        """Stop what is being rehearsed for a release that no longer wants it."""
        where = {"release_id": str(release_id), "state": RehearsalState.RUNNING.value}
        for row in self._work.views.find("rehearsals", where):
            rehearsal = self._work.get(Rehearsal, UUID(row["key"]))
            rehearsal.stop(act, reason=reason)
            self._work.save(rehearsal)

    def take_rehearsal_order(
        self, act: Act, *, rehearsal_id: UUID
    ) -> tuple[Order | None, RehearsalRequest, Placed | None]:
        """Return the next order of a rehearsal, what it is about, and what stood on that node before."""
        rehearsal = self._work.get(Rehearsal, rehearsal_id)
        order = rehearsal.take_order()
        return order, rehearsal.request, rehearsal.before_on(order.node) if order else None

    def record_rehearsed(self, act: Act, *, rehearsal_id: UUID, order: Order, result: Result) -> None:
        """Keep what came of an order of a rehearsal."""
        rehearsal = self._work.get(Rehearsal, rehearsal_id)
        rehearsal.record_result(act, order=order, result=result)
        self._work.save(rehearsal)
