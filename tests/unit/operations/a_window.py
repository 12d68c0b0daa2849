"""A whole operations-service in memory that hears what the test says, and people who ask it."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx
from fourgates.chassis.identity import Principal
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier
from fourgates.contracts.common import ReleaseKind
from fourgates.contracts.release import ReleaseCancelled, ReleaseOpened, ReleasePutOnHold
from operations_service.app import build
from operations_service.settings import OperationsSettings

RELEASE = UUID(int=11)
EVIL = """<script>alert("1")</script>'><img src=x onerror=alert(2)>"""
READER = Principal(subject="olga", scopes=frozenset({"operations:read"}))
STRANGER = Principal(subject="stan", scopes=frozenset({"dml:read"}))


class Window(Hearing):
    """The operators' window. `get` asks as somebody who may read, or as told."""

    def __init__(self, folder, *, sign_in=None, **settings):
        chosen = OperationsSettings(data_folder=folder, **settings)
        verifier = a_verifier(READER, STRANGER)
        super().__init__(lambda parts: build(parts, chosen, sign_in=sign_in), verifier, a_security_log())

    def opened(self, number, **more):
        said = {
            "release_id": UUID(int=number),
            "service_id": UUID(int=1),
            "kind": ReleaseKind.UPDATE,
            "version": f"1.{number}.0",
            "reason": "faster",
            "change_ids": [],
            "requested_by": "rob",
            "emergency": False,
        }
        return self.hear(ReleaseOpened(**{**said, **more}))

    def fill(self, *numbers):
        """Say three things about each of these releases: all are opened before any is put on hold and cancelled."""
        for number in numbers:
            self.opened(number, change_ids=[UUID(int=100 + number)])
        for number in numbers:
            said = {"release_id": UUID(int=number), "service_id": UUID(int=1), "reason": "not wanted"}
            self.hear(ReleasePutOnHold(**said))
            self.hear(ReleaseCancelled(**said, kind=ReleaseKind.UPDATE, change_ids=[UUID(int=100 + number)]))

    def send(self, method, path, *, token="olga", **options):
        async def sent():
            transport = httpx.ASGITransport(app=self.service.api)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                headers |= options.pop("headers", {})
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(sent())

    def get(self, path, **options):
        return self.send("GET", path, **options)

    def look(self, path, *, token="olga", cookie="fourgates", **options):
        """Ask as a browser does whose cookie holds this token."""
        return self.get(path, token=None, headers={"Cookie": f"{cookie}={token}"} if token else {}, **options)
