"""The page of a report: whole, safe, and about what the study has."""

import re

import numpy as np
import pandas as pd
import pytest
from drawn_charts import PROVENANCE, described, rendered
from synthetic import HOSTILE, synthetic_tables

from published.kept import ROOT
from resiliency.report import settings
from resiliency.report.drawing import draw
from resiliency.report.page import FOLDER, render
from resiliency.report.settings import CHARTS
from resiliency.study.fingerprint import modules_of


def report(tables: dict[str, pd.DataFrame], charts: tuple[dict[str, dict], dict[str, str]]) -> str:
    study = {"study": "tiny", "members": {"baseline": "resnet50-s0", "seeds": 2}}
    rule = {
        "rule": "train",
        "jobs": 6,
        "wall_seconds": 75.0,
        "cpu_seconds": 140.0,
        "startup_cpu_seconds": 12.0,
    }
    provenance = PROVENANCE | {"bfloat16": ["resnet18"], "rules": [rule | {"max_rss_mib": np.nan}]}
    return render(study, CARD, {}, provenance, tables, *charts)


SPLIT = {"n_images": 540, "images_per_class": [270, 270], "sha256": "0" * 64}
CARD = {"name": "tiny", "source": "none", "classes": ["a", HOSTILE], "image_shape": [32, 32, 3]}
CARD |= {"splits": {"train": SPLIT, "test": SPLIT}}


def test_report_fetches_nothing_and_escapes_names():
    tables, renamed = synthetic_tables(), {"gallery", "members", "corruption_errors"}
    tables["gallery"]["label"] = HOSTILE
    for name in ("members", "corruption_errors"):
        tables[name] = tables[name].replace({"member": {"vit-s0": HOSTILE}})
    specs = {
        name: draw(name, tables, settings.OKABE_ITO)
        for name in CHARTS
        if renamed & set(CHARTS[name].tables)
    }
    pictures = dict.fromkeys(CHARTS, "<svg/>") | {
        name: rendered(spec) for name, spec in specs.items()
    }
    page = report(tables, ({name: described(name, tables) for name in CHARTS} | specs, pictures))
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;img" in page
    shown = re.sub("<script.*?</script>", "", page, flags=re.DOTALL)
    assert shown.count("<img ") == len(CHARTS)
    references = re.findall(r'\b(?:src|href|srcset|data|action)="([^"]+)"', page)
    assert not [reference for reference in references if reference.startswith(("http", "//"))]
    assert "<link" not in page
    assert "tables/members.csv" in references


@pytest.mark.parametrize(
    ("lacking", "first"),
    [([], "Most robust"), (["corrupted_error"], "Most accurate on clean images")],
)
def test_members_stand_in_the_order_that_is_named(lacking, first):
    tables = synthetic_tables()
    tables["members"] = members = tables["members"].assign(**dict.fromkeys(lacking, np.nan))
    best = members["clean_accuracy"].idxmax() if lacking else members["corrupted_error"].idxmin()
    of_members = report(tables, ({}, {})).partition('id="members"')[2]
    assert f"<p>{first} first." in of_members
    assert re.search('<th scope="row">([^<]+)', of_members)[1] == members["member"][best]


def test_charts_with_nothing_to_draw_are_left_out_of_the_report():
    tables = synthetic_tables(objectives={}, searched=0)
    specs = {name: draw(name, tables, settings.OKABE_ITO) for name in CHARTS}
    assert [name for name, spec in specs.items() if "nothing" in spec["usermeta"]] == [
        "loss_weight",
        "search_front",
    ]
    written = report(tables, (specs, dict.fromkeys(specs, "<svg/>")))
    assert 'id="chart-ceiling"' in written
    anchors = "joint", "search", "chart-loss_weight", "chart-search_front"
    assert not [
        anchor for anchor in anchors if f'id="{anchor}"' in written or f"#{anchor}" in written
    ]


def test_lines_of_templates_are_short_and_other_tables_make_the_report_again():
    templates = [*FOLDER.glob("*.j2"), *(ROOT / "published").glob("*.j2")]
    lines = [line for file in templates for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if len(line) > 160] == []
    assert "resiliency/report/settings.py" in modules_of(FOLDER.parents[1] / "report.py")
