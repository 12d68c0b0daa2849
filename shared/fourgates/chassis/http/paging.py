"""Page tokens: where the next page begins, signed, and bound to the query that it continues."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query, Request

from fourgates.chassis.http.problems import Problem
from fourgates.chassis.http.shapes import Count
from fourgates.chassis.private_files import load_or_make

KEY_BYTES = 32
TOKEN_CHARS_MAX = 2000


class PageTokens:
    """Makes and reads tokens. A token grants no rights: it only says where to go on."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, context: object, after: tuple[Any, ...]) -> str:
        """Return the token of the page behind a row."""
        payload = json.dumps(after, separators=(",", ":")).encode()
        return f"{_encoded(payload)}.{_encoded(self._signature(context, payload))}"

    def read(self, context: object, token: str) -> tuple[Any, ...]:
        """Return behind which row to go on. Raises the 400 problem for a token that is not of this query."""
        try:
            payload, signature = (_decoded(part) for part in token.split("."))
        except (ValueError, binascii.Error) as error:
            raise Problem("invalid-page-token") from error
        if not hmac.compare_digest(signature, self._signature(context, payload)):
            raise Problem("invalid-page-token")
        return tuple(json.loads(payload))

    def _signature(self, context: object, payload: bytes) -> bytes:
        bound = json.dumps(context, sort_keys=True, separators=(",", ":")).encode()
        return hmac.digest(self._key, hashlib.sha256(bound).digest() + payload, "sha256")[:16]


def load_or_make_key(path: Path) -> bytes:
    """Return the key kept in a file that only the owner can read, made when it is missing."""
    return load_or_make(path, lambda: secrets.token_bytes(KEY_BYTES))


async def page_parameters(
    request: Request,
    page_size: Annotated[
        Count | None,
        Query(description="Items on the page; 0 or absent means the default."),
    ] = None,
    page_token: Annotated[
        str | None, Query(max_length=TOKEN_CHARS_MAX, description="`next_page_token` of the page before.")
    ] = None,
) -> None:
    """Keep what was asked for, for `Call.page`."""
    request.scope["fourgates.page"] = (page_size, page_token)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
