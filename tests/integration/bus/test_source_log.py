"""What the bus does not bring is read from the log of its source, over real HTTP."""

from __future__ import annotations

import json

import pytest
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.bus.envelope import SHARDS, shard_of
from fourgates.chassis.http_client import HttpFailed
from fourgates.chassis.inbox import GapFound, SourceAway
from fourgates.chassis.process.parts import open_parts
from fourgates.chassis.process.settings import read_settings
from fourgates.chassis.relay import LOOKED_AT_MAX, REMADE_BYTES_MAX
from fourgates.chassis.sources import HttpSources
from fourgates.chassis.testing.messages import TwoServices, eventually, polled
from fourgates.chassis.workers import settle
from kafka import KafkaAdminClient, TopicPartition

from tests.integration.bus.serving import CLOCK, SECRET, ServedSource

HEIGHTS = list(range(20, 0, -1))


@pytest.fixture
def two():
    return TwoServices(InProcessBus())


@pytest.fixture
def served(two, tmp_path):
    source = ServedSource(two, tmp_path)
    with source.serving():
        yield source


def read(served, query, *, token=None):
    """Ask for the log as its listener does."""
    token = token or served.tokens("listener").token()
    answer = served.client.request("GET", f"{served.log_url}?{query}", token=token)
    return answer.status_code, answer.json()


def published(two):
    """Everything that the relay puts on the bus."""
    while two.relay.step():
        pass
    return two.bus.consumer("spy", [two.topic]).poll(0, 100_000)


def test_the_log_gives_what_was_published_byte_for_byte(two, served):
    for n in range(10):
        two.bounce(f"ball{n} «ø»", *HEIGHTS)
    sent = published(two)
    for shard in range(SHARDS):
        assert served.sources.missing(two.source, shard, 0, 10_000) == [m for m in sent if m.shard == shard]


def test_only_what_is_between_two_positions_is_given(two, served):
    shard = shard_of(two.bounce("red", *HEIGHTS).id)
    positions = [int(m.headers["ce_pos"]) for m in published(two)]
    found = served.sources.missing(two.source, shard, positions[3], positions[7])
    assert [int(m.headers["ce_pos"]) for m in found] == positions[4:7]
    assert served.sources.missing(two.source, shard, positions[3], positions[4]) == []


def test_a_long_log_is_read_in_bounded_pages_that_the_asker_goes_on_with(two, served):
    ball = two.bounce("red", 2)
    shard = shard_of(ball.id)
    two.bounce("blue", *[1] * (LOOKED_AT_MAX + 10), elsewhere={shard})
    ball.bounce(act=two.store.log(0, 1)[0].event.act, height=1)
    two.store.append(ball.collect_events())
    status, first = read(served, f"shard={shard}&page_size=1")
    assert status == 200
    assert [json.loads(m["body"])["height"] for m in first["items"]] == [2]
    _, second = read(served, f"shard={shard}&page_size=1&page_token={first['next_page_token']}")
    assert second["items"] == []
    _, third = read(served, f"shard={shard}&page_size=1&page_token={second['next_page_token']}")
    assert [json.loads(m["body"])["height"] for m in third["items"]] == [1]
    assert third["items"][0]["headers"]["ce_prev"] == first["items"][0]["headers"]["ce_pos"]
    after = int(first["items"][0]["headers"]["ce_pos"])
    # The client goes on by itself when a page is empty before the end.
    assert len(served.sources.missing(two.source, shard, after, 10_000)) == 1


