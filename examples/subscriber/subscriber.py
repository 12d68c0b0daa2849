"""Keeps the history of every release in one SQLite file: each event once, in order, whatever is killed meanwhile.

    python subscriber.py --bootstrap localhost:9092 --file history.sqlite

Copy it, and put your own effect in the place of `History._effect`. It needs kafka-python (with crc32c, it is faster).
README.md says what it does when something is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import FencedInstanceIdError, KafkaConfigurationError, KafkaError

TOPICS = r"^fourgates\.[a-z]+\.events\.v1$"
POLL_S = 1.0  # Also the longest time until a request to end is seen, if there is nothing to do.
BATCH_MAX = 500  # Messages in one transaction.
BUSY_S = 30.0  # Longest wait for another instance that writes to the same file.
RETRY_S = 1.0  # Pause before everything is tried anew.
CLOSE_S = 3.0
EVENT_BYTES_MAX = 4_194_304
NUMBER_MAX = 2**63 - 1
DONE, FAILED, MISUSED, GAP = 0, 1, 2, 3

# Every wait has a limit; nothing is committed before its effect is durable; nothing is made on the broker.
CLIENT: Mapping[str, Any] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",  # A new group begins with the oldest event that is kept.
    "allow_auto_create_topics": False,
    "max_poll_records": BATCH_MAX,
    "max_partition_fetch_bytes": EVENT_BYTES_MAX,
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 1_000,
    "metadata_max_age_ms": 30_000,
    "session_timeout_ms": 10_000,  # The partitions of an instance that died go to another one after this.
    "heartbeat_interval_ms": 3_000,
    "max_poll_interval_ms": 120_000,
}

TABLES = """
CREATE TABLE IF NOT EXISTS history (
    place INTEGER PRIMARY KEY AUTOINCREMENT, release_id TEXT, at TEXT NOT NULL, type TEXT NOT NULL,
    subject TEXT NOT NULL, by TEXT NOT NULL, data TEXT NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS history_of_release ON history (release_id, place);
CREATE TABLE IF NOT EXISTS seen (source TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (source, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
    source TEXT NOT NULL, shard INTEGER NOT NULL, pos INTEGER NOT NULL, PRIMARY KEY (source, shard)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps (
    source TEXT NOT NULL, shard INTEGER NOT NULL, after INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (source, shard, after)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unreadable (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, place INTEGER NOT NULL, reason TEXT NOT NULL,
    headers TEXT NOT NULL, body BLOB, PRIMARY KEY (topic, partition, place)) WITHOUT ROWID;
"""


class NotReadable(Exception):
    """A message that is no event; the text says why."""


class GapFound(Exception):
    """An event is missing before this one."""


@dataclass(frozen=True)
class Event:
    """A CloudEvent: its attributes by their names without `ce_`, and its data."""

    attributes: Mapping[str, str]
    data: Mapping[str, Any]

    def number(self, name: str) -> int | None:
        """Return an attribute that is a whole number, or None."""
        text = self.attributes.get(name, "")
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(NUMBER_MAX))
        return int(text) if is_number and int(text) <= NUMBER_MAX else None

    @property
    def release_id(self) -> str | None:
        """The release that the event is about, if it names one."""
        value = self.data.get("release_id")
        return value if isinstance(value, str) else None


def read(message: Any) -> Event:
    """Return the event of a message. Raises `NotReadable`.

    Headers and fields that nobody here knows are no fault, and neither are types: a reader must bear what is added.
    """
    try:
        headers = {name.lower(): (value or b"").decode() for name, value in message.headers}
        body = json.loads(message.value or b"")
        json.dumps(body, ensure_ascii=False).encode()  # JSON can spell what no database can keep: half a character.
    except (ValueError, RecursionError) as error:
        raise NotReadable(f"no UTF-8, or no JSON: {error}") from error
    if not isinstance(body, dict):
        raise NotReadable("the body is no JSON object")
    if headers.get("content-type", "").lower().startswith("application/cloudevents"):
        # Structured mode: the attributes stand in the body. Our services send binary mode only.
        attributes = {name: value for name, value in body.items() if isinstance(value, str)}
        body = body["data"] if isinstance(body.get("data"), dict) else {}
    else:
        attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
    missing = [name for name in ("id", "source", "type") if not attributes.get(name)]
    if missing:
        raise NotReadable(f"without {' and '.join(missing)}")
    return Event(attributes, body)


class History:
    """The file. Several instances may write to it at the same time."""

    def __init__(self, path: str, *, pass_gaps: bool) -> None:
        self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # What is committed survives the end of the machine, too.
        self._db.executescript(TABLES)
        self._pass_gaps = pass_gaps

    def keep(self, messages: Iterable[Any]) -> int:
        """Keep what is new of a batch, in one transaction: afterwards all of it is durable, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            return sum(self._keep(message) for message in messages)

    def close(self) -> None:
        self._db.close()

    def _keep(self, message: Any) -> bool:
        try:
            event = read(message)
        except NotReadable as error:
            self._put_aside(message, str(error))
            return False
        self._look_for_gap(event)
        a = event.attributes
        # What was seen and what came of it are in one transaction: a message that comes again has no effect.
        if not self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (a["source"], a["id"])).rowcount:
            return False
        self._effect(event)
        return True

    def _effect(self, event: Event) -> None:
        """Do what this subscriber is for."""
        a = event.attributes
        self._db.execute(
            "INSERT INTO history (release_id, at, type, subject, by, data, source, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event.release_id,
                a.get("time", ""),
                a["type"],
                a.get("subject", ""),
                a.get("onbehalfof", ""),
                json.dumps(event.data),
                a["source"],
                a["id"],
            ),
        )

    def _look_for_gap(self, event: Event) -> None:
        """Compare the event with the one before it in its shard. Raises `GapFound` when there is one in between."""
        source, shard, pos, prev = event.attributes["source"], *map(event.number, ("shard", "pos", "prev"))
        if shard is None or pos is None or prev is None:
            return
        found = self._db.execute("SELECT pos FROM positions WHERE source = ? AND shard = ?", (source, shard)).fetchone()
        # A shard that is new here may begin anywhere: older events than Kafka keeps stand in the stream.
        known = found[0] if found else prev
        if prev > known:
            if not self._pass_gaps:
                raise GapFound(f"{source}, shard {shard}: nothing came between {known} and {pos}, which follows {prev}")
            self._db.execute("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?, ?)", (source, shard, known, pos))
        self._db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (source, shard, max(known, pos)))

    def _put_aside(self, message: Any, reason: str) -> None:
        """Keep what is no event for a person to look at: it must neither stop the others nor be lost."""
        headers = json.dumps(
            [(name, (value or b"").decode(errors="backslashreplace")) for name, value in message.headers]
        )
        row = (message.topic, message.partition, message.offset, reason, headers, message.value)
        self._db.execute("INSERT OR IGNORE INTO unreadable VALUES (?, ?, ?, ?, ?, ?)", row)
        say(f"put aside: {message.topic}, partition {message.partition}, offset {message.offset}: {reason}")


class Subscriber:
    """Reads until it is asked to end, and begins anew after every failure of the broker or the file."""

    def __init__(self, told: argparse.Namespace, options: Mapping[str, Any]) -> None:
        self._told = told
        self._options = {**CLIENT, **options}
        self._ending = False
        self._mine: set[TopicPartition] = set()

    def end(self, *_: object) -> None:
        """Let it end after the batch that it is in."""
        self._ending = True

    def run(self) -> None:
        """Read until asked to end. Raises `GapFound`, and what waiting does not cure."""
        while not self._ending:
            try:
                self._read_on()
            except (FencedInstanceIdError, KafkaConfigurationError):
                raise
            except (KafkaError, sqlite3.OperationalError) as error:
                # Nothing of the batch is committed on the broker: it will come again, and what was seen is passed over.
                say(f"again in {RETRY_S} s, after {type(error).__name__}: {error}")
                time.sleep(RETRY_S)

    def _read_on(self) -> None:
        history = History(self._told.file, pass_gaps=self._told.pass_gaps)
        try:
            consumer = KafkaConsumer(
                bootstrap_servers=self._told.bootstrap.split(","),
                group_id=self._told.group,
                group_instance_id=self._told.instance,
                **self._options,
            )
            try:
                consumer.subscribe(pattern=self._told.topics)
                while not self._ending:
                    self._take(consumer, history)
            finally:
                consumer.close(autocommit=False, timeout_ms=int(CLOSE_S * 1000))
        finally:
            history.close()

    def _take(self, consumer: KafkaConsumer, history: History) -> None:
        found = consumer.poll(timeout_ms=int(POLL_S * 1000))
        if consumer.assignment() != self._mine:
            self._mine = consumer.assignment()
            say(f"reads {len(self._mine)} partitions")
        if not found:
            return
        kept = history.keep(message for messages in found.values() for message in messages)
        # Only now. Whoever commits first loses what was in his hands when he was killed.
        consumer.commit(timeout_ms=self._options["request_timeout_ms"])
        say(f"kept {kept} of {sum(map(len, found.values()))}")


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(description="Keep the history of every release in one SQLite file.")
    parser.add_argument("--bootstrap", required=True, help="the brokers that are asked first: host:port,host:port")
    parser.add_argument("--file", required=True, help="the SQLite file")
    parser.add_argument(
        "--group", default="example.release-history", help="consumer group; instances of one share work"
    )
    parser.add_argument("--instance", help="a name that lasts: started again, it has its partitions back at once")
    parser.add_argument("--topics", default=TOPICS, help="the topics, as a regular expression")
    parser.add_argument("--pass-gaps", action="store_true", help="note in the file what is missing, and go on")
    told = parser.parse_args()
    try:
        # In the environment, because passwords stand in it and every user of the machine can read a command line.
        options = dict(json.loads(os.environ.get("KAFKA_OPTIONS") or "{}"))
    except (TypeError, ValueError):
        parser.error('KAFKA_OPTIONS must be a JSON object, such as {"security_protocol": "SASL_SSL"}')
    subscriber = Subscriber(told, options)
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, subscriber.end)
    try:
        subscriber.run()
    except GapFound as gap:
        say(f"stopped, an event is missing: {gap}. README.md says what to do.")
        return GAP
    except FencedInstanceIdError:
        say("stopped: another process has the same --instance.")
        return FAILED
    except KafkaConfigurationError as error:
        say(f"stopped, wrong options: {error}")
        return MISUSED
    say("ended")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
