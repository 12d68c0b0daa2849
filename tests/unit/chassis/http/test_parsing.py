"""Whatever bytes arrive, they are parsed or refused; nothing else happens."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

import pytest
from fastapi import Request
from fourgates.chassis.http import Digest, Identifier, Name, Strict, Subject, Text, filters
from fourgates.chassis.http.parsing import check_query, parse_body, parse_key, parse_tags
from fourgates.chassis.http.problems import Problem, problem_response
from fourgates.chassis.prose import UNSTORABLE
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter


class Inner(Strict):
    words: dict[str, str] = {}


class Body(Strict):
    name: Name
    reason: Text = "x"
    number: float = 0
    digest: Digest | None = None
    slug: Identifier | None = None
    who: Subject | None = None
    at: datetime | None = None
    id: UUID | None = None
    inner: Inner | None = None


ADAPTER: TypeAdapter[Body] = TypeAdapter(Body)
REQUEST = Request({"type": "http", "method": "POST", "path": "/", "headers": [], "root_path": ""})
ANY_TEXT = st.text(st.characters(min_codepoint=0, exclude_categories=()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(list(Body.model_fields)) | ANY_TEXT


def status(read) -> int:
    try:
        read()
    except Problem as problem:
        return problem.type.status
    return 200


def outcome(raw: bytes) -> int:
    try:
        parse_body(ADAPTER, raw)
    except Problem as problem:
        response = problem_response(REQUEST, problem)
        told = json.loads(bytes(response.body))
        assert told["status"] == response.status_code
        json.dumps(told, allow_nan=False).encode("utf-8")
        return response.status_code
    return 200


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(raw):
    assert outcome(raw) in {200, 400, 422}


@given(st.dictionaries(FIELDS, ANY_JSON, max_size=6), st.booleans())
def test_any_json_is_valid_or_refused(value, escaped):
    raw = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert outcome(raw) in ({200, 422} if escaped else {200, 400, 422})


@given(ANY_TEXT)
def test_text_is_taken_exactly_when_it_can_be_kept(value):
    raw = json.dumps({"name": "x", "reason": value}).encode()
    kept = 0 < len(value) <= 4000 and not UNSTORABLE.search(value) and value.strip() != ""
    assert outcome(raw) == (200 if kept else 422)


@given(st.binary(max_size=100))
def test_any_query_is_known_or_refused(raw):
    assert status(lambda: check_query(raw, {"a"}, {"b"})) in {200, 400, 422}


@given(st.lists(ANY_TEXT, max_size=2))
def test_any_header_is_read_or_refused(values):
    assert status(lambda: parse_key(values)) in {200, 400}
    assert status(lambda: parse_tags(values, "If-Match")) in {200, 400}


@pytest.mark.parametrize(
    ("header", "key"), [('"a b"', "a b"), ('"a\\"b"', 'a"b'), ("8e03-bare", "8e03-bare"), (' "x" ', "x")]
)
def test_a_key_is_a_structured_string_or_a_bare_token(header, key):
    assert parse_key([header]) == key


def test_filters_leave_out_what_was_not_given():
    some_id = UUID(int=1)
    assert filters(a=None, b=[], c="x", d=some_id, e=[some_id], f=False) == {
        "c": "x",
        "d": str(some_id),
        "e": [str(some_id)],
        "f": False,
    }
