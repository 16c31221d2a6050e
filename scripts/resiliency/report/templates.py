"""Where pages come from: templates of Jinja, whose forms of numbers and names are those of `words`."""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


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
