"""The library over HTTP, on a service alone in memory."""

from __future__ import annotations

import hashlib
import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from dml_service.app import build
from dml_service.settings import DmlSettings
from fourgates.chassis.http_client import ASGITransport, AsyncClient
from fourgates.chassis.identity import Principal
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.hearing import Hearing
from fourgates.contracts.common import Decider, Gate, Grant, Item, ReleaseKind
from fourgates.contracts.release import BuildRecorded, CheckInRequested, ImpactRequested, SignedOff

BYTES = b"a wheel"
DIGEST = hashlib.sha256(BYTES).hexdigest()
OCTETS = {"Content-Type": "application/octet-stream"}
RELEASE, BUILD, NOWHERE = UUID(int=11), UUID(int=21), UUID(int=99)


class Everybody:
    """A token names its person and roles: `olga service_owner`."""

    def verify(self, token):
        subject, *roles = token.split("+")
        return Principal(subject, tuple(roles), frozenset({"dml:read", "dml:write"}))

    def remembered(self, token):
        return self.verify(token)


class NoLog:
    def record(self, **_kept):
        """Keep nothing."""

    def find(self, _after, _limit):
        return []


@pytest.fixture
def here(tmp_path):
    settings = DmlSettings(data_folder=tmp_path, blob_bytes_max=1024)
    return Hearing(lambda parts: build(parts, settings), Everybody(), NoLog())


@pytest.fixture
async def http(here):
    transport = ASGITransport(app=here.service.api)
    async with AsyncClient(transport=transport, base_url="http://dml.test") as client:
        yield client


def by(person, **headers):
    return {"Authorization": f"Bearer {person}", **headers}


OLGA = by("olga+service_owner")
BEN = by("ben+builder")
MIA = by("mia+change_manager")
ADA = by("ada+change_authority")


def a_service(name="parcel-tracking", **more):
    return {"name": name, "tier": "gold", "value_case": "parcels are found", "reason": "design is done", **more}


TARGET = {
    "name": "fast",
    "measure": "latency_p95_ms",
    "comparison": "at_most",
    "goal": 200,
    "unit": "ms",
    "path": "/parcels",
}


DECIDER = Decider(person_id="ada", roles=["cab_member"], voted_at=NOON, meaning="approve", reason="tested")


def check_in(here, item=None, kind=ReleaseKind.INITIAL_LOAD, service_id=NOWHERE):
    item = item or Item(name="tool", version="1", sha256=DIGEST, size_bytes=len(BYTES), kind="wheel")
    of_release = {"release_id": RELEASE, "service_id": service_id}
    grant = Grant(
        authorization_id=UUID(int=42),
        request_id=UUID(int=41),
        gate=Gate.CHECK_IN,
        document_digest="d" * 64,
        deciders=[DECIDER],
        policy_version=1,
        rule="all",
        granted_at=NOON,
        expires_at=NOON + timedelta(days=1),
    )
    here.hear(BuildRecorded(**of_release, build_id=BUILD, attempt=1, candidates=[item], inputs=[], built_by="ben"))
    here.hear(SignedOff(**of_release, build_id=BUILD, signed_off_by="mia"))
    loaded = kind is ReleaseKind.INITIAL_LOAD
    here.hear(CheckInRequested(**of_release, build_id=BUILD, kind=kind, items=[item], grant=grant, loaded=loaded))


async def put_blob(http, content=BYTES, digest=DIGEST, who=BEN):
    return await http.put(f"/v1/blobs/{digest}", content=content, headers={**who, **OCTETS})


async def test_bytes_are_put_once_and_sent_back_unchanged(http):
    assert (await put_blob(http)).status_code == 201
    again = await put_blob(http)
    assert (again.status_code, again.json()) == (200, {"sha256": DIGEST, "size_bytes": len(BYTES)})
    sent = await http.get(f"/v1/blobs/{DIGEST}", headers=BEN)
    assert sent.content == BYTES
    assert sent.headers["content-disposition"] == f'attachment; filename="{DIGEST}"'
    assert sent.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in sent.headers["cache-control"]
    head = await http.head(f"/v1/blobs/{DIGEST}", headers=BEN)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(BYTES)), b"")
    known = await http.get(f"/v1/blobs/{DIGEST}", headers={**BEN, "If-None-Match": f'"{DIGEST}"'})
    assert known.status_code == 304


@pytest.mark.parametrize(
    ("content", "digest", "status"),
    [(b"another wheel", DIGEST, 400), (b"a" * 1025, DIGEST, 413), (BYTES, "no-digest", 404)],
)
async def test_other_bytes_are_not_kept(http, content, digest, status):
    refused = await put_blob(http, content, digest)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await http.get(f"/v1/blobs/{DIGEST}", headers=BEN)).status_code == 404


