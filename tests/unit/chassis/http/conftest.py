"""A small service of parcels behind the real chassis: real store and views in memory, real tokens, a held clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool
from fourgates.chassis.aggregate import Act, Aggregate, Forbidden, NextCommand, Unmet, event, refuse_any
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.http import (
    Answer,
    Api,
    Call,
    CallFactory,
    HistoryAnswer,
    Name,
    NextAnswer,
    Page,
    PathId,
    SQLiteSecurityLog,
    Strict,
    Text,
    create_api,
    filters,
    needs,
    security_log_routes,
)
from fourgates.chassis.http_client import ASGITransport, AsyncClient
from fourgates.chassis.identity import JwksVerifier
from fourgates.chassis.identity.keys import ALGORITHM, new_signing_key
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.kept_answers import KeptAnswers
from fourgates.chassis.memory import Memory
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.store import Conflict, EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.views import View, Views
from fourgates.chassis.work import Units, Work
from joserfc import jwt

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ISSUER = "https://issuer.example"
KEY = new_signing_key()


class Parcel(Aggregate):
    TOPIC = "toy.Parcel"

    class Posted(Aggregate.Created):
        """A parcel was posted."""

        name: str

    class Renamed(Aggregate.Event):
        """A parcel got another name."""

        name: str

    class Sealed(Aggregate.Event):
        """A parcel was sealed."""

    @classmethod
    def post(cls, act: Act, *, parcel_id: UUID, name: str) -> Parcel:
        return cls(id=parcel_id, act=act, name=name)

    def rename(self, act: Act, *, name: str) -> None:
        refuse_any(self.unmet_for_rename(act))
        self._renamed(act=act, name=name)

    def seal(self, act: Act) -> None:
        refuse_any(self.unmet_for_seal(act))
        self._sealed(act=act)

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        return (
            NextCommand("rename", ("packer",), tuple(self.unmet_for_rename(act))),
            NextCommand("seal", ("sealer",), tuple(self.unmet_for_seal(act))),
        )

    def unmet_for_rename(self, act: Act):
        if self.sealed:
            yield Unmet("sealed", "The parcel is sealed.", source="Sealed", remedy="post another one")
        if "packer" not in act.roles:
            yield Forbidden("not-entitled", "Packers rename.", source="roles", remedy="ask a packer", person=act.by)

    def unmet_for_seal(self, act: Act):
        if "sealer" not in act.roles:
            yield Forbidden("not-entitled", "Sealers seal.", source="roles", remedy="ask a sealer", person=act.by)

    @event(Posted)
    def __init__(self, id: UUID, act: Act, name: str) -> None:
        self.name = name
        self.sealed = False

    @event(Renamed)
    def _renamed(self, act: Act, name: str) -> None:
        self.name = name

    @event(Sealed)
    def _sealed(self, act: Act) -> None:
        self.sealed = True


def put_row(rows, happened) -> None:
    key = str(happened.originator_id)
    row = rows.get(key) or {"number": f"PAR-{1001 + rows.count()}"}
    rows.put(key, {**row, "name": happened.name})


PARCELS = View("parcels", ("name", "number"), {Parcel.Posted: put_row, Parcel.Renamed: put_row})


class ParcelUseCases:
    def __init__(self, work: Work) -> None:
        self._work = work

    def post(self, act: Act, *, parcel_id: UUID, name: str) -> Parcel:
        parcel = Parcel.post(act, parcel_id=parcel_id, name=name)
        self._work.save(parcel)
        return parcel

    def rename(self, act: Act, *, parcel_id: UUID, name: str) -> Parcel:
        parcel = self._work.get(Parcel, parcel_id)
        parcel.rename(act, name=name)
        self._work.save(parcel)
        return parcel

    def seal(self, act: Act, *, parcel_id: UUID) -> Parcel:
        parcel = self._work.get(Parcel, parcel_id)
        parcel.seal(act)
        self._work.save(parcel)
        return parcel


class PostParcel(Strict):
    name: Name
    weight: int = 1
    price: float = 0.0
    at: datetime | None = None
    owner: UUID | None = None
    reason: Text


class RenameParcel(Strict):
    name: Name
    reason: Text


class Reason(Strict):
    reason: Text


class ParcelAnswer(Answer):
    id: UUID
    name: str
    sealed: bool


class ParcelRow(Answer):
    key: str
    number: str
    name: str


def shown(parcel: Parcel) -> ParcelAnswer:
    return ParcelAnswer(id=parcel.id, name=parcel.name, sealed=parcel.sealed)


Reader = Annotated[Call, Depends(needs("parcel:read"))]
Writer = Annotated[Call[ParcelUseCases], Depends(needs("parcel:write"))]
Uploader = Annotated[
    Call, Depends(needs("parcel:write", media=("application/octet-stream",), stream=True, body_limit_bytes=5000))
]


router = APIRouter(prefix="/v1", tags=["parcels"])


@router.post("/parcels", operation_id="parcels_post", status_code=201, response_model=ParcelAnswer)
async def post(body: PostParcel, call: Writer) -> Response:
    await run_in_threadpool(call.request.app.state.gate.pass_through)
    return await call.command(
        lambda u: u.post(call.act(body.reason), parcel_id=call.new_id(), name=body.name),
        shown,
        status=201,
        location=lambda p: f"/v1/parcels/{p.id}",
    )


@router.get("/parcels", operation_id="parcels_list", response_model=Page[ParcelRow])
def list_parcels(
    call: Reader, name: Annotated[list[str] | None, Query()] = None, number: str | None = None
) -> Response:
    return call.page("parcels", filters(name=name, number=number), order_by="name")


@router.get("/parcels/{parcel_id}", operation_id="parcels_get", response_model=ParcelAnswer)
async def get(parcel_id: PathId, call: Reader) -> Response:
    return await call.show(Parcel, parcel_id, shown)


@router.put("/parcels/{parcel_id}/name", operation_id="parcels_rename", response_model=ParcelAnswer)
async def rename(parcel_id: PathId, body: RenameParcel, call: Writer) -> Response:
    return await call.command(
        lambda u: u.rename(call.act(body.reason), parcel_id=parcel_id, name=body.name), shown, if_match=True
    )


@router.post("/parcels/{parcel_id}/seal", operation_id="parcels_seal", response_model=ParcelAnswer)
async def seal(parcel_id: PathId, body: Reason, call: Writer) -> Response:
    return await call.command(lambda u: u.seal(call.act(body.reason), parcel_id=parcel_id), shown)


@router.get("/parcels/{parcel_id}/next", operation_id="parcels_next", response_model=NextAnswer)
def next_commands(parcel_id: PathId, call: Reader) -> Response:
    return call.next(Parcel, parcel_id)


@router.get("/parcels/{parcel_id}/history", operation_id="parcels_history", response_model=HistoryAnswer)
def history(parcel_id: PathId, call: Reader) -> Response:
    return call.history(Parcel, parcel_id)


@router.put("/labels/{name}", operation_id="labels_put")
async def upload(name: str, call: Uploader) -> Response:
    size = 0
    async for piece in call.stream():
        size += len(piece)
    return call.answer({"size": size})


@router.get("/broken", operation_id="broken_get")
def broken(call: Reader) -> Response:
    raise RuntimeError("secret words")


@dataclass
class Gate:
    """Lets a test hold a request inside its endpoint."""

    held: bool = False
    entered: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def pass_through(self) -> None:
        if self.held:
            self.entered.set()
            assert self.opened.wait(10)


class RacingUnits(Units):
    """Loses so many races before a commit goes through; `meanwhile` happens before each loss."""

    losses = 0
    meanwhile: Callable[[], None] | None = None

    def commit(self, work: Work, **options: Any):
        if self.losses:
            self.losses -= 1
            if self.meanwhile:
                self.meanwhile()
            raise Conflict("someone else was first")
        return super().commit(work, **options)


class RacingMemory(Memory):
    """Leaves the races to a thread, where they are run."""

    units: RacingUnits | None = None

    async def store(self, work: Work, **options: Any) -> None:
        if self.units is not None and self.units.losses:
            work.pending()
            raise Conflict("someone else was first")
        await super().store(work, **options)


@dataclass
class House:
    """The service, and a client that speaks to it."""

    api: Api
    caller: CallFactory[ParcelUseCases]
    clock: HeldClock
    units: RacingUnits
    log: SQLiteSecurityLog
    gate: Gate
    client: AsyncClient

    def token(
        self,
        subject: str = "person-1",
        *,
        scopes: str = "parcel:read parcel:write audit:read",
        roles: tuple[str, ...] = ("packer",),
        **claims: Any,
    ) -> str:
        now = int(self.clock.now().timestamp())
        body = {
            "iss": ISSUER,
            "aud": "fourgates",
            "sub": subject,
            "client_id": "cli",
            "exp": now + 3600,
            "scope": scopes,
            "roles": list(roles),
            **claims,
        }
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": KEY.kid}
        return jwt.encode(header, body, KEY.key, algorithms=[ALGORITHM])

    async def ask(self, method: str, path: str, *, token: str | None = None, headers=None, **options: Any):
        sent = {"Authorization": f"Bearer {token or self.token()}", **(headers or {})}
        return await self.client.request(method, path, headers=sent, **options)

    async def post(self, name: str = "tea", **options: Any):
        return await self.ask("POST", "/v1/parcels", json={"name": name, "reason": "a gift"}, **options)

    def refusals(self) -> list[str]:
        return [row["kind"] for row in self.log.find(0, 100)]


@pytest.fixture
def settings(tmp_path) -> ServiceSettings:
    return ServiceSettings(
        data_folder=tmp_path, issuer_url=ISSUER, body_limit_bytes=2000, page_size_default=2, page_size_max=3
    )


@pytest.fixture
async def house(settings):
    clock, gate = HeldClock(NOON), Gate()
    store = EventStore(open_sqlite_recorder(None), EventMapper())
    views = Views(store, [PARCELS])
    memory = RacingMemory(store, settings.aggregates_kept_max, KeptAnswers(views, settings.answers_kept_rows_max))
    units = memory.units = RacingUnits(store, views)
    log = SQLiteSecurityLog()
    caller = CallFactory(
        service="toy",
        verifier=JwksVerifier(fetch=KEY.jwks, issuer=ISSUER, audience="fourgates", clock=clock),
        clock=clock,
        ids=CountedIds(),
        units=units,
        views=views,
        memory=memory,
        use_cases=ParcelUseCases,
        settings=settings,
        security_log=log,
    )
    api = create_api("toy", "Parcels", "Parcels for tests.", settings=settings)
    api.state.caller = caller
    api.state.gate = gate
    api.include_router(router)
    api.include_router(security_log_routes(caller))
    async with AsyncClient(transport=ASGITransport(api), base_url="http://toy.example") as client:
        yield House(api, caller, clock, units, log, gate, client)
    views.close()
    store.close()
    log.close()
