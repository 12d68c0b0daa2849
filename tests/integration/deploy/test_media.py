"""Media over HTTP: by digest, as the machine account, verified, and kept."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from deploy_service.adapters import DmlMedia, MediaFailed
from fourgates.chassis.clock import SystemClock
from fourgates.chassis.http_client import MachineTokens

CONTENT = b"a wheel"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def library():
    """A server that hands out what it is told, and remembers what it was asked."""
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send(b'{"access_token": "t1", "expires_in": 300}')

        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"]))
            status, content = server.answers.pop(0)
            self._send(content, status)

        def _send(self, content, status=200):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.asked, server.answers = asked, []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def media(library, client, tmp_path):
    url = f"http://127.0.0.1:{library.server_port}"
    tokens = MachineTokens(client, token_url=f"{url}/token", client_id="deploy", secret="s", clock=SystemClock())
    return DmlMedia(client, tokens, dml_url=f"{url}/dml/", folder=tmp_path / "media", bytes_max=1000)


def test_bytes_are_fetched_once_as_the_machine_account(library, media):
    library.answers = [(200, CONTENT)]
    assert media.fetch(DIGEST, timeout_s=5) == CONTENT
    assert media.fetch(DIGEST, timeout_s=5) == CONTENT
    assert library.asked == [(f"/dml/v1/blobs/{DIGEST}", "Bearer t1")]


def test_kept_bytes_that_were_damaged_are_fetched_again(library, media, tmp_path):
    library.answers = [(200, CONTENT), (200, CONTENT)]
    media.fetch(DIGEST, timeout_s=5)
    (tmp_path / "media" / DIGEST).write_bytes(b"damaged")
    assert media.fetch(DIGEST, timeout_s=5) == CONTENT


def test_other_bytes_than_the_digest_says_are_refused_and_not_kept(library, media, tmp_path):
    library.answers = [(200, b"other")]
    with pytest.raises(MediaFailed, match="another digest"):
        media.fetch(DIGEST, timeout_s=5)
    assert not (tmp_path / "media").exists()


def test_a_passing_fault_is_waited_out_and_a_refusal_is_not(library, media):
    library.answers = [(503, b""), (200, CONTENT)]
    assert media.fetch(DIGEST, timeout_s=5) == CONTENT
    library.answers = [(404, b"")]
    with pytest.raises(MediaFailed, match="404"):
        media.fetch("0" * 64, timeout_s=5)


def test_a_fault_that_does_not_pass_ends_in_time(library, media):
    library.answers = [(503, b"")] * 10
    with pytest.raises(MediaFailed, match="503"):
        media.fetch(DIGEST, timeout_s=0.8)
