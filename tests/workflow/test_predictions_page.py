"""The page about members known by predictions, followed to the letter: its CSV, its commands, its study."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from page_text import oddities

from resiliency.base.names import FEWEST_IMAGES

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/predictions.md").read_text(encoding="utf-8")
EXAMPLE, COMMANDS, FAULT = re.findall(r"```(?:bash)?\n(.*?)```", PAGE, re.DOTALL)[:3]
INSTALL = "pip install -e .\n"
CONDITIONS = ["clean", "fog.1", "fog.3", "night"]
LEFT_OUT = {"deployment", "ceiling", "member_ranks", "exchange_rates"}


@pytest.fixture
def report(clone):
    """Follows the page in a clone without results; the printed lines and the folder of the results."""

    def followed(decisions: str) -> tuple[str, Path]:
        (clone.folder / "decisions.csv").write_text(decisions, encoding="utf-8")
        assert COMMANDS.startswith(INSTALL)
        run = clone.run("rm -rf results .snakemake\n" + COMMANDS.removeprefix(INSTALL))
        assert run.returncode == 0, run.stdout
        return run.stdout, clone.folder / "results/ours"

    return followed


def longer(images: int) -> str:
    """The table of the page, with more rows: members are right on most images, each on others."""
    keys = EXAMPLE.splitlines()[0].split(",")
    random = np.random.default_rng(0)
    labels = random.integers(10, size=images)
    rows = [pd.DataFrame({"test_set": name, "image": range(images), "label": labels}) for name in CONDITIONS]
    table = pd.concat(rows, ignore_index=True)
    for member in keys[3:]:
        table[member] = np.where(random.random(len(table)) < 0.8, table.label, random.integers(10, size=len(table)))
    assert list(table) == keys
    return table.to_csv(index=False)


def reasons(results: Path) -> dict[str, str]:
    """What the study left out -> why."""
    return pd.read_csv(results / "tables/skipped.csv").set_index("skipped").reason.to_dict()


def test_the_table_and_the_commands_of_the_page_lead_to_a_report(report):
    results = report(EXAMPLE)[1]
    members = pd.read_csv(results / "tables/members.csv").set_index("member")
    assert members.clean_accuracy.to_dict() == {"ours_v1": 1, "ours_v2": 1, "vendor": 0.5}
    assert members.night_accuracy.to_dict() == {"ours_v1": 1, "ours_v2": 0, "vendor": 1}
    why = f"needs {FEWEST_IMAGES} clean images, to halve or resample them; there are 2"
    assert {reasons(results)[name] for name in LEFT_OUT - {"deployment", "exchange_rates"}} == {why}  # no corruptions
    assert why in (results / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("images", [1, 10])
def test_few_images_lead_to_a_report_too(report, images):
    printed, results = report(longer(images))
    page = (results / "report.html").read_text(encoding="utf-8")
    assert oddities(page) == []
    said = "corrupted errors are means over what all files share: fog at severities 1, 3"
    assert said in printed
    assert said in page
    members, few = pd.read_csv(results / "tables/members.csv"), images < FEWEST_IMAGES
    assert members.corrupted_error.notna().all()
    assert members.corrupted_error_low.isna().all() == few
    assert all((name in reasons(results)) == few for name in LEFT_OUT)
    assert all((results / f"tables/{name}.csv").exists() != few for name in LEFT_OUT)
    verdicts = pd.read_csv(results / "tables/observations.csv")
    assert verdicts.missing_requirements.str.contains("clean images, to halve").all() == few
