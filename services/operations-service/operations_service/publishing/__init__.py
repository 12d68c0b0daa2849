"""Operations says nothing that other services need; those outside it tells what all services said, and in what form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fourgates.contracts import Contract

from operations_service.domain import HeardFact
from operations_service.publishing.cloud_events import MEDIA_TYPE, structured
from operations_service.publishing.schemas import CONTRACTS, SCHEMAS, schema_text

__all__ = ["CONTRACTS", "INTERNAL", "MEDIA_TYPE", "PUBLISHED", "SCHEMAS", "schema_text", "structured"]

PUBLISHED: Mapping[type[Any], Callable[[Any, Any], Contract | None]] = {}

INTERNAL: frozenset[type[Any]] = frozenset({HeardFact.Kept})
