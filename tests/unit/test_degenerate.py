"""The reports of degenerate studies have no odd text."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from drawn_charts import PROVENANCE, described
from page_text import oddities
from synthetic import synthetic_tables

from published.site import drawn
from resiliency.corruptions.settings import MAIN
from resiliency.report.page import render

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
FAILED = {"clean_accuracy": 0.1, "corrupted_error": 0.9, "corrupted_accuracy": 0.1, "validation_accuracy": 0.1}
STUDY = {"study": "degenerate", "members": {"baseline": "vit-s0", "seeds": 1}}


@pytest.mark.slow
@pytest.mark.parametrize("case", DEGENERATE)
def test_the_report_of_a_degenerate_study_has_no_odd_text(case):
    tables = synthetic_tables(**({"corruptions": MAIN[:3]} | DEGENERATE[case]))
    if case == "failed training":
        for name, table in tables.items():
            tables[name] = table.assign(**{column: value for column, value in FAILED.items() if column in table})
        tables["correlations"] = tables["correlations"].assign(correlation=np.nan, low=np.nan, high=np.nan)
    some = defaultdict(pd.DataFrame, tables)
    specs = {name: described(name, some) for name in drawn(tables, STUDY)}
    page = render(STUDY, None, {}, PROVENANCE, tables, specs, dict.fromkeys(specs, "<svg/>"))
    assert oddities(page) == []