async def test_a_service_is_registered_once_and_kept_by_its_owner(http):
    registered = await http.post("/v1/services", json=a_service(targets=[TARGET]), headers=OLGA)
    assert registered.status_code == 201
    at = registered.headers["location"]
    shown = await http.get(at, headers=BEN)
    assert shown.json() == registered.json()
    assert (shown.json()["owner_id"], shown.json()["targets_revision"]) == ("olga", 1)
    twice = await http.post("/v1/services", json=a_service("Parcel-Tracking"), headers=OLGA)
    assert [unmet["code"] for unmet in twice.json()["unmet"]] == ["name-taken"]
    body = {"targets": [TARGET], "reason": "the pilot"}
    assert (await http.put(f"{at}/targets", json=body, headers=OLGA)).status_code == 428
    stranger = await http.put(f"{at}/targets", json=body, headers={**BEN, "If-Match": shown.headers["etag"]})
    assert stranger.status_code == 403
    kept = await http.put(f"{at}/targets", json=body, headers={**OLGA, "If-Match": shown.headers["etag"]})
    assert kept.json()["targets_revision"] == 2
    owner = {"owner_id": "oscar", "reason": "the team was split"}
    given = await http.put(f"{at}/owner", json=owner, headers={**OLGA, "If-Match": kept.headers["etag"]})
    assert given.json()["owner_id"] == "oscar"


async def test_services_do_not_depend_in_a_circle_over_others(http):
    places = []
    for name in ("one", "two", "three"):
        depends_on = [place.rpartition("/")[2] for place in places[-1:]]
        answer = await http.post("/v1/services", json=a_service(name, depends_on=depends_on), headers=OLGA)
        places.append(answer.headers["location"])
    first = await http.get(places[0], headers=OLGA)
    body = {"depends_on": [places[2].rpartition("/")[2], str(NOWHERE)], "reason": "a mistake"}
    refused = await http.put(f"{places[0]}/relations", json=body, headers={**OLGA, "If-Match": first.headers["etag"]})
    assert refused.status_code == 409
    assert [unmet["code"] for unmet in refused.json()["unmet"]] == ["dependency-cycle", "service-unknown"]


async def test_dependants_are_told_when_a_relation_ends(http, here):
    one = (await http.post("/v1/services", json=a_service("one"), headers=OLGA)).json()["id"]
    two = await http.post("/v1/services", json=a_service("two", depends_on=[one]), headers=OLGA)
    body = {"depends_on": [], "reason": "no more"}
    at = two.headers["location"]
    with here.watched() as happened:
        await http.put(f"{at}/relations", json=body, headers={**OLGA, "If-Match": two.headers["etag"]})
    assert happened == ["dml.ServiceRelationsSet", "dml.ServiceDependantGone"]


async def test_definitive_media_are_checked_out_until_they_are_quarantined(http, here):
    await put_blob(http)
    check_in(here)
    asked = {"items": [{"name": "tool", "version": "1"}, {"sha256": DIGEST}], "purpose": "to build"}
    taken = await http.post("/v1/check-outs", json=asked, headers=BEN)
    assert taken.status_code == 201
    assert [item["sha256"] for item in taken.json()["items"]] == [DIGEST, DIGEST]
    (item,) = (await http.get("/v1/media-items?name=tool&state=definitive", headers=BEN)).json()["items"]
    assert (item["loaded"], item["state"]) == (True, "definitive")
    at = f"/v1/media-items/{item['id']}"
    used = (await http.get(f"{at}/where-used", headers=BEN)).json()
    assert used["releases"] == [{"release_id": str(RELEASE), "use": "packaged"}]
    assert used["check_outs"] == [taken.json()["id"]]
    assert (await http.post(f"{at}/quarantine", json={"reason": "a CVE"}, headers=BEN)).status_code == 403
    assert (await http.post(f"{at}/quarantine", json={"reason": "a CVE"}, headers=MIA)).status_code == 200
    refused = await http.post("/v1/check-outs", json=asked, headers=BEN)
    assert [(u["code"], u["source"]) for u in refused.json()["unmet"]] == [
        ("not-definitive", "/items/0"),
        ("not-definitive", "/items/1"),
    ]
    assert (await http.post(f"{at}/clearance", json={"reason": "harmless"}, headers=ADA)).status_code == 200
    assert (await http.post("/v1/check-outs", json=asked, headers=BEN)).status_code == 201
    assert (await http.post(f"{at}/withdrawal", json={"reason": "old"}, headers=MIA)).json()["state"] == "withdrawn"
    assert (await http.post(f"{at}/archiving", json={"reason": "old"}, headers=MIA)).json()["state"] == "archived"


@pytest.mark.parametrize("item", [{}, {"name": "tool"}, {"version": "1", "sha256": DIGEST}, {"sha256": "x"}])
async def test_a_check_out_names_its_items(http, item):
    refused = await http.post("/v1/check-outs", json={"items": [item], "purpose": "to build"}, headers=BEN)
    assert refused.status_code == 422


