"""The console in a real browser: somebody signs in, and what happens appears while the page is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fourgates.chassis.testing.lacking import named_when_lacking
from fourgates_cli import places
from fourgates_cli.client import Caller, no_record
from fourgates_cli.embedded import Embedded
from fourgates_cli.login import log_in
from fourgates_cli.people import ensure_people
from fourgates_cli.walkthrough.changes import authorize_change, raise_change
from fourgates_cli.walkthrough.narrator import Narrator
from fourgates_cli.walkthrough.releases import open_release, pass_gate, release_of
from fourgates_cli.walkthrough.services import register_service
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import Workbench
from playwright.sync_api import Page, expect

from tests.system.browser import PATIENCE_MS, looking, running

WHO = ("rita", "oskar", "mona", "cora", "rhea", "ada")
EVIL = "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>"
PHONE = {"width": 360, "height": 740}
CONSOLE = "/operations/console"

expect.set_options(timeout=PATIENCE_MS)
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def browser():
    with named_when_lacking(), running() as started:
        yield started


def the_world(data: Path, running_set: Embedded) -> World:
    secrets = ensure_people(data)
    url = running_set.url
    return World(
        url=url,
        narrator=Narrator(lambda _: None),
        people={name: Caller(url, token=log_in(url, name, secrets.of(name))) for name in WHO},
        secrets={name: secrets.of(name) for name in WHO},
        bench=Workbench(data / "bench"),
        folder=data,
        example=places.EXAMPLES / "parcel-tracking",
        wheels=(),
        record=no_record,
    )


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """A set with one service and an authorized change, and no release yet."""
    with Embedded(tmp_path) as started:
        here = the_world(tmp_path, started)
        register_service(here, "parcel-tracking", tier="gold", value_case="customers know where their parcels are")
        here.changes["first"] = raise_change(here, "Begin to track parcels", service="parcel-tracking")
        authorize_change(here, here.changes["first"])
        yield here
        here.close()


def sign_in(page: Page, world: World, name: str, secret: str | None = None) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Secret").fill(secret or world.secrets[name])
    page.get_by_role("button", name="Sign in").click()


def is_live(page: Page) -> None:
    expect(page.locator("#link-state")).to_have_text(re.compile("^Live"))


def is_well_made(page: Page) -> None:
    """What a screen reader and a narrow screen need."""
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() >= 1, landmark
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_release_moves_and_its_history_grows_while_somebody_looks(world, browser):
    with looking(browser) as (page, wrong):
        page.goto(f"{world.url}{CONSOLE}/")
        sign_in(page, world, "ada", secret="not hers")
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        wrong.clear()  # The browser tells of the refusal itself.
        sign_in(page, world, "ada")
        expect(page.get_by_text("No release yet")).to_be_visible()
        is_live(page)
        page.evaluate("window.loadedOnce = true")
        release_id = opens_and_moves(page, world)
        assert page.evaluate("window.loadedOnce")
        is_well_made(page)
        shows_its_history(page, world, release_id)
        signs_out(page, world)
        assert wrong == []


def opens_and_moves(page: Page, world: World) -> str:
    release_id = open_release(
        world, "first", service="parcel-tracking", kind="new", version="1.0.0", change_ids=[world.changes["first"]]
    )
    card = page.locator(f"#release-{release_id}")
    expect(page.locator("#phase-requested").locator(card)).to_contain_text("parcel-tracking 1.0.0")
    expect(card).to_contain_text("asked for by Rhea")
    pass_gate(world, "first", "planning")
    expect(page.locator("#phase-planning").locator(card)).to_be_visible()
    expect(page.locator("#phase-requested").locator(card)).to_have_count(0)
    expect(page.locator("#latest")).to_contain_text("now in planning")
    return release_id


def shows_its_history(page: Page, world: World, release_id: str) -> None:
    page.get_by_role("heading", name="parcel-tracking 1.0.0").get_by_role("link").click()
    expect(page).to_have_url(f"{world.url}{CONSOLE}/releases/{release_id}")
    expect(page.get_by_role("columnheader")).to_have_text(["When", "What", "Who", "What it says"])
    for told in ("Requested", "Opened", "Gate requested", "Authorization granted", "Phase entered: planning"):
        expect(page.get_by_role("rowheader", name=told).first).to_be_visible()
    is_live(page)
    page.evaluate("window.loadedOnce = true")
    newest = page.locator("#facts > tr").first
    newest.get_by_text("all of it").click()
    opened = newest.get_attribute("id")
    world.by("rhea").post(f"{release_of(world, 'first')}/hold", {"reason": EVIL})
    row = page.locator("#facts > tr", has=page.get_by_role("rowheader", name="Put on hold"))
    expect(row).to_contain_text(EVIL)
    expect(row).to_contain_text("Rhea")
    expect(page.locator("#newest")).to_contain_text("Put on hold, by Rhea")
    expect(page.get_by_text("on hold", exact=True)).to_be_visible()
    # What somebody has opened stays open, and the row is the same one.
    expect(page.locator(f"#{opened} details")).to_have_attribute("open", "")
    assert page.evaluate("window.loadedOnce")
    assert page.title() != "owned"
    is_well_made(page)


def signs_out(page: Page, world: World) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    page.goto(f"{world.url}{CONSOLE}/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []


def test_the_pages_fit_a_phone_in_the_dark_and_say_when_they_follow_no_more(tmp_path, browser):
    with looking(browser, viewport=PHONE, color_scheme="dark") as (page, _):
        with Embedded(tmp_path) as started:
            secrets = ensure_people(tmp_path)
            page.goto(f"{started.url}{CONSOLE}/")
            is_dark(page)
            page.get_by_label("Name").fill("rhea")
            page.get_by_label("Secret").fill(secrets.of("rhea"))
            page.keyboard.press("Enter")
            is_live(page)
            is_well_made(page)
            is_dark(page)
            cookie = page.context.cookies()[0]
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
            assert page.evaluate("document.cookie") == ""
        expect(page.locator("#link-state")).to_contain_text("Trying again")


def is_dark(page: Page) -> None:
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    red, green, blue, *_ = map(int, re.findall(r"\d+", colour))
    assert red + green + blue < 150, colour
