"""The event library's own cases for its recorders, on ours and on its own, which stays usable on the same tables."""

from __future__ import annotations

import pytest
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from eventsourcing.sqlite import SQLiteDatastore, SQLiteProcessRecorder
from eventsourcing.tests import persistence as library
from fourgates.chassis.store import open_sqlite_recorder
from fourgates.chassis.store.postgres import create_tables, open_postgres_recorder
from psycopg.conninfo import conninfo_to_dict


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


class StockOnSQLite:
    @pytest.fixture(autouse=True)
    def _given(self, tmp_path):
        self._datastore = SQLiteDatastore(f"file:{tmp_path / 'stock.sqlite'}")
        yield
        self._datastore.close()

    def create_recorder(self):
        recorder = SQLiteProcessRecorder(self._datastore)
        recorder.create_table()
        return recorder


class StockOnPostgres:
    """On our tables, as their owner: the library's recorder locks the table."""

    @pytest.fixture(autouse=True)
    def _given(self, place):
        create_tables(place.owner_url, place.schema)
        given = conninfo_to_dict(place.owner_url)
        names = {name: given[name] for name in ("host", "port", "user", "password")}
        self._datastore = PostgresDatastore(given["dbname"], **names, schema=place.schema)
        yield
        self._datastore.close()

    def create_recorder(self):
        return PostgresProcessRecorder(self._datastore)


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


class TestBothOnStockSQLite(StockOnSQLite, library.ProcessRecorderTestCase):
    pass


class TestBothOnStockPostgres(StockOnPostgres, library.ProcessRecorderTestCase):
    pass


class TestOrderOnStockPostgres(StockOnPostgres, library.NonInterleavingNotificationIDsBaseCase):
    pass
