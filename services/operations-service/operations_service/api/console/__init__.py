"""The console: pages for people, who sign in with their own secret; what happens appears while they look."""

from __future__ import annotations

from operations_service.api.console.routes import Console, console_routes
from operations_service.api.console.session import SCOPE

__all__ = ["SCOPE", "Console", "console_routes"]
