"""Asking every GET of every service for every id that there is, over ASGI, without a socket."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fourgates.chassis.bus.envelope import SHARDS
from fourgates.chassis.http_client import ASGITransport, AsyncClient

# What may differ between two moments of one log, by name: liveness, figures of the process, and streams.
EXCEPTED = ("/livez", "/readyz", "/healthz", "/metrics", "/v1/stream")
# What machines alone read, one shard after the other.
LOG = "/v1/log"
PAGE = 200


class Reader:
    """One service's API, asked as somebody who may read everything, and its log as a machine account."""

    def __init__(self, api: FastAPI, token: str, machine_token: str) -> None:
        self.document: dict[str, Any] = api.openapi()
        self._tokens = (token, machine_token)
        self._client = AsyncClient(transport=ASGITransport(app=api), base_url="http://testserver")

    def templates(self) -> list[str]:
        """Return every path that can be read and is not excepted by name."""
        return sorted(p for p, ways in self.document["paths"].items() if "get" in ways and not p.startswith(EXCEPTED))

    async def read(self, path: str) -> tuple[int, bytes, str]:
        """Return status, body and entity tag."""
        token = self._tokens[path.startswith(LOG)]
        answer = await self._client.get(path, headers={"authorization": f"Bearer {token}"})
        return answer.status_code, answer.content, answer.headers.get("etag", "")

    async def everything(self, known: set[str]) -> dict[str, tuple[int, bytes, str]]:
        """Return the answer of every path, for every known value of each of its parameters; the misses are left out."""
        found: dict[str, tuple[int, bytes, str]] = {}
        for template in self.templates():
            for path in await self._paths(template, known):
                answer = await self.read(path)
                assert answer[0] < 500, (path, answer)
                if answer[0] == 200:
                    found[path] = answer
        return found

    async def _paths(self, template: str, known: set[str]) -> list[str]:
        if template == LOG:
            return [path for shard in range(SHARDS) for path in await self._pages(template, f"shard={shard}&")]
        if "{" not in template:
            return await self._pages(template)
        first = template[: template.index("{")].rstrip("/")
        keys = await self._keys(first) or sorted(known)
        return [path for key in keys for path in self._filled(template, key)]

    def _filled(self, template: str, key: str) -> list[str]:
        """Fill the first parameter with a key, and each further one with what the document says it may be."""
        paths = [re.sub(r"\{[^}]+\}", quote(key, safe=":"), template, count=1)]
        while any("{" in p for p in paths):
            name = re.search(r"\{([^}]+)\}", paths[0])
            assert name is not None
            values = self._values(template, name.group(1))
            paths = [p.replace(name.group(0), v, 1) for p in paths for v in values]
        return paths

    def _values(self, template: str, parameter: str) -> list[str]:
        for declared in self.document["paths"][template]["get"].get("parameters", []):
            if declared["name"] == parameter:
                schema = declared["schema"]
                if "$ref" in schema:
                    schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                return [str(v) for v in schema.get("enum", ())]
        return []

    async def _pages(self, path: str, query: str = "") -> list[str]:
        """Return a list's path, and the paths of its further pages."""
        paths = [f"{path}?{query}".rstrip("?&")]
        declared = {p["name"] for p in self.document["paths"][path]["get"].get("parameters", [])}
        if "page_size" not in declared:
            return paths
        paths.append(f"{path}?{query}page_size={PAGE}")
        while True:
            token = json.loads((await self.read(paths[-1]))[1]).get("next_page_token")
            if not token:
                return paths
            paths.append(f"{path}?{query}page_size={PAGE}&page_token={quote(token)}")

    async def _keys(self, collection: str) -> list[str]:
        """Return the ids of everything in a collection, and of what it names, if it can be listed."""
        if collection not in self.templates():
            return []
        keys: list[str] = []
        for path in (await self._pages(collection))[1:]:
            items = json.loads((await self.read(path))[1]).get("items", [])
            keys += [str(v) for item in items for name, v in item.items() if name == "id" or name.endswith("_id")]
        return sorted(set(keys))
