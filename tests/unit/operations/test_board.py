"""What operators see: the stream, the board by phase, the merged history and the lineage of a release."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fourgates.chassis.testing import NOON, an_act, replayed
from fourgates.contracts.change import AuthorizationWithdrawn, ChangeLinked
from fourgates.contracts.common import Item
from fourgates.contracts.dml import MediaQuarantined
from fourgates.contracts.release import SuccessorOpened
from operations_service.api import present_fact, present_lineage, present_release
from operations_service.domain import About, HeardFact, Message
from operations_service.reactions import HEARD, about, keep_fact
from operations_service.views import CHANGES, FACTS, PHASES, RELEASES, causes, history, stream

ACT = an_act("operations-service", machine=True)
RELEASE, CHANGE, SERVICE = UUID(int=1), UUID(int=2), UUID(int=3)
OPENED = {
    "release_id": str(RELEASE),
    "service_id": str(SERVICE),
    "kind": "update",
    "version": "1.1.0",
    "emergency": True,
    "requested_by": "rob",
    "change_ids": [str(CHANGE)],
}


class MemoryViews:
    """The views of the service over plain dictionaries."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {"facts": {}, "releases": {}}

    def apply(self, happened) -> None:
        for view in (FACTS, RELEASES):
            view.on[HeardFact.Kept](MemoryRows(self.rows[view.name]), happened)

    def get(self, view, key):
        return self.rows[view].get(key)

    def find(self, view, where, *, limit=1000, after=None):
        def fits(row, name, wanted):
            values = row[name] if isinstance(row[name], list) else [row[name]]
            return bool(set(values) & set(wanted if isinstance(wanted, list) else [wanted]))

        found = [
            {"key": key, **row}
            for key, row in sorted(self.rows[view].items())
            if all(fits(row, name, wanted) for name, wanted in where.items()) and (after is None or key > after[0])
        ]
        return found[:limit]


class MemoryRows:
    def __init__(self, rows) -> None:
        self._rows = rows

    def get(self, key):
        return self._rows.get(key)

    def put(self, key, row) -> None:
        self._rows[key] = json.loads(json.dumps(row))

    def count(self) -> int:
        return len(self._rows)


def heard(type_, body, *, number=1, minutes=0, cause="request", person="rob", releases=(RELEASE,), changes=()):
    publisher = type_.split(".")[0]
    message = Message(
        message_id=f"{publisher}-{number}",
        publisher=publisher,
        type=f"dev.fourgates.{type_}.v1",
        subject=f"{publisher}/x",
        happened_at=NOON + timedelta(minutes=minutes),
        done_by=person,
        person=person,
        machine=False,
        cause_id=cause,
        correlation_id="correlation",
        body=json.dumps(body),
    )
    return HeardFact.keep(ACT, message=message, about=About(release_ids=releases, change_ids=changes))


@pytest.fixture
def views():
    return MemoryViews()


def keep(views, *facts):
    for fact in facts:
        views.apply(fact.pending_events[0])


def of_release(**more):
    return {"release_id": str(RELEASE), "service_id": str(SERVICE), **more}


def test_a_fact_is_kept_as_it_came():
    fact = heard("release.opened", OPENED)
    assert replayed(fact).message == fact.message
    assert replayed(fact).about == fact.about


def test_the_same_fact_is_one_however_it_travels():
    first, again = heard("release.opened", OPENED), heard("release.opened", OPENED, number=9)
    later = heard("release.opened", OPENED, minutes=1)
    assert first.id == again.id
    assert later.id != first.id


def test_every_contract_of_all_five_publishers_is_kept():
    publishers = {contract.TYPE.split(".")[2] for contract in HEARD}
    assert publishers == {"change", "release", "dml", "deploy", "review"}
    assert set(HEARD.values()) == {keep_fact}


def test_a_fact_stands_under_everything_that_it_names():
    successor = SuccessorOpened(
        release_id=RELEASE, service_id=SERVICE, successor_id=UUID(int=9), evaluation_id=UUID(int=8), change_id=CHANGE
    )
    assert about(successor) == About((RELEASE, UUID(int=9)), (CHANGE,), (SERVICE,))
    linked = ChangeLinked(change_id=CHANGE, evaluation_id=UUID(int=8), release_id=RELEASE, review_id=UUID(int=7))
    assert about(linked) == About((RELEASE,), (CHANGE,), ())
    item = Item(name="a", version="1", sha256="f" * 64, size_bytes=1, kind="wheel")
    quarantined = MediaQuarantined(item=item, item_id=UUID(int=5), reason="?", used_by_release_ids=[RELEASE])
    assert about(quarantined) == About((RELEASE,), (), ())


@pytest.mark.parametrize(("kind", "changes"), [("change", (CHANGE,)), ("gate", ())])
def test_an_authorization_stands_under_its_change(kind, changes):
    withdrawn = AuthorizationWithdrawn(
        authorization_id=UUID(int=4), request_id=UUID(int=5), subject_kind=kind, subject_id=CHANGE, reason="?"
    )
    assert about(withdrawn).change_ids == changes


def test_the_board_follows_a_release_through_its_phases(views):
    keep(views, heard("release.opened", OPENED))
    row = views.get("releases", str(RELEASE))
    assert (row["phase"], row["kind"], row["emergency"], row["requested_by"]) == ("requested", "update", True, "rob")
    for number, phase in enumerate(("planning", "build_and_test", "check_in", "deployment", "review")):
        keep(views, heard("release.phase_entered", of_release(phase=phase, kind="update", version="2"), minutes=number))
        assert views.get("releases", str(RELEASE))["phase"] == phase
    keep(views, heard("release.went_back", of_release(to_phase="planning")))
    assert views.get("releases", str(RELEASE))["phase"] == "planning"
    assert set(PHASES) >= {"requested", "planning", "closed", "cancelled"}


