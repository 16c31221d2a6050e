"""What reports say, as text that a reviewer reads: tests/golden has a file per study, with a
sentence per line.

`pytest tests/unit/test_golden.py --golden` writes the files again; look at the difference before
you commit it. The reports of degenerate studies have no odd text.
"""

import difflib
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deployment_cases import CHOSEN, KNOWN, answers
from drawn_charts import PROVENANCE, described
from page_text import END, Text, compare, in_sentences, oddities
from synthetic import contender_tables, synthetic_tables
from verdict_cases import CASES, observation_of

from published.kept import RESULTS, kept_tables
from published.site import drawn
from resiliency.corruptions.settings import MAIN
from resiliency.report.page import render
from resiliency.report.settings import PAGE_TABLES
from resiliency.storage import read_json

FOLDER = Path(__file__).parents[1] / "golden"
WHOLE = ("as usual", "a cheaper one is as good")
PUBLISHED = {"networks": "digits", "decisions": "imagenet_decisions", "scores": "timm_published"}
SPLIT = {"n_images": 60, "images_per_class": [30, 30], "sha256": "0" * 64}
CARD = {
    "name": "image_folder",
    "source": "data/photos",
    "classes": ["cat", "dog"],
    "image_shape": [64, 64, 3],
}
CARD |= {"splits": {"train": SPLIT, "test": SPLIT}}
UNITS = {"n_images": 60, "units": 12, "by": "<film>_*", "not_by": ""}


def page_text(
    tables: dict[str, pd.DataFrame],
    study: dict,
    card: dict | None = None,
    units: dict | None = None,
) -> str:
    """What the report, which must have no odd text, says before its appendix, with what is behind
    *More*."""
    specs = {
        name: described(name, defaultdict(pd.DataFrame, tables)) for name in drawn(tables, study)
    }
    tables = {name: table for name, table in tables.items() if name in PAGE_TABLES}
    page = render(
        study,
        card,
        {},
        PROVENANCE,
        tables,
        specs,
        dict.fromkeys(specs, "<svg/>"),
        units=units or {},
    )
    assert oddities(page) == []
    shown = page.partition("<header")[2].partition('<details class="appendix"')[0]
    blocks = [
        (tag, text)
        for tag, kind, text in Text(f"<header{shown}").blocks
        if text and "card" not in kind
    ]
    marks = {"h1": "# ", "h2": "\n## ", "h3": "\n### ", "summary": "\n#### "}
    lines = [f"{marks.get(tag, '')}{line}" for tag, text in blocks for line in END.split(text)]
    return "\n".join(lines) + "\n"


def published(name: str) -> str:
    return page_text(
        kept_tables(RESULTS / name), read_json(RESULTS / name / "provenance.json")["study"]
    )


def photographs() -> str:
    """A study of a user's own photos, as poor as first ones are, with one model to recommend."""
    tables = synthetic_tables(objectives={}, searched=0, corruptions=("fog", "snow"))
    deployment = tables["deployment"]
    only = deployment[deployment["baseline"]].assign(fit=True, clean_accuracy=0.55)
    tables |= {"deployment": only.assign(instead=only["number"])} | contender_tables(
        only, ["fog", "snow"]
    )
    tables["members"] = tables["members"].assign(weights_source="trained here")
    del tables["evaluations"]
    return page_text(tables, TINY | {"study": "photos"}, CARD, {"clean": UNITS})


TINY = {"study": "tiny", "members": {"baseline": "resnet50-s0", "seeds": 2}, "statistics": {}}


def variants() -> str:
    """What is said of the model to deploy where studies choose by other rules or do not know all.

    Two cases are there whole, of the others the sentences that are more and less than in the one
    that is nearer.
    """
    cases = {
        name: in_sentences(answers(tables).items()) for name, tables in (CHOSEN | KNOWN).items()
    }
    parts = [f"# {name}\n{cases[name]}" for name in WHOLE]
    for name in [name for name in cases if name not in WHOLE]:
        changes = {whole: changed(cases[whole], cases[name]) for whole in WHOLE}
        nearer = min(WHOLE, key=lambda whole: len(changes[whole]))
        parts.append("\n".join([f"# {name}, unlike {nearer}", *changes[nearer], ""]))
    return "\n".join(parts)


def changed(one: str, other: str) -> list[str]:
    lines = difflib.ndiff(one.splitlines(), other.splitlines())
    return [line for line in lines if line[:2] in ("- ", "+ ")]


def reasons() -> str:
    """What is said of observations of every verdict."""
    observed = {
        name: observation_of(rows, verdict, **others)
        for name, (rows, verdict, others) in CASES.items()
    }
    return in_sentences((f"{name}: {of['verdict']}", of["reason"]) for name, of in observed.items())


TEXTS = {kind: partial(published, study) for kind, study in PUBLISHED.items()}
TEXTS |= {"photographs": photographs, "tiny": lambda: page_text(synthetic_tables(), TINY)}
TEXTS |= {"recommendations": variants, "verdicts": reasons}


@pytest.mark.parametrize("name", TEXTS)
def test_reports_say_what_was_reviewed(name, request):
    compare(request, FOLDER / f"{name}.txt", TEXTS[name]())


DEGENERATE = {
    "two members": {
        "designs": {"vit": "vit", "resnet18": "resnet"},
        "seeds": 1,
        "sizes": [2],
        "searched": 0,
    },
    "one loss_weight": {"objectives": {"balanced": (0.5,)}},
    "independent objective": {"objectives": {"independent": (0.0,)}, "seeds": 1},
    "one corruption and no joint training": {"corruptions": ["fog"], "objectives": {}},
    "nothing independent": {"designs": {}},
    "no ensembles": {"sizes": [], "objectives": {}, "searched": 0},
    "one member": {"designs": {"vit": "vit"}, "seeds": 1, "objectives": {}, "searched": 0},
    "failed training": {},
}
FAILED = {
    "clean_accuracy": 0.1,
    "corrupted_error": 0.9,
    "corrupted_accuracy": 0.1,
    "validation_accuracy": 0.1,
}
STUDY = {"study": "degenerate", "members": {"baseline": "vit-s0", "seeds": 1}}


@pytest.mark.slow
@pytest.mark.parametrize("case", DEGENERATE)
def test_the_report_of_a_degenerate_study_has_no_odd_text(case):
    tables = synthetic_tables(**({"corruptions": MAIN[:3]} | DEGENERATE[case]))
    if case == "failed training":
        for name, table in tables.items():
            tables[name] = table.assign(
                **{column: value for column, value in FAILED.items() if column in table}
            )
        tables["correlations"] = tables["correlations"].assign(
            correlation=np.nan, low=np.nan, high=np.nan
        )
    assert page_text(tables, STUDY)
