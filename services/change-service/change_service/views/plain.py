"""How the values of the domain stand in rows: JSON, with times that sort as text."""

from __future__ import annotations

from datetime import datetime

from fourgates.chassis.plain import plain_with
from fourgates.chassis.views import iso

plain = plain_with({datetime: iso})
