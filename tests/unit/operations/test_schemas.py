"""The schemas are served to anyone, and are what an event names."""

from __future__ import annotations

import re

import pytest
from operations_service.publishing import SCHEMAS, structured
from operations_service.views import stream

ABSOLUTE_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]+")


def test_every_schema_is_served_without_a_token_as_it_is_documented(window):
    types = window.get("/schemas", token=None).json()["types"]
    assert types == list(SCHEMAS)
    served = [window.get(f"/schemas/{name}.json", token=None) for name in types]
    assert {answer.status_code for answer in served} == {200}
    assert {answer.headers["content-type"] for answer in served} == {"application/schema+json"}
    assert [answer.text for answer in served] == list(SCHEMAS.values())


@pytest.mark.parametrize("name", ["dev.fourgates.release.opened.v2", "..%2Fapp", "x"])
def test_a_type_that_nobody_published_has_no_schema(window, name):
    answer = window.get(f"/schemas/{name}.json", token=None)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_an_event_names_its_schema_by_the_same_absolute_uri_on_the_bus_and_in_structured_mode(window):
    message = window.opened(1)
    (fact,) = stream(window.service.views, after=0, types=(), limit=1)
    named = structured(fact)["dataschema"]
    assert named == message.headers["ce_dataschema"]
    assert ABSOLUTE_URI.fullmatch(named)
    assert window.get(f"/schemas/{fact['type']}.json", token=None).json()["$id"] == named
