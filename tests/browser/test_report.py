"""The report of the tiny study in a real browser, without a network."""

import shutil
from itertools import pairwise

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from opened import DESKTOP, PHONE, SCREEN, Opened

from resiliency.analysis.contenders import ROLES
from resiliency.report.settings import CHARTS

pytestmark = pytest.mark.browser

FILTERING = ("error_by_severity", "correlations", "deployment", "effective_robustness")
FADED = (
    "[...document.querySelectorAll('.role-mark *')].filter((mark) => "
    "Number(mark.getAttribute('opacity') ?? 1) < 0.1)"
)


@pytest.fixture(scope="module")
def page(browser, report):
    return Opened(browser, report, viewport=DESKTOP).unfold().page


@pytest.mark.parametrize("name", FILTERING)
def test_a_click_on_a_name_in_the_interactive_chart_fades_the_other_marks(browser, report, name):
    opened = Opened(browser, report.parent / f"charts/{name}.html", viewport=DESKTOP)
    page, entries = (
        opened.page,
        opened.page.locator(".role-legend").first.locator(".role-legend-label text"),
    )
    entries.first.wait_for()
    assert entries.count() > 1
    assert page.evaluate(f"{FADED}.length") == 0
    box = entries.first.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    page.wait_for_function(f"() => {FADED}.length")
    assert page.locator(".role-mark *").count() > page.evaluate(f"{FADED}.length")
    corner = page.locator("svg.marks").bounding_box()
    page.mouse.click(corner["x"] + 2, box["y"] + box["height"] / 2)
    page.wait_for_function(f"() => !{FADED}.length")
    assert opened.faults == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [page.url]


def test_first_screen_has_the_verdicts_and_the_best(page, report):
    observations = (
        pd.read_csv(report.parent / "tables/observations.csv")
        .groupby("observation")
        .verdict.first()
    )
    tested = observations[observations != "not tested"]
    cards = page.evaluate(
        "[...document.querySelectorAll('.card')].map((card) => [card.dataset.observation,"
        " card.querySelector('.badge').textContent.trim().replace(/^\\S+\\s+/, '')])"
    )
    page.evaluate("scrollTo(0, 0)")
    assert dict(cards) == tested.to_dict()
    bottom = "(boxes) => Math.max(...boxes.map((box) => box.getBoundingClientRect().bottom))"
    assert page.locator(".card, .contender").evaluate_all(bottom) <= DESKTOP["height"]
    roles = (
        ", ".join(page.locator(".contender .role").all_inner_texts()).lower().replace(" and ", ", ")
    )
    assert sorted(roles.split(", ")) == sorted(ROLES)


def test_tables_are_sorted(page, report):
    section = page.locator("section:has(#members)")
    rows, head = (
        section.locator("tbody tr"),
        section.locator("thead th", has_text="Corrupted error"),
    )
    members = pd.read_csv(report.parent / "tables/members.csv").set_index("member")
    for direction in ("ascending", "descending"):
        head.locator(".sort").press("Enter")
        assert head.get_attribute("aria-sort") == direction
        # As they are shown.
        errors = members.corrupted_error[rows.locator("th").all_inner_texts()].map("{:.3f}".format)
        assert len(errors) == len(members)
        assert (
            errors.is_monotonic_increasing
            if direction == "ascending"
            else errors.is_monotonic_decreasing
        )


def test_on_a_phone_nothing_is_wider_or_smaller(browser, report):
    phone = Opened(browser, report, viewport=PHONE, has_touch=True, is_mobile=True)
    assert phone.unfold().faults == []
    assert [url for url in phone.requests if not url.startswith(("data:", "blob:"))] == [
        report.as_uri()
    ]
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    pictures = phone.page.locator(
        ".chart img"
    )  # of which what does not fit is scrolled to, in letters of the same size
    assert all(pictures.evaluate_all("(all) => all.map((of) => of.clientWidth >= of.naturalWidth)"))
    table = phone.page.locator("section:has(#members) .wide")
    table.evaluate("(frame) => { frame.scrollLeft = 400; }")
    name = table.locator("tbody th").first.bounding_box()
    assert 0 <= name["x"] < name["x"] + name["width"] < PHONE["width"] / 2


def test_each_section_has_one_chart_and_the_navigation_leads(browser, report):
    """The page as it opens: more charts are behind a click, and so is the appendix."""
    page = Opened(browser, report, viewport=SCREEN).page
    assert not page.locator("#members").is_visible()
    for section in page.locator("main > section:has(figure)").all():
        assert section.locator(".chart:visible").count() == 1
        assert section.locator(".answer:visible").count() <= 1
    section = page.locator("section:has(#deploy)")
    section.locator(".more summary").click()
    assert section.locator(".chart:visible").count() > 1
    nav, section = page.locator("nav"), page.locator("#joint")
    nav.get_by_role("link", name="Joint training").click()
    page.wait_for_function("location.hash === '#joint'")
    assert 0 <= section.bounding_box()["y"] < SCREEN["height"] / 3
    assert nav.bounding_box()["y"] == 0
    nav.get_by_role("link", name="All members").click()
    page.locator("#members").wait_for(state="visible")
    assert 0 <= page.locator("#members").bounding_box()["y"] < SCREEN["height"]


def test_every_link_leads_somewhere(page):
    targets = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.hash.slice(1))"
    )
    assert page.evaluate("(ids) => ids.filter((id) => !document.getElementById(id))", targets) == []
    identifiers = page.evaluate(
        "[...document.querySelectorAll('[id]')].map((element) => element.id)"
    )
    assert len(set(identifiers)) == len(identifiers)


def test_page_is_accessible(page):
    violations = Axe().run(page).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in violations] == []


def test_pictures_stand_in_without_scripts_and_in_print(browser, report):
    page = Opened(browser, report, java_script_enabled=False).page
    pictures = page.locator(".chart img")
    assert pictures.count() == len(CHARTS)
    assert all(len(picture.get_attribute("alt")) > 40 for picture in pictures.all())
    assert all(
        picture.evaluate("(picture) => picture.naturalWidth > 100") for picture in pictures.all()
    )
    page.emulate_media(media="print")
    assert all(picture.is_visible() for picture in pictures.all())  # also what is folded
    assert not page.locator("nav").is_visible()
    levels = [
        int(heading.evaluate("(h) => h.tagName[1]"))
        for heading in page.locator("h1, h2, h3, h4").all()
    ]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_snakemakes_own_report_leads_somewhere_by_all_its_links(browser, workflow, tmp_path):
    workflow.finish("--report", str(tmp_path / "report.zip"))
    shutil.unpack_archive(tmp_path / "report.zip", tmp_path)
    opened = Opened(browser, tmp_path / "report/report.html", viewport=DESKTOP)
    page = opened.page
    rows = page.locator("tbody tr")
    for category, count in (("Charts", len(CHARTS)), ("Report", 2)):
        page.locator(".prose a", has_text=category).click()
        rows.nth(count - 1).wait_for()
        assert rows.count() == count
        page.reload()
    page.locator(".prose a", has_text="Report").click()
    rows.filter(has_text="Report of the study").locator("a").first.click()
    inner = page.frame_locator("iframe")
    inner.locator("#provenance").wait_for(state="attached")
    targets = inner.locator("body").evaluate(
        "body => [...body.querySelectorAll('a[href]')].map(a => a.hash)"
    )
    assert all(targets)
    assert inner.locator("body").evaluate(
        "(body, ids) => ids.every((id) => body.querySelector(id))", targets
    )
    assert opened.faults == []
