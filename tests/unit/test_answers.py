"""What the report answers about the ensemble to deploy."""

import numpy as np
import pytest
from synthetic import synthetic_tables

from resiliency.report.charts.risk_coverage import finding
from resiliency.report.deployment_answers import deployment_answers
from resiliency.report.overview import contenders
from resiliency.report.words import percent

NAMES = ("deployment", "selective_prediction", "temperatures", "members")


@pytest.fixture
def tables():
    return synthetic_tables()


def answers(tables, classes=("cat", "dog")) -> dict[str, str]:
    return dict(deployment_answers(*(tables[name] for name in NAMES), classes and list(classes), "tiny"))


def test_the_questions_come_in_order_and_are_of_the_recommended_model(tables):
    by_question = answers(tables)
    best = contenders(tables["deployment"])[0]
    assert [question.split()[0] for question in by_question] == ["Which", "How", "When", "What", "What", "How"]
    assert best["members"].replace("+", " + ") in by_question["Which ensemble?"]
    assert percent(best["corrupted_error"]) in by_question["How accurate is it, and how certain is that?"]
    good = by_question["How accurate is it, and how certain is that?"]
    assert "fitted on 180 validation images. On clean and corrupted images: calibration error (ECE) 12.0% [11" in good
    assert by_question["What is its worst condition?"].startswith("Fog at severity 5")
    assert "is dog" in by_question["What is its worst condition?"]
    assert f"--config ensemble={best['number']}`" in by_question["How do I get it?"]


def test_a_score_that_is_shown_to_be_better_is_named(tables):
    question = "When should it abstain?"
    better = "Entropy ranks its predictions better (AURC lower by 0.0100 [0.0050, 0.0200])"
    assert answers(tables)[question].startswith("When the maximum probability is low.")
    assert better in answers(tables)[question]
    tables["selective_prediction"]["aurc_difference_high"] = 0.001
    assert better not in answers(tables)[question]
    assert "9.0%" in answers(tables)[question]
    tables["selective_prediction"] = tables["selective_prediction"].iloc[:0]
    assert answers(tables)[question].startswith("Unknown")


def test_what_is_not_known_is_said(tables):
    tables["temperatures"] = tables["temperatures"].assign(fitted_images=0, note="no predictions of them")
    tables["deployment"] = tables["deployment"].assign(macs=np.nan, optimism=np.nan)
    by_question = answers(tables, None)
    assert (
        "No temperature was fitted: no predictions of them."
        in by_question["How accurate is it, and how certain is that?"]
    )
    assert "is number 1" in by_question["What is its worst condition?"]
    assert by_question["What does it cost?"].startswith("Unknown")
    assert "`deployment.cheapest_by: latency`" in by_question["What does it cost?"]


def test_without_anything_to_deploy_nothing_is_asked(tables):
    tables["deployment"] = tables["deployment"].iloc[:0]
    assert answers(tables) == {}


def test_the_finding_of_the_chart_is_of_the_recommended_model(tables):
    sentence = finding(tables["deployment"], tables["risk_coverage"])
    assert sentence.startswith("On corrupted images, the error of the recommended model is 2.0% overall, ")
