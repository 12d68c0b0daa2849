"""A body that is read once is taken and refused exactly as one that is parsed first and validated then."""

from __future__ import annotations

import json

import pytest
from fourgates.chassis.http.parsing import parse_body, parse_json
from fourgates.chassis.http.problems import Problem
from fourgates.chassis.http.shapes import Strict
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError


class Inner(Strict):
    a: str = ""
    b: str = ""


class Whole(Strict):
    """A body with fields of types that check nothing by themselves."""

    a: str | None = None
    b: str | int | None = None
    many: list[str] = []
    inner: Inner | None = None


WHOLE = TypeAdapter(Whole)
LIST = TypeAdapter(list[Inner])
TEXTS = st.one_of(st.sampled_from(["", ":", "a:b", '":', "\\", "\x00", "\ud800", "é"]), st.text(max_size=5))


def spelt(text: str) -> st.SearchStrategy[str]:
    """A text as JSON, with escapes or without."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return st.just(json.dumps(text))
    return st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])


WORDS = TEXTS.flatmap(spelt)
NAMES = st.sampled_from(['"a"', '"b"', '"many"', '"inner"', '"\\u0061"', '"c"'])
COLONS = st.sampled_from([":", " : ", "\n:"])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(NAMES, COLONS, values), max_size=4)
    return pairs.map(lambda found: "{" + ",".join(map("".join, found)) + "}")


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda found: f"[{','.join(found)}]")


LEAVES = st.one_of(WORDS, st.sampled_from(["1", "null", "NaN", "1e999", "tru", ""]))
BODIES = objects(st.one_of(LEAVES, lists(LEAVES), objects(LEAVES)))


def refusal(read, *arguments):
    try:
        read(*arguments)
    except Problem as problem:
        return problem.type.slug, [error["code"] for error in problem.errors]
    return None


def parsed_first(adapter, raw):
    parse_json(raw)
    try:
        return adapter.validate_json(raw)
    except ValidationError:
        return parse_body(adapter, raw)


@given(body=BODIES)
@example(body='{"a":"x","a":"y"}')
@example(body='{"a":"x:","a":"y"}')
@example(body='{"inner":{"a":"x","a":"y"}}')
@example(body='{"a":"x","inner":{"a":"y","a":"z"}}')
@example(body='{"a":"\\u0000"}')
@example(body='{"\\u0061":"x","a":"y"}')
@example(body='{"a":"x","c":1,"c":2}')
def test_a_body_is_refused_as_if_it_was_parsed_first(body):
    raw = body.encode("utf-8", "surrogatepass")
    assert refusal(parse_body, WHOLE, raw) == refusal(parsed_first, WHOLE, raw)


@given(body=lists(objects(LEAVES)))
@example(body='[{"a":"x","a":"y"}]')
def test_so_is_a_list(body):
    raw = body.encode("utf-8", "surrogatepass")
    assert refusal(parse_body, LIST, raw) == refusal(parsed_first, LIST, raw)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"a":"x","a":"y"}', "repeated-name"),
        ('{"inner":{"a":"x","a":"y"}}', "repeated-name"),
        ('{"a":"\\u0000"}', "unstorable-text"),
        ('{"a":1,"a":2}', "repeated-name"),
    ],
)
def test_what_is_told_first(body, code):
    assert refusal(parse_body, WHOLE, body.encode()) == ("invalid", [code])


def test_the_value_is_that_of_the_body():
    assert parse_body(WHOLE, b'{"a": "x", "b": 3}') == Whole(a="x", b=3)
    assert parse_body(WHOLE, b'{"a": "x:y", "inner": {"b": "\\n"}}') == Whole(a="x:y", inner=Inner(b="\n"))
