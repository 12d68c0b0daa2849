"""What a sender and a receiver can rely on."""

from __future__ import annotations

import importlib.metadata
from typing import Any


def test_a_posted_parcel_is_found(service: Any) -> None:
    assert service.call("POST", "/parcels", {"id": "P-1", "destination": "Bern"})[0] == 201
    status, parcel = service.call("GET", "/parcels/P-1")
    assert (status, parcel["destination"]) == (200, "Bern")


def test_an_unknown_parcel_is_not_found(service: Any) -> None:
    assert service.call("GET", "/parcels/P-9")[0] == 404


def test_a_destination_is_corrected(service: Any) -> None:
    service.call("POST", "/parcels", {"id": "P-1", "destination": "Brn"})
    assert service.call("PUT", "/parcels/P-1", {"destination": "Bern"})[0] == 200
    assert service.call("GET", "/parcels/P-1")[1]["destination"] == "Bern"


def test_all_parcels_are_listed(service: Any) -> None:
    for parcel_id in ("P-1", "P-2"):
        service.call("POST", "/parcels", {"id": parcel_id, "destination": "Bern"})
    assert [parcel["id"] for parcel in service.call("GET", "/parcels")[1]["parcels"]] == ["P-1", "P-2"]


def test_a_parcel_needs_an_id(service: Any) -> None:
    assert service.call("POST", "/parcels", {"destination": "Bern"})[0] == 422


def test_the_service_is_healthy(service: Any) -> None:
    assert service.call("GET", "/healthz") == (200, {"status": "ok", "faults": []})


def test_the_service_says_the_version_that_was_built(service: Any) -> None:
    assert service.call("GET", "/version")[1]["version"] == importlib.metadata.version("parcel-tracking")
