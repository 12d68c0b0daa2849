"""What is taken and sent in one piece is what the server gives and sends in parts."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import pytest
from fourgates.chassis.http.api import Api
from fourgates.chassis.http.whole import received_whole, sent_whole
from fourgates.chassis.http.written import Rendered, rendered
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

LOG = logging.getLogger("test")
headers = st.dictionaries(
    st.sampled_from(["Cache-Control", "ETag", "Location", "Link", "Fourgates-Position"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)


@dataclass
class Transport:
    """Keeps what is written."""

    pieces: list[bytes] = field(default_factory=list)
    closed: bool = False

    def write(self, data: bytes) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def resume_reading(self) -> None:
        """Nothing more comes."""

    def pause_reading(self) -> None:
        """Nothing more comes."""


@dataclass
class Asked:
    """A request that a server has taken."""

    method: str = "POST"
    keep_alive: bool = True
    access_log: bool = False
    expects: bool = False
    transport: Transport = field(default_factory=Transport)
    answered: int = 0

    def __post_init__(self) -> None:
        self.cycle = RequestResponseCycle(
            scope={"type": "http", "method": self.method, "path": "/", "http_version": "1.1"},
            transport=self.transport,
            flow=FlowControl(self.transport),
            logger=LOG,
            access_logger=LOG,
            access_log=self.access_log,
            default_headers=[(b"date", b"Mon, 05 Jan 2026 12:00:00 GMT")],
            message_event=asyncio.Event(),
            expect_100_continue=self.expects,
            keep_alive=self.keep_alive,
            on_response=self.count,
        )

    def count(self) -> None:
        self.answered += 1

    def answer_in_two(self, answer: Rendered) -> None:
        async def send() -> None:
            start = {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}
            await self.cycle.send(start)
            await self.cycle.send({"type": "http.response.body", "body": answer.body})

        asyncio.run(send())

    def state(self):
        told = {name: value for name, value in vars(self.cycle).items() if isinstance(value, (bool, int))}
        return {**told, "message_event": self.cycle.message_event.is_set(), "answered": self.answered}


@given(status=st.sampled_from([200, 201, 404, 409]), headers=headers, body=st.dictionaries(st.text(), st.text()))
def test_it_is_what_the_server_sends_in_two(status, headers, body):
    answer = rendered(body, status=status, headers=headers)
    whole, parts = Asked(expects=True), Asked(expects=True)
    assert sent_whole(whole.cycle.send, answer)
    parts.answer_in_two(answer)
    assert whole.transport.pieces == [b"".join(parts.transport.pieces)]
    assert whole.state() == parts.state()


@pytest.mark.parametrize("asked", [Asked(method="HEAD"), Asked(keep_alive=False), Asked(access_log=True)])
def test_what_is_out_of_the_ordinary_is_left_to_the_server(asked):
    assert not sent_whole(asked.cycle.send, rendered({}))
    assert not asked.transport.pieces


@pytest.mark.parametrize("state", ["disconnected", "response_started"])
def test_nothing_is_sent_to_who_has_gone_or_was_answered(state):
    asked = Asked()
    setattr(asked.cycle, state, True)
    assert not sent_whole(asked.cycle.send, rendered({}))
    assert not asked.transport.pieces


def test_an_answer_whose_first_headers_were_changed_is_left_to_the_server():
    asked = Asked()
    answer = rendered({})
    del answer.headers["x-content-type-options"]
    answer.headers["x-frame-options"] = "SAMEORIGIN"
    assert not sent_whole(asked.cycle.send, answer)
    answer = rendered({})
    answer.headers["x-more"] = "more"
    assert sent_whole(asked.cycle.send, answer)
    assert b"x-more: more\r\n" in asked.transport.pieces[0]


def test_who_does_not_take_what_was_sent_is_waited_for():
    asked = Asked()
    asked.cycle.flow.write_paused = True
    assert not sent_whole(asked.cycle.send, rendered({}))


def test_another_server_sends_in_its_own_way():
    async def send(message):
        raise AssertionError(message)

    assert not sent_whole(send, rendered({}))


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\x00", "\x7f"])
def test_no_header_becomes_two(value):
    with pytest.raises(ValueError, match="control"):
        rendered({}, headers={"Location": value})


def asked_with(body=b"", **state):
    asked = Asked()
    asked.cycle.body, asked.cycle.more_body = bytearray(body), False
    for name, value in state.items():
        setattr(asked.cycle, name, value)
    return asked


def received(asked):
    return asyncio.run(asked.cycle.receive())


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 70_000])
def test_a_body_that_is_there_is_taken_once(body):
    asked, other = asked_with(body), asked_with(body)
    for one in (asked, other):
        one.cycle.message_event.set()
    assert received_whole(asked.cycle.receive) == received(other)["body"] == body
    assert asked.cycle.body == other.cycle.body == b""
    assert asked.state() == other.state()


@pytest.mark.parametrize(
    "state",
    [{"more_body": True}, {"disconnected": True}, {"response_complete": True}, {"waiting_for_100_continue": True}],
)
def test_what_is_not_there_or_was_not_asked_for_is_left_to_the_server(state):
    asked = asked_with(b"{", **state)
    assert received_whole(asked.cycle.receive) is None
    assert asked.cycle.body == b"{"


def test_a_connection_that_reads_no_more_is_told_to_go_on_by_the_server():
    asked = asked_with(b"{}")
    asked.cycle.flow.pause_reading()
    assert received_whole(asked.cycle.receive) is None


def test_another_server_gives_in_its_own_way():
    async def receive():
        raise AssertionError

    assert received_whole(receive) is None


def test_an_operation_answers_in_one_piece(house):
    """From the server to the endpoint and back, without the framework in between."""
    asked = Asked(method="POST")
    api: Api = house.api
    body = b'{"name": "tea", "reason": "a gift"}'
    given_headers = [
        (b"authorization", f"Bearer {house.token()}".encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    asked.cycle.scope |= {"path": "/v1/parcels", "query_string": b"", "headers": given_headers, "root_path": ""}
    asked.cycle.body, asked.cycle.more_body = bytearray(body), False
    asked.cycle.message_event.set()
    asyncio.run(asked.cycle.run_asgi(api))
    assert len(asked.transport.pieces) == 1
    assert asked.transport.pieces[0].startswith(b"HTTP/1.1 201 Created\r\n")
    assert asked.answered == 1
