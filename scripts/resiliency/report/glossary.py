"""The words of this project, each with one meaning, from glossary.yaml beside this module."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

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
    """Part of the glossary -> key of a term -> the term."""
    parts = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        part: {key: Term(**term | {"names": tuple(term["names"])}) for key, term in terms.items()}
        for part, terms in parts.items()
    }
