"""The sentences of reports are short: on the first screen of 25 words at most, elsewhere of 40."""

import re
from functools import cache

import pytest
from synthetic import synthetic_tables
from test_degenerate import DEGENERATE, degenerate

from resiliency.report.charts import chart_module
from resiliency.report.deployment_answers import deployment_answers
from resiliency.report.overview import WARNINGS, basis, by_observation, cautions, led_by
from resiliency.report.page import ANSWERS
from resiliency.report.registry import CHARTS

FIRST_SCREEN, ANYWHERE = 25, 40
STUDIES = ("usual", *DEGENERATE)
END = re.compile(r"(?<=[.!?])\s+(?=[A-Z“0-9`])")


@cache
def tables_of(study: str) -> dict:
    return synthetic_tables() if study == "usual" else degenerate(study)


def words(sentence: str) -> int:
    """Words with a letter or digit; an ensemble, such as a + b, is one."""
    return len(re.findall(r"\S*\w\S*", sentence.replace(" + ", "+")))


def longer(texts: list[str], most: int) -> list[str]:
    return [sentence for text in texts for sentence in END.split(text) if words(sentence) > most]


def findings(tables: dict, names: list[str]) -> list[str]:
    return [chart_module(name).finding(*(tables[table] for table in CHARTS[name].tables)) for name in names]


@pytest.mark.parametrize("study", STUDIES)
def test_the_first_screen_has_no_long_sentence(study):
    tables = tables_of(study)
    members = tables["members"].assign(warnings="; ".join(WARNINGS))
    texts = [basis(None, tables), *cautions(members), *findings(tables, list(ANSWERS))]
    texts += [observation["reason"] for observation in by_observation(tables["observations"])]
    texts += [led_by(tables["contenders"], role) for role in ("Best member", "Baseline")]
    assert longer(texts, FIRST_SCREEN) == []


@pytest.mark.parametrize("study", STUDIES)
def test_no_finding_answer_or_caption_has_a_long_sentence(study):
    tables = tables_of(study)
    texts = [*findings(tables, list(CHARTS)), *(chart_module(name).CAPTION for name in CHARTS)]
    names = ("deployment", "selective_prediction", "temperatures", "members")
    texts += [answer for _, answer in deployment_answers(*(tables[name] for name in names), ["cat", "dog"], study)]
    assert longer(texts, ANYWHERE) == []
