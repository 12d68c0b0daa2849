"""One Kafka for the tests of a process, and the buses on it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.testing.kafka import given_kafka, running_kafka
from fourgates.chassis.testing.lacking import named_when_lacking


@pytest.fixture(scope="session")
def own_kafka(tmp_path_factory):
    """A broker that a test may stop and kill, if it starts it again."""
    with named_when_lacking(), running_kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def bootstrap(request):
    return given_kafka() or request.getfixturevalue("own_kafka").bootstrap


@pytest.fixture
def kafka_bus(bootstrap):
    return KafkaBus(bootstrap)


@pytest.fixture(params=["file", "memory", "kafka"])
def bus(request, tmp_path):
    if request.param == "kafka":
        opened = request.getfixturevalue("kafka_bus")
    else:
        opened = InProcessBus(tmp_path / "bus.sqlite" if request.param == "file" else None)
    yield opened
    opened.close()


@pytest.fixture
def topic():
    return f"t.{uuid4().hex}"


@pytest.fixture
def group():
    return f"g.{uuid4().hex}"
