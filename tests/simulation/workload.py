"""What people do all day: they look at a change or a release, and mostly do what comes next; now and then not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.simulation.bodies import moment
from tests.simulation.changes import ChangeWork
from tests.simulation.client import Client
from tests.simulation.hosting import Host
from tests.simulation.releases import ReleaseWork

KINDS = (("update", 4), ("new", 3), ("fix", 2), ("media", 2), ("initial_load", 2), ("retirement", 2))
SERVICES_MAX = 3


class Workload(ChangeWork, ReleaseWork):
    """Everybody's work. Each `step` is one look and at most one command."""

    def __init__(self, host: Host, client: Client) -> None:
        self.host = host
        self.client = client
        self.chance = host.chance
        self.services: list[str] = []
        self.changes: list[str] = []
        self.releases: list[str] = []
        self.environments: dict[str, str] = {}
        self.windows: list[str] = []
        self.done: set[str] = set()
        self.built = 0
        # Some runs look at much, some at little for long.
        self.releases_max = self.chance.choice([1, 1, 2, 3])

    def step(self) -> None:
        """Do one thing."""
        if len(self.environments) < 3:
            self._register_environment()
            return
        if not self.services:
            self._register_service()
            return
        self.chance.weighted(
            [
                (1 if len(self.services) < SERVICES_MAX else 0.05, self._register_service),
                (1 if len(self.changes) < self.releases_max else 0.05, self.raise_change),
                (6 if len(self.releases) - len(self.done) < self.releases_max else 0.05, self._open_release),
                (3 if self.changes else 0, self.work_on_a_change),
                (40 if self.releases else 0, self.work_on_a_release),
                (0.6, self._set_or_lift_window),
                (0.6, self._set_relations),
                (0.5, self._delegate),
            ]
        )()

    def phases(self) -> set[str]:
        """Return the phases in which releases are."""
        shown = [self.client.get("rhea", f"/release/v1/releases/{one}") for one in self.releases]
        return {release["state"] for release in shown if release}

    def now(self, **later: float) -> str:
        """Return the present moment, or a later one, as it is written."""
        return moment(self.host.clock.now() + timedelta(**later))

    def _register_environment(self) -> None:
        name, sandbox, rung = (("sandbox", True, 0), ("production", False, 1), ("shop", False, 2))[
            len(self.environments)
        ]
        nodes = [f"{name}-1", f"{name}-2"]
        path = "/deploy/v1/environments"
        answer = self.client.post("rhea", path, name=name, sandbox=sandbox, rung=rung, soak_s=0, nodes=nodes)
        if answer.ok:
            self.environments[name] = answer.body["id"]

    def _register_service(self) -> None:
        number = len(self.services) + len(self.client.intents)
        targets = [_target("answers", "availability_percent", "at_least", 99.0, "percent")]
        targets += [_target("is fast", "latency_p95_ms", "at_most", 200.0, "ms")] if self.chance.happens(0.4) else []
        depends_on = [self.chance.choice(self.services)] if self.services and self.chance.happens(0.3) else []
        answer = self.client.post(
            "oskar",
            "/dml/v1/services",
            name=f"parcels-{number}",
            tier="gold",
            value_case="parcels are seen",
            depends_on=depends_on,
            targets=targets,
        )
        if answer.ok:
            self.services.append(answer.body["id"])

    def _set_relations(self) -> None:
        service = self.chance.choice(self.services)
        others = [one for one in self.services if one != service and self.chance.happens(0.3)]
        here = f"/dml/v1/services/{service}"
        self.client.put("oskar", f"{here}/relations", here, depends_on=others)

    def _open_release(self) -> None:
        kind = self.chance.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
        emergency = kind in {"update", "fix"} and self.chance.happens(0.3)
        service = self.chance.choice(self.services)
        fitting = [c for c in self.changes if self._fits(c, service, emergency=emergency)]
        if not fitting:
            self.raise_change(service, emergency=emergency)
            return
        changes = self.chance.sample(fitting, min(len(fitting), self.chance.randint(1, 2)))
        answer = self.client.post(
            "nils" if emergency else "rhea",
            "/release/v1/releases",
            service_id=service,
            kind=kind,
            version=f"{len(self.releases) + 1}.0",
            change_ids=changes,
            emergency=emergency,
        )
        if answer.ok:
            self.releases.append(answer.body["id"])

    def _fits(self, change_id: str, service: str, *, emergency: bool) -> bool:
        change: Any = self.client.get("mona", f"/change/v1/changes/{change_id}")
        if change is None or service not in change["service_ids"]:
            return False
        wanted = "emergency" if emergency else "normal"
        return bool(change["change_type"] == wanted and change["state"] in {"requested", "assessed", "authorized"})

    def _set_or_lift_window(self) -> None:
        if self.windows and self.chance.happens(0.6):
            window = self.windows.pop()
            self.client.post("mona", f"/change/v1/calendar-windows/{window}/lifting")
            return
        answer = self.client.post(
            "mona",
            "/change/v1/calendar-windows",
            kind="freeze",
            starts_at=self.now(),
            ends_at=self.now(hours=6),
            environment_ids=[self.environments["production"]],
            service_ids=[],
        )
        if answer.ok:
            self.windows.append(answer.body["id"])

    def _delegate(self) -> None:
        self.client.post(
            "cora",
            f"/change/v1/people/{self.chance.choice(['cora', 'carl'])}/delegations",
            delegate_id=self.chance.choice(["oskar", "carl", "eve"]),
            roles=["change_authority"],
            ends_at=self.now(days=1),
        )


def _target(name: str, measure: str, comparison: str, goal: float, unit: str) -> dict[str, Any]:
    return {"name": name, "measure": measure, "comparison": comparison, "goal": goal, "unit": unit, "path": "/healthz"}
