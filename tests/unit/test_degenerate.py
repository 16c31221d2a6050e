"""The reports of degenerate studies: no odd text, every chart renders, nothing is empty."""

import numpy as np
import pandas as pd
import pytest
from drawn_charts import PROVENANCE, rendered
from page_text import oddities
from synthetic import synthetic_tables

from resiliency.corruptions.settings import MAIN
from resiliency.report import settings
from resiliency.report.drawing import draw
from resiliency.report.page import render
from resiliency.report.registry import CHARTS

pytestmark = pytest.mark.slow

FAILED = {"clean_accuracy": 0.1, "corrupted_error": 0.9, "corrupted_accuracy": 0.1}
DEGENERATE = {
    "two members": {"designs": {"vit": "vit", "resnet18": "resnet"}, "seeds": 1, "sizes": [2], "searched": 0},
    "one loss_weight": {"objectives": {"balanced": (0.5,)}},
    "independent objective": {"objectives": {"independent": (0.0,)}, "seeds": 1},
    "one corruption and no joint training": {"corruptions": ["fog"], "objectives": {}},
    "nothing independent": {"designs": {}},
    "no ensembles": {"sizes": [], "objectives": {}, "searched": 0},
    "one member": {"designs": {"vit": "vit"}, "seeds": 1, "objectives": {}, "searched": 0},
    "failed training": {},
}


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


RENDERED = ("two members", "one corruption and no joint training")
STUDY = {"study": "degenerate", "members": {"baseline": "vit-s0", "seeds": 1}, "prediction": {"precision": "float32"}}


@pytest.mark.parametrize("study", DEGENERATE)
def test_the_report_of_a_degenerate_study_has_no_odd_text(study):
    tables = degenerate(study)
    specs = {name: draw(name, tables, settings.OKABE_ITO) for name in CHARTS}
    page = render(STUDY, None, {}, PROVENANCE, tables, specs, dict.fromkeys(specs, "<svg/>"))
    assert oddities(page) == []
    assert all(rendered(spec) for spec in specs.values() if study in RENDERED)
