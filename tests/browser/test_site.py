"""A published report of each kind, as the documentation site has it, in a real browser.

RESILIENCY_SITE may name the folder of a site that was built before; else the reports are written
here.
"""

import os
from pathlib import Path

import pytest
from opened import DESKTOP, PHONE, SCREEN, Opened

from published.kept import RESULTS, SPECS
from published.site import DOCS, write_reports

GLOSSARY, MANUAL, RULES = (
    DOCS.format("glossary"),
    DOCS.format("deploying"),
    DOCS.format("paper") + "#verdict-rules",
)

pytestmark = pytest.mark.browser

# Whether a page is as wide as the screen and not too high, once its charts have the new width.
FITS = """([width, most]) => document.documentElement.scrollWidth === width
  && document.documentElement.scrollHeight <= most"""
# Known by images, by answers and by scores.
STUDIES = ("traffic_signs", "imagenet_decisions", "timm_published")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if built := os.environ.get("RESILIENCY_SITE"):
        return Path(built, "results")
    folder = tmp_path_factory.mktemp("site")
    write_reports(folder)
    return folder


@pytest.mark.parametrize("study", STUDIES)
def test_a_published_report_is_short_and_opens_without_a_fault(browser, site, study):
    path = site / study / "report.html"
    opened = Opened(browser, path, viewport=DESKTOP)
    for size, most in ((PHONE, 25), (SCREEN, 9.5)):
        opened.page.set_viewport_size(size)
        opened.page.wait_for_function(FITS, arg=[size["width"], most * size["height"]])
    opened.unfold()
    assert opened.faults == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [
        path.as_uri()
    ]
    assert opened.page.locator(".contender").count() > 0
    assert opened.page.locator(".chart").count() > 1
    if (RESULTS / study / SPECS).is_file():
        drawn = opened.page.locator(".chart").evaluate_all(
            "(charts) => charts.map((chart) => chart.id)"
        )
        pictures = [path for path in (RESULTS / study).iterdir() if path.suffix in (".svg", ".png")]
        assert {f"chart-{path.stem}" for path in pictures} <= set(drawn)
    links = opened.page.evaluate(
        "[...document.querySelectorAll('a[href]')].map((a) => a.getAttribute('href'))"
    )
    assert links.count(GLOSSARY) == 1
    links = [link for link in links if link[0] != "#" and link not in (GLOSSARY, MANUAL, RULES)]
    assert [link for link in links if not (path.parent / link).is_file()] == []
    opened.page.context.close()
