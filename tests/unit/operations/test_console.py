"""The console: who may look, what is shown, and that no text of a fact is ever more than text."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from base64 import b64encode
from contextlib import aclosing
from uuid import UUID

import pytest
from fourgates.contracts.dml import ServiceRegistered
from fourgates.contracts.release import PhaseEntered
from operations_service.adapters import names_in
from operations_service.api.console.live import Part, follow_part, moves_board, moves_release
from operations_service.api.console.words import cut, moment, name_of, saying, what, who
from operations_service.api.following import Followers

from tests.unit.operations.a_window import EVIL, RELEASE, Window

PERSON = "0193a3c2-5d1e-7f00-8000-00000000002a"


@pytest.fixture
def shown(window):
    """A service with a name, and a release of it in planning."""
    registered = {"service_id": UUID(int=1), "owner_id": "oskar", "tier": "gold", "lifecycle": "pipeline"}
    window.hear(ServiceRegistered(name="parcel-tracking", **registered))
    window.opened(11, emergency=True)
    entered = {"release_id": RELEASE, "service_id": UUID(int=1), "kind": "update", "version": "1.11.0"}
    window.hear(PhaseEntered(**entered, phase="planning", entered_by="rhea", change_ids=[]))
    return window


def test_an_empty_board_says_what_to_do(window):
    page = window.look("/console/").text
    assert "No release yet" in page
    assert "POST /release/v1/releases" in page


def column(page, phase):
    return re.search(rf'<section id="phase-{phase}".*?</section>', page, re.DOTALL)[0]


def test_the_board_shows_each_release_in_its_phase_and_leads_to_its_page(shown):
    page = shown.look("/console/").text
    card = column(page, "planning")
    for told in ("parcel-tracking 1.11.0", "update", "emergency", "asked for by rob", "5 Jan 2026, 12:00:00 UTC"):
        assert told in card, told
    assert f'href="/console/releases/{RELEASE}"' in card
    assert str(RELEASE) not in column(page, "requested")
    assert "now in planning" in page


def test_ended_releases_are_shown_up_to_a_limit(tmp_path):
    window = Window(tmp_path, console_ended_max=2)
    window.fill(11, 12, 13)
    cancelled = column(window.look("/console/").text, "cancelled")
    assert cancelled.count("<article") == 2
    assert "Only the last ones" in cancelled


def test_the_page_of_a_release_says_who_did_what_when(shown):
    page = shown.look(f"/console/releases/{RELEASE}").text
    rows = re.findall(r'<tr id="fact-(\d+)" role="row">(.*?)</tr>', page, re.DOTALL)
    assert [place for place, _ in rows] == ["3", "2"]
    assert all(told in rows[0][1] for told in ("Phase entered: planning", "rita", "5 Jan 2026, 12:00:00 UTC"))
    assert all(told in rows[1][1] for told in ("Opened", "faster", "reason"))
    assert re.search(r'aria-current="step">planning<', page)
    assert page.count('scope="col"') == 4


def test_no_text_of_a_fact_is_more_than_text(window, tmp_path):
    window.opened(11, reason=EVIL, version=EVIL, requested_by=EVIL)
    window.hear(
        ServiceRegistered(service_id=UUID(int=1), owner_id=EVIL, tier=EVIL, lifecycle=EVIL, name=EVIL), person=EVIL
    )
    pages = [window.look(path) for path in ("/console/", f"/console/releases/{RELEASE}")]
    for page in pages:
        assert "&lt;script&gt;" in page.text
        assert "<img" not in page.text
        assert "<script>" not in page.text


def test_pages_need_nothing_that_the_policy_forbids(shown):
    for path in ("/console/", f"/console/releases/{RELEASE}", "/console/nothing"):
        answer = shown.look(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:|https?://", answer.text)


def test_what_tells_of_the_connection_is_there_before_what_opens_it(shown):
    for path in ("/console/", f"/console/releases/{RELEASE}"):
        scripts = re.findall(r'<script defer src="[^"]*/([^"/]+)"', shown.look(path).text)
        assert scripts == ["console.js", "htmx.min.js", "hx-sse.min.js"]


def test_old_history_lies_on_further_pages(tmp_path):
    window = Window(tmp_path, console_history_max=2)
    window.fill(11)
    first, last = (window.look(f"/console/releases/{RELEASE}{query}").text for query in ("", "?page=2"))
    assert [re.findall(r'id="fact-(\d)"', page) for page in (first, last)] == [["3", "2"], ["1"]]
    assert "?page=2" in first
    assert "Page 2 of 2" in last
    # Only the newest page follows what happens.
    assert ("hx-sse:connect" in first, "hx-sse:connect" in last) == (True, False)
    assert window.look(f"/console/releases/{RELEASE}?page=3").status_code == 404


@pytest.mark.parametrize("path", [f"/console/releases/{UUID(int=99)}", "/console/releases/REL-1", "/console/what"])
def test_what_is_not_there_gets_a_page_that_leads_on(shown, path):
    answer = shown.look(path)
    assert (answer.status_code, 'href="/console/"' in answer.text) == (404, True)
    assert answer.headers["content-type"].startswith("text/html")


def test_files_are_served_as_the_pages_name_them(window):
    page = window.look("/console/sign-in", token=None).text
    named = re.findall(r'(?:href|src)="/console/static/([^"]+)"(?: integrity="([^"]+)")?', page)
    assert len(named) == 5
    for name, integrity in named:
        answer = window.get(f"/console/static/{name}", token=None)
        assert answer.status_code == 200
        digest = b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert integrity in {f"sha256-{digest}", ""}
        assert ("immutable" in answer.headers["cache-control"]) is bool(integrity)
    for name in ("vendor/SHA256SUMS", "../console/pages.py", "x.js"):
        assert window.get(f"/console/static/{name}", token=None).status_code == 404


# Words.


def test_a_person_is_named_if_the_file_knows_the_name(tmp_path):
    file = tmp_path / "people.json"
    one = {"id": PERSON, "username": "rhea", "name": "Rhea", "secret_hash": "", "aliases": ["idp|7"]}
    assert names_in(None) == {}
    from fourgates.chassis.identity import hash_secret  # noqa: PLC0415 - only here

    one["secret_hash"] = hash_secret("x", salt=bytes(16))
    file.write_text(json.dumps({"roles": {}, "people": [one]}))
    names = names_in(file)
    assert names == {PERSON: "Rhea", "idp|7": "Rhea"}
    assert name_of(PERSON, {}) == "person 0000002a"
    by_service = {"by": "deploy-service", "person": PERSON}
    assert (who(by_service, names), who({"by": PERSON, "person": PERSON}, names)) == (
        "deploy-service, for Rhea",
        "Rhea",
    )


def test_facts_are_told_in_few_words():
    facts = {
        "release_id": "x",
        "phase": "build_and_test",
        "outcome": "successful_with_issues",
        "emergency": True,
        "reason": "",
        "joined": False,
        "gates": ["planning", "check_in"],
        "requested_by": PERSON,
        "document_digest": "x",
        "plan": {"a": 1},
        "items": [{"a": 1}],
    }
    assert dict(saying(facts, {PERSON: "Rhea"})) == {
        "outcome": "successful with issues",
        "emergency": "yes",
        "gates": "planning, check-in",
        "requested by": "Rhea",
    }
    assert what("dev.fourgates.release.phase_entered.v1", facts) == "Phase entered: build and test"
    assert what("dev.fourgates.deploy.back_out_failed.v1", {}) == "Back out failed"
    assert moment("2026-03-02T09:05:07.123456Z") == "2 Mar 2026, 09:05:07 UTC"
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "abc … (cut here)")


# What follows.


def following(window, part, then):
    """Read the parts that are sent; `then` are the things that happen, each once the one before was seen."""

    async def read():
        here = Followers(head=window.store.head, wait_beyond=lambda *_: False, followers_max=1, threads_max=2)
        got = []
        async with asyncio.timeout(10), aclosing(follow_part(here.begin(), part, ping_s=0.05)) as events:
            async for event in events:
                if b"data: " not in event:
                    continue
                got.append(event.decode())
                if len(got) > len(then):
                    return got
                await asyncio.to_thread(then[len(got) - 1])
        return got

    return asyncio.run(read())


def a_part(window, moves, may_go_on=lambda: True, made=None):
    def make():
        if made is not None:
            made.append(1)
        return f"head {window.store.head()}"

    return Part(window.service.views, make=make, moves=moves, batch_max=2, may_go_on=may_go_on)


def test_a_page_gets_its_part_at_once_and_again_when_it_has_changed(window):
    got = following(window, a_part(window, moves_board), [lambda: window.opened(11), lambda: window.fill(12, 13)])
    assert len(got) == 3
    assert got[0].startswith("retry: 3000\nid: 0\ndata: head 0")
    assert "id: 1\n" in got[1]


def test_only_what_belongs_to_a_release_changes_its_page(window):
    window.opened(11)
    made = []
    part = a_part(window, lambda views: moves_release(str(RELEASE), views), made=made)
    place, _ = part.begin()
    window.fill(12)
    assert part.look(place) == (4, None)
    window.fill(11)
    assert part.look(4) == (7, f"head {window.store.head()}")
    assert len(made) == 2


def test_a_page_is_followed_as_long_as_its_session(window):
    answers = iter([True, False])
    part = a_part(window, moves_board, may_go_on=lambda: next(answers))
    assert len(following(window, part, [lambda: None, lambda: None])) == 1


def test_a_part_of_an_unknown_release_is_not_followed(window):
    assert window.look(f"/console/releases/{UUID(int=5)}/live").status_code == 404
