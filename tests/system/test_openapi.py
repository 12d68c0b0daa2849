"""Any input to any operation of the six documents: no 5xx, no undeclared status, and a success for each operation."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import pytest
import schemathesis
from fourgates.chassis.http.positions import MIN_POSITION
from fourgates.chassis.http_client import ASGITransport, AsyncClient
from fourgates_cli.embedded import SERVICES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
EXAMPLES_EACH = 25
# Answers without an end: tests/system/test_stream.py reads them, tests/unit/operations/test_stream.py sends bad input.
STREAMS = ("GET /v1/stream",)
# Who asks: between them they hold every scope.
ASKERS = ("rhea", "mona", "oskar", "bob", "dan", "ada", "nora", "cora")

pytestmark = [
    pytest.mark.timeout(600),
    # schemathesis asks ASGI applications through Starlette's test client, which advises another HTTP library.
    pytest.mark.filterwarnings("ignore"),
]


def successes(walked: Any, service: str, document: dict[str, Any]) -> set[str]:
    """Return the operations that gave a 2xx in the recorded walk-through."""
    found: set[str] = set()
    templates = [(re.compile(_pattern(path) + r"\Z"), path, ways) for path, ways in document["paths"].items()]
    for exchange in walked.exchanges:
        path = str(exchange["path"]).split("?")[0]
        if not path.startswith(f"/{service}/") or not 200 <= int(exchange["status"]) < 300:
            continue
        for pattern, template, ways in templates:
            way = str(exchange["method"]).lower()
            if way in ways and pattern.match(path[len(service) + 1 :]):
                found.add(f"{exchange['method']} {template}")
                break
    return found


async def decide(api: Any, token: str) -> set[str]:
    """Show, retry and discard the dead letter that every service has; return the operations that gave a 2xx."""
    found: set[str] = set()
    known = {"Authorization": f"Bearer {token}"}
    async with AsyncClient(transport=ASGITransport(app=api), base_url="http://testserver") as client:
        if (await client.get("/v1/dead-letters/1", headers=known)).is_success:
            found.add("GET /v1/dead-letters/{place}")
        for decision in ("retries", "discards"):
            path = f"/v1/dead-letters/1/{decision}"
            sent = {"headers": known, "json": {"reason": "the fault was corrected"}}
            if (await client.post(path, **sent)).is_success:
                found.add(f"POST /v1/dead-letters/{{place}}/{decision}")
    return found


def _pattern(template: str) -> str:
    return re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))


def seeds(template: str, answers: dict[str, Any], ids: list[str]) -> list[str]:
    """Return the ids of things that are there for the first parameter of a path, and a few of other things."""
    if "{" not in template:
        return ids
    collection = re.escape(template[: template.index("{")])
    there = [m.group(1) for path in answers if (m := re.match(rf"{collection}([^/?]+)\Z", path))]
    return sorted(set(there)) + ids[:: max(len(ids) // 5, 1)] if there else ids


def exercise(operation: Any, ids: list[str], tokens: list[str], examples: list[Any]) -> Counter[int]:
    """Send generated and example input to one operation as several people, and check every answer."""
    seen: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES_EACH,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def one(data: Any) -> None:
        case = data.draw(operation.as_strategy())
        for name in case.path_parameters or {}:
            if data.draw(st.integers(0, 4)):
                case.path_parameters[name] = data.draw(st.sampled_from(ids))
        if examples and data.draw(st.booleans()):
            case.body = data.draw(st.sampled_from(examples))
        if MIN_POSITION in case.headers:
            # One that will never be reached is rightly answered by 503, after a wait.
            case.headers[MIN_POSITION] = data.draw(
                st.sampled_from(("0", "1", "1", "1", "nobody/1=1", "operations/1=1"))
            )
        token = data.draw(st.sampled_from(tokens))
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(answer, checks=CHECKS)
        seen[answer.status_code] += 1

    one()
    return seen


def body_examples(document: dict[str, Any], operation: dict[str, Any]) -> list[Any]:
    """Return the examples that the document gives for the body of an operation."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content.get("schema", {})
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return list(schema.get("examples", []))
    return []


@pytest.mark.parametrize("service", SERVICES)
def test_no_input_breaks_a_service_and_every_operation_succeeds_somewhere(service, walked, tmp_path, record_property):
    with walked.again(tmp_path / "again", without_views=False) as again:
        api = again.services[service].api
        document = api.openapi()
        ids = sorted(walked.ids)
        tokens = [walked.tokens[name] for name in ASKERS]
        document["servers"] = [{"url": "/"}]
        schema = schemathesis.openapi.from_asgi("/openapi.json", api)
        here = asyncio.run(decide(api, walked.tokens["mona"]))
        total: Counter[int] = Counter()
        names: set[str] = set()
        for found in schema.get_all_operations():
            operation = found.ok()
            name = f"{operation.method.upper()} {operation.path}"
            if name in STREAMS:
                continue
            names.add(name)
            examples = body_examples(document, document["paths"][operation.path][operation.method.lower()])
            seen = exercise(operation, seeds(operation.path, walked.answers[service], ids), tokens, examples)
            total += seen
            if any(200 <= status < 300 for status in seen):
                here.add(name)
    walk = successes(walked, service, document)
    read = {f"GET {t}" for t in document["paths"] if _reached(t, walked.answers[service])}
    record_property(
        "told",
        f"{service}: {len(names)} operations; a success in generated input {len(here)}, in the walk-through "
        f"{len(walk & names)}, in reading everything {len(read & names)}; statuses {dict(sorted(total.items()))}",
    )
    assert names - here - walk - read == set()


def _reached(template: str, answers: dict[str, Any]) -> bool:
    pattern = re.compile(_pattern(template) + r"(\?.*)?\Z")
    return any(pattern.match(path) for path in answers)