def test_a_page_ends_when_its_messages_are_long(two, served):
    shard = shard_of(two.bounce("x" * (REMADE_BYTES_MAX // 3), 5, 4, 3, 2, 1).id)
    _, page = read(served, f"shard={shard}")
    assert 1 < len(page["items"]) < 5
    assert page["next_page_token"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("shard=64", 422),
        ("shard=-1", 422),
        ("shard=1_0", 422),
        ("shard=1&after=99999999999999999999", 422),
        ("shard=1&until=x", 422),
        ("shard=1&before=7", 400),
        ("shard=1&shard=2", 400),
        ("shard=1&page_token=AA.AA", 400),
    ],
)
def test_a_question_that_cannot_be_understood_is_refused(served, query, status):
    assert read(served, query)[0] == status


def test_a_token_of_one_page_opens_no_other_shard(two, served):
    shard = shard_of(two.bounce("red", 2, 1).id)
    _, page = read(served, f"shard={shard}&page_size=1")
    assert read(served, f"shard={(shard + 1) % SHARDS}&page_size=1&page_token={page['next_page_token']}")[0] == 400


def test_only_machine_accounts_with_the_scope_of_the_service_are_answered(served):
    assert read(served, "shard=1")[0] == 200
    status, problem = read(served, "shard=1", token=served.token_of_a_person())
    assert (status, [u["code"] for u in problem["unmet"]]) == (403, ["machines-only"])
    assert read(served, "shard=1", token=served.tokens("stranger").token())[0] == 403
    assert read(served, "shard=1", token="none")[0] == 401
    assert [row["rule"] for row in served.security_log.find(0, 10)] == [
        "machines-only",
        f"{served.two.name}:read",
        "invalid_token",
    ]


def test_the_heads_say_how_far_each_shard_was_published(two, served):
    url = f"{served.log_url}/heads"
    assert served.client.get_json(url, token=served.tokens("listener").token()) == {"items": []}
    for n in range(5):
        two.bounce(f"ball{n}", *HEIGHTS)
    heads = {m.shard: int(m.headers["ce_pos"]) for m in published(two)}
    assert served.sources.heads(two.source) == heads
    assert served.client.request("GET", url, token=served.token_of_a_person()).status_code == 403


# Listeners.


def of_another_bus(two):
    """What is published from now on is on another bus than what was before."""
    two.bus = InProcessBus()


def test_a_gap_is_filled_from_the_log_of_its_source(two, served):
    two.bounce("red", *HEIGHTS)
    two.bounce("blue", *HEIGHTS)
    sent = published(two)
    of_another_bus(two)
    two.send(*[m for n, m in enumerate(sent) if n % 7 == 6 or n in {19, 39}])
    settle([two.a_replica(served.sources)])
    assert two.mirrored_of("red") == two.mirrored_of("blue") == HEIGHTS
    assert two.parked() == []


def test_a_source_that_does_not_answer_stops_its_shard_alone_until_it_does(two, tmp_path):
    red = two.bounce("red", 3, 2, 1)
    blue = two.bounce("blue", 2, 1, elsewhere={shard_of(red.id)})
    sent = published(two)
    of_another_bus(two)
    # Its port is open from the beginning, and nobody answers there.
    served = ServedSource(two, tmp_path, timeout_s=0.5)
    inbox = two.a_replica(served.sources)
    two.send(*[m for m in sent if m.key == str(blue.id)], sent[0], sent[2])
    with pytest.raises(GapFound):
        inbox.step()
    assert two.mirrored_of("blue") == [2, 1]
    assert two.mirrored_of("red") == [3]
    with served.serving():
        assert eventually(lambda: waits_no_longer(inbox))
    assert two.mirrored_of("red") == [3, 2, 1]


def waits_no_longer(inbox):
    try:
        inbox.step()
    except GapFound:
        return False
    return True


def test_a_source_that_does_not_answer_and_one_that_refuses_are_told_apart(two, served):
    nobody = HttpSources(served.client, served.tokens("listener"), "http://127.0.0.1:9/{service}")
    with pytest.raises(SourceAway):
        nobody.missing(two.source, 1, 0, 10)
    refused = HttpSources(served.client, served.tokens("stranger"), f"{served.url}/{{service}}")
    with pytest.raises(HttpFailed, match="the answer is 403"):
        refused.missing(two.source, 1, 0, 10)
    with pytest.raises(HttpFailed, match="the answer is 404"):
        served.sources.heads("/fourgates/nobody")


def test_a_process_asks_where_it_was_told_as_the_machine_account_that_it_was_given(two, served, tmp_path, monkeypatch):
    shard = shard_of(two.bounce("red", *HEIGHTS).id)
    told = {
        "BUS": "in_process",
        "STORE": "sqlite",
        "DATA_FOLDER": str(tmp_path),
        "ISSUER_URL": f"{served.url}/identity",
        "SOURCES_URL": f"{served.url}/{{service}}",
        "CLIENT_ID": "listener",
        "CLIENT_SECRET": SECRET,
    }
    for name, value in told.items():
        monkeypatch.setenv(f"FOURGATES_{name}", value)
    monkeypatch.setenv("FOURGATES_REVIEW_PUBLIC_URL", served.url)
    opened = open_parts(read_settings("review"), client=served.client, clock=CLOCK)
    assert len(opened.parts.sources.missing(two.source, shard, 0, 1000)) == len(HEIGHTS)
    opened.parts.store.close()
    opened.close()


@pytest.mark.parametrize("late", [True, False], ids=["never-heard", "heard-before"])
def test_what_kafka_has_forgotten_is_read_from_the_source(kafka_bus, bootstrap, tmp_path, late):
    """A service that was never there reads all that there is; one that was there sees by the next message."""
    two = TwoServices(kafka_bus, late=late)
    balls = [two.bounce(f"ball{n}", *HEIGHTS) for n in range(10)]
    while two.relay.step():
        pass
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.delete_records({TopicPartition(two.topic, n): -1 for n in range(6)})
    admin.close()
    again = balls[:5] if late else balls
    with (source := ServedSource(two, tmp_path)).serving():
        two.run(two.relay)
        two.run(two.a_replica(source.sources))
        for ball in again:
            ball.bounce(two.store.log(0, 1)[0].event.act, height=0)
            two.store.append(ball.collect_events())
        assert eventually(lambda: len(two.mirrored()) == 10 * len(HEIGHTS) + len(again)), len(two.mirrored())
        two.stop()
    assert all(two.mirrored_of(f"ball{n}")[: len(HEIGHTS)] == HEIGHTS for n in range(10))
    assert two.parked() == []
    spy = kafka_bus.consumer(f"spy.{two.name}", [two.topic])
    assert len(polled(spy, len(again))) == len(again)
    spy.close()
