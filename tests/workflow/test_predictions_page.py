"""The page about members known by predictions, followed to the letter: its CSV, its commands, its study."""

import re
from pathlib import Path

import pandas as pd
from page_text import oddities

from resiliency.base.names import FEWEST_IMAGES

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/predictions.md").read_text(encoding="utf-8")
EXAMPLE, COMMANDS = re.findall(r"```(?:bash)?\n(.*?)```", PAGE, re.DOTALL)[:2]
INSTALL = "pip install -e .\n"


def test_the_table_and_the_commands_of_the_page_lead_to_a_report(clone):
    (clone.folder / "decisions.csv").write_text(EXAMPLE, encoding="utf-8")
    assert COMMANDS.startswith(INSTALL)
    run = clone.run(COMMANDS.removeprefix(INSTALL))
    assert run.returncode == 0, run.stdout
    results = clone.folder / "results/ours"
    members = pd.read_csv(results / "tables/members.csv").set_index("member")
    assert members.clean_accuracy.to_dict() == {"ours_v1": 1, "ours_v2": 1, "vendor": 0.5}
    assert members.night_accuracy.to_dict() == {"ours_v1": 1, "ours_v2": 0, "vendor": 1}
    why = f"needs {FEWEST_IMAGES} clean images, to halve or resample them; there are 2"
    reasons = pd.read_csv(results / "tables/skipped.csv").set_index("skipped").reason
    assert set(reasons[["ceiling", "member_ranks"]]) == {why}
    page = (results / "report.html").read_text(encoding="utf-8")
    assert oddities(page) == []
    assert why in page
