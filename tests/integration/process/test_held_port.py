"""A port that is held for a server belongs to it also while it does not run."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

import pytest
from fourgates.chassis.testing.ports import HOST, HeldPort

HELD = 500
# So often as to meet hundreds of them, if nothing kept them.
ASKED = 6_000


@pytest.fixture
def held():
    with ExitStack() as stack:
        yield [stack.enter_context(closing(HeldPort())) for _ in range(HELD)]


def test_nobody_who_asks_for_any_port_is_given_a_held_one(held):
    numbers = {port.number for port in held}
    assert len(numbers) == HELD
    for _ in range(ASKED):
        with socket.create_server((HOST, 0)) as other:
            assert other.getsockname()[1] not in numbers


def test_its_server_listens_there_again_and_again(held):
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, held[0].number))
        with (
            socket.create_server((HOST, held[0].number)) as server,
            socket.create_connection(server.getsockname()),
        ):
            server.accept()[0].close()


def test_two_servers_do_not_meet_there(held):
    with socket.create_server((HOST, held[0].number)), pytest.raises(OSError, match="in use"):
        socket.create_server((HOST, held[0].number))
