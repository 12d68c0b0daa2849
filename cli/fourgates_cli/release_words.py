"""What each event of a release says, in the words of a release manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, Any]

GATES = {"planning": "G1", "build_and_test": "G2", "check_in": "G3", "deployment": "G4"}


def plain(word: object) -> str:
    """Return a word of the system as people write it."""
    return str(word).replace("_", " ")


def _gates(names: list[str]) -> str:
    return " and ".join(f"{GATES[name]} ({plain(name)})" for name in names)


def _items(items: list[Facts]) -> str:
    return ", ".join(f"{item['name']} {item['version']} ({item['sha256'][:12]}…)" for item in items) or "nothing"


def _services(services: list[Facts]) -> str:
    return ", ".join(service["name"] for service in services) or "no other service"


def _opened(f: Facts) -> str:
    urgent = "emergency " if f["emergency"] else ""
    carried = ", ".join(repr(change["title"]) for change in f["changes"] if change["title"]) or "one change"
    return f"requested: {urgent}{plain(f['kind'])} {f['version']} of {f['service']['name']}, carrying {carried}"


def _planned(f: Facts) -> str:
    plan = f["plan"]
    back_out = plan["back_out"]
    return (
        f"plan written: {len(plan['risks'])} risk(s) with contingency actions, "
        f"{len(plan['deployment_steps'])} deployment steps, {len(back_out['steps'])} back-out steps "
        f"within {back_out['longest_duration_s']} s"
    )


def _rehearsed(f: Facts) -> str:
    rehearsal = f["rehearsal"]
    how = "succeeded" if rehearsal["succeeded"] else "failed"
    return f"rehearsal {how}: the back-out took {rehearsal['duration_s']:.2f} s"


def _ladder(f: Facts) -> str:
    waves = [" then ".join(" and ".join(wave) for wave in one["waves"]) for one in f["plan"]["environments"]]
    return f"deployment planned: {'; '.join(waves)}; at the end of the window: {plain(f['plan']['on_window_end'])}"


def _conflicts(f: Facts) -> str:
    return f"the change schedule found {len(f['conflicts']) or 'no'} conflict(s) with the deployment plan"


def _entered(phase: str) -> Callable[[Facts], str]:
    return lambda _: f"{phase.upper()} ENTERED under {GATES[phase.replace(' ', '_')]}"


WORDS: Mapping[str, Callable[[Facts], str]] = {
    "Opened": _opened,
    "ChangeNoted": lambda f: f"heard that the change {f['change']['title']!r} is {f['change']['state']}",
    "ServiceNoted": lambda f: f"heard that the service {f['service']['name']} is {f['service']['lifecycle']}",
    "GateRequested": lambda f: f"{_gates(f['gates'])} requested, binding {len(f['document'])} fields",
    "GateRequestWithdrawn": lambda f: f"{_gates(f['gates'])} void: {f['reason']}",
    "GrantNoted": lambda _: "heard of the grant",
    "PlanningEntered": _entered("planning"),
    "BuildAndTestEntered": _entered("build and test"),
    "CheckInEntered": _entered("check in"),
    "DeploymentEntered": _entered("deployment"),
    "PlanWritten": _planned,
    "ImpactRequested": lambda _: "configuration management asked for the impact",
    "ImpactNoted": lambda f: f"impact: {_services(f['impact']['services'])}",
    "ImpactAcknowledged": lambda _: "impact acknowledged",
    "OwnersInformed": lambda f: f"owners of {len(f['service_ids'])} service(s) informed",
    "BuildRecorded": lambda f: f"build {f['attempt']}: {_items(f['candidates'])}, built from {_items(f['inputs'])}",
    "TestRunRecorded": lambda f: (
        f"suite {f['suite']!r} {f['result']} on {f['tested_sha256'][:12]}…: {f['tests']} tests, {f['failures']} failed"
    ),
    "SignedOff": lambda _: "build signed off",
    "CheckInRequested": lambda _: "check-in into the definitive media library requested",
    "CheckInCompleted": lambda f: f"definitive from now on: {_items(f['items'])}",
    "RehearsalRequested": lambda _: "rehearsal in a sandbox requested",
    "RehearsalNoted": _rehearsed,
    "DeploymentPlanned": _ladder,
    "ConflictsNoted": _conflicts,
    "DeploymentRequested": lambda _: "deployment requested under that grant",
    "DeploymentNoted": lambda f: f"the deployment is {plain(f['heard'])}" + (f": {f['detail']}" if f["detail"] else ""),
    "ReviewEntered": lambda f: f"REVIEW ENTERED: {plain(f['deployment_state'] or 'no deployment')}",
    "ReviewNoted": lambda _: "the post-implementation review is open",
    "ReviewDecided": lambda f: f"the review decided: {f['decision']['decision']} ({plain(f['decision']['outcome'])})",
    "WentBack": lambda f: f"went back by {f['way']}, from {plain(f['from_phase'])} to {plain(f['to_phase'])}",
    "DebtsIncurred": lambda f: f"left for later: {', '.join(plain(debt['code']) for debt in f['debts'])}",
    "DebtSettled": lambda f: f"debt settled: {plain(f['code'])}, {f['how']}",
    "ConfirmationRequested": lambda _: "the CAB asked to confirm the emergency",
    "SuccessorOpened": lambda _: "a missed target opened the successor release",
    "Closed": lambda f: f"CLOSED: {plain(f['outcome'])}",
}
