"""What a reader sees of the report of the tiny study: how much, in what words, and by which way."""

import pytest
from opened import PHONE, SCREEN, Opened

pytestmark = pytest.mark.browser

MOST_SCREENS, MOST_ON_A_PHONE = 8, 25
CUT = """(charts) => charts.flatMap((chart) => {
  const { left, right } = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("svg text")].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.width && (box.left < left - 1 || box.right > right + 1);
  }).map((text) => `${chart.id}: ${text.textContent}`);
})"""
OVERLAPPING = """(charts) => charts.flatMap((chart) => [...chart.querySelectorAll(
  "svg .role-axis-label")].flatMap((axis) => {
  const shown = [...axis.querySelectorAll("text")].filter((text) => text.getAttribute("opacity") !== "0");
  const boxes = shown.map((text) => [text.textContent, text.getBoundingClientRect()]);
  const apart = (a, b) => a.top > b.bottom - 4 || b.top > a.bottom - 4 || a.left > b.right - 4 || b.left > a.right - 4;
  const crossed = boxes.filter(([, a]) => boxes.some(([, b]) => a !== b && !apart(a, b)));
  return crossed.map(([name]) => `${chart.id}: ${name}`);
}))"""


def folded(browser, report, **context):
    """The page as it opens, its visible charts drawn."""
    opened = Opened(browser, report, **context)
    opened.show(".chart:visible")
    opened.page.evaluate("scrollTo(0, 0)")
    return opened.page


@pytest.fixture(scope="module")
def page(browser, report):
    return folded(browser, report, viewport=SCREEN)


@pytest.fixture(scope="module")
def phone(browser, report):
    return folded(browser, report, viewport=PHONE, has_touch=True, is_mobile=True)


def test_the_report_is_eight_screens_and_an_appendix_that_is_folded(page):
    assert page.evaluate("document.getElementById('appendix').offsetTop") <= MOST_SCREENS * SCREEN["height"]
    assert not page.locator("#members").is_visible()
    assert page.evaluate("document.documentElement.scrollHeight") <= (MOST_SCREENS + 0.5) * SCREEN["height"]


def test_each_section_has_one_chart_and_more_behind_a_click(page):
    for section in page.locator("main > section:has(figure)").all():
        assert section.locator(".chart:visible").count() == 1
        assert section.locator(".answer:visible").count() <= 1
    section = page.locator("section:has(#deploy)")
    section.locator(".more summary").click()
    assert section.locator(".chart:visible").count() > 1
    section.locator(".more summary").click()


def test_the_navigation_stays_and_leads(page):
    nav, section = page.locator("nav"), page.locator("#joint")
    nav.get_by_role("link", name="Joint training").click()
    page.wait_for_function("document.querySelector('nav [aria-current]')?.hash === '#joint'")
    assert 0 <= section.bounding_box()["y"] < SCREEN["height"] / 3
    assert nav.bounding_box()["y"] == 0
    nav.get_by_role("link", name="All members").click()
    page.locator("#members").wait_for(state="visible")
    assert 0 <= page.locator("#members").bounding_box()["y"] < SCREEN["height"]
    page.locator("#appendix").evaluate("(fold) => { fold.open = false; }")


def test_every_link_leads_somewhere(page):
    targets = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.hash.slice(1))")
    assert page.evaluate("(ids) => ids.filter((id) => !document.getElementById(id))", targets) == []
    twice = page.evaluate(
        "[...document.querySelectorAll('[id]')].map((e) => e.id).filter((id, n, all) => all.indexOf(id) < n)"
    )
    assert twice == []


def test_on_a_phone_nothing_is_cut(phone):
    assert phone.evaluate("document.documentElement.scrollHeight") <= MOST_ON_A_PHONE * PHONE["height"]
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    charts = phone.locator(".chart:visible")
    assert charts.evaluate_all(CUT) == []
    assert charts.evaluate_all(OVERLAPPING) == []
