"""The page about the code names modules that exist, and its picture shows the rules."""

import re

from resiliency.reference.house import RULES, rules

DOCS = RULES.parent / "docs"


def test_modules_packages_and_rules_that_the_page_names_exist():
    named = re.findall(r"`([\w/]+(?:\.py|\.smk|/))`", (DOCS / "house.md").read_text(encoding="utf-8"))
    places = (RULES.parent, RULES.parent / "scripts/resiliency")
    assert [name for name in named if not any((place / name).exists() for place in places)] == []
    assert len(named) > 40
    packages = {f"{path.parent.name}/" for path in (places[1]).glob("*/__init__.py")}
    assert packages - set(named) == set()


def test_the_picture_shows_rules_of_today():
    drawn = set(re.findall(r"<text[^>]*>(\w+)</text>", (DOCS / "house.svg").read_text(encoding="utf-8")))
    assert drawn - rules().keys() == set()
    of_analysis = {rule for rule, file in rules().items() if file in ("analysis", "report")}
    assert of_analysis - drawn == set()
