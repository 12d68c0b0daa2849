"""What may change in a published contract within its version: optional fields may be added, and nothing else.

Run as a program, it writes the schemas and the tables of the documentation anew, unless that would break a reader.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from operations_service.publishing import SCHEMAS

from tests.contracts import tables

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs/schemas"
# Words about a schema; they may be put better at any time.
ANNOTATIONS = {"$defs", "$id", "$schema", "description", "examples", "title"}
WALKED = {"$ref", "anyOf", "additionalProperties", "items", "properties", "required"}

Schema = Mapping[str, Any]


def kept_schemas() -> dict[str, Schema]:
    """The schemas in the documentation, by type: what readers rely on."""
    return {path.name.removesuffix(".json"): json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))}


def broken_promises(kept: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """Every difference that is no added optional field."""
    gone = [f"{name}: is published no more" for name in kept if name not in new]
    return gone + [f"{name}{fault}" for name in kept if name in new for fault in faults(kept[name], new[name])]


def faults(kept: Schema, new: Schema) -> list[str]:
    """Every fault of a new schema against the one that was kept."""
    return list(_Pair(kept, new).faults(kept, new, ""))


class _Pair:
    """Two documents, compared place by place; their references are followed in their own document."""

    def __init__(self, kept: Schema, new: Schema) -> None:
        self._kept, self._new = kept, new
        self._open: list[tuple[str, str]] = []

    def faults(self, kept: Any, new: Any, at: str) -> Iterator[str]:
        if not (isinstance(kept, dict) and isinstance(new, dict)):
            if kept != new:
                yield f"{at}: was {json.dumps(kept)}, is {json.dumps(new)}"
            return
        pair = (kept.get("$ref", ""), new.get("$ref", ""))
        if all(pair) and pair in self._open:
            return
        self._open.append(pair)
        yield from self._same_place(_resolved(kept, self._kept), _resolved(new, self._new), at)
        self._open.pop()

    def _same_place(self, kept: Schema, new: Schema, at: str) -> Iterator[str]:
        for word in sorted((set(kept) | set(new)) - ANNOTATIONS - WALKED):
            before, after = _plain(kept.get(word)), _plain(new.get(word))
            if before != after or (word in kept) != (word in new):
                yield f"{at}: {word} was {before}, is {after}"
        yield from self._properties(kept, new, at)
        for word in ("items", "additionalProperties"):
            yield from self.faults(kept.get(word), new.get(word), f"{at}/{word}")
        before, after = kept.get("anyOf", []), new.get("anyOf", [])
        if len(before) != len(after):
            yield f"{at}: was one of {len(before)} kinds, is one of {len(after)}"
            return
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from self.faults(one, other, f"{at}/anyOf/{number}")

    def _properties(self, kept: Schema, new: Schema, at: str) -> Iterator[str]:
        before, after = kept.get("properties", {}), new.get("properties", {})
        was, now = set(kept.get("required", ())), set(new.get("required", ()))
        yield from (f"{at}/{name}: is gone" for name in before if name not in after)
        yield from (f"{at}/{name}: is new, so it must be optional" for name in after if name in now - set(before))
        yield from (f"{at}/{name}: was optional, is required" for name in before if name in now - was)
        yield from (f"{at}/{name}: was required, is optional" for name in before if name in was - now)
        for name in before:
            if name in after:
                yield from self.faults(before[name], after[name], f"{at}/{name}")


def _resolved(schema: Schema, document: Schema) -> Schema:
    """Follow a reference; what stands beside it counts, too."""
    if "$ref" not in schema:
        return schema
    beside = {word: value for word, value in schema.items() if word != "$ref"}
    return {**_resolved(document["$defs"][schema["$ref"].rpartition("/")[2]], document), **beside}


def _plain(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, list) else value


def main() -> None:
    faults = broken_promises(kept_schemas(), {name: json.loads(text) for name, text in SCHEMAS.items()})
    if faults:
        sys.exit("\n".join(["A reader would break; publish a new version (.v2) beside the old one:", *faults]))
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, text in SCHEMAS.items():
        (KEPT / f"{name}.json").write_text(text)
    tables.write()


if __name__ == "__main__":
    main()
