"""The terms of the glossary that the report explains, and the buttons that open their definitions."""

import re

from markupsafe import Markup, escape

from resiliency.report.glossary import glossary

TERMS = {key: term for terms in glossary().values() for key, term in terms.items() if term.report}
_KEYS = {name.lower(): key for key, term in TERMS.items() for name in term.names}
_WORDS = re.compile(
    r"(?<![\w-])(" + "|".join(map(re.escape, sorted(_KEYS, key=len, reverse=True))) + r")(?![\w-])", re.IGNORECASE
)


def explained(text: str) -> Markup:
    """`text`, escaped; each term, where it comes first, is a button that opens its definition."""
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
