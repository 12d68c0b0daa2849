"""A real browser, as the machine has it: pages of one person, and everything that went wrong in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from fourgates.chassis.testing.lacking import Lacking
from playwright.sync_api import Browser, Page, sync_playwright

PATIENCE_MS = 15_000
GIVEN = "FOURGATES_TEST_CHROMIUM"


def chromium() -> str:
    """Where the browser is. Raises `Lacking`."""
    found = os.environ.get(GIVEN) or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise Lacking("The browser", f"there is no chromium, and {GIVEN} names none", "chromium (apt install chromium)")
    return found


@contextmanager
def running() -> Iterator[Browser]:
    """Run the browser without a screen. Its own sandbox needs more than a container gives, and all pages are ours.

    The driver keeps an event loop of this thread as long as it runs: no test of the same module may be a coroutine.
    """
    path = chromium()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def looking(browser: Browser, **options: object) -> Iterator[tuple[Page, list[str]]]:
    """Open a page of a person of its own; the list tells what went wrong in it."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    try:
        yield page, wrong
    finally:
        context.close()
