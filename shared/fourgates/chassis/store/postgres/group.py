"""The PostgreSQL recorder that stores by group commit."""

from __future__ import annotations

from typing import Any

from fourgates.chassis.store.batching import Append, GroupCommit, QueueLimits
from fourgates.chassis.store.postgres.appends import Appends
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore
from fourgates.chassis.store.postgres.recorder import FourgatesPostgresRecorder


class GroupCommitPostgresRecorder(GroupCommit, FourgatesPostgresRecorder):
    """Stores what callers append at the same time in one transaction. The tables stay those of the library."""

    def __init__(
        self, datastore: FourgatesPostgresDatastore, *, queue: QueueLimits | None = None, **names: Any
    ) -> None:
        limits = queue or QueueLimits(wait_s=datastore.limits.append_s)
        super().__init__(datastore, limits=limits, **names)
        self._appends = Appends(
            self.datastore,
            events=self.events_table_name,
            tracking=self.tracking_table_name,
        )

    def writes_to(self) -> str:
        """Return the channel, which is named after schema and table."""
        return self.channel_name

    def write(self, batch: list[Append]) -> None:
        """Store a batch in one transaction, and answer every append in it."""
        self._appends.write(batch)

    def close(self) -> None:
        """Store what waits, and close all connections."""
        super().close()
        self._appends.close()
