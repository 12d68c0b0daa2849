"""The event library as it comes, behind the same web framework: its own application, recorder, mapper and aggregate."""

from __future__ import annotations

import sys
from uuid import UUID

import uvicorn
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import FastAPI
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel


class Change(Aggregate):
    """A change that can be raised and submitted."""

    def __init__(self, title: str, description: str, reason: str) -> None:
        self.title = title
        self.description = description
        self.reason = reason
        self.state = "draft"

    @event("Submitted")
    def submit(self, reason: str) -> None:
        """Request the change."""
        self.state = "requested"
        self.reason = reason


class Raised(BaseModel):
    """What a change asks for."""

    title: str
    description: str
    reason: str


class Reason(BaseModel):
    """Why it is done."""

    reason: str


class Answer(BaseModel):
    """A change as it stands."""

    id: UUID
    title: str
    description: str
    state: str


def served(url: str) -> FastAPI:
    """Return the API on a database that may hold the library's tables."""
    given = conninfo_to_dict(url)
    application: Application[UUID] = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(given["dbname"]),
            "POSTGRES_HOST": str(given["host"]),
            "POSTGRES_PORT": str(given["port"]),
            "POSTGRES_USER": str(given["user"]),
            "POSTGRES_PASSWORD": str(given.get("password", "")),
            "POSTGRES_POOL_SIZE": "10",
            "POSTGRES_MAX_OVERFLOW": "10",
        }
    )
    api = FastAPI()

    @api.post("/changes", status_code=201)
    def raise_change(body: Raised) -> Answer:
        change = Change(body.title, body.description, body.reason)
        application.save(change)
        return _shown(change)

    @api.post("/changes/{change_id}/submission")
    def submit_change(change_id: UUID, body: Reason) -> Answer:
        change: Change = application.repository.get(change_id)
        change.submit(body.reason)
        application.save(change)
        return _shown(change)

    return api


def _shown(change: Change) -> Answer:
    return Answer(id=change.id, title=change.title, description=change.description, state=change.state)


if __name__ == "__main__":
    uvicorn.run(served(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
