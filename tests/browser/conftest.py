"""A browser for the tests of this folder."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def report(workflow):
    return workflow.results / "report.html"


@pytest.fixture(scope="module")
def browser(lacking):
    browsers = [path for path in map(shutil.which, NAMES) if path]
    if not browsers:
        lacking("browser", "needs Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browsers[0], args=["--no-sandbox"])
        yield started
        started.close()
