"""Generated pages of Markdown show names of users as they are, whatever marks these have."""

import pytest
from markdown_it import MarkdownIt

from resiliency.report.templates import code, escaped

HOSTILE = "a|b *c* __d__ `e` <script>alert(1)</script>\n# f [g](javascript:h) ![i](j) $k$ ~~l~~ &lt; \\"
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
    return "".join(leaf.content for leaf in leaves if leaf.type.startswith(("text", "code", "fence")))


@pytest.mark.parametrize("text", [*AT_START, *MARKS, HOSTILE])
@pytest.mark.parametrize("template", ["{}", "- {}", "> {}", "## {}", "| a |\n|---|\n| {} |", "**b** {}"])
def test_text_is_what_it_was(text, template):
    filled, plain = template.format(escaped(text)), template.format("plain")
    assert shape(filled) == shape(plain)
    assert " ".join(text.splitlines()).strip() in words_of(filled)


@pytest.mark.parametrize("text", ["`", "a `` b", "``` *a* <b>"])
def test_code_is_what_it_was(text):
    (paragraph,) = [token for token in parsed(f"See {code(text)}.") if token.type == "inline"]
    assert [child.content for child in paragraph.children] == ["See ", text, "."]
