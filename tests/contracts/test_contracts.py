"""What the services say to each other: each contract has a sample that its producer and every hearer read alike."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from fourgates.contracts import Contract, contract_types
from jsonschema import Draft202012Validator, FormatChecker
from operations_service.publishing import CONTRACTS, SCHEMAS

from tests.contracts.tables import SERVICES, hearers

SAMPLES = Path(__file__).parent / "samples"
HEARD = [
    pytest.param(contract, id=f"{service}-{contract.TYPE}")
    for service in SERVICES
    for contract in importlib.import_module(f"{service}_service.reactions").HEARD
]


def sample(contract: type[Contract]) -> bytes:
    """One message body of a contract: every field is filled, the optional ones, too; a newline ends the file."""
    return (SAMPLES / f"{contract.TYPE}.json").read_bytes().removesuffix(b"\n")


def every(value: Any) -> list[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, list):
        return [found for member in value for found in every(member)]
    return [value, *(found for member in value.values() for found in every(member))] if isinstance(value, dict) else []


def spoken_in(service: str) -> set[str]:
    """The names of the contracts that a service's publishing makes."""
    room = importlib.import_module(f"{service}_service.publishing")
    folder = Path(inspect.getfile(room))
    files = folder.parent.glob("*.py") if folder.name == "__init__.py" else [folder]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    return {ast.unparse(node.func).rpartition(".")[2] for node in calls}


def test_every_contract_has_a_sample_and_no_sample_is_left_over() -> None:
    assert set(CONTRACTS) == set(contract_types())
    assert {path.name.removesuffix(".json") for path in SAMPLES.iterdir()} == set(CONTRACTS)


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_every_contract_says_in_a_sentence_of_its_own_what_happened(contract: type[Contract]) -> None:
    words = inspect.cleandoc(vars(contract).get("__doc__") or "")
    assert words.split("\n")[0].endswith("."), contract.TYPE


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_the_producer_takes_its_sample_and_says_it_again_byte_for_byte(contract: type[Contract]) -> None:
    assert contract.model_validate_json(sample(contract)).model_dump_json().encode() == sample(contract)


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_a_sample_fills_every_field(contract: type[Contract]) -> None:
    body = json.loads(sample(contract))
    assert set(body) == set(contract.model_fields)
    assert not [found for found in every(body) if None in found.values() or [] in found.values()]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_a_sample_is_what_the_schema_describes(contract: type[Contract]) -> None:
    schema = json.loads(SCHEMAS[contract.TYPE])
    Draft202012Validator.check_schema(schema)
    reader = Draft202012Validator(schema, format_checker=FormatChecker())
    reader.validate(json.loads(sample(contract)))
    for name in schema["required"]:
        lacking = {k: v for k, v in json.loads(sample(contract)).items() if k != name}
        assert not reader.is_valid(lacking), name


@pytest.mark.parametrize("contract", HEARD)
def test_every_hearer_takes_a_sample_with_fields_that_it_does_not_know(contract: type[Contract]) -> None:
    body = json.loads(sample(contract))
    for found in every(body):
        if found is not body.get("document"):  # Its names are data, not fields.
            found["added_in_a_later_release"] = {"of": ["v1"]}
    heard = contract.model_validate_json(json.dumps(body))
    assert heard.model_dump_json().encode() == sample(contract)


@pytest.mark.parametrize("contract", HEARD)
def test_every_hearer_takes_a_sample_of_before_the_optional_fields(contract: type[Contract]) -> None:
    body = json.loads(sample(contract))
    wanted = {name: body[name] for name, field in contract.model_fields.items() if field.is_required()}
    assert contract.model_validate_json(json.dumps(wanted)).model_fields_set == set(wanted)


def test_every_contract_is_said_by_its_service_and_heard_by_somebody() -> None:
    unsaid = {n: c.__name__ for n, c in CONTRACTS.items() if c.__name__ not in spoken_in(n.split(".")[2])}
    assert not unsaid
    assert not [name for name in CONTRACTS if hearers()[name] == ()]
