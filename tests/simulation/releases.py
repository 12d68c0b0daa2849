"""Work on releases, from their request to their end."""

from __future__ import annotations

from typing import Any

from tests.simulation.bodies import derived, medium, plan, report
from tests.simulation.chance import Chance
from tests.simulation.client import Client
from tests.simulation.deploying import DeployWork
from tests.simulation.hosting import Host

RELEASES = "/release/v1/releases"
NEXT_GATE = {"requested": "planning", "planning": "build_and_test", "build_and_test": "check_in"}
KIND_SUITES = {"media": ("supplier", "licence", "checksum_or_signature", "scan"), "initial_load": ("dry_run",)}
JOINED = {"requested": ["planning", "build_and_test"], "build_and_test": ["check_in", "deployment"]}


class ReleaseWork(DeployWork):
    """What release managers, builders, testers and change managers do."""

    chance: Chance
    client: Client
    host: Host
    releases: list[str]
    changes: list[str]
    done: set[str]
    built: int

    def work_on_a_release(self) -> None:
        """Look at a release, and mostly do what comes next."""
        going = [one for one in self.releases if one not in self.done]
        chosen = self.chance.choice(self.releases if not going or self.chance.happens(0.05) else going)
        release: Any = self.client.get("rhea", f"{RELEASES}/{chosen}")
        if release is None:
            return
        self._take_up_successors(release)
        if release["state"] in {"closed", "cancelled"}:
            self.done.add(chosen)
            if self.chance.happens(0.1):
                self._impossible(release)
        elif self.chance.happens(0.03):
            self._disturb_release(release)
        elif release["on_hold"]:
            self.client.post("rhea", f"{RELEASES}/{chosen}/resumption")
        elif self.chance.happens(0.04):
            self._hurry(release)
        else:
            self._go_on_with(release)

    def _hurry(self, release: Any) -> None:
        """Ask for what comes later, before its time."""
        here, manager = f"{RELEASES}/{release['id']}", self.manager(release)
        gate = NEXT_GATE.get(release["state"], "deployment")
        options: list[tuple[float, Any]] = [
            (1, lambda: self.client.post("mona", f"{here}/sign-offs")),
            (1, lambda: self._build(release)),
            (1, lambda: self.client.post(manager, f"{here}/gate-requests", gates=[gate])),
            (1, lambda: self.client.post(manager, f"{here}/phases", phase=gate)),
        ]
        self.chance.weighted(options)()

    def _take_up_successors(self, release: Any) -> None:
        for one in release["successors"]:
            if one["successor_id"] not in self.releases:
                self.releases.append(one["successor_id"])
        for change in release["changes"]:
            if change["change_id"] not in self.changes:
                self.changes.append(change["change_id"])

    def _go_on_with(self, release: Any) -> None:
        unready = [c["change_id"] for c in release["changes"] if c["state"] not in {"authorized", "closed"}]
        if unready and self.chance.happens(0.6):
            self.work_on_a_change(self.chance.choice(unready))  # type: ignore[attr-defined]
            return
        going = {
            "requested": self._in_requested,
            "planning": self._in_planning,
            "build_and_test": self._in_build_and_test,
            "check_in": self._in_check_in,
            "deployment": self.in_deployment,
            "review": self._in_review,
        }
        going[release["state"]](release)

    def manager(self, release: Any) -> str:
        """Return who manages this release."""
        return "nils" if release["emergency"] else "rhea"

    def pass_gate(self, release: Any, *gates: str) -> None:
        """Ask for a gate, have it voted on, or use its grant."""
        here, manager = f"{RELEASES}/{release['id']}", self.manager(release)
        standing = [q for q in release["gate_requests"] if gates[0] in set(q["gates"]) - set(q["used"])]
        granted = [q for q in standing if q["state"] == "granted"]
        asked = [q for q in standing if q["state"] == "requested"]
        if granted:
            answer = self.client.post(manager, f"{here}/phases", phase=gates[0])
            self._meet_revocation(release, answer.codes)
            if {"grant-expired", "grant-binds-something-else"} & set(answer.codes):
                self.client.post(manager, f"{here}/gate-requests/{granted[0]['request_id']}/withdrawal")
        elif asked:
            one = asked[0]
            self.vote(  # type: ignore[attr-defined]
                derived(one["request_id"], "authorization"), one["document_digest"], emergency=release["emergency"]
            )
        else:
            self.client.post(manager, f"{here}/gate-requests", gates=list(gates))

    def _meet_revocation(self, release: Any, codes: tuple[str, ...]) -> None:
        """Go back when the grant of the present phase was revoked."""
        if {"phase-grant-revoked", "change-stopped"} & set(codes):
            ways = {"planning": "rescope", "build_and_test": "replan", "check_in": "rebuild"}
            way, version = ways.get(release["state"], "rescope"), f"{release['version']}.3"
            self.client.post(self.manager(release), f"{RELEASES}/{release['id']}/ways-back", way=way, version=version)

    def _gates(self, release: Any, gate: str) -> tuple[str, ...]:
        joined = JOINED.get(release["state"])
        return tuple(joined) if release["emergency"] and joined and release["plan"] else (gate,)

    def _in_requested(self, release: Any) -> None:
        if release["emergency"] and release["plan"] is None:
            self._write_plan(release)
            return
        if not release["changes"] or any(c["state"] in {"rejected", "cancelled", "closed"} for c in release["changes"]):
            self._carry(release)
            return
        self.pass_gate(release, *self._gates(release, "planning"))

    def _carry(self, release: Any) -> None:
        here = f"{RELEASES}/{release['id']}"
        fitting = [c for c in self.changes if self._fits(c, release["service_id"], emergency=release["emergency"])]  # type: ignore[attr-defined]
        if fitting:
            self.client.put(self.manager(release), f"{here}/changes", here, change_ids=fitting[:1])
        else:
            self.raise_change(release["service_id"], emergency=release["emergency"])  # type: ignore[attr-defined]

    def _write_plan(self, release: Any, strategy: str = "a pilot first") -> None:
        here = f"{RELEASES}/{release['id']}"
        body = plan(release["kind"], self.host.clock.now(), strategy=strategy, emergency=release["emergency"])
        if self.chance.happens(0.05):
            body["back_out"]["steps"] = []
            body["risks"][0]["contingency_action"] = ""
        self.client.put(self.manager(release), f"{here}/plan", here, **body)

    def _plan_gaps(self, release: Any) -> bool:
        written = release["plan"]
        if written is None or not all(r["contingency_action"] for r in written["risks"]):
            return True
        return release["kind"] not in KIND_SUITES and not written["back_out"]["steps"]

    def _in_planning(self, release: Any) -> None:
        here, manager = f"{RELEASES}/{release['id']}", self.manager(release)
        impact = release["impact"]
        if self._plan_gaps(release):
            self._write_plan(release)
        elif release["emergency"]:
            self.pass_gate(release, "build_and_test")
        elif impact is None:
            self.client.post(manager, f"{here}/impact-requests")
        elif impact["acknowledged_by"] is None:
            self.client.post(manager, f"{here}/impact-acknowledgements", impact_digest=impact["impact_digest"])
        else:
            self.pass_gate(release, "build_and_test")

    def _in_build_and_test(self, release: Any) -> None:
        emergency = release["emergency"]
        deploys = release["kind"] not in KIND_SUITES
        missing = release["suites_not_passed"][:1] if not emergency else self._minimum_not_passed(release)
        if release["build"] is None:
            self._build(release)
        elif missing:
            self._test(release, missing[0])
        elif deploys and not emergency and not any(self._rehearsed(release)):
            self.rehearse(release)
        elif release["sign_off"] is None:
            self.client.post("nora" if emergency else "mona", f"{RELEASES}/{release['id']}/sign-offs")
        elif emergency and deploys and not self.is_deployment_planned(release):
            self.plan_deployment(release)
        else:
            self.pass_gate(release, *self._gates(release, "check_in"))

    def _minimum_not_passed(self, release: Any) -> list[str]:
        minimum = {s["name"] for s in release["plan"]["tests"]["suites"] if s["minimum"]} if release["plan"] else set()
        return [s for s in release["suites_not_passed"] if s in minimum]

    def _rehearsed(self, release: Any) -> list[Any]:
        package, steps = release["build"]["package_digest"], release["plan"]["steps_digest"]
        return [
            r
            for r in release["rehearsals"]
            if r["package_digest"] == package and r["steps_digest"] == steps and (r["succeeded"] or not r["finished"])
        ]

    def _build(self, release: Any) -> None:
        self.built += 1
        name, version = f"parcels-{release['service_id'][-4:]}", release["version"]
        if self.chance.happens(0.1):
            version = "1.0"
        content = f"{release['id']} {self.built}"
        made = medium(name, version, content)
        upload = self.host.around.shelf.begin()
        upload.write(content.encode())
        upload.keep(made["sha256"])
        inputs = self._inputs()
        by = "nils" if release["emergency"] else self.chance.choice(["bob", "ci"])
        self.client.post(by, f"{RELEASES}/{release['id']}/builds", inputs=inputs, candidates=[made])

    def _inputs(self) -> list[Any]:
        if self.chance.happens(0.5):
            return []
        if self.chance.happens(0.05):
            return [{"name": "stranger", "version": "1", "sha256": "0" * 64}]
        states = "state=definitive" if self.chance.happens(0.9) else "state=quarantined"
        page: Any = self.client.get("bob", f"/dml/v1/media-items?{states}&page_size=20")
        items = page["items"] if page else []
        chosen = self.chance.sample(items, min(len(items), 2))
        return [{name: one[name] for name in ("name", "version", "sha256")} for one in chosen]

    def _test(self, release: Any, suite: str) -> None:
        sha256 = release["build"]["candidates"][0]["sha256"]
        if self.chance.happens(0.03):
            sha256 = "f" * 64
        passed = not self.chance.happens(0.1)
        self.client.post(
            "nils" if release["emergency"] else "tess",
            f"{RELEASES}/{release['id']}/test-runs",
            suite=suite,
            tested_sha256=sha256,
            junit_xml=report(suite, sha256, passed=passed),
        )

    def _in_check_in(self, release: Any) -> None:
        here = f"{RELEASES}/{release['id']}"
        if release["check_in"] and release["check_in"]["state"] == "refused":
            self.client.post("rhea", f"{here}/ways-back", way="rebuild", version=f"{release['version']}.1")
        elif release["kind"] not in KIND_SUITES:
            self.towards_deployment(release)

    def _in_review(self, release: Any) -> None:
        if release["redeploying"]:
            self.towards_deployment(release)
        else:
            self.review(release)

    def _impossible(self, release: Any) -> None:
        """Ask something of a release that has ended."""
        here = f"{RELEASES}/{release['id']}"
        what = self.chance.choice(["hold", "cancellation", "sign-offs", "impact-requests"])
        self.client.post("rhea", f"{here}/{what}")

    def _disturb_release(self, release: Any) -> None:
        here, manager = f"{RELEASES}/{release['id']}", self.manager(release)
        open_ones = [q for q in release["gate_requests"] if q["state"] in {"requested", "granted"}]
        granted = [q for q in release["gate_requests"] if q["grant"]]
        way = self.chance.choice(["rescope", "replan", "rebuild", "redeploy"])
        ways = {"way": way, "version": f"{release['version']}.2"}
        options: list[tuple[float, Any]] = [
            (3, lambda: self.client.post(manager, f"{here}/hold")),
            (4, lambda: self.client.post(manager, f"{here}/ways-back", **ways)),
            (1, lambda: self.client.post(manager, f"{here}/cancellation")),
            (2, lambda: self._write_plan(release, strategy="all at once")),
            (1, lambda: self.client.post("tess", f"{here}/phases", phase="deployment")),
            (1, lambda: self.client.post(manager, f"{here}/phases", phase="deployment")),
            (1, lambda: self.client.post(manager, f"{here}/confirmation-requests")),
            (2, self.disturb_media),
        ]
        if open_ones:
            taken = open_ones[0]["request_id"]
            options.append((2, lambda: self.client.post(manager, f"{here}/gate-requests/{taken}/withdrawal")))
        if granted:
            grant = self.chance.choice(granted)["grant"]["authorization_id"]
            options.append((2, lambda: self.revoke(grant)))  # type: ignore[attr-defined]
        self.chance.weighted(options)()
