"""Stores a batch of appends in PostgreSQL in one transaction, and answers each of them alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from itertools import islice
from time import monotonic, sleep
from typing import Any, cast
from uuid import UUID

import structlog
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from fourgates.chassis.store.batching import Append, refuse
from fourgates.chassis.store.interface import Parked, Reply, StoreUnavailable
from fourgates.chassis.store.positions import before_of
from fourgates.chassis.store.postgres.connections import (
    FourgatesPostgresDatastore,
    OwnConnection,
    TimedConnection,
    Unreachable,
    lock_key,
)
from fourgates.chassis.store.texts import escaped

log = structlog.get_logger()

_RETRY_S = 0.1
_AWAY = (StoreUnavailable, OperationalError, InterfaceError)
# Of what the function that appends is given.
_ARRAYS = ("integer", "uuid", "bigint", "text", "bytea", "integer", "text", "bigint", "bigint")
_TYPES = (*(f"{kind}[]" for kind in _ARRAYS), "json", "json", "integer")
_STATEMENTS = {
    "lock": "SELECT pg_advisory_xact_lock({key})",
    "stored": "SELECT notification_id, originator_id, originator_version, topic, state FROM {events}"
    " WHERE (originator_id, originator_version) IN (SELECT * FROM unnest(%s::uuid[], %s::bigint[]))",
    "saved": "SELECT application_name, notification_id FROM {tracking} WHERE application_name = ANY(%s)",
    "kept": "SELECT * FROM {schema}.replies WHERE scope = ANY(%s)",
    "parked": "SELECT 1 FROM {schema}.parked WHERE (source, key, message_id, body, parked_at) = (%s, %s, %s, %s, %s)",
}


class Appends:
    """Writes batches. What comes too late is told apart by the server, what cannot be stored at all by halves."""

    def __init__(self, datastore: FourgatesPostgresDatastore, *, events: str, tracking: str) -> None:
        self._datastore = datastore
        self._connection = OwnConnection(datastore)
        names = {
            "schema": Identifier(datastore.schema),
            "events": Identifier(datastore.schema, events),
            "tracking": Identifier(datastore.schema, tracking),
            "key": Literal(lock_key("append", datastore.schema, events)),
        }
        self._sql: dict[str, Composed] = {name: SQL(text).format(**names) for name, text in _STATEMENTS.items()}
        self._sql["append"] = calling(datastore.schema, "%s")

    def write(self, batch: list[Append]) -> None:
        """Store a batch and answer every append in it.

        When the connection breaks, it looks what was stored before it tries again, as long as somebody waits.
        """
        until = max(append.until for append in batch)
        connected_until = monotonic() + self._datastore.limits.pool_wait_s
        while left := [append for append in batch if not append.is_answered]:
            try:
                self._settle(left)
            except _AWAY as error:
                limit = until if any(append.unclear for append in left) else connected_until
                clear_cut = isinstance(error, StoreUnavailable) and not isinstance(error, Unreachable)
                if monotonic() >= limit or (limit is connected_until and clear_cut):
                    refuse(left, error)
                    return
                with suppress(Exception):  # A log on a full disk must not spoil what can still be stored.
                    log.warning("an append is tried again", schema=self._datastore.schema, error=type(error).__name__)
                sleep(_RETRY_S)

    def close(self) -> None:
        """Close the connection. Nothing must be written any more."""
        self._connection.close()

    def _settle(self, batch: list[Append]) -> None:
        """Answer a batch, in as few transactions as it takes."""
        unclear = [append for append in batch if append.unclear]
        if unclear:
            self._read_back(unclear)
        taken = _Taken()
        parts = [[append for append in batch if not append.is_answered]]
        while parts:
            part, later = apart(taken.without_the_late(parts.pop()))
            if part:
                parts += self._try(part, later)
                taken.add(part)

    def _try(self, part: list[Append], later: list[Append]) -> list[list[Append]]:
        """Store a part, and return what is left to try, the next one last."""
        try:
            self._store(part, later)
        except (OperationalError, InterfaceError):
            for append in part:
                append.unclear = True
            raise
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the others go on
            if later:
                return [later, part]
            if len(part) > 1:
                half = len(part) // 2
                return [part[half:], part[:half]]
            part[0].answer.set_exception(error)
        return [[append for append in later if not append.is_answered]]

    def _store(self, part: list[Append], later: list[Append]) -> None:
        """Store a part in one transaction, but for those that come too late, who are told; also those of `later`."""
        with self._connection.use() as conn:
            cursor = conn.cursor(row_factory=tuple_row)
            [(stored, late)] = cursor.execute(self._sql["append"], arguments(part, later))
        tell(part, later, stored or (), late)

    def _read_back(self, unclear: list[Append]) -> None:
        """Answer those that were stored after all. When this returns, the others were certainly not."""
        events = [event for append in unclear for event in append.events]
        names = [name for append in unclear for name in append.positions]
        scopes = [append.reply.scope for append in unclear if append.reply is not None]
        keys = ([e.originator_id for e in events], [e.originator_version for e in events])
        with self._connection.use() as conn, conn.transaction():
            # A transaction that was lost holds the lock until it has ended, whichever way.
            conn.execute(self._sql["lock"])
            found = _Found(
                {_key(row): row for row in conn.execute(self._sql["stored"], keys)},
                {row["application_name"]: row["notification_id"] for row in conn.execute(self._sql["saved"], (names,))},
                {row["scope"]: reply_of(row) for row in conn.execute(self._sql["kept"], (scopes,))},
            )
            stored = [append for append in unclear if found.holds(append) and self._is_parked(conn, append.parked)]
        for append in unclear:
            append.unclear = False
        for append in stored:
            append.answer.set_result(found.positions_of(append))

    def _is_parked(self, conn: TimedConnection, parked: Parked | None) -> bool:
        """Tell whether what an append parked is there, if it parked anything."""
        if parked is None:
            return True
        same = (escaped(parked.source), escaped(parked.key), escaped(parked.message_id), parked.body, parked.parked_at)
        return conn.execute(self._sql["parked"], same).fetchone() is not None


class _Found:
    """What the database holds of some appends."""

    def __init__(self, stored: dict[tuple[UUID, int], DictRow], saved: dict[str, int], kept: dict[str, Reply]) -> None:
        self._stored = stored
        self._saved = saved
        self._kept = kept

    def positions_of(self, append: Append) -> list[int]:
        return [self._stored[_event_key(event)]["notification_id"] for event in append.events]

    def holds(self, append: Append) -> bool:
        """Tell whether exactly this is stored."""
        for event in append.events:
            row = self._stored.get(_event_key(event))
            if row is None or (row["topic"], bytes(row["state"])) != (event.topic, bytes(event.state)):
                return False
        if any(self._saved.get(name, -1) < position for name, position in append.positions.items()):
            return False
        if append.reply is not None and self._kept.get(append.reply.scope) != append.reply:
            return False
        if append.events or append.reply or append.parked:
            return True
        # With nothing but positions, a greater one was saved by someone else.
        return all(self._saved.get(name) == position for name, position in append.positions.items())


class _Taken:
    """What a batch has stored so far. Whoever wants the same comes too late, and is told so without asking again."""

    def __init__(self) -> None:
        self._keys: set[object] = set()
        self._saved: dict[str, int] = {}

    def add(self, part: list[Append]) -> None:
        for append in part:
            if append.is_answered and append.answer.exception() is None:
                self._keys.update(_keys(append))
                self._saved.update(append.positions)

    def without_the_late(self, part: list[Append]) -> list[Append]:
        """Tell those who come too late, and return the others."""
        late = [append for append in part if self._is_late(append)] if self._keys or self._saved else []
        for append in late:
            append.answer.set_exception(IntegrityError(f"someone was first: {append}"))
        return [append for append in part if not append.is_answered] if late else part

    def _is_late(self, append: Append) -> bool:
        saved = any(self._saved.get(name, -1) > before_of(position) for name, position in append.positions.items())
        return saved or not self._keys.isdisjoint(_keys(append))


def calling(schema: str, place: str) -> Composed:
    """Return the statement that appends; the place of each of its arguments is written so, `{}` being its number."""
    given = ", ".join(f"{place.format(number)}::{kind}" for number, kind in enumerate(_TYPES, start=1))
    return SQL(f"SELECT stored, late FROM {{schema}}.append_together({given})").format(schema=Identifier(schema))


def tell(part: list[Append], later: list[Append], stored: Sequence[int], late: Sequence[int]) -> None:
    """Answer those that were stored, by the positions of their events, and those that came too late, by number."""
    refused = set(late)
    positions = iter(stored)
    for number, append in enumerate([*part, *later]):
        if number in refused:
            append.answer.set_exception(IntegrityError(f"someone was first: {append}"))
        elif number < len(part):
            append.answer.set_result(list(islice(positions, len(append.events))))


def _keys(append: Append) -> list[object]:
    """Return what only one append can have."""
    keys: list[object] = [_event_key(event) for event in append.events]
    if append.reply is not None:
        keys.append((append.reply.scope,))
    return keys


def apart(batch: list[Append]) -> tuple[list[Append], list[Append]]:
    """Return those that have nothing in common, and those that must wait to see how an earlier one fares."""
    wanted: set[object] = set()
    first: list[Append] = []
    later: list[Append] = []
    for append in batch:
        keys = [*_keys(append), *append.positions]
        # The same twice in one append is a mistake of its own, and for the server to tell.
        if wanted.isdisjoint(keys):
            first.append(append)
            wanted.update(keys)
        else:
            later.append(append)
    return first, later


def arguments(part: list[Append], later: list[Append]) -> Sequence[str | int | None]:
    """Return what the function is given. Arrays are written here: the driver takes four times as long for a batch."""
    given = [*part, *later]
    numbered = list(enumerate(given))
    events = [event for append in given for event in append.events]
    return (
        _numbers([number for number, append in numbered for _ in append.events]),
        _plain([cast("UUID", event.originator_id).hex for event in events]),
        _numbers([event.originator_version for event in events]),
        _texts([event.topic for event in events]),
        _plain(["\\\\x" + event.state.hex() for event in events]),
        _numbers([number for number, append in numbered for _ in append.positions]),
        _texts([name for append in part for name in append.positions]),
        _numbers([position for append in given for position in append.positions.values()]),
        _numbers([before_of(position) for append in given for position in append.positions.values()]),
        _json([_reply_row(number, append.reply) for number, append in numbered if append.reply is not None]),
        _json([_parked_row(number, append.parked) for number, append in numbered if append.parked is not None]),
        len(part),
    )


def _plain(words: list[str]) -> str:
    """Return an array of words in which nothing has a meaning of its own."""
    return "{" + ",".join(words) + "}"


def _numbers(numbers: list[int]) -> str:
    return _plain([str(number) for number in numbers])


def _texts(texts: list[str]) -> str:
    """Return an array of any texts."""
    return _plain(['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts])


def _json(rows: list[dict[str, Any]]) -> str | None:
    return json.dumps(rows) if rows else None


def _event_key(event: Any) -> tuple[UUID, int]:
    return (event.originator_id, event.originator_version)


def _key(row: DictRow) -> tuple[UUID, int]:
    return (row["originator_id"], row["originator_version"])


def reply_of(row: DictRow) -> Reply:
    """Return the reply of a row."""
    return Reply(
        scope=row["scope"],
        fingerprint=row["fingerprint"],
        status=row["status"],
        headers=json.loads(row["headers"]),
        body=bytes(row["body"]),
        kept_at=row["kept_at"].astimezone(UTC),
        expires_at=row["expires_at"].astimezone(UTC),
    )


def _reply_row(number: int, reply: Reply) -> dict[str, Any]:
    return {
        "append": number,
        "scope": reply.scope,
        "fingerprint": reply.fingerprint,
        "status": reply.status,
        "headers": json.dumps(dict(reply.headers)),
        "body": f"\\x{reply.body.hex()}",
        "kept_at": reply.kept_at.isoformat(),
        "expires_at": reply.expires_at.isoformat(),
    }


def _parked_row(number: int, parked: Parked) -> dict[str, Any]:
    return {
        "append": number,
        "source": escaped(parked.source),
        "key": escaped(parked.key),
        "message_id": escaped(parked.message_id),
        "headers": json.dumps(dict(parked.headers)),
        "body": f"\\x{parked.body.hex()}",
        "reason": escaped(parked.reason),
        "parked_at": parked.parked_at.isoformat(),
    }
