"""Environments of Jinja for pages, with the formats of `words`.

What a template of Markdown prints is text, unless it says that it is Markdown: names come from
users, and a page is read by programs that run what HTML they find in it.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from resiliency.report import words

NUMBERS: list[Callable[..., str]] = [
    words.percent,
    words.number,
    words.estimate,
    words.duration,
    words.quantity,
]
NUMBERS += [words.plural, words.interval, words.bounds]
FORMS: dict[str, Callable[..., str]] = {form.__name__: form for form in [*NUMBERS, words.label]}


def environment(
    folder: Path, forms: Mapping[str, Callable[..., Any]] = FORMS, **escaping: Any
) -> Environment:
    """An environment for the templates in `folder`; an unknown name raises an error.

    Args:
        forms: name -> function that formats a value; filters and functions of the templates.
        escaping: escaping of printed values: `autoescape` or `finalize`.
    """
    templates = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **escaping,
    )
    templates.filters |= forms
    templates.globals |= forms
    return templates


def coded(text: str) -> Markup:
    """A sentence as HTML: what stands between backticks is code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


MARKS = re.compile(r"([\\`*_\[\]<>&|~$])")  # also of dollarmath and of strikethrough
AT_START = re.compile(r"^(?=[#+\-=:])")
LIST_NUMBER = re.compile(r"^(\d+)(?=[.)](?:\s|$))")


class Markdown(str):
    """Text that is Markdown."""

    __slots__ = ()


def escaped(text: object) -> Markdown:
    """Escape text for prose, lists and tables, in one line; return `Markdown` as it is."""
    if isinstance(text, Markdown):
        return text
    line = AT_START.sub(r"\\", MARKS.sub(r"\\\1", " ".join(str(text).splitlines())))
    return Markdown(LIST_NUMBER.sub(r"\1\\", line))


def code_line(text: object) -> Markdown:
    """Text in one line for a fenced block."""
    return Markdown(" ".join(str(text).splitlines()))


def code(text: object) -> Markdown:
    """Text as inline code, between more backticks than it contains in a row."""
    line = code_line(text)
    ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return Markdown(f"{ticks}{space}{line}{space}{ticks}")


def link(path: str) -> Markdown:
    """A relative path as the destination of a link."""
    return Markdown(quote(path))


@cache
def markdown_environment(folder: Path) -> Environment:
    """An environment for the Markdown templates in `folder`, with the formats of `words`.

    Filters `markdown`, `code`, `code_line` and `link` are for what is not text.
    """
    forms: dict[str, Callable[..., Any]] = {form.__name__: _as_markdown(form) for form in NUMBERS}
    forms |= {
        "label": words.label,
        "markdown": Markdown,
        "code": code,
        "code_line": code_line,
        "link": link,
    }
    return environment(folder, forms, finalize=escaped)


def _as_markdown(form: Callable[..., str]) -> Callable[..., Markdown]:
    """A format whose result is Markdown."""
    return lambda *arguments, **named: Markdown(form(*arguments, **named))
