"""Work from the check-in to the end of the review: rehearsals, deployments, media, post-implementation reviews."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.simulation.chance import Chance
from tests.simulation.client import Client
from tests.simulation.hosting import Host

RELEASES = "/release/v1/releases"
DEPLOYMENTS = "/deploy/v1/deployments"
REVIEWS = "/review/v1/reviews"
MEDIA = "/dml/v1/media-items"


class DeployWork:
    """What deployers, release managers and reviewers do."""

    chance: Chance
    client: Client
    host: Host
    environments: dict[str, str]
    # From the work before the check-in, which every workload does as well.
    manager: Callable[[Any], str]
    now: Callable[..., str]
    pass_gate: Callable[..., None]
    _rehearsed: Callable[[Any], Any]

    def rehearse(self, release: Any) -> None:
        """Ask for a rehearsal in the sandbox."""
        self.client.post(
            self.manager(release),
            f"{RELEASES}/{release['id']}/rehearsals",
            environment_id=self.environments["sandbox"],
        )

    def plan_deployment(self, release: Any) -> None:
        """Say where, in which windows and in which waves."""
        ladder = ["production", "shop"] if self.chance.happens(0.3) else ["production"]
        minutes = self.chance.choice([10, *[240] * 9])
        environments = [
            {
                "environment_id": self.environments[name],
                "window_start": self.now(),
                "window_end": self.now(minutes=minutes),
                "waves": [[f"{name}-1"], [f"{name}-2"]],
                "soak_s": self.chance.choice([0, 0, 30]),
            }
            for name in ladder
        ]
        here = f"{RELEASES}/{release['id']}"
        how = self.chance.choice(["pause", "back_out"])
        manager = self.manager(release)
        self.client.put(manager, f"{here}/deployment-plan", here, environments=environments, on_window_end=how)

    def is_deployment_planned(self, release: Any) -> bool:
        """Tell whether there is a plan whose windows are open."""
        planned = release["deployment_plan"]
        now = self.host.clock.now()
        return bool(planned) and all(datetime.fromisoformat(e["window_end"]) > now for e in planned["environments"])

    def towards_deployment(self, release: Any) -> None:
        """Do what G4 asks for, and then pass it."""
        here, manager = f"{RELEASES}/{release['id']}", self.manager(release)
        unwaived = [c["conflict_id"] for c in release["conflicts"] or () if not c["waived_by"]]
        if not self.is_deployment_planned(release):
            self.plan_deployment(release)
        elif release["owners_not_informed"] and not release["emergency"]:
            self.client.post(manager, f"{here}/owner-notices", service_ids=release["owners_not_informed"])
        elif unwaived:
            self._meet_conflicts(release, unwaived)
        elif release["plan"] and release["build"] and not self._valid_rehearsal(release):
            self.rehearse(release)
        else:
            self.pass_gate(release, "deployment")

    def _valid_rehearsal(self, release: Any) -> bool:
        return bool(release["emergency"] or self._rehearsed(release))

    def _meet_conflicts(self, release: Any, unwaived: list[str]) -> None:
        if self.chance.happens(0.3):
            self.plan_deployment(release)
        elif self.vote_on(f"release_id={release['id']}&subject_kind=override"):
            return
        else:
            path = "/change/v1/conflict-waivers"
            self.client.post("rhea", path, release_id=release["id"], conflict_ids=unwaived)

    def in_deployment(self, release: Any) -> None:
        """Start the deployment, or do something about it."""
        deployment: Any = self.client.get("dan", f"{DEPLOYMENTS}/{release['deployment_id']}")
        if deployment is None:
            return
        here, state = f"{DEPLOYMENTS}/{release['deployment_id']}", deployment["state"]
        by = "nils" if release["emergency"] else "dan"
        if state == "planned":
            self.client.post(by, f"{here}/{'starts' if self.chance.happens(0.95) else 'abortion'}")
        elif state == "paused":
            self.client.post(by, f"{here}/{'resumption' if self.chance.happens(0.7) else 'back-out'}")
        elif state in {"running", "verifying"} and self.chance.happens(0.2):
            self.client.post(by, f"{here}/{self.chance.choice(['pause', 'back-out', 'starts'])}")
        elif state == "aborted" or (release["deployments"] and release["deployments"][-1]["state"] == "refused"):
            self.client.post("rhea", f"{RELEASES}/{release['id']}/ways-back", way="redeploy")

    def review(self, release: Any) -> None:
        """Evaluate what was released, and decide."""
        page: Any = self.client.get("rhea", f"{REVIEWS}?release_id={release['id']}&state=open")
        if not page or not page["items"]:
            return
        review: Any = self.client.get("rhea", f"{REVIEWS}/{page['items'][0]['id']}")
        if review is None or self._debts(release):
            return
        here = f"{REVIEWS}/{review['id']}"
        concluded = {e["subject"] for e in review["evaluations"] if e["result"] in {"pass", "warning", "fail"}}
        open_targets = [t for t in review["targets"] if t["target_id"] not in concluded]
        unstated = [s for s in review["statements_asked"] if s not in concluded]
        if review["deployment_outcome"] in {"backed_out", "back_out_failed"}:
            decisions = ["close", "rescope", "replan", "rebuild", "redeploy", "cancel"]
            self.client.post("mona", f"{here}/closure", decision=self.chance.choice(decisions))
        elif open_targets and self.chance.happens(0.7):
            self.client.post("rhea", f"{here}/evaluations")
        elif unstated:
            self.client.post("oskar", f"{here}/statements", subject=unstated[0], result="pass", statement="as hoped")
        else:
            self._conclude(release, review, here)

    def _debts(self, release: Any) -> bool:
        """Settle what an emergency owes; tell whether there was anything to do."""
        owed = {d["code"] for d in release["debts"] if d["state"] == "open"}
        here = f"{RELEASES}/{release['id']}"
        if not owed or self.chance.happens(0.2):
            return False
        code = self.chance.choice(sorted(owed))
        impact = release["impact"]
        if code == "rehearsal":
            self.rehearse(release)
        elif code == "impact_acknowledgement" and impact is not None:
            self.client.post("rhea", f"{here}/impact-acknowledgements", impact_digest=impact["impact_digest"])
        elif code in {"impact_acknowledgement", "owners_informed"} and impact is None:
            self.client.post("rhea", f"{here}/impact-requests")
        elif code == "owners_informed":
            self.client.post("rhea", f"{here}/owner-notices", service_ids=release["owners_not_informed"])
        elif code == "test_suites" and release["suites_not_passed"]:
            self._test(release, release["suites_not_passed"][0])
        elif not self.vote_on(f"release_id={release['id']}&subject_kind=confirmation"):
            self.client.post("rhea", f"{here}/confirmation-requests")
        return True

    def _conclude(self, release: Any, review: Any, here: str) -> None:
        missed = [e for e in review["evaluations"] if e["missed"] and not e["accepted"]]
        if missed and self.chance.happens(0.3):
            about = f"release_id={release['id']}&subject_kind=acceptance"
            if not self.vote_on(about):
                asked = missed[0]["evaluation_id"]
                self.client.post("rhea", f"{here}/acceptance-requests", evaluation_id=asked)
        elif self.chance.happens(0.1):
            self.client.post("tess", f"{here}/findings", kind="issue", text="it took long")
        elif self.chance.happens(0.03):
            self.client.post("oskar", f"{here}/retirement-recommendations")
        else:
            self.client.post("rhea", f"{here}/closure", decision="close")

    def disturb_media(self) -> None:
        """Put an item of the library in quarantine, or take it out of it."""
        page: Any = self.client.get("mona", f"{MEDIA}?page_size=20")
        items = [i for i in (page["items"] if page else []) if i["state"] in {"definitive", "quarantined"}]
        if not items:
            return
        item = self.chance.choice(items)
        doing = (
            "quarantine" if item["state"] == "definitive" else self.chance.choice(["clearance"] * 4 + ["withdrawal"])
        )
        self.client.post("mona" if doing == "quarantine" else "cora", f"{MEDIA}/{item['id']}/{doing}")
