"""A fact as one CloudEvent in structured mode: the envelope and what it carries in one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fourgates.chassis.bus.envelope import CONTENT_TYPE, SPEC_VERSION, schema_of, source_of

MEDIA_TYPE = "application/cloudevents+json"


def structured(fact: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Return a kept fact as a CloudEvent; `base_url` is where this service, and so its schemas, can be reached.

    `sequence` is the place in the merged stream: text that sorts as the numbers do.
    """
    return {
        "specversion": SPEC_VERSION,
        "id": fact["message_id"],
        "source": source_of(fact["publisher"]),
        "type": fact["type"],
        "subject": fact["subject"],
        "time": fact["at"],
        "datacontenttype": CONTENT_TYPE,
        "dataschema": f"{base_url}{schema_of(fact['type'])}",
        "sequence": f"{fact['sequence']:020d}",
        "correlationid": fact["correlation_id"],
        "causationid": fact["cause_id"],
        "authtype": "service_account" if fact["machine"] else "user",
        "authid": fact["by"],
        "onbehalfof": fact["person"],
        "data": fact["facts"],
    }
