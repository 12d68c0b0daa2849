"""A fact as one CloudEvent in structured mode: the envelope and what it carries in one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fourgates.chassis.bus.envelope import CONTENT_TYPE, SPEC_VERSION, schema_of, source_of

MEDIA_TYPE = "application/cloudevents+json"


def structured(fact: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept fact as a CloudEvent.

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
        "dataschema": schema_of(fact["type"]),
        "sequence": f"{fact['sequence']:020d}",
        "correlationid": fact["correlation_id"],
        "causationid": fact["cause_id"],
        "authtype": "service_account" if fact["machine"] else "user",
        "authid": fact["by"],
        "onbehalfof": fact["person"],
        "data": fact["facts"],
    }
