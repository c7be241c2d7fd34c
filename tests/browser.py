"""A real browser for tests: headless Chromium from the system's packages, driven by Playwright. Where none can be had a
test is skipped; continuous integration has to have one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
MISSING = (
    f"needs a browser and found none of {', '.join(PROGRAMS)}: scripts/browser installs one on Debian, "
    "or install Chromium or Chrome"
)
PATIENCE = 60_000  # ms: machines that run tests are slow

expect.set_options(timeout=PATIENCE)


def program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(MISSING)
    return found or pytest.skip(MISSING)


@contextmanager
def browsing() -> Iterator[Browser]:
    path = program()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])  # root may not have one
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page, and what it did that a page for operators must not do."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(address) else self.complaints.append(asked.url))
