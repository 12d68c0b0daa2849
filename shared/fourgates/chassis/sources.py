"""Where an inbox fetches what the bus did not deliver: the relays of its own process, or other services over HTTP."""

from __future__ import annotations

from urllib.parse import quote

from fourgates.chassis.bus import Message
from fourgates.chassis.bus.envelope import source_of
from fourgates.chassis.http.client import HttpClient, MachineTokens
from fourgates.chassis.http.log_api import LogMessage
from fourgates.chassis.http.shapes import Page
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


class HttpSources:
    """Services that run elsewhere, each asked for its log as a machine account. `url` says where, with `{service}`."""

    def __init__(self, client: HttpClient, tokens: MachineTokens, url: str) -> None:
        self._client = client
        self._tokens = tokens
        self._url = url.rstrip("/")

    def missing(self, source: str, shard: int, after: int, until: int) -> list[Message]:
        """Return the first messages of a shard with `after < pos < until`, in order; none when there are no more.

        Raises `HttpFailed`, or `ValidationError` for an answer that is no page of a log.
        """
        service = source.rpartition("/")[2]
        address = f"{self._url.replace('{service}', quote(service, safe=''))}/v1/log"
        query = f"?shard={shard}&after={after}&until={until}&page_size={PAGE_SIZE}"
        page = self._page(address + query)
        while not page.items and page.next_page_token is not None:
            page = self._page(f"{address}{query}&page_token={quote(page.next_page_token)}")
        return [item.message(service, shard) for item in page.items]

    def _page(self, url: str) -> Page[LogMessage]:
        answer = self._client.get_bytes(url, token=self._tokens.token(), limit_bytes=PAGE_BYTES_MAX)
        return Page[LogMessage].model_validate_json(answer)