async def test_a_check_in_is_refused_with_every_reason(http, here):
    check_in(here, Item(name="tool", version="1", sha256="a" * 64, size_bytes=1, kind="wheel"))
    (row,) = (await http.get("/v1/check-ins?state=refused", headers=BEN)).json()["items"]
    assert [reason.partition(":")[0] for reason in row["reasons"]] == ["bytes-missing"]


async def test_a_name_and_version_in_the_library_get_no_second_content(http, here):
    await put_blob(http)
    check_in(here)
    other = b"another wheel"
    digest = hashlib.sha256(other).hexdigest()
    await put_blob(http, other, digest)
    item = Item(name="tool", version="1", sha256=digest, size_bytes=len(other), kind="wheel")
    of_release = {"release_id": UUID(int=12), "service_id": NOWHERE, "build_id": UUID(int=22)}
    here.hear(BuildRecorded(**of_release, attempt=1, candidates=[item], inputs=[], built_by="ben"))
    here.hear(SignedOff(**of_release, signed_off_by="mia"))
    here.hear(
        CheckInRequested(
            **of_release,
            kind=ReleaseKind.UPDATE,
            items=[item],
            grant=Grant(
                authorization_id=UUID(int=43),
                request_id=UUID(int=44),
                gate=Gate.CHECK_IN,
                document_digest="d" * 64,
                deciders=[DECIDER],
                policy_version=1,
                rule="all",
                granted_at=NOON,
                expires_at=NOON,
            ),
        )
    )
    (row,) = (await http.get("/v1/check-ins?state=refused", headers=BEN)).json()["items"]
    assert [reason.partition(":")[0] for reason in row["reasons"]] == ["name-has-other-content"]


async def test_an_initial_load_makes_its_service_live(http, here):
    await put_blob(http)
    service = (await http.post("/v1/services", json=a_service(), headers=OLGA)).json()
    check_in(here, service_id=UUID(service["id"]))
    shown = (await http.get(f"/v1/services/{service['id']}", headers=OLGA)).json()
    assert shown["lifecycle"] == "live"


async def test_configuration_is_related_and_kept_in_baselines(http):
    service = (await http.post("/v1/services", json=a_service(), headers=OLGA)).json()
    body = {"name": "parcels-db", "kind": "database", "attributes": {"engine": "postgresql"}, "reason": "set up"}
    item = await http.post("/v1/configuration-items", json=body, headers=OLGA)
    assert item.status_code == 201
    at = item.headers["location"]
    relations = {"relations": [{"kind": "part_of", "target_id": service["id"]}], "reason": "it keeps the parcels"}
    related = await http.put(f"{at}/relations", json=relations, headers={**OLGA, "If-Match": item.headers["etag"]})
    assert related.json()["relations"] == [{"kind": "part_of", "target_id": service["id"]}]
    for scope in ({}, {"service_id": service["id"]}):
        taken = await http.post("/v1/baselines", json={"name": "before", "reason": "to compare", **scope}, headers=OLGA)
        assert [entry["name"] for entry in taken.json()["entries"]] == ["parcel-tracking", "parcels-db"]
    missing = {"name": "before", "reason": "to compare", "service_id": str(NOWHERE)}
    assert (await http.post("/v1/baselines", json=missing, headers=OLGA)).status_code == 404
    retired = await http.post(f"{at}/retirement", json={"reason": "sold"}, headers=OLGA)
    assert retired.json()["retired"] is True


async def test_every_collection_shows_its_things_their_history_and_what_is_next(http, here):
    await put_blob(http)
    await http.post("/v1/services", json=a_service(), headers=OLGA)
    check_in(here)
    here.hear(ImpactRequested(release_id=RELEASE, service_id=NOWHERE, kind=ReleaseKind.UPDATE))
    asked = {"items": [{"sha256": DIGEST}], "purpose": "to build", "release_id": str(RELEASE)}
    await http.post("/v1/check-outs", json=asked, headers=BEN)
    body = {"name": "parcels-db", "kind": "database", "reason": "set up"}
    await http.post("/v1/configuration-items", json=body, headers=OLGA)
    await http.post("/v1/baselines", json={"name": "before", "reason": "to compare"}, headers=OLGA)
    collections = (
        *("services", "media-items", "check-outs", "check-ins"),
        *("configuration-items", "baselines", "impacts"),
    )
    for collection, part in itertools.product(collections, ("", "/next", "/history")):
        (row,) = (await http.get(f"/v1/{collection}", headers=BEN)).json()["items"]
        answer = await http.get(f"/v1/{collection}/{row['id']}{part}", headers=BEN)
        assert answer.status_code == 200, (collection, part)
        assert (await http.get(f"/v1/{collection}/{NOWHERE}{part}", headers=BEN)).status_code == 404


async def test_the_document_describes_every_operation(here):
    document = here.service.api.openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation.get("operationId") for operation in operations if operation.get("security"))
    assert document["paths"]["/v1/blobs/{sha256}"]["put"]["requestBody"]["content"].keys() == {
        "application/octet-stream"
    }
