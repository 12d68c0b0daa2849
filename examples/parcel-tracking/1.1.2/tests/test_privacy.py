"""A phone number is nobody's business."""

from __future__ import annotations

from typing import Any


def test_a_phone_number_is_never_shown(service: Any) -> None:
    posted = service.call("POST", "/parcels", {"id": "P-1", "destination": "Bern", "phone": "+41 31 000 00 00"})
    assert "phone" not in posted[1]
    assert "phone" not in service.call("GET", "/parcels/P-1")[1]
    assert all("phone" not in parcel for parcel in service.call("GET", "/parcels")[1]["parcels"])
