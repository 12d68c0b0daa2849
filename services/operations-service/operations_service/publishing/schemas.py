"""The JSON Schema of every published contract, made from the models that the services speak with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fourgates.chassis.bus.envelope import schema_of
from fourgates.contracts import Contract, change, deploy, dml, release, review

PUBLISHERS = (change, release, dml, deploy, review)
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _contracts() -> Iterator[type[Contract]]:
    for module in PUBLISHERS:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Contract) and value.__module__ == module.__name__:
                yield value


CONTRACTS: Mapping[str, type[Contract]] = {contract.TYPE: contract for contract in _contracts()}


def schema(contract: type[Contract]) -> dict[str, Any]:
    """Return the schema of a contract as a reader may rely on it: what may be absent is not required."""
    return {"$schema": DIALECT, "$id": schema_of(contract.TYPE), **contract.model_json_schema(mode="validation")}


def schema_text(contract: type[Contract]) -> str:
    """Return the schema of a contract as it is served, and kept in the documentation."""
    return json.dumps(schema(contract), indent=2, ensure_ascii=False) + "\n"


SCHEMAS: Mapping[str, str] = {name: schema_text(contract) for name, contract in CONTRACTS.items()}
