"""The pages of the documentation: where they are and lead, names of users in them, and the
repository's address."""

import re
import runpy
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

import pytest
import yaml
from markdown_it import MarkdownIt

from published.address import addressed, site, with_address
from published.page import CARD
from resiliency.report.templates import code, escaped

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
SITE = runpy.run_path(str(DOCS / "conf.py"))


# Name of a page on the site -> the file that it is made from; cards of exported models are no
# pages.
OWN = {
    path.relative_to(DOCS).with_suffix("").as_posix(): path
    for path in DOCS.rglob("*.md")
    if path.name != CARD
}
PAGES = OWN | {name: REPOSITORY / file for name, file in SITE["OUTSIDE"].items()}
EXPERIMENTS = {path.stem: path for path in (REPOSITORY / "published/experiments").glob("*.md")}
OTHERS = {name: REPOSITORY / f"{name}.md" for name in ("README", "CHANGELOG", "published/README")}
LINKED = PAGES | EXPERIMENTS | OTHERS


def without_code(text: str) -> str:
    """A page without its blocks of code and comments, which are no text and have no links."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


@cache
def anchors(path: Path) -> frozenset[str]:
    """What links to headings of a page end in, as GitHub and the site have it."""
    headings = re.findall(
        r"^#{1,4} (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE
    )
    plain = (re.sub(r"[`*\\]|\]\([^)]*\)", "", heading).lower() for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain)


def test_the_appendix_lists_what_is_in_no_navigation_by_its_title():
    path = PAGES["results/appendix"]
    listed = re.findall(r"^\| \[(.+)\]\((\S+)\)", path.read_text(encoding="utf-8"), re.MULTILINE)
    files = {(path.parent / file).resolve(): f"# {title}" for title, file in listed}
    assert {file: file.read_text(encoding="utf-8").splitlines()[0] for file in files} == files
    assert {file.stem for file in files} == {*SITE["APPENDIX"], *EXPERIMENTS}


@pytest.mark.parametrize("name", LINKED)
def test_links_lead_somewhere(name):
    """To files of the repository and to headings; other addresses are not visited."""
    path, dead = LINKED[name], []
    for link in re.findall(
        r"\]\((?!https?://)([^)\s]+)\)", without_code(path.read_text(encoding="utf-8"))
    ):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_files_and_packages_that_guides_name_exist():
    guides = [
        *DOCS.glob("*.md"),
        *(REPOSITORY / f"{name}.md" for name in ("README", "CONTRIBUTING")),
    ]
    text = " ".join(path.read_text(encoding="utf-8") for path in guides)
    named = {
        *re.findall(
            r"(?<![\w/])((?:scripts|rules|tests|published|profiles|envs)/[\w./]*\.\w+)", text
        )
    }
    named |= {
        *re.findall(r"`([\w/]+(?:\.py|\.smk|/))`", (DOCS / "house.md").read_text(encoding="utf-8"))
    }
    named |= {
        *re.findall(
            r"`(\w+/[\w/]+\.\w+)`", (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
        )
    }
    assert len(named) > 40
    places = (REPOSITORY, REPOSITORY / "scripts/resiliency")
    assert [
        name for name in sorted(named) if not any((place / name).exists() for place in places)
    ] == []
    assert {f"{path.parent.name}/" for path in places[1].glob("*/__init__.py")} - named == set()


def test_names_on_the_walks_through_the_library_exist():
    page = (DOCS / "house.md").read_text(encoding="utf-8")
    named = sorted({*re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)\.(\w+)`", page)})
    assert len(named) > 20
    for module, name in named:
        resolve_name(f"resiliency.{module}:{name}")


HOSTILE = (
    "a|b *c* __d__ `e` <script>alert(1)</script>\n# f [g](javascript:h) ![i](j) $k$ ~~l~~ &lt; \\"
)
AT_START = ["- a", "# a", "+ a", "1. a", "12) a", "> a", "=== a", ": a", "| a", "``` a"]
MARKS = ["*", "_", "`", "|", "\\", "<b>", "&amp;", "[a](b)", "~~a~~", "$a$", "a\nb", "a\r\n\r\nb"]


def parsed(text: str) -> list:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def shape(text: str) -> list[str]:
    """The kinds of all that the page has, apart from text."""
    kinds = []
    for token in parsed(text):
        kinds.append(token.type)
        kinds += [child.type for child in token.children or [] if not child.type.startswith("text")]
    return kinds


def words_of(text: str) -> str:
    """All text of the page, in prose and in code."""
    leaves = [leaf for token in parsed(text) for leaf in token.children or [token]]
    return "".join(
        leaf.content for leaf in leaves if leaf.type.startswith(("text", "code", "fence"))
    )


@pytest.mark.parametrize("text", [*AT_START, *MARKS, HOSTILE])
@pytest.mark.parametrize(
    "template", ["{}", "- {}", "> {}", "## {}", "| a |\n|---|\n| {} |", "**b** {}"]
)
def test_text_is_what_it_was(text, template):
    filled, plain = template.format(escaped(text)), template.format("plain")
    assert shape(filled) == shape(plain)
    assert " ".join(text.splitlines()).strip() in words_of(filled)


@pytest.mark.parametrize("text", ["`", "a `` b", "``` *a* <b>"])
def test_code_is_what_it_was(text):
    (paragraph,) = [token for token in parsed(f"See {code(text)}.") if token.type == "inline"]
    assert [child.content for child in paragraph.children] == ["See ", text, "."]


GITHUB = "https://github.com/Owner/resiliency"


@pytest.mark.parametrize("address", [GITHUB, "https://example.org/git/resiliency", ""])
def test_an_address_is_written_wherever_it_is_named_and_taken_back(address):
    for file, text in addressed().items():
        written = with_address(file, text, address)
        assert with_address(file, written, "") == with_address(file, text, "")
        assert (GITHUB in written) == (address == GITHUB)
        if file.suffix == ".cff":
            assert yaml.safe_load(written).get("repository-code", "") == address
        elif file.name != "index.md":
            assert (f"git clone {address} resiliency" in written) == bool(address)
            assert ("a clone of this repository" in written) == (not address)
        if file.name == "README.md":
            assert (f"[Example report]({site(address)}/results/digits/report.html)" in written) == (
                address == GITHUB
            )
