"""What can come next for a release: by whom, and if not now, why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fourgates.chassis.aggregate import Act, NextCommand, Unmet

from release_service.domain.review import Closing
from release_service.domain.states import Gate, ReleaseState, WayBack
from release_service.domain.tables import FINAL, JOINED, OPENS_FROM, PHASE_OF

MANAGER = ("release_manager",)
MANAGERS = ("release_manager", "change_manager")


class Next(Closing):
    """The commands that a release can be given, from the same conditions that refuse them."""

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return every command that makes sense in this phase, with all that is unmet for whoever asks."""
        if self.state in FINAL:
            return ()
        found = [*self._next_gates(act), *self._next_work(act), *self._next_ends(act)]
        return tuple(command for command in found if not _elsewhere(command.unmet))

    def _next_gates(self, act: Act) -> list[NextCommand]:
        commands = []
        for gates in (*((gate,) for gate in Gate), *JOINED):
            if self._where_requested(gates):
                unmet = self.unmet_for_request_gates(act, gates)
                commands.append(_command(f"request gate {' with '.join(gates)}", MANAGER, unmet))
        for gate in OPENS_FROM:
            if self._opens_here(gate):
                unmet = self.unmet_for_enter_phase(act, PHASE_OF[gate])
                commands.append(_command(f"enter {gate}", MANAGER, unmet))
        return commands

    def _next_work(self, act: Act) -> list[NextCommand]:
        tested = ("tester", "builder")
        rehearsed = ("release_manager", "builder", "tester", "deployer")
        acknowledged = ("release_manager", "service_owner")
        return [
            _command("carry changes", ("release_manager", "requester"), self.unmet_for_carry_changes(act, ())),
            _command("write the plan", MANAGER, self.unmet_for_write_plan(act)),
            _command("request the impact", MANAGER, self.unmet_for_request_impact(act)),
            _command("acknowledge the impact", acknowledged, self.unmet_for_acknowledge_impact(act, None)),
            _command("record a build", ("builder",), self.unmet_to_build(act)),
            _command("record a test run", tested, self.unmet_for_record_test_run(act, None)),
            _command("sign off", ("change_manager",), self.unmet_for_record_sign_off(act)),
            _command("request a rehearsal", rehearsed, self.unmet_for_request_rehearsal(act)),
            _command("plan the deployment", MANAGER, self.unmet_for_plan_deployment(act, None)),
            _command("inform owners", MANAGER, self.unmet_for_inform_owners(act, ())),
            _command("request confirmation", MANAGERS, self.unmet_for_request_confirmation(act)),
        ]

    def _next_ends(self, act: Act) -> list[NextCommand]:
        ways = [_command(way, MANAGERS, self.unmet_for_go_back(act, way, "a new one")) for way in WayBack]
        hold = (
            _command("take off hold", MANAGERS, self.unmet_for_take_off_hold(act))
            if self.on_hold
            else _command("put on hold", MANAGERS, self.unmet_for_put_on_hold(act))
        )
        waits = [_command("wait for the deployment", ("deployer",), ())] if self._waits_for_deployment() else []
        return [*ways, hold, _command("cancel", MANAGERS, self.unmet_for_cancel(act)), *waits, *self._next_review()]

    def _waits_for_deployment(self) -> bool:
        return self.deployment_runs or self.before_it_runs

    def _next_review(self) -> list[NextCommand]:
        if self.state is not ReleaseState.REVIEW or self.redeploying:
            return []
        return [_command("decide the review", ("change_manager",), self.unmet_for_close())]

    def unmet_for_close(self) -> Iterator[Unmet]:
        """Yield every debt of an emergency that blocks closing."""
        for debt in self.open_debts():
            yield Unmet("debt-open", debt.detail, f"debts.{debt.code}", f"settle it until {debt.due_at.isoformat()}")


# Commands that belong to another phase are left out: nothing that anyone could do now would make them possible.
ELSEWHERE = frozenset(
    {
        "not-in-requested",
        "not-in-planning",
        "impact-bound",
        "not-in-build-and-test",
        "not-the-time-to-rehearse",
        "not-the-time-to-plan-deployment",
        "nothing-to-rehearse",
        "nothing-to-deploy",
        "way-not-allowed-here",
        "no-confirmation-owed",
    }
)


def _elsewhere(unmet: Iterable[Unmet]) -> bool:
    return any(condition.code in ELSEWHERE for condition in unmet)


def _command(command: str, by: tuple[str, ...], unmet: Iterable[Unmet]) -> NextCommand:
    return NextCommand(str(command), by, tuple(unmet))
