"""The sentences of reports are short: on the first screen of 25 words at most, elsewhere of 40."""

import re
from functools import partial

import pytest
from drawn_charts import answers, findings
from synthetic import synthetic_tables
from test_degenerate import DEGENERATE, degenerate

from resiliency.report.charts import caption_of
from resiliency.report.overview import WARNINGS, basis, cautions, led_by
from resiliency.report.page import OPENING
from resiliency.report.registry import CHARTS
from resiliency.report.verdicts import by_observation

pytestmark = pytest.mark.slow

FIRST_SCREEN, ANYWHERE = 25, 40
STUDIES = {"usual": synthetic_tables} | {name: partial(degenerate, name) for name in DEGENERATE}
END = re.compile(r"(?<=[.!?])\s+(?=[A-Z“0-9`])")


def words(sentence: str) -> int:
    """Words with a letter or digit; an ensemble, such as a + b, is one."""
    return len(re.findall(r"\S*\w\S*", sentence.replace(" + ", "+")))


def longer(texts: list[str], most: int) -> list[str]:
    return [sentence for text in texts for sentence in END.split(text) if words(sentence) > most]


@pytest.mark.parametrize("study", STUDIES)
def test_the_first_screen_has_no_long_sentence(study):
    tables = STUDIES[study]()
    members = tables["members"].assign(warnings="; ".join(WARNINGS))
    texts = [basis(None, tables), *cautions(members), *findings(tables, [OPENING]).values()]
    texts += [observation["reason"] for observation in by_observation(tables["observations"])]
    texts += [led_by(tables["contenders"], role) for role in ("Best member", "Baseline")]
    assert longer(texts, FIRST_SCREEN) == []


@pytest.mark.parametrize("study", STUDIES)
def test_no_finding_answer_or_caption_has_a_long_sentence(study):
    tables = STUDIES[study]()
    texts = [*findings(tables).values(), *answers(tables).values(), *map(caption_of, CHARTS)]
    assert longer(texts, ANYWHERE) == []
