"""The event library's own cases for its recorders, on ours."""

from __future__ import annotations

import pytest
from eventsourcing.tests import persistence as library
from fourgates.chassis.store import open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder


class OnSQLite:
    @pytest.fixture(autouse=True)
    def _given(self, tmp_path):
        self._recorder = open_sqlite_recorder(tmp_path / "events.sqlite")
        yield
        self._recorder.close()

    def create_recorder(self):
        return self._recorder


class OnPostgres:
    @pytest.fixture(autouse=True)
    def _given(self, place):
        self._recorder = open_postgres_recorder(place.service_url, schema=place.schema, owner_url=place.owner_url)
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
