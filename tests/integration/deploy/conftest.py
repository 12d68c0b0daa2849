"""Real wheels, a real folder, real processes on loopback: the fixture `kit`."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from dataclasses import replace
from uuid import UUID

import pytest
from deploy_service.adapters import LocalProcesses, MediaFailed, Processes
from deploy_service.adapters.unpacking import Limits
from deploy_service.application import Place
from deploy_service.domain import Item, Package, Step
from fourgates.chassis.http_client import HttpClient

SERVER = """
import argparse, http.server
asked = argparse.ArgumentParser()
asked.add_argument("--host"); asked.add_argument("--port", type=int)
asked = asked.parse_args()
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = VERSION.encode()
        self.send_response(STATUS if self.path == "/health" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((asked.host, asked.port), Answers).serve_forever()
"""
PLACE = Place(UUID(int=1), "node-1", UUID(int=2))
INSTALL, START, STOP = Step("install", "install"), Step("start", "start", "greeter"), Step("stop", "stop")
PROBE, RESTORE, REMOVE = Step("probe", "probe", "/health", 200, 5), Step("restore", "restore"), Step("remove", "remove")


def a_zip(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def replaced(standing, **changes):
    return replace(standing, **changes)


def a_wheel(version="1.0", status=200):
    head = f"VERSION, STATUS = {version!r}, {status}\n"
    return a_zip({"greeter/__init__.py": "", "greeter/__main__.py": head + SERVER, "greeter.dist-info/RECORD": ""})


class Shelf:
    """Media by their digest."""

    def __init__(self):
        self.content = {}

    def fetch(self, sha256, *, timeout_s):
        if sha256 not in self.content:
            raise MediaFailed(f"{sha256} is not there")
        return self.content[sha256]

    def package(self, version="1.0", *, status=200, content=None):
        content = a_wheel(version, status) if content is None else content
        sha256 = hashlib.sha256(content).hexdigest()
        self.content[sha256] = content
        item = Item("greeter", version, sha256, len(content), "wheel")
        return Package(version, (item,), "greeter", "p" * 64, UUID(int=3))


def an_executor(folder, shelf, client, *, stop_on_close=True, ports=(0, 0), host="127.0.0.1"):
    return LocalProcesses(
        folder,
        media=shelf,
        client=client,
        processes=Processes(stop_wait_s=2, log_bytes_max=1000, ports=ports, host=host),
        limits=Limits(1_000_000, 50),
        timeout_s_max=10,
        stop_on_close=stop_on_close,
    )


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def client():
    with HttpClient(timeout_s=5) as client:
        yield client


@pytest.fixture
def executor(tmp_path, shelf, client):
    executor = an_executor(tmp_path / "nodes", shelf, client)
    yield executor
    executor.close()


@pytest.fixture
def kit():
    return sys.modules[__name__]
