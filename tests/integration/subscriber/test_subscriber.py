"""The example subscriber on the real Kafka: killed, shared, given twice and given nonsense."""

from __future__ import annotations

import random
import socket
import sqlite3
import threading
from dataclasses import replace

import pytest
from fourgates.chassis.testing.messages import eventually

ALONE, SHARED = 11, 4
ROUNDS = 3
REMEMBER = """
seen = set()

def remember(*place):
    is_new = place not in seen
    seen.add(place)
    return is_new

"""
STRUCTURED = b"""{"specversion": "1.0", "id": "structured", "source": "/fourgates/release", "type": "a.b.v1",
 "time": "2026-03-02T09:30:00Z", "data": {"release_id": "r"}}"""


def test_a_subscriber_killed_at_random_sees_every_event_once_and_in_order(
    kit, subscribers, releases, services, record_property
):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(ALONE):
        before = subscribers.count()
        subscribers.start("one", "--instance", "one")
        publish(releases, services)
        chance.choice((kill_early, kill_at_work, kill_in_effect))(chance, subscribers, "one", before)
    for number in range(SHARED):
        for name in {"left", "right"} - set(subscribers.running):
            subscribers.start(name)
        before = subscribers.count()
        publish(releases, services)
        kill_at_work(chance, subscribers, ("left", "right")[number % 2], before)
    subscribers.start("right")
    publish_again(chance, releases, services)
    # Behind everything that came twice.
    publish(releases, services)
    expected = kit.published(releases, services)
    total = sum(map(len, expected.values()))
    assert eventually(lambda: subscribers.count() >= total), subscribers.said("left") + subscribers.said("right")
    assert [subscribers.end(name) for name in ("left", "right")] == [0, 0]
    assert subscribers.histories() == expected
    assert all("kept" in subscribers.said(name) for name in ("one", "left", "right"))
    record_property("told", f"subscriber: {total} events, {ALONE + SHARED} kills, seed {seed}")


def publish(*publishing):
    for _ in range(ROUNDS):
        for one in publishing:
            one.go_on()


def publish_again(chance, *publishing):
    for one in publishing:
        messages = one.messages()
        place = chance.randrange(len(messages))
        one.send(messages[place : place + 200])


def kill_early(chance, subscribers, name, before):
    """Kill it while it starts, joins, or has just begun."""
    _pause(chance.uniform(0, 0.8))
    subscribers.kill(name)


def kill_at_work(chance, subscribers, name, before):
    """Kill it when it has kept some of what was published since: it may keep all of it before anyone looks."""
    wanted = before + chance.randrange(1, 100)
    assert eventually(lambda: subscribers.count() >= wanted), subscribers.said(name)
    _pause(chance.uniform(0, 0.02))
    subscribers.kill(name)


