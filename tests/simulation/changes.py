"""Work on changes and on authorizations of any kind."""

from __future__ import annotations

from typing import Any

from tests.simulation.chance import Chance
from tests.simulation.client import Client

CHANGES = "/change/v1/changes"
AUTHORIZATIONS = "/change/v1/authorizations"
VOTERS = ("cora", "carl", "eve", "nora", "mona", "rita", "rhea", "nils", "ci", "oskar")


class ChangeWork:
    """What requesters, change managers and voters do."""

    chance: Chance
    client: Client
    services: list[str]
    changes: list[str]

    def raise_change(self, service: str = "", *, emergency: bool | None = None) -> None:
        """Draft a change, and mostly submit it at once."""
        urgent = self.chance.happens(0.25) if emergency is None else emergency
        by = "nils" if urgent else self.chance.choice(["rita", "carl"])
        answer = self.client.post(
            by,
            CHANGES,
            title=f"change {len(self.changes)}",
            description="so that parcels are seen",
            change_type="emergency" if urgent else "normal",
            risk=self.chance.choice(["low", "low", "medium", "high"]),
            service_ids=[service or self.chance.choice(self.services)],
            alters_service=True,
        )
        if answer.ok:
            self.changes.append(answer.body["id"])
            if self.chance.happens(0.8):
                self.client.post(by, f"{CHANGES}/{answer.body['id']}/submission")

    def work_on_a_change(self, change_id: str = "") -> None:
        """Look at a change, and mostly do what comes next."""
        chosen = change_id or self.chance.choice(self.changes)
        change: Any = self.client.get("mona", f"{CHANGES}/{chosen}")
        if change is None:
            return
        if not change_id and self.chance.happens(0.06):
            self._disturb(chosen, change)
            return
        self._go_on(chosen, change)

    def _go_on(self, chosen: str, change: Any) -> None:
        here, state = f"{CHANGES}/{chosen}", change["state"]
        if change["on_hold"]:
            self.client.post("mona", f"{here}/resumption")
        elif state == "draft":
            self.client.post(change["requested_by"], f"{here}/submission")
        elif state == "requested":
            by = "nora" if change["change_type"] == "emergency" else "mona"
            self.client.post(by, f"{here}/assessment", risk=change["risk"], findings="as stated")
        elif state == "assessed":
            if not self.vote_on(f"subject_id={chosen}") or self.chance.happens(0.02):
                self.client.post(change["requested_by"], f"{here}/authorization-requests")
        elif self.chance.happens(0.05):
            self.client.post("mona", f"{here}/closure")

    def _disturb(self, chosen: str, change: Any) -> None:
        here = f"{CHANGES}/{chosen}"
        what = self.chance.choice(["hold", "cancellation", "content", "authorization-requests", "review", "submission"])
        if what == "content":
            self.client.put(
                change["requested_by"],
                f"{here}/content",
                here,
                title=f"{change['title']}!",
                description="otherwise",
                change_type=change["change_type"],
                risk=change["risk"],
                service_ids=change["service_ids"],
            )
        elif what == "review":
            self.client.post("mona", f"{here}/review", outcome="successful")
        else:
            self.client.post(self.chance.choice(["mona", "rita"]), f"{here}/{what}")

    def vote_on(self, which: str) -> bool:
        """Vote on the first request that waits; tell whether there was one."""
        page: Any = self.client.get("mona", f"{AUTHORIZATIONS}?{which}&state=requested&page_size=20")
        if not page or not page["items"]:
            return False
        asked = page["items"][0]
        self.vote(asked["id"], asked["document_digest"], emergency=asked["emergency"])
        return True

    def vote(self, authorization_id: str, digest: str, *, emergency: bool) -> None:
        """Vote, mostly as somebody who may, and mostly in favour."""
        who = self.chance.choice(["eve", "nora"] if emergency else ["cora", "carl", "chris"])
        if self.chance.happens(0.05):
            who = self.chance.choice(VOTERS)
        kinds = ["approve"] * 20 + ["reject", "abstain", "request_changes"]
        self.client.post(
            who,
            f"{AUTHORIZATIONS}/{authorization_id}/votes",
            vote=self.chance.choice(kinds),
            meaning="I have read it",
            document_digest=digest if not self.chance.happens(0.02) else "0" * 64,
        )

    def revoke(self, authorization_id: str) -> None:
        """Take a grant back."""
        self.client.post("mona", f"{AUTHORIZATIONS}/{authorization_id}/revocation")
