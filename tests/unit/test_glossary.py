"""The glossary, from which the documentation's page and the report's definitions are made."""

import re

from synthetic import HOSTILE

from resiliency.report.page import FOLDER, glossary, with_terms
from resiliency.report.settings import PAGE_FILES

ALL = {key: term for terms in glossary().values() for key, term in terms.items()}


def test_every_name_means_one_thing():
    assert sum(map(len, glossary().values())) == len(ALL)
    names = [name.lower() for term in ALL.values() for name in term.names]
    assert sorted(names) == sorted(set(names))


def test_terms_are_buttons_where_they_come_first_and_what_is_explained_is_escaped():
    html = with_terms("mCE of members: mCE, and statistically independent Members' ECE of 5 %")
    terms = re.findall(r'popovertarget="term-([^"]+)"', html)
    assert terms == ["mce", "member", "statistically-independent", "ece"]
    assert html.endswith("of 5\N{NO-BREAK SPACE}%")
    assert with_terms("remember the designer's rmse of pre-mCE") == "remember the designer&#39;s rmse of pre-mCE"
    assert "<img" not in with_terms(f"{HOSTILE} ensembles")


def test_reworded_templates_and_definitions_make_the_report_again():
    templates = {path.name for path in FOLDER.glob("*.j2")}
    assert templates - {*PAGE_FILES} == {"compare.html.j2", "findings.txt.j2"}
    assert "glossary.yaml" in PAGE_FILES
