"""The console shows all that the walk-through left behind."""

from __future__ import annotations

import re

import httpx
import pytest

# The first test of a session that asks for it pays for the walk-through.
pytestmark = pytest.mark.timeout(600)


async def test_every_release_of_the_walk_through_has_a_page_that_tells_its_whole_history(walked, tmp_path):
    with walked.again(tmp_path / "again", without_views=False) as again:
        api = again.services["operations"].api
        cookie = {"Cookie": f"fourgates={walked.tokens['ada']}"}
        bearer = {"Authorization": f"Bearer {walked.tokens['ada']}"}
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
            board = (await client.get("/console/", headers=cookie)).text
            listed = (await client.get("/v1/releases?page_size=200", headers=bearer)).json()["items"]
            assert len(listed) > 5
            for release in listed:
                assert f'id="release-{release["id"]}"' in board
                facts = (await client.get(f"/v1/releases/{release['id']}/history", headers=bearer)).json()["items"]
                page = await client.get(f"/console/releases/{release['id']}", headers=cookie)
                assert page.status_code == 200
                assert re.findall(r'<tr id="fact-(\d+)"', page.text) == [str(f["sequence"]) for f in facts[::-1]]
                # Who did it is told by name.
                assert not re.search(r">person [0-9a-f]{8}<", page.text)
    assert "asked for by Rhea" in board
