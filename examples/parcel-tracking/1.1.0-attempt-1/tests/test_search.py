"""Parcels are found by the city that they go to."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote


def posted(service: Any) -> Any:
    for parcel_id, city in (("P-1", "Bern"), ("P-2", "Zürich"), ("P-3", "Bern")):
        service.call("POST", "/parcels", {"id": parcel_id, "destination": city})
    return service


def found(service: Any, city: str) -> list[str]:
    return [parcel["id"] for parcel in service.call("GET", f"/parcels?city={quote(city)}")[1]["parcels"]]


def test_parcels_are_found_by_their_city(service: Any) -> None:
    assert found(posted(service), "Bern") == ["P-1", "P-3"]


def test_the_case_of_a_city_does_not_matter(service: Any) -> None:
    assert found(posted(service), "ZÜRICH") == ["P-2"]
