"""The numbers of the stream: the same in every replica, whoever of them kept a fact, and none is ever given later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

import msgspec
import pytest
from fourgates.chassis.bus.envelope import Envelope
from fourgates.chassis.store import EventMapper, EventStore
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units
from operations_service.application import OperationsUseCases
from operations_service.domain import About
from operations_service.views import VIEWS, stream

EACH = 40
ACT = an_act("operations-service", machine=True)
HEARD = Envelope(
    message_id="release-1",
    source="/fourgates/release",
    type="dev.fourgates.release.opened.v1",
    subject=f"release/{UUID(int=1)}",
    at=NOON,
    recorded_at=NOON,
    by="rita",
    person="rita",
    machine=False,
    correlation_id="c",
    cause_id="c",
    aggregate_version=1,
    shard=0,
    position=1,
    previous=0,
)


class Replica:
    def __init__(self, place):
        recorder = open_postgres_recorder(place.service_url, schema=place.schema, owner_url=place.owner_url)
        self.store = EventStore(recorder, EventMapper())
        self.views = Views(self.store, VIEWS)
        self.units = Units(self.store, self.views)

    def close(self):
        self.views.close()
        self.store.close()

    def keep(self, name):
        work = self.units.open()
        work.heard = msgspec.structs.replace(HEARD, message_id=name, cause_id=name)
        OperationsUseCases(work).keep_fact(ACT, body='{"release_id": "1", "service_id": "1"}', about=About())
        self.units.commit(work)

    def numbered(self):
        return [(row["sequence"], row["message_id"]) for row in stream(self.views, after=0, types=(), limit=1000)]


@pytest.mark.timeout(60)
def test_two_replicas_that_keep_facts_at_once_number_them_alike_at_every_moment(place, monkeypatch):
    # What the board would make of these facts is of no interest here.
    monkeypatch.setattr("operations_service.views.CHANGES", {})
    with closing(Replica(place)) as one, closing(Replica(place)) as other, ThreadPoolExecutor(4) as pool:
        keeping = [
            pool.submit(lambda r=replica, w=word: [r.keep(f"{w}-{n}") for n in range(EACH)])
            for replica, word in ((one, "a"), (other, "b"))
        ]
        seen = [one.numbered(), other.numbered()]
        while not all(done.done() for done in keeping):
            seen += [one.numbered(), other.numbered()]
        for done in keeping:
            done.result()
        final = one.numbered()
        assert final == other.numbered()
        # A number that was shown once is never given to another fact, and none comes in before it.
        assert all(found == final[: len(found)] for found in seen)
        assert [number for number, _ in final] == list(range(1, 2 * EACH + 1))
        assert {name for _, name in final} == {f"{word}-{n}" for word in "ab" for n in range(EACH)}
        with closing(Views(one.store, VIEWS)) as made_anew:
            assert made_anew.find("facts", limit=1000) == one.views.find("facts", limit=1000)
