"""The text of a page by element, what in it no reader should find, and golden texts."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

import pytest

COUNTED = (
    "answers candidates conditions corruptions designs ensembles epochs families images "
    "intervals members metrics"
)
COUNTED += " others parts seeds sub-networks trainings"
ODD = {
    "unknown values": r"\b(?:nan|NaN|None|inf|undefined)\b|[∞\[]–|–\]",
    "marks of Markdown": "`",
    "exponents": r"\b\d+(?:\.\d+)?e[+-]?\d+\b",
    "no images": r"(?<![\w.,−-])0 (?:\S+ )??(?:images|answers)\b",
    "plurals of one": rf"(?<![\w.,−-])1 (?:\S+ )??(?:{'|'.join(COUNTED.split())})\b",
    "punctuation": r" [.,;:]|,,|\.\.|\(\)|\[\]|[:;,][.;]|[(\[] | [)\]]",
}
UNKNOWN = re.compile(r'="[^"]*\b(?:nan|None|inf)\b[^"]*"')  # in what scripts read
END = re.compile(r"(?<=[.!?])\s+(?=[A-Z“0-9`])")  # of a sentence
BLOCKS = {"p", "dd", "dt", "li", "summary", "h1", "h2", "h3"}
CELLS = {"td", "th"}


class Text(HTMLParser):
    """The text of a page by element, without scripts, styles and the study's configuration; and
    what pictures say."""

    SKIPPED = ("script", "style", "pre", "title")
    VOID = ("meta", "img", "input", "br", "link")

    def __init__(self, html: str):
        super().__init__()
        self.open, self.blocks, self.whole = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.whole += [value for name, value in attrs if name in ("alt", "aria-label") and value]
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        while self.open:
            name, attrs, parts = self.open.pop()
            content = "".join(parts)
            if self.open and name not in self.SKIPPED:
                self.open[-1][2].append(
                    content if name not in BLOCKS | CELLS | {"tr"} else f"{content}\n"
                )
            if name in BLOCKS:
                self.blocks.append((name, attrs.get("class", ""), " ".join(content.split())))
            if name in BLOCKS | CELLS:
                self.whole.append(" ".join(content.split()))
            if name == tag:
                return

    def handle_data(self, data):
        if self.open and self.open[-1][0] not in self.SKIPPED:
            self.open[-1][2].append(data)


def oddities(html: str) -> list[tuple[str, str]]:
    """Text of unknown values, wrong plurals or stray punctuation; attributes of unknown value;
    empty elements."""
    text = Text(html)
    found = [
        (kind, part)
        for kind, odd in ODD.items()
        for part in text.whole
        if part and re.search(odd, part)
    ]
    shown = re.sub(r"<(script|style|pre).*?</\1>", "", html, flags=re.DOTALL)
    found += [("attribute", attribute) for attribute in UNKNOWN.findall(shown)]
    return found + [(tag, kind) for tag, kind, content in text.blocks if not content]


def in_sentences(said: Iterable[tuple[str, str]]) -> str:
    """Each heading, below it the sentences of its text."""
    return "\n".join("\n".join([f"## {heading}", *END.split(text), ""]) for heading, text in said)


def compare(request: pytest.FixtureRequest, file: Path, text: str) -> None:
    """Hold a text against a golden file, or write it there."""
    if request.config.getoption("golden"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), (
        "after you have read the change: pytest --golden"
    )