@pytest.mark.parametrize(
    ("type_", "body", "field", "value"),
    [
        ("release.changes_carried", {"change_ids": ["c"]}, "change_ids", ["c"]),
        ("release.put_on_hold", {}, "on_hold", True),
        ("release.taken_off_hold", {}, "on_hold", False),
        ("release.closed", {"outcome": "successful"}, "outcome", "successful"),
        ("release.closed", {"outcome": "successful"}, "phase", "closed"),
        ("release.cancelled", {}, "phase", "cancelled"),
        ("deploy.started", {"deployment_id": "d"}, "deployment", "running"),
        ("deploy.paused", {"deployment_id": "d"}, "deployment", "paused"),
        ("deploy.refused", {"deployment_id": "d"}, "deployment", "refused"),
        ("deploy.aborted", {"deployment_id": "d"}, "deployment", "aborted"),
        ("deploy.deployed", {"deployment_id": "d"}, "deployment_id", "d"),
        ("deploy.backed_out", {"deployment_id": "d"}, "deployment", "backed_out"),
        ("deploy.back_out_failed", {"deployment_id": "d"}, "deployment", "back_out_failed"),
        ("review.opened", {"review_id": "r"}, "review_id", "r"),
    ],
)
def test_the_board_shows_what_happened_to_a_release(views, type_, body, field, value):
    keep(views, heard("release.opened", OPENED), heard(type_, of_release(**body)))
    assert views.get("releases", str(RELEASE))[field] == value


def test_every_fact_that_moves_the_board_is_a_published_type():
    assert set(CHANGES) <= {contract.TYPE for contract in HEARD}


def test_what_other_services_said_first_is_not_lost_when_the_release_is_heard(views):
    keep(views, heard("deploy.started", of_release(deployment_id="d")), heard("release.opened", OPENED))
    row = views.get("releases", str(RELEASE))
    assert (row["deployment"], row["kind"]) == ("running", "update")


def test_facts_about_no_release_leave_the_board_alone(views):
    keep(views, heard("dml.targets_set", {"service_id": str(SERVICE)}, releases=()))
    assert views.rows["releases"] == {}


def test_the_stream_goes_on_behind_a_place(views):
    keep(views, *(heard("release.put_on_hold", of_release(reason=str(n)), number=n) for n in range(3)))
    assert [row["sequence"] for row in stream(views, after=0, types=(), limit=2)] == [1, 2]
    assert [row["sequence"] for row in stream(views, after=2, types=(), limit=2)] == [3]
    assert stream(views, after=0, types=("dev.fourgates.deploy.started.v1",), limit=2) == []


def test_a_failed_back_out_pages_a_person(views):
    keep(views, heard("deploy.back_out_failed", of_release(deployment_id="d")), heard("release.opened", OPENED))
    assert [row["type"] for row in views.find("facts", {"pages": True})] == ["dev.fourgates.deploy.back_out_failed.v1"]


def test_one_history_merges_all_services_and_the_changes_carried_in_the_order_it_happened(views):
    keep(
        views,
        heard("release.opened", OPENED, minutes=2),
        heard("change.requested", {}, minutes=1, releases=(), changes=(CHANGE,)),
        heard("change.requested", {}, minutes=1, releases=(), changes=(UUID(int=99),)),
        heard("deploy.started", of_release(deployment_id=str(UUID(int=6))), minutes=3),
    )
    rows = history(views, str(RELEASE), 10)
    assert [present_fact(row).type.split(".", 2)[2] for row in rows] == [
        "change.requested.v1",
        "release.opened.v1",
        "deploy.started.v1",
    ]
    assert len(history(views, str(RELEASE), 1)) == 1
    assert history(views, str(UUID(int=99)), 10) == []
    assert present_release({"key": str(RELEASE), **views.get("releases", str(RELEASE))}).phase == "requested"


def test_lineage_follows_causes_to_the_person_who_began(views):
    keep(
        views,
        heard("dml.targets_set", {"service_id": str(SERVICE)}, number=1, releases=(), person="olga"),
        heard("release.opened", OPENED, number=2, cause="dml-1", minutes=1),
        heard("change.authorization_granted", {}, number=3, cause="release-2", minutes=2, person="cab"),
        heard("release.phase_entered", of_release(phase="planning", kind="fix", version="1"), number=4, minutes=3),
    )
    rows = list(causes(views, history(views, str(RELEASE), 10), 10))
    assert sorted(row["message_id"] for row in rows) == ["change-3", "dml-1", "release-2", "release-4"]
    lineage = present_lineage(RELEASE, rows)
    begun = {item.message_id: (item.caused_by, item.begun_by) for item in lineage.items}
    assert begun == {
        "dml-1": (None, "olga"),
        "release-2": ("dml-1", "olga"),
        "change-3": ("release-2", "olga"),
        "release-4": (None, "rob"),
    }
    assert [(p.person, p.types) for p in lineage.people] == [
        ("olga", ["dev.fourgates.dml.targets_set.v1"]),
        ("rob", ["dev.fourgates.release.phase_entered.v1"]),
    ]


def test_lineage_ends_when_causes_run_in_a_circle_or_too_deep(views):
    keep(
        views,
        heard("release.opened", OPENED, number=1, cause="release-2"),
        heard("release.put_on_hold", of_release(), number=2, cause="release-1", minutes=1),
        heard("dml.targets_set", {}, number=3, releases=()),
    )
    rows = list(causes(views, history(views, str(RELEASE), 10), 10))
    assert len(present_lineage(RELEASE, rows).items) == 2
    assert list(causes(views, rows, 0)) == []
