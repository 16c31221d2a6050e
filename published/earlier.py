"""Earlier runs of a published study, whose verdicts had been seen before its settings were changed.

`page` keeps what they gave in `<study>_earlier.csv` when it publishes a run with other settings.
"""

from pathlib import Path

import pandas as pd

from published.kept import kept_tables
from published.study_changes import outdated_keys
from resiliency.report import words
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table

PARTS = ["observation", "verdict", "part", "estimate", "low", "high"]
COLUMNS = ["run", "commit", "changed", *PARTS]


def earlier_file(kept: Path) -> Path:
    """The file of the earlier runs of the study that is kept in a folder."""
    return kept.with_name(f"{kept.name}_earlier.csv")


def replaced_run(kept: Path, study: dict) -> pd.DataFrame:
    """The rows of `earlier_file`, with those of the run in `kept` if `study` differs from its settings.

    Args:
        kept: folder of a published run, which need not exist.
        study: as resolved, of the run that takes its place.

    Returns:
        `COLUMNS`, a row per part of an observation in each run, numbered from 1; `changed` lists the keys that differ
        from those of the next run.
    """
    file = earlier_file(kept)
    before = read_table(file) if file.is_file() else pd.DataFrame(columns=COLUMNS)
    if not (kept / "provenance.json").is_file():
        return before
    provenance = read_json(kept / "provenance.json")
    changed = outdated_keys(study, provenance["study"])
    if not changed:
        return before
    observations = kept_tables(kept)["observations"]
    rows = observations.loc[observations["part_verdict"].notna(), PARTS]
    rows = rows.assign(run=before["run"].nunique() + 1, commit=provenance["git_commit"], changed=", ".join(changed))
    return pd.concat([before, rows[COLUMNS]]) if len(before) else rows[COLUMNS]


def earlier_runs(earlier: pd.DataFrame, observations: list[dict]) -> list[dict]:
    """Each earlier run: commit, the keys that were changed after it, and observation -> `result`, where it was another.

    Args:
        earlier: `COLUMNS`.
        observations: the present ones, as from `by_observation`.
    """
    return [
        {
            "commit": rows["commit"].iloc[0],
            "changed": rows["changed"].iloc[0].split(", "),
            "results": {of["number"]: said for of in observations if (said := result(rows, of))},
        }
        for _, rows in earlier.groupby("run")
    ]


def other_verdicts(earlier: pd.DataFrame | None, observation: dict) -> list[str]:
    """The verdicts of earlier runs on an observation that are not the present one."""
    if earlier is None:
        return []
    verdicts = earlier.loc[earlier["observation"].astype(str) == observation["number"], "verdict"]
    return [verdict for verdict in dict.fromkeys(verdicts) if verdict != observation["verdict"]]


def results(earlier: pd.DataFrame | None, observation: dict) -> list[str]:
    """`result` of each earlier run that has one, the first run first."""
    if earlier is None:
        return []
    return [said for _, rows in earlier.groupby("run") if (said := result(rows, observation))]


def result(earlier: pd.DataFrame, observation: dict) -> str:
    """The verdict of one earlier run on an observation, and its estimates that lie outside the present bounds.

    "" if the verdict is the present one, and no estimate lies there.
    """
    rows = earlier[earlier["observation"].astype(str) == observation["number"]].to_dict("records")
    pairs = zip(rows, observation["parts"], strict=False)
    outside = [(row, part) for row, part in pairs if not part["low"] <= row["estimate"] <= part["high"]]
    if not rows or (not outside and rows[0]["verdict"] == observation["verdict"]):
        return ""
    estimates = [
        f"{part['part']}: {words.estimate(row['estimate'])} {words.bounds(row['low'], row['high'])}"
        for row, part in outside
    ]
    verdict = "the same verdict" if rows[0]["verdict"] == observation["verdict"] else rows[0]["verdict"]
    return f"{verdict}{f' ({words.listed(estimates)})' if estimates else ''}"
