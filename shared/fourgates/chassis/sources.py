"""Where an inbox fetches what the bus did not deliver: the relays of its own process, or other services over HTTP."""

from __future__ import annotations

from urllib.parse import quote

from fourgates.chassis.bus import Message
from fourgates.chassis.bus.envelope import source_of
from fourgates.chassis.http.log_api import LogHeads, LogMessage
from fourgates.chassis.http.shapes import Page
from fourgates.chassis.http_client import HttpClient, HttpFailed, MachineTokens
from fourgates.chassis.inbox import SourceAway
from fourgates.chassis.relay import Relay

PAGE_SIZE = 500
# A page ends with the message that makes it long, and JSON may write a byte of its body as several.
PAGE_BYTES_MAX = 33_554_432


class InProcessSources:
    """All relays of one process, by the source that they publish for."""

    def __init__(self) -> None:
        self._relays: dict[str, Relay] = {}

    def add(self, service: str, relay: Relay) -> None:
        """Make a service's log available to the others."""
        self._relays[source_of(service)] = relay

    def missing(self, source: str, shard: int, after: int, until: int) -> list[Message]:
        """Return the first messages of a shard with `after < pos < until`, in order; none when there are no more.

        Raises `KeyError` for a stranger.
        """
        return self._relays[source].missing(shard, after, until)

    def heads(self, source: str) -> dict[int, int]:
        """Return the position of the last message of each shard. Raises `KeyError` for a stranger."""
        return self._relays[source].heads()


class HttpSources:
    """Services that run elsewhere, each asked for its log as a machine account. `url` says where, with `{service}`."""

    def __init__(self, client: HttpClient, tokens: MachineTokens, url: str) -> None:
        self._client = client
        self._tokens = tokens
        self._url = url.rstrip("/")

    def missing(self, source: str, shard: int, after: int, until: int) -> list[Message]:
        """Return the first messages of a shard with `after < pos < until`, in order; none when there are no more.

        Raises `SourceAway`, `HttpFailed`, or `ValidationError` for an answer that is no page of a log.
        """
        query = f"?shard={shard}&after={after}&until={until}&page_size={PAGE_SIZE}"
        page = self._page(source, query)
        while not page.items and page.next_page_token is not None:
            page = self._page(source, f"{query}&page_token={quote(page.next_page_token)}")
        return [item.message(_service(source), shard) for item in page.items]

    def heads(self, source: str) -> dict[int, int]:
        """Return the position of the last message of each shard. Raises as `missing` does."""
        return {item.shard: item.position for item in LogHeads.model_validate_json(self._get(source, "/heads")).items}

    def _page(self, source: str, query: str) -> Page[LogMessage]:
        return Page[LogMessage].model_validate_json(self._get(source, query))

    def _get(self, source: str, what: str) -> bytes:
        url = f"{self._url.replace('{service}', quote(_service(source), safe=''))}/v1/log{what}"
        try:
            return self._client.get_bytes(url, token=self._tokens.token(), limit_bytes=PAGE_BYTES_MAX)
        except HttpFailed as error:
            if error.status is None:
                raise SourceAway(str(error)) from error
            raise


def _service(source: str) -> str:
    return source.rpartition("/")[2]
