"""Collections come in pages; a token goes on where its own query stopped, and nowhere else."""

from __future__ import annotations

import pytest
from fourgates.chassis.http.paging import PageTokens, load_or_make_key
from fourgates.chassis.http.problems import Problem


async def names(house, query: str = "") -> tuple[list[str], str | None]:
    answer = await house.ask("GET", f"/v1/parcels{query}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    link = answer.headers.get("link")
    assert (link is None) == (body["next_page_token"] is None)
    return [item["name"] for item in body["items"]], body["next_page_token"]


async def test_pages_follow_each_other_to_the_end(house):
    for name in "ebdac":
        await house.post(name)
    seen, token = await names(house)
    while token:
        more, token = await names(house, f"?page_token={token}")
        seen += more
    assert seen == ["a", "b", "c", "d", "e"]


async def test_equal_values_are_told_apart_by_key(house):
    for _ in range(5):
        await house.post("same")
    seen, token = await names(house)
    while token:
        more, token = await names(house, f"?page_token={token}")
        seen += more
    assert len(seen) == 5


@pytest.mark.parametrize(("query", "count"), [("", 2), ("?page_size=0", 2), ("?page_size=1", 1), ("?page_size=99", 3)])
async def test_the_size_has_a_default_and_a_maximum(house, query, count):
    for name in "abcd":
        await house.post(name)
    assert len((await names(house, query))[0]) == count


async def test_a_token_is_bound_to_its_query(house):
    for name in "abc":
        await house.post(name)
    _, token = await names(house)
    for query in (f"?page_token={token}&name=a", f"?page_token={token[:-1]}", "?page_token=x", "?page_token=%C3%A9.a"):
        answer = await house.ask("GET", f"/v1/parcels{query}")
        assert answer.status_code == 400
        assert answer.json()["type"].endswith("invalid-page-token")


async def test_the_link_leads_to_the_next_page(house):
    for name in "abcd":
        await house.post(name)
    first = await house.ask("GET", "/v1/parcels?page_size=1&name=a&name=c")
    following = first.headers["link"].split(";")[0].strip("<>")
    second = await house.ask("GET", following)
    assert [item["name"] for item in second.json()["items"]] == ["c"]


def test_a_token_of_another_key_is_refused():
    token = PageTokens(b"a" * 32).make("context", ("x", "y"))
    assert PageTokens(b"a" * 32).read("context", token) == ("x", "y")
    with pytest.raises(Problem):
        PageTokens(b"b" * 32).read("context", token)


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path):
    path = tmp_path / "folder" / "key"
    made = load_or_make_key(path)
    assert load_or_make_key(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
