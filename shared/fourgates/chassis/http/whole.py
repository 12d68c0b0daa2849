"""Requests and answers that are whole pass in one piece, past what the server does for those that come in parts.

The server looks at each header of every answer. Ours are made here and known to be clean, there are ten, and most are
the same in all answers.
"""

from __future__ import annotations

from starlette.types import Receive, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from fourgates.chassis.http.written import Rendered


def received_whole(receive: Receive) -> bytes | None:
    """Take the body of a request of which the server has all, and has given nothing away; else return None.

    `receive` is what the server gave to the application, and gives the same, part by part.
    """
    cycle = getattr(receive, "__self__", None)
    if type(cycle) is not RequestResponseCycle or cycle.more_body or cycle.disconnected or cycle.response_complete:
        return None
    if cycle.flow.read_paused or cycle.waiting_for_100_continue:
        return None
    body, cycle.body = bytes(cycle.body), bytearray()
    cycle.message_event.clear()
    return body


def sent_whole(send: Send, answer: Rendered) -> bool:
    """Send an answer in one piece where nothing is out of the ordinary; tell whether it was sent.

    `send` is what the server gave to the application, and does the same in two steps for any answer.
    """
    cycle = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle or cycle.response_started or cycle.disconnected:
        return False
    if cycle.flow.write_paused or cycle.access_log or not cycle.keep_alive or cycle.scope["method"] == "HEAD":
        return False
    common = answer.common
    if answer.raw_headers[: common.count] != common.headers:
        return False
    parts = [STATUS_LINE[answer.status_code]]
    for name, value in cycle.default_headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(common.written)
    for name, value in answer.raw_headers[common.count :]:
        parts += (name, b": ", value, b"\r\n")
    parts += (b"\r\n", answer.body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = cycle.chunked_encoding = False
    cycle.transport.write(b"".join(parts))
    cycle.message_event.set()
    cycle.on_response()
    return True
