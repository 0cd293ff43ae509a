"""A headless Chromium for tests of pages, driven by Playwright; tests skip with the reason where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
READY = "document.documentElement.dataset.ready === 'yes'"
PATIENCE = 120_000
"""Milliseconds that a busy machine may take."""


@contextmanager
def open_browser() -> Iterator[Any]:
    """Yield a Chromium of the system."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed (Debian: apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'polytune[test]'")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page that was opened from disk, and whatever went wrong in it."""

    page: Any
    faults: list[str] = field(default_factory=list)
    """Errors and warnings of the console, uncaught errors, requests to anywhere but the disk."""

    def go(self, file: Path, address: str = "") -> None:
        """Open a file with what stands behind `#`, and wait until it has been drawn."""
        self.page.goto("about:blank")  # another address of one file would be no new page
        self.page.goto(f"{file.as_uri()}{'#' if address else ''}{address}")
        self.page.wait_for_function(READY, timeout=PATIENCE)

    def act(self, action: str, *given: Any) -> None:
        """Run a script that uses a control, and wait until the page has answered."""
        before = self.page.evaluate("performance.getEntriesByName('render').length")
        self.page.evaluate(action, *given)
        self.page.wait_for_function(f"performance.getEntriesByName('render').length > {before}", timeout=PATIENCE)

    def choose(self, name: str, value: str) -> None:
        """Choose a value of a control, as a person does."""
        self.act(f"value => {{ const control = document.getElementById('choose-{name}'); control.value = value; "
                 "control.dispatchEvent(new Event('change')) }", value)  # fmt: skip

    def view(self, name: str) -> None:
        self.act(f"() => document.querySelector('#views button[value={name}]').click()")

    def rows(self) -> int:
        """Return how many rows the chart has, as the page says."""
        return int(self.page.text_content("#count").split()[0].replace(",", ""))

    def text(self, selector: str) -> str:
        return self.page.text_content(selector)

    def save_rows(self, file: Path) -> Path:
        """Save the rows of the chart as CSV with the page's own button."""
        with self.page.expect_download(timeout=PATIENCE) as saved:
            self.page.click("#download")
        saved.value.save_as(file)
        return file


def visit(browser: Any, width: int = 1300, height: int = 900, dark: bool = False) -> Visit:
    """Return a new window of a size, which notes its faults."""
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", accept_downloads=True
    )
    page.set_default_timeout(PATIENCE)
    made = Visit(page)
    page.on(
        "console", lambda said: said.type in ("error", "warning") and made.faults.append(f"{said.type}: {said.text}")
    )
    page.on("pageerror", lambda error: made.faults.append(str(error)))
    near = ("file:", "data:", "blob:", "about:")
    page.on("request", lambda asked: asked.url.startswith(near) or made.faults.append(f"asked for {asked.url}"))
    return made
