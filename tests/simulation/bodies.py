"""What is sent in bodies: plans, steps, media, reports."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

MODULE = "parcels"


def derived(source: str, name: str) -> str:
    """Return the id that follows from another one."""
    return str(uuid5(UUID(source), name))


def moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def step(action: str, path: str = "") -> dict[str, Any]:
    return {"name": f"{action} it", "action": action, "path": path, "expect_status": 200, "timeout_s": 5}


INSTALL = [step("install"), step("start", MODULE), step("probe", "/healthz")]
RESTORE = [step("stop"), step("restore"), step("probe", "/healthz")]
REMOVE = [step("stop"), step("remove")]


def plan(kind: str, now: datetime, *, strategy: str = "a pilot first", emergency: bool = False) -> dict[str, Any]:
    """Return a complete plan for a kind of release."""
    deploys = kind not in {"media", "initial_load"}
    steps = {"retirement": (REMOVE, RESTORE), "new": (INSTALL, REMOVE)}.get(kind, (INSTALL, RESTORE))
    suites = {"media": [], "initial_load": [], "retirement": [_suite("procedure")]}.get(kind, [_suite("functional")])
    if emergency:
        suites = [*suites, {"name": "regression", "required": True, "minimum": False}]
    return {
        "schedule": {"starts_at": moment(now), "ends_at": moment(now + timedelta(days=1))},
        "risks": [{"name": "it is slow", "rating": "low", "contingency_action": "add a node"}],
        "deployment_steps": steps[0] if deploys else [],
        "back_out": {
            "steps": steps[1] if deploys else [],
            "owner": "dan",
            "trigger": "a probe fails",
            "longest_duration_s": 60 if deploys else 0,
        },
        "tests": {"suites": suites, "acceptance_criteria": ["every test passes"]},
        "strategy": strategy if deploys else "",
    }


def _suite(name: str) -> dict[str, Any]:
    return {"name": name, "required": True, "minimum": True}


def medium(name: str, version: str, content: str) -> dict[str, Any]:
    """Return a piece of media, and how a build describes it."""
    raw = content.encode()
    return {
        "name": name,
        "version": version,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size_bytes": len(raw),
        "kind": "wheel",
    }


def report(suite: str, sha256: str, *, passed: bool) -> str:
    """Return a test report in XML that names the bytes that were tested."""
    case = '<testcase classname="c" name="n"/>' if passed else '<testcase classname="c" name="n"><failure/></testcase>'
    named = f'<properties><property name="sha256" value="{sha256}"/></properties>'
    return f'<testsuite name="{suite}">{named}{case}</testsuite>'
