"""The page about members known by predictions, followed to the letter: its header, its commands, its study."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/predictions.md").read_text(encoding="utf-8")
EXAMPLE, COMMANDS, FAULT = re.findall(r"```(?:bash)?\n(.*?)```", PAGE, re.DOTALL)[:3]
INSTALL = "pip install -e .\n"
IMAGES = 40


def decisions(conditions: list[str]) -> pd.DataFrame:
    """The table of the page, with more images: members are right on most, each on others."""
    keys = EXAMPLE.splitlines()[0].split(",")
    random = np.random.default_rng(0)
    labels = random.integers(10, size=IMAGES)
    rows = [pd.DataFrame({"test_set": name, "image": range(IMAGES), "label": labels}) for name in conditions]
    table = pd.concat(rows, ignore_index=True)
    for member in keys[3:]:
        table[member] = np.where(random.random(len(table)) < 0.8, table.label, random.integers(10, size=len(table)))
    assert list(table) == keys
    return table


def test_the_fault_on_the_page_is_what_is_printed(clone):
    table = decisions(["clean"]).astype({"vendor": object})
    table.loc[1, "vendor"] = "cat"
    table.to_csv(clone.folder / "decisions.csv", index=False)
    run = clone.run(COMMANDS.removeprefix(INSTALL))
    assert run.returncode == 1
    assert [line for line in run.stdout.splitlines() if line.startswith("study:")] == FAULT.splitlines()


def test_the_commands_lead_to_a_report(clone):
    assert COMMANDS.startswith(INSTALL)
    decisions(["clean", "fog.1", "fog.3", "night"]).to_csv(clone.folder / "decisions.csv", index=False)
    run = clone.run(COMMANDS.removeprefix(INSTALL))
    assert run.returncode == 0, run.stdout
    said = "corrupted errors are means over what all files share: fog at severities 1, 3"
    assert said in run.stdout
    results = clone.folder / "results/ours"
    assert said in (results / "report.html").read_text(encoding="utf-8")
    assert pd.read_csv(results / "tables/members.csv").member.tolist() == ["ours_v1", "ours_v2", "vendor"]
    assert pd.read_csv(results / "conditions.csv").condition.size == 4
