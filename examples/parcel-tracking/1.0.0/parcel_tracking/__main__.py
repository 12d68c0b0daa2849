"""Start the service: `python -m parcel_tracking --port 8000`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from parcel_tracking.parcels import Journal
from parcel_tracking.server import serve

JOURNAL_VARIABLE = "PARCEL_TRACKING_DATA"


def main() -> None:
    """Serve until the process is asked to stop."""
    parser = argparse.ArgumentParser(prog="parcel_tracking")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 picks a free port")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get(JOURNAL_VARIABLE, "data")))
    asked = parser.parse_args()
    server = serve(Journal(asked.data), host=asked.host, port=asked.port)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    sys.stdout.write(f"listening on http://{asked.host}:{server.server_port}\n")
    sys.stdout.flush()
    with server:
        server.serve_forever()


if __name__ == "__main__":
    main()
