"""The schemas in the documentation are those of the code, and what a reader relies on is never taken back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from operations_service.publishing import SCHEMAS

from tests.contracts.compatibility import KEPT, broken_promises, faults, kept_schemas
from tests.contracts.tables import HEADERS, PAGE, sample_headers, with_tables

ONE = {
    "type": "object",
    "properties": {
        "release_id": {"type": "string", "format": "uuid"},
        "phase": {"$ref": "#/$defs/Phase"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "document": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["release_id", "phase", "items", "document"],
    "$defs": {
        "Phase": {"type": "string", "enum": ["planning", "review"]},
        "Item": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#/$defs/Item"}}},
            "required": ["name"],
        },
    },
}


def with_this(place: str, value: Any) -> dict[str, Any]:
    """The schema with one place of it set, or taken away by `...`."""
    changed: Any = copy.deepcopy(ONE)
    *path, last = place.split("/")
    found = changed
    for name in path:
        found = found[name]
    if value is ...:
        del found[last]
    else:
        found[last] = value
    return dict(changed)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("properties/added", {"type": "string", "default": ""}),
        ("$defs/Item/properties/added", {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}),
        ("description", "Said better."),
        ("properties/release_id/title", "Release"),
        ("$defs/Phase/enum", ["review", "planning"]),
    ],
)
def test_an_optional_field_may_be_added_and_words_may_be_put_better(place: str, value: Any) -> None:
    assert faults(ONE, with_this(place, value)) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("properties/release_id", ...),
        ("properties/release_id/type", "integer"),
        ("properties/release_id/format", "date-time"),
        ("properties/release_id/format", ...),
        ("properties/release_id/maxLength", 10),
        ("properties/release_id", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("properties/note/anyOf", [{"type": "string"}]),
        ("properties/note/anyOf", [{"type": "integer"}, {"type": "null"}]),
        ("properties/note/default", "none"),
        ("properties/note/default", ...),
        ("properties/document/additionalProperties", {"type": "integer"}),
        ("properties/items/items", {"type": "string"}),
        ("required", ["release_id", "phase", "items"]),
        ("required", ["release_id", "phase", "items", "document", "note"]),
        ("$defs/Phase/enum", ["planning"]),
        ("$defs/Phase/enum", ["planning", "review", "limbo"]),
        ("$defs/Item/properties/name/type", "integer"),
        ("$defs/Item/required", []),
        ("$defs/Item/required", ["name", "parts"]),
    ],
)
def test_nothing_else_may_change_within_a_version(place: str, value: Any) -> None:
    assert faults(ONE, with_this(place, value))


def test_a_new_field_that_is_required_would_break_what_was_said_before() -> None:
    added = with_this("properties/added", {"type": "string"})
    added["required"] = [*added["required"], "added"]
    assert faults(ONE, added) == ["/added: is new, so it must be optional"]


def test_a_type_is_never_taken_back_and_a_new_one_may_be_published() -> None:
    assert broken_promises({"a.v1": ONE}, {"a.v2": ONE}) == ["a.v1: is published no more"]
    assert broken_promises({"a.v1": ONE}, {"a.v1": ONE, "a.v2": ONE}) == []


def test_the_contracts_keep_what_was_promised() -> None:
    assert broken_promises(kept_schemas(), {name: json.loads(text) for name, text in SCHEMAS.items()}) == []


def test_the_schemas_in_the_documentation_are_those_of_the_code() -> None:
    written = {path.name.removesuffix(".json"): path.read_text() for path in KEPT.iterdir()}
    assert written == dict(SCHEMAS), "run `make schemas`"


def test_the_tables_in_the_documentation_are_those_of_the_code() -> None:
    page = PAGE.read_text()
    assert page == with_tables(page), "run `make schemas`"
    assert page.count("<!-- end -->") == 3


def test_every_header_is_explained() -> None:
    assert set(HEADERS) == set(sample_headers())
