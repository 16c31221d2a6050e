"""The words of this project, each with one meaning, from glossary.yaml; the report has buttons that open them."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from markupsafe import Markup, escape

FILE = Path(__file__).with_suffix(".yaml")


class Term(NamedTuple):
    """A word and its meaning.

    Attributes:
        names: what it is called; the first is its heading. The report explains each of them, whatever its case.
        definition: plain text.
        page: the page of docs/ that has more, without its ending; "" for none.
        report: whether the report explains it.
    """

    names: tuple[str, ...]
    definition: str
    page: str = ""
    report: bool = True


@cache
def glossary() -> dict[str, dict[str, Term]]:
    """The terms by part of the glossary and key."""
    parts = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        part: {key: Term(**term | {"names": tuple(term["names"])}) for key, term in terms.items()}
        for part, terms in parts.items()
    }


TERMS = {key: term for terms in glossary().values() for key, term in terms.items() if term.report}
_KEYS = {name.lower(): key for key, term in TERMS.items() for name in term.names}
_WORDS = re.compile(
    r"(?<![\w-])(" + "|".join(map(re.escape, sorted(_KEYS, key=len, reverse=True))) + r")(?![\w-])", re.IGNORECASE
)


def with_terms(text: str) -> Markup:
    """Escape `text`, and make the first occurrence of each term a button that opens its definition."""
    text, parts, end, seen = text.replace(" %", "\N{NO-BREAK SPACE}%"), [], 0, set()
    for match in _WORDS.finditer(text):
        key = _KEYS[match[0].lower()]
        if key not in seen:
            seen.add(key)
            parts += [escape(text[end : match.start()]), _button(key, match[0])]
            end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _button(key: str, word: str) -> Markup:
    return Markup('<button type="button" class="term" popovertarget="term-{}">{}</button>').format(key, word)
