"""The answer to an append: given once, heard by all who asked."""

from __future__ import annotations

import threading
from concurrent.futures import InvalidStateError

import pytest
from fourgates.chassis.store.answer import Answer

WAIT_S = 60


def test_a_thread_waits_for_the_answer():
    answer, found = Answer(), []
    waiting = [threading.Thread(target=lambda: found.append(answer.result(WAIT_S))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    answer.set_result([7])
    for thread in waiting:
        thread.join(WAIT_S)
    assert (answer.done(), found) == (True, [[7], [7], [7]])


def test_an_error_is_raised_where_it_is_asked_for():
    answer, error = Answer(), ValueError("no")
    answer.set_exception(error)
    assert answer.exception(0) is error
    with pytest.raises(ValueError, match="no"):
        answer.result(0)


def test_nobody_waits_longer_than_asked():
    with pytest.raises(TimeoutError):
        Answer().result(0)


def test_there_is_one_answer():
    answer = Answer()
    answer.set_result([1])
    with pytest.raises(InvalidStateError):
        answer.set_exception(ValueError())
    with pytest.raises(InvalidStateError):
        answer.set_result([2])
    assert answer.result(0) == [1]


def test_whoever_wants_to_be_called_is_called_once_before_or_after():
    answer, heard = Answer(), []
    answer.add_done_callback(lambda one: heard.append(("before", one.result(0))))
    answer.set_result([1])
    answer.add_done_callback(lambda one: heard.append(("after", one.result(0))))
    assert heard == [("before", [1]), ("after", [1])]


def test_whoever_asks_while_the_answer_is_given_is_called_once():
    for _ in range(200):
        answer, heard, ready = Answer(), [], threading.Barrier(2)

        def give(answer=answer, ready=ready) -> None:
            ready.wait(WAIT_S)
            answer.set_result([1])

        giving = threading.Thread(target=give)
        giving.start()
        ready.wait(WAIT_S)
        answer.add_done_callback(heard.append)
        giving.join(WAIT_S)
        assert heard == [answer]


def test_who_gives_the_answer_is_not_ended_by_those_who_hear_it():
    answer, heard = Answer(), []

    def mistaken(one):
        raise ValueError(one)

    answer.add_done_callback(heard.append)
    answer.add_done_callback(mistaken)
    answer.set_result([1])
    assert heard == [answer]
