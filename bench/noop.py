"""The ceiling: FastAPI's own POST with a pydantic body that does nothing. Frozen, so that figures compare."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

api = FastAPI()


class Body(BaseModel):
    """A small body."""

    title: str
    reason: str


class Answer(BaseModel):
    """A small answer."""

    title: str


@api.post("/noop")
async def noop(body: Body) -> Answer:
    """Do nothing."""
    return Answer(title=body.title)


if __name__ == "__main__":
    uvicorn.run(api, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
