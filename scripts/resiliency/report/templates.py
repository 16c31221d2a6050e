"""Where pages come from: templates of Jinja, whose forms of numbers and names are those of `words`."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from resiliency.report import words

FORMS = (words.bounds, words.estimate, words.interval, words.label, words.listed, words.margin, words.number)
FORMS = (*FORMS, words.percent, words.plain, words.plural, words.points, words.quantity)


def environment(folder: Path, forms: dict[str, Callable], **escaping: object) -> Environment:
    """What renders the templates in `folder`, in which an unknown name is a fault.

    Args:
        forms: name -> what writes a value; filters and functions of the templates.
        escaping: how what a template prints becomes text of its format: `autoescape` or `finalize`.
    """
    templates = Environment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **escaping
    )
    templates.filters |= forms
    templates.globals |= forms
    return templates


@cache
def sentences(name: str, *forms: Callable) -> Template:
    """The template of plain text `name` of this folder, compiled once per process; what it prints stays in its line.

    Args:
        forms: what writes values, beside the forms of `words`.
    """
    known = {form.__name__: form for form in (*FORMS, *forms)}
    return environment(Path(__file__).parent, known, finalize=_in_line).get_template(name)


def _in_line(value: object) -> str:
    return " ".join(str(value).splitlines())
