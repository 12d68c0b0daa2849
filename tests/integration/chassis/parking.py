"""A process that parks a message, copies it and retries it on files, and stands still where its parent kills it."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.dead_letters import DeadLetterCopies, dead_letter_topic_of
from fourgates.chassis.ids import TimeOrderedIds
from fourgates.chassis.inbox import Inbox
from fourgates.chassis.logs import configure_logs
from fourgates.chassis.relay import Relay
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.toys import Ball, BallBounced, publish_bounce
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units
from fourgates.chassis.workers import settle

TOPIC = "fourgates.toy.events.v1"
KNOWN = "known"


class Standing(EventStore):
    """A store beside whose appends the process may stand still."""

    before = after = None

    def append(self, events, **kwargs):
        what = "retry" if events else "park" if kwargs.get("parked") else "copy" if _copies(kwargs) else ""
        stand_still(self.before == what)
        appended = super().append(events, **kwargs)
        stand_still(self.after == what)
        return appended


def _copies(kwargs):
    return "dead-letters/copied" in (kwargs.get("positions") or {})


def stand_still(here):
    if here:
        print("here", flush=True)
        threading.Event().wait()


def opened(path):
    return Standing(open_sqlite_recorder(path), EventMapper())


def main(folder, when, what):
    bus = InProcessBus(folder / "bus.sqlite")
    toy, mirror = opened(folder / "toy.sqlite"), opened(folder / "mirror.sqlite")
    relay = Relay("toy", toy, bus, {Ball.Bounced: publish_bounce})
    units = Units(mirror, Views(mirror, ()))
    known = (folder / KNOWN).exists()
    inbox = Inbox(
        "mirror",
        store=mirror,
        units=units,
        bus=bus,
        topics=(TOPIC,),
        heard={BallBounced: lambda work, act, fact: react(work, act, fact, known=known)},
        use_cases=lambda work: work,
        clock=HeldClock(NOON),
    )
    copies = DeadLetterCopies("mirror", mirror, bus)
    if not toy.head():
        ball = Ball.throw(an_act(), ball_id=TimeOrderedIds().new(), colour="red")
        ball.bounce(an_act(), height=2)
        ball.bounce(an_act(), height=1)
        toy.append(ball.collect_events())
    settle([relay])
    if when:
        setattr(mirror, when, what)
    settle([inbox, copies])
    waiting = mirror.list_parked()
    if known and waiting:
        inbox.dead_letters.follow(waiting[0].source, waiting[0].key, an_act)
    copied = bus.consumer("test", [dead_letter_topic_of(TOPIC)]).poll(0, 100)
    events = [recorded.event for recorded in mirror.log(0, 100)]
    told = {
        "effects": [event.colour for event in events if isinstance(event, Ball.Thrown)],
        "retried": [event.TOPIC for event in events if event.TOPIC.startswith("chassis.")],
        "waiting": [parked.place for parked in mirror.list_parked()],
        "parked": [parked.message_id for parked in mirror.list_parked(settled=True)],
        "copied": [message.headers["dlq-place"] for message in copied],
    }
    print(json.dumps(told), flush=True)


def react(work, act, fact, *, known):
    if not known:
        raise ValueError("no colour red")
    work.save(Ball.throw(act, ball_id=TimeOrderedIds().new(), colour=f"{fact.colour}-{fact.height}"))


if __name__ == "__main__":
    configure_logs("error")
    main(Path(sys.argv[1]), *sys.argv[2:4])
