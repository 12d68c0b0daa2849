"""Where things lie unless told otherwise."""

from __future__ import annotations

from pathlib import Path

HOME = Path(".fourgates")
DATA = HOME / "data"
DEMOS = HOME / "demo"
WHEELHOUSE = HOME / "wheelhouse"
# The examples come with the repository, from which the command is installed in place.
EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = 8400
URL = f"http://127.0.0.1:{PORT}"