def kill_in_effect(chance, subscribers, name, before):
    """Kill it while it waits to write what it has read."""
    assert eventually(lambda: subscribers.count() > before), subscribers.said(name)
    other = sqlite3.connect(subscribers.file, timeout=30, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    _pause(chance.uniform(0.1, 0.3))
    subscribers.kill(name)
    other.close()


def _pause(seconds):
    threading.Event().wait(seconds)


def test_asked_to_end_it_ends_in_order_and_goes_on_where_it_stopped(kit, subscribers, releases, services):
    for _ in range(2):
        subscribers.start()
        publish(releases, services)
        assert eventually(lambda: subscribers.histories() == kit.published(releases, services)), subscribers.said()
        assert subscribers.end() == 0
    # Everything was committed: the second run was given nothing twice.
    told = [line.split() for line in subscribers.said().splitlines() if line.startswith("kept")]
    assert all(kept == given for _, kept, _, given in told)
    assert subscribers.said().endswith("ended\n")


def test_it_bears_what_it_does_not_know_and_puts_aside_what_is_no_event(kit, bus, subscribers, releases, services):
    publish(releases)
    plain = next(m for m in releases.messages() if m.headers["ce_aggregateversion"] == "1")
    unknown = {"ce_type": "dev.fourgates.release.sung_about.v9", "ce_weather": "rain", "more": "…", "ce_pos": "many"}
    strange = [
        replace(
            plain, headers={**plain.headers, **unknown, "ce_id": "unknown"}, body=b'{"songs": [{"by": "Zo\xc3\xab"}]}'
        ),
        replace(plain, headers={"content-type": "application/cloudevents+json"}, body=STRUCTURED),
        replace(plain, headers={n: v for n, v in plain.headers.items() if n != "ce_id"}),
        replace(plain, headers={}),
        replace(plain, headers={**plain.headers, "ce_id": "a"}, body=b""),
        replace(plain, headers={**plain.headers, "ce_id": "b"}, body=b"[]"),
        replace(plain, headers={**plain.headers, "ce_id": "c"}, body=b"\xff"),
        replace(plain, headers={**plain.headers, "ce_id": "d"}, body=b'{"release_id": "\\ud800"}'),
        replace(plain, headers={**plain.headers, "ce_id": "e"}, body=b"[" * 100_000),
    ]
    releases.send(strange)
    publish(releases, services)
    subscribers.start()
    total = sum(map(len, kit.published(releases, services).values())) + 2
    assert eventually(lambda: subscribers.count() >= total), subscribers.said()
    assert subscribers.end() == 0
    kept = dict(subscribers.rows("SELECT id, data FROM history WHERE id IN ('unknown', 'structured')"))
    assert kept == {"unknown": '{"songs": [{"by": "Zo\\u00eb"}]}', "structured": '{"release_id": "r"}'}
    reasons = [reason for (reason,) in subscribers.rows("SELECT reason FROM unreadable ORDER BY place")]
    assert len(reasons) == 7
    assert reasons[:2] == ["without id", "without id and source and type"]


def test_it_stops_at_a_gap_unless_told_to_note_it(subscribers, releases):
    for _ in range(ROUNDS):
        releases.happen()
    messages = releases.messages()
    shard = [m for m in messages if m.shard == messages[0].shard]
    before, lost, after = shard[1:4]
    releases.send([m for m in messages if m is not lost])
    for _ in range(2):
        subscribers.start()
        assert subscribers.ended() == 3
        assert f"{releases.source}, shard {lost.shard}: nothing came between" in subscribers.said()
        assert after.headers["ce_id"] not in kept(subscribers)
    subscribers.start("one", "--pass-gaps")
    assert eventually(lambda: subscribers.count() == len(messages) - 1), subscribers.said()
    numbers = tuple(int(m.headers["ce_pos"]) for m in (before, after))
    assert subscribers.rows("SELECT * FROM gaps") == [(releases.source, lost.shard, *numbers)]
    # It was only late.
    releases.send([lost])
    assert eventually(lambda: lost.headers["ce_id"] in kept(subscribers)), subscribers.said()
    assert subscribers.end() == 0


def test_without_a_broker_it_says_so_and_tries_again_until_it_is_asked_to_end(subscribers):
    with socket.create_server(("127.0.0.1", 0)) as held:
        subscribers.bootstrap = f"127.0.0.1:{held.getsockname()[1]}"
    subscribers.start(KAFKA_OPTIONS='{"bootstrap_timeout_ms": 300}')
    assert eventually(lambda: subscribers.said().count("again in 1.0 s") > 1), subscribers.said()
    assert subscribers.end() == 0


def test_two_with_the_same_instance_do_not_fight(subscribers, releases):
    subscribers.start("one", "--instance", "same")
    releases.go_on()
    assert eventually(lambda: subscribers.count() == len(releases.messages()))
    subscribers.start("other", "--instance", "same")
    assert eventually(lambda: "reads" in subscribers.said("other"))
    # The broker refuses the position of the first one as soon as there is something to commit.
    releases.go_on()
    assert subscribers.ended("one") == 1
    assert "another process has the same --instance" in subscribers.said("one")
    assert eventually(lambda: subscribers.count() == len(releases.messages())), subscribers.said("other")
    assert subscribers.end("other") == 0


@pytest.mark.parametrize("options", ["{", "[1]", '{"no_such_option": 1}'])
def test_wrong_options_end_it_at_once(subscribers, options):
    subscribers.start(KAFKA_OPTIONS=options)
    assert subscribers.ended() == 2


def test_the_code_on_the_page_runs_as_it_stands_there(tmp_path, subscribers, releases):
    releases.go_on()
    page = (subscribers.program.parents[2] / "docs/events.md").read_text()
    code = page.partition("## With kafka-python")[2].partition("```python\n")[2].partition("```")[0]
    for told, here in (
        ("fourgates.release.events.v1", releases.topic),
        ("localhost:9092", subscribers.bootstrap),
        ("example.release-history", subscribers.group),
    ):
        assert told in code
        code = code.replace(told, here)
    subscribers.program = tmp_path / "from_the_page.py"
    subscribers.program.write_text(f"{REMEMBER}{code}")
    subscribers.start(PYTHONUNBUFFERED="1")
    releases.send(releases.messages())
    releases.go_on()
    expected = releases.messages()
    assert eventually(lambda: len(subscribers.said().splitlines()) >= len(expected)), subscribers.said()
    subscribers.kill()
    told = [line.split(" ", 3) for line in subscribers.said().splitlines()]
    assert sorted(line[1:] for line in told) == sorted([m.headers["ce_type"], m.key, m.body.decode()] for m in expected)


def kept(subscribers):
    return {message_id for (message_id,) in subscribers.rows("SELECT id FROM history")}
