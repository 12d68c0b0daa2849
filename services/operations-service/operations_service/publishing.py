"""Operations says nothing that others need: it listens to all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fourgates.contracts import Contract

from operations_service.domain import HeardFact

PUBLISHED: Mapping[type[Any], Callable[[Any, Any], Contract | None]] = {}

INTERNAL: frozenset[type[Any]] = frozenset({HeardFact.Kept})
