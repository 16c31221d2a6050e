"""Pages of Markdown from templates: whatever a template prints is text, unless it says that it is Markdown.

Names come from users, and a page is read by programs that run what HTML they find in it.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment

from resiliency.report import templates, words

NUMBERS = (words.percent, words.number, words.estimate, words.duration, words.quantity, words.plural)
NUMBERS = (*NUMBERS, words.interval, words.bounds)
MARKS = re.compile(r"([\\`*_\[\]<>&|~$])")  # also of dollarmath and of strikethrough
AT_START = re.compile(r"^(?=[#+\-=:])")
LIST_NUMBER = re.compile(r"^(\d+)(?=[.)](?:\s|$))")


class Markdown(str):
    """Text that is Markdown."""

    __slots__ = ()


def escaped(text: object) -> Markdown:
    """Text in one line that means what it is in prose, lists and tables; `Markdown` as it is."""
    if isinstance(text, Markdown):
        return text
    line = AT_START.sub(r"\\", MARKS.sub(r"\\\1", " ".join(str(text).splitlines())))
    return Markdown(LIST_NUMBER.sub(r"\1\\", line))


def code_line(text: object) -> Markdown:
    """Text in one line as it may stand in a fenced block."""
    return Markdown(" ".join(str(text).splitlines()))


def code(text: object) -> Markdown:
    """Text as code within a sentence, between more backticks than it has in a row."""
    line = code_line(text)
    ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return Markdown(f"{ticks}{space}{line}{space}{ticks}")


def link(path: str) -> Markdown:
    """A relative path as the destination of a link."""
    return Markdown(quote(path))


@cache
def environment(folder: Path) -> Environment:
    """What renders templates of Markdown in `folder`, with the forms of `words`.

    Filters `markdown`, `code`, `code_line` and `link` are for what is not text.
    """
    forms = {form.__name__: _as_markdown(form) for form in NUMBERS}
    forms |= {"label": words.label, "markdown": Markdown, "code": code, "code_line": code_line, "link": link}
    return templates.environment(folder, forms, finalize=escaped)


def _as_markdown(form: Callable[..., str]) -> Callable[..., Markdown]:
    """A form whose result has no marks of users."""
    return lambda *arguments, **named: Markdown(form(*arguments, **named))
