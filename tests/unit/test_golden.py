"""What reports say, as text that a reviewer reads: tests/golden has a file per study, with a sentence per line.

`pytest tests/unit/test_golden.py --golden` writes the files again; look at the difference before you commit it.
"""

import difflib
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from deployment_cases import CHOSEN, KNOWN
from verdict_cases import CASES, observation_of

from published.kept import RESULTS, kept_tables
from resiliency.report.deployment import deployment_answers
from resiliency.report.overview import basis, cautions, contenders, led_by
from resiliency.report.verdicts import by_observation

FOLDER = Path(__file__).parents[1] / "golden"
END = re.compile(r"(?<=[.!?])\s+(?=[A-Z“0-9`])")
WHOLE = ("as usual", "a cheaper one is as good")
PUBLISHED = ("digits", "traffic_signs", "imagenet_decisions", "cifar10_published", "timm_published")


def report_text(tables: dict[str, pd.DataFrame], study: str) -> str:
    """What the report of a study says of its members, its verdicts and the model to deploy."""
    said = {"Basis": " ".join([basis(None, tables), *cautions(tables["members"])])}
    said |= {f"{of['name']}: {of['verdict']}": of["reason"] for of in by_observation(tables["observations"])}
    roles = contenders(tables["deployment"]) if "contenders" in tables else []
    said |= {row["role"]: led_by(tables["contenders"], row["role"]) for row in roles[1:]}
    return in_lines(said | dict(deployment_answers(tables, study)))


def in_lines(said: dict[str, str]) -> str:
    """Each heading, below it the sentences."""
    return "\n".join("\n".join([f"## {heading}", *END.split(text), ""]) for heading, text in said.items())


def variants() -> str:
    """What is said of the model to deploy where studies choose by other rules or do not know all.

    Two cases are there whole, of the others the sentences that are more and less than in the one that is nearer.
    """
    cases = {name: dict(deployment_answers(tables, "tiny")) for name, tables in (CHOSEN | KNOWN).items()}
    parts = [f"# {name}\n{in_lines(cases[name])}" for name in WHOLE]
    for name, said in cases.items():
        changes = {whole: changed(cases[whole], said) for whole in WHOLE}
        nearer = min(WHOLE, key=lambda whole: len(changes[whole]))
        parts.append("\n".join([f"# {name}, unlike {nearer}", *changes[nearer], ""]) if name not in WHOLE else "")
    return "\n".join(filter(None, parts))


def changed(one: dict[str, str], other: dict[str, str]) -> list[str]:
    lines = difflib.ndiff(in_lines(one).splitlines(), in_lines(other).splitlines())
    return [line for line in lines if line[:2] in ("- ", "+ ")]


def reasons() -> str:
    """What is said of observations of every verdict."""
    observed = {name: observation_of(rows, verdict, **others) for name, (rows, verdict, others) in CASES.items()}
    return in_lines({f"{name}: {of['verdict']}": of["reason"] for name, of in observed.items()})


def published(study: str) -> Callable[[], str]:
    return lambda: report_text(kept_tables(RESULTS / study), study)


TEXTS = {study: published(study) for study in PUBLISHED} | {"recommendations": variants, "verdicts": reasons}


@pytest.mark.parametrize("name", TEXTS)
def test_reports_say_what_was_reviewed(name, request):
    text, file = TEXTS[name](), FOLDER / f"{name}.txt"
    if request.config.getoption("golden"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), "after you have read the change: pytest --golden"
