"""Today's code reads what earlier releases wrote: every kept history loads, folds, and is written again as it was."""

from __future__ import annotations

import importlib
import json
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from fourgates.chassis.store import EventMapper

from tests.histories.folding import KEPT, state_of


@pytest.mark.parametrize("file", KEPT, ids=lambda f: f"{f.parent.name}.{f.stem}")
def test_a_kept_history_is_read_and_folded(file):
    importlib.import_module(f"{file.parent.name}_service.domain")
    mapper, aggregate, rows = EventMapper(), None, []
    for kept in json.loads(file.read_text(encoding="utf-8")):
        stored = StoredEvent(
            originator_id=UUID(kept["originator_id"]),
            originator_version=kept["version"],
            topic=kept["topic"],
            state=json.dumps(kept["state"]).encode(),
        )
        happened = mapper.to_domain_event(stored)
        aggregate = happened.mutate(aggregate)
        # As the store does it, without making the event.
        rows.append((stored.originator_version, stored.topic, stored.state))
        folded = mapper.folded(stored.originator_id, rows)
        assert state_of(folded) == state_of(aggregate)
        assert folded == aggregate
        again = json.loads(mapper.to_stored_event(happened).state)
        # Fields may have been added since; what was there must still be said, and the same.
        assert {name: again[name] for name in kept["state"]} == kept["state"]
    assert aggregate is not None
    assert aggregate.version == kept["version"]


def test_every_service_has_kept_histories():
    assert {f.parent.name for f in KEPT} == {"change", "release", "dml", "deploy", "review", "operations"}
