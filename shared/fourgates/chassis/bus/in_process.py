"""The embedded bus: one SQLite file as a small broker, so that nothing is lost when the process ends."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from fourgates.chassis.bus.interface import Message

_TABLES = (
    """CREATE TABLE IF NOT EXISTS messages (place INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL,
       key TEXT NOT NULL, shard INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS committed (consumer_group TEXT NOT NULL, topic TEXT NOT NULL, place INTEGER NOT NULL,
       PRIMARY KEY (consumer_group, topic)) WITHOUT ROWID""",
)
_encode = msgspec.json.Encoder().encode
# Messages that every group has handled are deleted in steps of this many, so that the file stays small.
_SWEEP_EVERY = 1000


class InProcessBus:
    """A bus between the threads of one process; durable with a path, in memory without."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        for table in _TABLES:
            self._connection.execute(table)
        self._lock = threading.RLock()
        # The last place of each topic, and those who wait for more of it: nobody else is woken.
        self._heads = dict(self._connection.execute("SELECT topic, MAX(place) FROM messages GROUP BY topic"))
        self._waiting: dict[str, list[threading.Condition]] = {}
        self._published = 0
        # Up to where each topic was swept.
        self._swept: dict[str, int] = {}

    def publisher(self) -> _Publisher:
        """Return a publisher."""
        return _Publisher(self)

    def consumer(self, group: str, topics: Sequence[str]) -> _Consumer:
        """Return a consumer of topics for a group, beginning behind what the group committed."""
        return _Consumer(self, group, tuple(topics))

    def append(self, messages: Sequence[Message]) -> None:
        """Keep messages durably and wake the consumers."""
        rows = [(m.topic, m.key, m.shard, _written(m.headers), m.body) for m in messages]
        with self._lock:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "INSERT INTO messages (topic, key, shard, headers, body) VALUES (?,?,?,?,?)", rows
                )
                [(head,)] = self._connection.execute("SELECT last_insert_rowid()")
            self._published += len(rows)
            if self._published >= _SWEEP_EVERY:
                self._published = 0
                self._sweep()
            for topic in {m.topic for m in messages}:
                self._heads[topic] = head
                self._notify(topic)

    def join(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        """Make a group known, and return the place behind which it continues in each topic."""
        with self._lock, self._connection:
            for topic in topics:
                self._connection.execute("INSERT OR IGNORE INTO committed VALUES (?,?,0)", (group, topic))
            found = self._connection.execute(
                "SELECT topic, place FROM committed WHERE consumer_group = ?", (group,)
            ).fetchall()
        return {topic: place for topic, place in found if topic in topics}

    def read(self, places: dict[str, int], timeout_s: float, limit: int) -> list[Message]:
        """Return messages behind the given places in the order of arrival, waiting at most the timeout."""
        arrived = threading.Condition(self._lock)
        with arrived:
            found = self._select(places, limit)
            if not found and timeout_s > 0:
                for topic in places:
                    self._waiting.setdefault(topic, []).append(arrived)
                arrived.wait(timeout_s)
                for topic in places:
                    self._waiting[topic].remove(arrived)
                found = self._select(places, limit)
        return found

    def remember(self, group: str, places: dict[str, int]) -> None:
        """Save how far a group has come. That is not flushed: after a power cut some is delivered again."""
        with self._lock:
            self._connection.execute("PRAGMA synchronous=NORMAL")
            try:
                with self._connection:
                    self._connection.executemany(
                        "UPDATE committed SET place = ? WHERE consumer_group = ? AND topic = ? AND place < ?",
                        [(place, group, topic, place) for topic, place in places.items()],
                    )
            finally:
                self._connection.execute("PRAGMA synchronous=FULL")

    def wake(self) -> None:
        """Wake consumers that wait."""
        with self._lock:
            for topic in self._waiting:
                self._notify(topic)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _notify(self, topic: str) -> None:
        for arrived in self._waiting.get(topic, ()):
            arrived.notify()

    def _select(self, places: dict[str, int], limit: int) -> list[Message]:
        if all(self._heads.get(topic, 0) <= place for topic, place in places.items()):
            return []
        condition = " OR ".join("(topic = ? AND place > ?)" for _ in places)
        values = [value for pair in places.items() for value in pair]
        rows = self._connection.execute(
            f"SELECT place, topic, key, shard, headers, body FROM messages WHERE {condition} ORDER BY place LIMIT ?",
            (*values, limit),
        ).fetchall()
        return [
            Message(topic=topic, key=key, shard=shard, headers=_read(headers), body=body, offset=place)
            for place, topic, key, shard, headers, body in rows
        ]

    def _sweep(self) -> None:
        """Delete what every group that listens to a topic has handled; keep topics that nobody listens to yet.

        It begins where it ended before: what is kept may be much, and this comes often.
        """
        found = self._connection.execute("SELECT topic, MIN(place) FROM committed GROUP BY topic").fetchall()
        handled = {topic: place for topic, place in found if place > self._swept.get(topic, 0)}
        if not handled:
            return
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "DELETE FROM messages WHERE place > ? AND place <= ? AND topic = ?",
                [(self._swept.get(topic, 0), place, topic) for topic, place in handled.items()],
            )
        self._swept |= handled


def _written(headers: Mapping[str, str]) -> bytes:
    try:
        return _encode(headers)
    except UnicodeEncodeError:
        # Half of a character, which only the slower one writes: what anyone sends must arrive as it was.
        return json.dumps(dict(headers)).encode()


def _read(headers: bytes) -> dict[str, str]:
    try:
        return msgspec.json.decode(headers, type=dict[str, str])
    except msgspec.DecodeError:
        found: dict[str, str] = json.loads(headers)
        return found


def _kept() -> None:
    """Wait for nothing: all is kept already."""


class _Publisher:
    def __init__(self, bus: InProcessBus) -> None:
        self._bus = bus

    def publish(self, messages: Sequence[Message]) -> None:
        self._bus.append(messages)

    def begin(self, messages: Sequence[Message]) -> Callable[[], None]:
        self._bus.append(messages)
        return _kept

    def close(self) -> None:
        """Nothing is held."""


class _Consumer:
    def __init__(self, bus: InProcessBus, group: str, topics: tuple[str, ...]) -> None:
        self._bus = bus
        self._group = group
        self._places = bus.join(group, topics)

    def poll(self, timeout_s: float, limit: int) -> list[Message]:
        polled = self._bus.read(self._places, timeout_s, limit)
        for message in polled:
            self._places[message.topic] = message.offset
        return polled

    def commit(self) -> None:
        self._bus.remember(self._group, self._places)

    def close(self) -> None:
        """Nothing is held."""
