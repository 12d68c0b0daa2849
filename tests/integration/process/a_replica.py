"""One replica of a listener as a process, which a test can pause: `a_replica <brokers> <name> <url> <schema>`."""

from __future__ import annotations

import sys
import threading

from fourgates.chassis.bus.kafka import KafkaBus, KafkaLimits
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.testing.messages import TwoServices

# Thrown out of the group soon after it was last heard.
LIMITS = KafkaLimits(session_timeout_s=2.0, heartbeat_s=0.3)


def main(bootstrap: str, name: str, url: str, schema: str) -> None:
    """Handle messages until the process is killed."""
    heard = EventStore(open_postgres_recorder(url, schema=schema), EventMapper())
    nothing = EventStore(open_sqlite_recorder(None), EventMapper())
    # Whether it begins late, the store knows.
    two = TwoServices(KafkaBus(bootstrap, limits=LIMITS), name=name, stores=(nothing, heard), late=True)
    two.run(two.a_replica())
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
