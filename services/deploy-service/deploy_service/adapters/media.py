"""Bytes of media by their digest: from the DML over HTTP, verified, and kept for the next time."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Protocol

from fourgates.chassis.http_client import HttpClient, HttpFailed, MachineTokens

RETRY_PAUSE_S = 0.5


class MediaFailed(Exception):
    """The bytes of a media item could not be had, or are not what their digest says."""


class Media(Protocol):
    """Where the bytes of media come from."""

    def fetch(self, sha256: str, *, timeout_s: float) -> bytes:
        """Return exactly the bytes of a digest. Raises `MediaFailed`."""
        ...


class DmlMedia:
    """Fetches from the DML as the service's machine account, and keeps what was fetched in a folder."""

    def __init__(
        self, client: HttpClient, tokens: MachineTokens, *, dml_url: str, folder: Path, bytes_max: int
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._url = dml_url.rstrip("/")
        self._folder = folder
        self._bytes_max = bytes_max

    def fetch(self, sha256: str, *, timeout_s: float) -> bytes:
        """Return exactly the bytes of a digest. Raises `MediaFailed`."""
        kept = self._folder / sha256
        if kept.exists():
            content = kept.read_bytes()
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
        content = self._download(sha256, time.monotonic() + timeout_s)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise MediaFailed(f"the bytes that came for {sha256} have another digest")
        self._folder.mkdir(parents=True, exist_ok=True)
        arriving = kept.with_suffix(".arriving")
        arriving.write_bytes(content)
        arriving.replace(kept)
        return content

    def _download(self, sha256: str, until: float) -> bytes:
        while True:
            try:
                url = f"{self._url}/v1/blobs/{sha256}"
                return self._client.get_bytes(url, token=self._tokens.token(), limit_bytes=self._bytes_max)
            except HttpFailed as failed:
                refused = failed.status is not None and failed.status < 500  # noqa: PLR2004 - the server's own faults
                if refused or time.monotonic() + RETRY_PAUSE_S >= until:
                    raise MediaFailed(f"{sha256} cannot be had: {failed.reason}") from failed
            time.sleep(RETRY_PAUSE_S)
