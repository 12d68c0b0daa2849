"""HTTP in, parcels out."""

from __future__ import annotations

import json
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from parcel_tracking import __version__
from parcel_tracking.parcels import Journal, Parcel

BODY_BYTES_MAX = 65_536


def shown(parcel: Parcel) -> dict[str, str]:
    """Return what anybody may see of a parcel."""
    return asdict(parcel)


def complaint_about(sent: dict[str, str]) -> str | None:
    """Return why a parcel cannot be taken, or None."""
    return None if sent.get("id") and sent.get("destination") else "a parcel needs an id and a destination"


class Handler(BaseHTTPRequestHandler):
    """One request about parcels."""

    journal: Journal
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer /healthz, /version, /parcels and /parcels/{id}."""
        url = urlsplit(self.path)
        if url.path == "/healthz":
            faults = self.journal.faults()
            self._answer(503 if faults else 200, {"status": "unhealthy" if faults else "ok", "faults": faults})
        elif url.path == "/version":
            self._answer(200, {"version": __version__})
        elif url.path == "/parcels":
            city = parse_qs(url.query).get("city", [None])[0]
            self._answer(200, {"parcels": [shown(parcel) for parcel in self.journal.all(city)]})
        else:
            self._show_parcel(url.path)

    def do_POST(self) -> None:
        """Take a new parcel."""
        sent = self._sent()
        complaint = "not a parcel" if sent is None else complaint_about(sent)
        if self.path != "/parcels":
            self._answer(404, {"detail": "no such place"})
        elif sent is None or complaint:
            self._answer(422, {"detail": complaint})
        else:
            parcel = Parcel(id=sent["id"], destination=sent.get("destination", ""), phone=sent.get("phone", ""))
            self.journal.write(parcel)
            self._answer(201, shown(parcel))

    def do_PUT(self) -> None:
        """Correct the destination of a parcel."""
        sent = self._sent()
        if sent is None or not sent.get("destination"):
            self._answer(422, {"detail": "a correction needs a destination"})
            return
        corrected = self.journal.correct(self._parcel_id(self.path), sent["destination"])
        self._answer(*((200, shown(corrected)) if corrected else (404, {"detail": "unknown parcel"})))

    def _show_parcel(self, path: str) -> None:
        parcel = self.journal.find(self._parcel_id(path))
        self._answer(*((200, shown(parcel)) if parcel else (404, {"detail": "unknown parcel"})))

    def _parcel_id(self, path: str) -> str:
        return unquote(path.removeprefix("/parcels/"))

    def _sent(self) -> dict[str, str] | None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= BODY_BYTES_MAX:
            self.close_connection = True
            return None
        try:
            sent = json.loads(self.rfile.read(length))
        except ValueError:
            return None
        if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
            return None
        return sent

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_args: object) -> None:
        """Keep quiet: whoever runs the service watches it from outside."""


def serve(journal: Journal, *, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that is bound and ready to serve."""
    handler = type("JournalHandler", (Handler,), {"journal": journal})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    return server
