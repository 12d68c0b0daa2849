"""A toy service that hears of balls, and cannot handle those of a colour that it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from fourgates.chassis.aggregate import Act
from fourgates.chassis.http import SQLiteSecurityLog
from fourgates.chassis.identity import Principal
from fourgates.chassis.service import Parts, Service, assemble
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.toys import Ball, BallBounced
from fourgates.chassis.testing.world import a_verifier
from fourgates.chassis.work import Work

OPERATOR = Principal("mona", scopes=frozenset({"operations:read", "operations:write"}))
READER = Principal("rita", scopes=frozenset({"operations:read"}))
BALL_ID = UUID(int=7)


class Listener:
    """The service, on a bus that the test speaks on. It throws a ball for each bounce it hears."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.known: set[str] = set()
        self._settings = ServiceSettings(data_folder=folder, **settings)
        self.security_log = SQLiteSecurityLog()
        self.hearing = Hearing(self._build, a_verifier(OPERATOR, READER), self.security_log)

    def hears(self, colour: str, *heights: int, ball_id: UUID = BALL_ID) -> None:
        """Let it hear of the bounces of one ball."""
        for height in heights:
            self.hearing.hear(BallBounced(ball_id=ball_id, colour=colour, height=height))

    def thrown(self) -> list[str]:
        """Return what took effect, in order."""
        events = [recorded.event for recorded in self.hearing.store.log(0, 1000)]
        return [event.colour for event in events if isinstance(event, Ball.Thrown)]

    def _react(self, work: Work, act: Act, fact: BallBounced) -> None:
        if fact.colour not in self.known:
            raise ValueError(f"no colour {fact.colour}")
        work.save(Ball.throw(act, ball_id=self.hearing.ids.new(), colour=f"{fact.colour}-{fact.height}"))

    def _build(self, parts: Parts) -> Service:
        return assemble(
            name="mirror",
            parts=parts,
            settings=self._settings,
            title="Mirror",
            description="Hears of balls.",
            use_cases=lambda work: work,
            routes=lambda _: APIRouter(),
            views=(),
            published={},
            heard={BallBounced: self._react},
            own={},
            clock=(),
        )
