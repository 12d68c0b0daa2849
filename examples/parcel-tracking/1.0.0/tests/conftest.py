"""Starts the service as a process of its own, as it will run."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Service:
    """A running parcel tracking service, spoken to over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with an empty journal."""
    command = [sys.executable, "-m", "parcel_tracking", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Service(process.stdout.readline().removeprefix("listening on ").strip())
        process.terminate()
