"""A service whose log is served over real HTTP, with the issuer of its machine accounts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI
from fourgates.chassis.clock import SystemClock
from fourgates.chassis.http import SQLiteSecurityLog
from fourgates.chassis.http_client import HttpClient, MachineTokens
from fourgates.chassis.identity import hash_secret
from fourgates.chassis.identity.issuer import issuer_app
from fourgates.chassis.identity.keys import new_signing_key
from fourgates.chassis.identity.people import people_from
from fourgates.chassis.identity.remote import remote_verifier
from fourgates.chassis.ids import TimeOrderedIds
from fourgates.chassis.service import Parts, assemble
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.sources import HttpSources
from fourgates.chassis.testing.messages import WAIT_S, TwoServices
from starlette.types import ASGIApp

HOST = "127.0.0.1"
SECRET = "only-for-tests"
HASH = hash_secret(SECRET)
CLOCK = SystemClock()


class ServedSource:
    """The first of two services behind HTTP; `sources` asks it as the second one does."""

    def __init__(self, two: TwoServices, folder: Path, *, timeout_s: float = 10) -> None:
        self.two = two
        self.listening = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self.listening.getsockname()[1]}"
        self.client = HttpClient(timeout_s=timeout_s)
        self.security_log = SQLiteSecurityLog()
        self.api = self._api(folder)
        self.sources = HttpSources(self.client, self.tokens("listener"), f"{self.url}/{{service}}")

    @property
    def log_url(self) -> str:
        return f"{self.url}/{self.two.name}/v1/log"

    def tokens(self, client_id: str) -> MachineTokens:
        url = f"{self.url}/identity/token"
        return MachineTokens(self.client, token_url=url, client_id=client_id, secret=SECRET, clock=CLOCK)

    def token_of_a_person(self) -> str:
        form = {"grant_type": "password", "username": "rita", "password": SECRET}
        return str(self.client.request("POST", f"{self.url}/identity/token", form=form).json()["access_token"])

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer for the length of the block."""
        with _serving(self.api, self.listening):
            yield
        self.client.close()

    def _api(self, folder: Path) -> FastAPI:
        settings = ServiceSettings(
            issuer_url=f"{self.url}/identity", public_url=f"{self.url}/{self.two.name}", data_folder=folder
        )
        parts = Parts(
            store=self.two.store,
            views_path=None,
            bus=self.two.bus,
            clock=CLOCK,
            ids=TimeOrderedIds(),
            verifier=remote_verifier(settings, client=self.client, clock=CLOCK),
            security_log=self.security_log,
        )
        service = assemble(
            name=self.two.name,
            parts=parts,
            settings=settings,
            title="Toys",
            description="Balls.",
            use_cases=lambda work: work,
            routes=lambda _: APIRouter(),
            views=(),
            published=self.two.said,
            heard={},
            own={},
            clock=(),
        )
        app = FastAPI()
        app.mount("/identity", self._issuer(settings))
        app.mount(f"/{self.two.name}", service.api)
        return app

    def _issuer(self, settings: ServiceSettings) -> FastAPI:
        people = people_from(
            {
                "roles": {"reader": [f"{self.two.name}:read"]},
                "people": [
                    {"id": "rita", "username": "rita", "name": "Rita", "secret_hash": HASH, "roles": ["reader"]}
                ],
                "machines": [
                    {"id": "listener", "secret_hash": HASH, "roles": ["reader"]},
                    {"id": "stranger", "secret_hash": HASH, "scopes": ["other:read"]},
                ],
            }
        )
        return issuer_app(
            people=people,
            key=new_signing_key(),
            clock=CLOCK,
            ids=TimeOrderedIds(),
            issuer_url=settings.issuer_url,
            audience=settings.audience,
        )


@contextmanager
def _serving(app: ASGIApp, listening: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
        listening.close()
