"""The page of a comparison, and its tables."""

from base64 import b64encode
from itertools import combinations
from pathlib import Path

import pandas as pd

from resiliency.comparison.charts import members_chart, observations_chart, recommended_chart
from resiliency.comparison.differences import RECOMMENDED, TRAINING, difference_table
from resiliency.comparison.studies import (
    Finished,
    described_corruptions,
    differing_keys,
    read_studies,
    same_corruptions,
    swept_key,
    warnings,
)
from resiliency.report.drawing import svg
from resiliency.report.overview import contenders, leaders
from resiliency.report.page import FOLDER, FORMS
from resiliency.report.templates import environment
from resiliency.report.verdicts import by_observation
from resiliency.storage.tables import write_table


def compare(folders: list[Path], page: Path) -> list[Path]:
    """Write the page, and beside it its tables of keys and of differences; returns their paths.

    Raises:
        Fault: as from `read_studies`.
    """
    studies = read_studies(folders)
    keys, differences = differing_keys(studies), difference_table(studies)
    files = [page, page.with_suffix(".csv"), page.with_name(f"{page.stem}_keys.csv")]
    write_table(files[1], differences)
    named = [{"key": row["key"], "study": study, "value": value} for row in keys for study, value in row["of"].items()]
    write_table(files[2], pd.DataFrame(named, columns=["key", "study", "value"]))
    page.write_text(render(studies, keys, differences, files[1:]), encoding="utf-8")
    return files


def render(studies: list[Finished], keys: list[dict], differences: pd.DataFrame, files: list[Path]) -> str:
    """The page as HTML."""
    best, swept = {study.name: _best(study) for study in studies}, swept_key(studies)
    charts = {
        "models": recommended_chart(best, differences, swept),
        "training": members_chart(differences, swept),
        "verdicts": observations_chart({study.name: study.tables["observations"] for study in studies}),
    }
    return (
        environment(FOLDER, FORMS, autoescape=True)
        .get_template("compare.html.j2")
        .render(
            studies=studies,
            differing=keys,
            warnings=warnings(studies),
            corruptions=_told_corruptions(studies),
            best=best,
            verdicts=_verdicts(studies),
            common=_common(studies),
            recommended=_of_question(differences, RECOMMENDED),
            trained=_of_question(differences, TRAINING),
            charts={name: _picture(chart.to_dict()) for name, chart in charts.items() if chart},
            files=[file.name for file in files],
            css=(FOLDER / "report.css").read_text(encoding="utf-8"),
        )
    )


def _picture(spec: dict) -> dict[str, str]:
    """The address of a picture, which holds it whole, and what it shows in words."""
    title = spec["title"]
    address = f"data:image/svg+xml;base64,{b64encode(svg(spec).encode()).decode()}"
    return {"address": address, "alt": ". ".join([title["text"], *title["subtitle"]])}


def _of_question(differences: pd.DataFrame, question: str) -> list[dict]:
    return differences[differences["question"] == question].to_dict("records")


def _best(study: Finished) -> list[dict]:
    """What a study recommends, or what leads it: role, members and corrupted error or clean accuracy."""
    if "deployment" in study.tables:
        return [
            row
            | {"value": row["corrupted_error"], "measure": "error on corrupted images"}
            | {end: row[f"corrupted_error_{end}"] for end in ("low", "high")}
            for row in contenders(study.tables["deployment"])
        ]
    return leaders(study.tables, [])


def _verdicts(studies: list[Finished]) -> list[dict]:
    """Observation, on corruptions and on natural shifts apart -> its statement and the verdict in each study."""
    rows: dict[str, dict] = {}
    for study in studies:
        for row in by_observation(study.tables["observations"]):
            entry = rows.setdefault(row["name"], {"name": row["name"], "statement": row["statement"], "of": {}})
            entry["of"][study.name] = row["verdict"]
    return [rows[name] for name in sorted(rows)]


def _common(studies: list[Finished]) -> list[dict]:
    """Members that all studies have, by name, with their row of members.csv in each."""
    tables = {study.name: study.tables["members"].set_index("member") for study in studies}
    shared = set.intersection(*(set(table.index) for table in tables.values()))
    return [
        {"member": member, "of": {name: table.loc[member].to_dict() for name, table in tables.items()}}
        for member in tables[studies[0].name].index
        if member in shared
    ]


def _told_corruptions(studies: list[Finished]) -> dict[str, str]:
    """Study -> the corruptions of its corrupted errors, where those of some studies differ; else nothing."""
    if all(same_corruptions(*pair) for pair in combinations(studies, 2)):
        return dict.fromkeys((study.name for study in studies), "")
    return {study.name: f" ({described_corruptions(study)}; not comparable)" for study in studies}
