"""A list of parcels does not keep anybody waiting."""

from __future__ import annotations

import time
from typing import Any

SLOW_S = 0.2


def test_a_list_is_fast(service: Any) -> None:
    service.call("POST", "/parcels", {"id": "P-1", "destination": "Bern"})
    began = time.perf_counter()
    service.call("GET", "/parcels")
    assert time.perf_counter() - began < SLOW_S


def test_a_parcel_needs_a_destination(service: Any) -> None:
    assert service.call("POST", "/parcels", {"id": "P-1"})[0] == 422
