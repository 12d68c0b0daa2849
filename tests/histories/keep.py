"""Keeps histories for ever: for each kind of aggregate in a data folder the longest one that is not kept yet.

    python tests/histories/keep.py DATA

Files are only added. A file that is here was written by a release of the past, and every later one must read it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

KEPT = Path(__file__).parent / "kept"


def keep(data: Path) -> list[Path]:
    """Write the longest stream of each kind of aggregate, unless the same one is kept; return what was added."""
    added = []
    for database in sorted(data.glob("*/events.sqlite")):
        for name, stream in _longest(database).items():
            file = KEPT / database.parent.name / f"{name}.json"
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(stream, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                added.append(file)
    return added


def _longest(database: Path) -> dict[str, list[dict[str, object]]]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT originator_id, originator_version, topic, state FROM stored_events ORDER BY position"
    ).fetchall()
    connection.close()
    streams: dict[str, list[dict[str, object]]] = {}
    for originator_id, version, topic, state in rows:
        streams.setdefault(originator_id, []).append(
            {"originator_id": originator_id, "version": version, "topic": topic, "state": json.loads(state)}
        )
    longest: dict[str, list[dict[str, object]]] = {}
    for stream in streams.values():
        first = stream[0]["state"]
        assert isinstance(first, dict)
        kind = str(first["originator_topic"]).split(".")[1]
        if len(stream) > len(longest.get(kind, ())):
            longest[kind] = stream
    return longest


if __name__ == "__main__":
    for kept in keep(Path(sys.argv[1])):
        print(kept)
