"""One run: a safety phase in which everything fails, then calm, in which everything must come to rest."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from fourgates.chassis.followers import EffectRunner, OwnLog
from fourgates.chassis.inbox import Inbox
from fourgates.chassis.relay import Relay

from tests.simulation.auditor import audit
from tests.simulation.chance import CALM, ROUGH, Odds
from tests.simulation.client import Client, Intent
from tests.simulation.hosting import SERVICES, Host
from tests.simulation.parts import one_thread
from tests.simulation.replaying import replay
from tests.simulation.workload import Workload

STEPS = 1500
COMMANDS = 0.3
# What others have to answer, so that people mostly wait.
ASKING = {
    *("impact-requests", "gate-requests", "votes", "rehearsals", "builds", "phases", "deployment-plan", "starts"),
    *("evaluations", "closure", "sign-offs", "services", "submission", "conflict-waivers", "confirmation-requests"),
}
ROUNDS_MAX = 400
# Phases with which a run may begin, and how many commands are given to come there.
FAR = ["check_in", "deployment", "review"]
AHEAD_MAX = 70
# Of each service, and of each kind of worker, so many steps to one of another.
BUSY = (4, 5, 3, 3, 2, 1)
OFTEN = {Relay: 6, Inbox: 6, OwnLog: 3, EffectRunner: 2}
SHARED_MEMORY = Path("/dev/shm")
TOLD_MAX = 40
# A check-in waits ten minutes for what it needs to hear; then it is refused.
WAITS_S = (900.0, 900.0)


@dataclass
class Outcome:
    """What a run did, and everything that was found wrong in it."""

    seed: int
    steps: int
    digest: str = ""
    problems: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def told(self) -> str:
        """Return what a failure says: how to repeat it, what was found, and the last steps."""
        return "\n".join(
            [
                f"seed {self.seed}: {len(self.problems)} found; again: make sim SEED={self.seed} STEPS={self.steps}",
                *(f"  ! {problem}" for problem in self.problems[:TOLD_MAX]),
                "the last steps:",
                *(f"    {step}" for step in self.history[-TOLD_MAX:]),
            ]
        )


def run(seed: int, steps: int = STEPS, *, odds: Odds = ROUGH) -> Outcome:
    """Run one seed."""
    home = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with one_thread(), tempfile.TemporaryDirectory(prefix="simulation-", dir=home) as folder:
        host = Host(seed, Path(folder) / "set")
        try:
            return _run(host, seed, steps, odds)
        finally:
            host.close()


def _run(host: Host, seed: int, steps: int, odds: Odds) -> Outcome:
    outcome = Outcome(seed, steps, history=host.history)
    client = Client(host)
    workload = Workload(host, client)
    host.another = lambda service: _something_else(host, service)
    _come_far(host, workload)
    host.chance.odds = odds
    waiting = 0
    for _ in range(steps):
        waiting = _step(host, workload, client, waiting)
    host.chance.odds = CALM
    host.bus.calm_down()
    rest = _come_to_rest(host)
    for seconds in () if rest else WAITS_S:
        host.pass_time(seconds)
        rest += _come_to_rest(host)
    outcome.problems += [*rest, *client.problems]
    outcome.problems += replay(host)
    outcome.problems += audit(host.books([intent.told() for intent in client.intents]), at_rest=not rest)
    outcome.digest = host.ledger.digest()
    outcome.counts = {**host.chance.met, "commands": len(client.intents)}
    outcome.counts["done"] = len(workload.done)
    outcome.counts["releases"] = len(workload.releases)
    outcome.counts["transactions"] = len(host.ledger.transactions)
    return outcome


def _come_far(host: Host, workload: Workload) -> None:
    """Let some runs begin with a release that has come far, so that what is late is met as often as the rest."""
    wanted = host.chance.choice([None, *FAR])
    if wanted is None:
        return
    workload.releases_max, after = 1, workload.releases_max
    for _ in range(AHEAD_MAX):
        workload.step()
        _come_to_rest(host)
        if workload.phases() & set(FAR[FAR.index(wanted) :]):
            break
    workload.releases_max = after


def _step(host: Host, workload: Workload, client: Client, waiting: int) -> int:
    """Let somebody give a command, or one worker take a step; return for how many steps people then wait."""
    chance = host.chance
    host.pass_time(_time_that_passes(host))
    name = chance.choices(SERVICES, BUSY)[0]
    if chance.strikes("killed"):
        host.tell(f"{name} is killed")
        host.end(name)
        host.begin(name)
    if not waiting and chance.happens(COMMANDS):
        given = len(client.intents)
        workload.step()
        return _patience(host, client.intents[given:])
    workers = host.workers(name)
    host.step(name, chance.choices(workers, [OFTEN.get(type(one), 1) for one in workers])[0])
    return max(0, waiting - 1)


def _patience(host: Host, given: list[Intent]) -> int:
    """Return for how many steps people wait: after a refusal, or when others have to answer first."""
    if not given or given[-1].status >= 400:
        return host.chance.randint(0, 20)
    answered_elsewhere = given[-1].path.rpartition("/")[2] in ASKING or host.chance.happens(0.1)
    return host.chance.randint(0, 80) if answered_elsewhere else 0


def _time_that_passes(host: Host) -> float:
    if host.chance.happens(0.0006):
        return host.chance.uniform(3600, 86_400)
    return host.chance.expovariate(1 / (300 if host.chance.happens(0.02) else 2))


def _something_else(host: Host, service: str) -> None:
    """Let another thread of the same process be first."""
    workers = [w for w in host.workers(service) if w.name not in host.stepping] if service in host.services else []
    if workers:
        host.step(service, host.chance.choice(workers))


def _come_to_rest(host: Host) -> list[str]:
    """Let everything go on without faults until nothing is left to do.

    A relay that begins anew and takes one event a step needs a round for each event of its log.
    """
    rounds = ROUNDS_MAX + max(host.recorders[name].max_notification_id() or 0 for name in SERVICES)
    for _ in range(rounds):
        before = [host.recorders[name].max_notification_id() for name in SERVICES]
        worked = False
        for name in SERVICES:
            for worker in host.workers(name):
                worked = host.step(name, worker) or worked
        host.pass_time(1)
        if not worked and before == [host.recorders[name].max_notification_id() for name in SERVICES]:
            return []
    return [f"not at rest after {rounds} rounds: {host.history[-10:]}"]


def together(outcomes: list[Outcome]) -> dict[str, int]:
    """Return what all runs met together."""
    met: dict[str, int] = {}
    for outcome in outcomes:
        for name, count in outcome.counts.items():
            met[name] = met.get(name, 0) + count
    return met
