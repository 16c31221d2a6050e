"""All that the report says of degenerate studies: whole sentences, and no claim of what the study does not have."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from drawn_charts import PROVENANCE, Text, answers, described, findings, rendered
from synthetic import synthetic_tables

from resiliency.corruptions.settings import MAIN
from resiliency.report import settings
from resiliency.report.drawing import draw
from resiliency.report.page import render
from resiliency.report.registry import CHARTS

FAILED = {"clean_accuracy": 0.1, "corrupted_error": 0.9, "corrupted_accuracy": 0.1}
DEGENERATE = {
    "one design": {"designs": {"vit": "vit"}},
    "two members": {"designs": {"vit": "vit", "resnet18": "resnet"}, "seeds": 1, "sizes": [2], "searched": 0},
    "one loss_weight": {"objectives": {"balanced": (0.5,)}},
    "independent training alone": {"objectives": {"balanced": (0.0,)}},
    "independent objective": {"objectives": {"independent": (0.0,)}, "seeds": 1},
    "one corruption and no joint training": {"corruptions": ["fog"], "objectives": {}},
    "nothing independent": {"designs": {}},
    "no search": {"searched": 0},
    "no ensembles": {"sizes": [], "objectives": {}, "searched": 0},
    "one member": {"designs": {"vit": "vit"}, "seeds": 1, "objectives": {}, "searched": 0},
    "failed training": {},
}


@cache
def degenerate(name: str) -> dict[str, pd.DataFrame]:
    tables = synthetic_tables(**({"corruptions": MAIN[:3]} | DEGENERATE[name]))
    if name != "failed training":
        return tables
    for key, table in tables.items():
        tables[key] = table.assign(**{column: value for column, value in FAILED.items() if column in table})
    tables["histories"] = tables["histories"].assign(validation_accuracy=0.1)
    tables["corruption_errors"] = tables["corruption_errors"].assign(error=0.9)
    tables["correlations"] = tables["correlations"].assign(correlation=np.nan, low=np.nan, high=np.nan)
    return tables


@pytest.mark.parametrize("study", DEGENERATE)
def test_sentences_of_degenerate_studies_are_whole(study):
    for line in filter(None, findings(degenerate(study)).values()):
        assert line[0].isupper()
        assert line.endswith(".")
        assert not {"nan", "–", "None", "inf"} & set(line.replace("%", "").replace(",", "").split())
        assert not [wrong for wrong in ("  ", " .", " ,", ",,", "..", "()", ": ;", ";.", ":.", "−nan") if wrong in line]


FALSE = {
    "one design": {
        "error_heatmap": "lowest error",
        "architecture_diversity": "different designs",
        "origins": "several architectures",
        "coincident_failures": "different designs",
        "size_accuracy_robustness": "with size",
    },
    "two members": {"diversity_accuracy": "quarter", "ensemble_size": "from 2", "coincident_failures": "same design"},
    "one loss_weight": {"loss_weight": "the best"},
    "independent training alone": {"loss_weight": "weight"},
    "independent objective": {"loss_weight": "weight"},
    "one corruption and no joint training": {
        "error_heatmap": "easiest",
        "loss_weight": "λ",
        "origins": "joint training",
    },
    "nothing independent": {
        "error_by_severity": "designs",
        "ensemble_size": "members",
        "search_front": "Independently",
    },
    "no search": {"search_front": "sub-networks", "origins": "sub-networks"},
    "no ensembles": {
        "correlations": "correlates",
        "deployment": "ensemble",
        "ensemble_size": "members",
        "origins": "Ensembles",
        "under_corruptions": "ensemble",
    },
    "one member": {"coincident_failures": "two", "size_accuracy_robustness": "ranges", "under_corruptions": "against"},
    "failed training": {
        "learning_curves": " rose by",
        "correlations": "correlates",
        "size_accuracy_robustness": "with",
    },
}


@pytest.mark.parametrize("study", DEGENERATE)
def test_sentences_of_degenerate_studies_claim_nothing_that_is_not_there(study):
    sentences = findings(degenerate(study))
    assert [(chart, words) for chart, words in FALSE[study].items() if words in sentences[chart]] == []


COUNTED = "answers candidates conditions corruptions designs ensembles epochs families images intervals members metrics"
COUNTED += " others parts seeds sub-networks trainings"
ODD = {
    "unknown values": r"\b(?:nan|NaN|None|inf|undefined)\b|[∞\[]–|–\]",
    "exponents": r"\d(?:\.\d+)?e[+-]?\d+",
    "no images": r"(?<![\w.,−-])0 (?:\S+ )??(?:images|answers)\b",
    "plurals of one": rf"(?<![\w.,−-])1 (?:\S+ )??(?:{'|'.join(COUNTED.split())})\b",
    "punctuation": r" [.,;:]|,,|\.\.|\(\)|\[\]|[:;,][.;]|[(\[] | [)\]]",
}


RENDERED = ("one design", "two members", "independent objective", "one corruption and no joint training")
RENDERED += ("nothing independent",)
# What the others lack, these or "one member" lack too.
DRAWN = (*RENDERED, "no ensembles", "one member", "failed training")


@cache
def drawn(study: str) -> dict[str, dict]:
    """The specifications of the charts of a degenerate study; only what they say, if it is not one of `DRAWN`."""
    tables = degenerate(study)
    if study not in DRAWN:
        return {name: described(name, tables) for name in CHARTS}
    return {name: draw(name, tables, settings.OKABE_ITO) for name in CHARTS}


@pytest.mark.parametrize("study", RENDERED)
def test_every_chart_of_a_degenerate_study_renders(study):
    for spec in drawn(study).values():
        assert rendered(spec)


@pytest.fixture(scope="module", params=DEGENERATE)
def text(request) -> Text:
    """What the report of a degenerate study says."""
    tables, specs = degenerate(request.param), drawn(request.param)
    study = {
        "study": "degenerate",
        "members": {"baseline": "vit-s0", "seeds": 1},
        "prediction": {"precision": "float32"},
    }
    return Text(render(study, None, {}, PROVENANCE, tables, specs, dict.fromkeys(specs, "<svg/>")))


def test_the_report_of_a_degenerate_study_has_no_odd_text(text):
    texts = [part for part in text.whole if part]
    matches = {kind: [part for part in texts if re.search(pattern, part)] for kind, pattern in ODD.items()}
    assert matches == {kind: [] for kind in ODD}


def test_nothing_on_the_page_of_a_degenerate_study_is_empty(text):
    assert [(tag, kind) for tag, kind, content in text.blocks if not content] == []


def test_the_only_member_is_compared_with_no_other():
    tables = degenerate("one member")
    sentences = findings(tables)
    assert sentences["under_corruptions"].startswith("The recommended model's error is highest under")
    assert "compared with" not in sentences["under_corruptions"]
    assert "the recommended model (vit-s0), also the best member, has an error of" in sentences["deployment"]
    assert sentences["deployment"].count("has an error") == 1
    assert "times" not in answers(tables)["What does it cost?"]
