"""The event library's own cases for its recorders, on ours."""

from __future__ import annotations

import pytest
from eventsourcing.tests import persistence as library
from fourgates.chassis.store import open_sqlite_recorder
from fourgates.chassis.store.grouped_sqlite import GroupCommitSQLiteRecorder
from fourgates.chassis.store.postgres import FourgatesPostgresRecorder, open_postgres_recorder
from fourgates.chassis.store.postgres.group import GroupCommitPostgresRecorder
from fourgates.chassis.store.sqlite import FourgatesSQLiteRecorder


class OnSQLite:
    kind = FourgatesSQLiteRecorder

    @pytest.fixture(autouse=True)
    def _given(self, tmp_path):
        self._recorder = open_sqlite_recorder(tmp_path / "events.sqlite", kind=self.kind)
        yield
        self._recorder.close()

    def create_recorder(self):
        return self._recorder


class OnPostgres:
    kind = FourgatesPostgresRecorder

    @pytest.fixture(autouse=True)
    def _given(self, place):
        self._recorder = open_postgres_recorder(
            place.service_url, schema=place.schema, owner_url=place.owner_url, kind=self.kind
        )
        yield
        self._recorder.close()

    def create_recorder(self):
        return self._recorder


class TestLogOnSQLite(OnSQLite, library.ApplicationRecorderTestCase):
    pass


class TestLogOnPostgres(OnPostgres, library.ApplicationRecorderTestCase):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestPositionsOnSQLite(OnSQLite, library.TrackingRecorderTestCase):
    pass


class TestPositionsOnPostgres(OnPostgres, library.TrackingRecorderTestCase):
    pass


class TestBothOnSQLite(OnSQLite, library.ProcessRecorderTestCase):
    pass


class TestBothOnPostgres(OnPostgres, library.ProcessRecorderTestCase):
    pass


class TestOrderOnSQLite(OnSQLite, library.NonInterleavingNotificationIDsBaseCase):
    pass


class TestOrderOnPostgres(OnPostgres, library.NonInterleavingNotificationIDsBaseCase):
    pass


class TestLogInGroupsOnSQLite(TestLogOnSQLite):
    kind = GroupCommitSQLiteRecorder


class TestLogInGroupsOnPostgres(TestLogOnPostgres):
    kind = GroupCommitPostgresRecorder


class TestPositionsInGroupsOnSQLite(TestPositionsOnSQLite):
    kind = GroupCommitSQLiteRecorder


class TestPositionsInGroupsOnPostgres(TestPositionsOnPostgres):
    kind = GroupCommitPostgresRecorder


class TestBothInGroupsOnSQLite(TestBothOnSQLite):
    kind = GroupCommitSQLiteRecorder


class TestBothInGroupsOnPostgres(TestBothOnPostgres):
    kind = GroupCommitPostgresRecorder


class TestOrderInGroupsOnSQLite(TestOrderOnSQLite):
    kind = GroupCommitSQLiteRecorder


class TestOrderInGroupsOnPostgres(TestOrderOnPostgres):
    kind = GroupCommitPostgresRecorder
