"""Sentences that a report says by rules, each with a condition and the section that shows why.

A topic finds its facts in the tables of a study; the first of its rules that holds is said.

The topics are in `advice.ADVICE` and `cautions.CAUTIONS`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from resiliency.base.settings import Keys

Facts = dict[str, Any]


class Evidence(NamedTuple):
    """What rules are about.

    Attributes:
        tables: tables of the study, by name.
        card: card of the dataset; empty if there is none.
        units: test set -> its `units.json`; empty if nothing is known about its images.
    """

    tables: Mapping[str, pd.DataFrame]
    card: Keys
    units: Mapping[str, Keys]

    def table(self, name: str, *columns: str) -> pd.DataFrame:
        """A table of the study, or an empty one with these columns."""
        return self.tables.get(name, pd.DataFrame(columns=columns))


class Rule(NamedTuple):
    """A sentence, with facts in braces, and the condition under which it is said."""

    holds: Callable[[Facts], Any]
    sentence: str


class Topic(NamedTuple):
    """Rules about one question, of which the first that holds is said.

    Attributes:
        facts: returns what is known, once per thing that a sentence is about; nothing if the study
            lacks what the rules need.
        look: anchor of the section of the page that shows why; "" if none does.
    """

    facts: Callable[[Evidence], Iterable[Facts]]
    look: str
    rules: Sequence[Rule]


class Line(NamedTuple):
    """A sentence of the page, and the anchor of the section that shows why."""

    sentence: str
    look: str


def said(topics: Iterable[Topic], evidence: Evidence) -> list[Line]:
    """What the rules of these topics say of a study."""
    lines = []
    for topic in topics:
        for facts in topic.facts(evidence):
            for rule in topic.rules:
                if rule.holds(facts):
                    lines.append(Line(rule.sentence.format_map(facts), topic.look))
                    break
    return lines


def always(facts: Facts) -> bool:
    """The condition of a rule that holds if none before it does."""
    return True
