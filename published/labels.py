"""Adds the predicted labels of a study's finished members to those that are published, one file per
call.

    python -m published.labels results/traffic_signs studies/published/traffic_signs

A file <number>.parquet has a row per image and condition, with the columns test_set (such as clean,
fog.3 or official), image, label and unit, and one per independent member: the class that it
answers. Rows lie by label, image and condition, so that neighbours have similar answers.
<number>.csv describes the same members. joint-<number> are the jointly trained ones. A study reads
both files (`external.decisions`, `external.members`). Members that a file has already are left out;
a file is complete or absent, so that a call that was stopped is simply given again.

studies/<study>_labels.yaml is written as well: the study of all members that are published, in
which the settings of studies/<study>.yaml count, as far as they are about predictions.
"""

import os
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from published.kept import ROOT
from published.study_changes import current_study
from resiliency.base.names import CLEAN, INDEPENDENT, JOINT, design_of
from resiliency.designs.members import Member
from resiliency.ensembles.combination import VOTE
from resiliency.prediction.reading import Predictions, read_predictions
from resiliency.storage import read_array, read_table

DESCRIBED = ("family", "architecture", "recipe", "parameters", "macs")
PREFIX = {INDEPENDENT: "", JOINT: "joint-"}
HEAD = """# yaml-language-server: $schema=study.schema.json
# What follows from the predicted labels of studies/{study}.yaml, without images: observation 1, the part
# of observation 4 on predictions, and the exchange rates. python -m published.labels writes this file.
#   snakemake --cores 2 --configfile studies/{study}_labels.yaml
"""  # noqa: E501


def finished(results: Path, test_sets: list[str], published: Path) -> list[str]:
    """Members with predictions on all test sets that no file has yet, by name."""
    there = {name for file in published.glob("*.csv") for name in pd.read_csv(file)["member"]}
    made = {folder.name for folder in (results / "predictions").iterdir()}
    whole = [
        n
        for n in made
        if all((results / f"predictions/{n}/{of}.npy").is_file() for of in test_sets)
    ]
    return sorted(set(whole) - there)


def data_of(results: Path, test_set: str) -> Path:
    """The folder of the labels and units of a test set."""
    return results / "data" / ("test" if test_set == CLEAN else f"test_sets/{test_set}")


def table_of(
    predictions: dict[str, Predictions], conditions: pd.DataFrame, units: dict[str, np.ndarray]
) -> pd.DataFrame:
    """The rows of a file."""
    (one, *_), blocks = predictions.values(), []
    for row in conditions.itertuples():
        name = row.test_set if row.corruption == CLEAN else f"{row.corruption}.{row.severity}"
        answers = {
            member: of.decisions(row.condition).astype(np.uint8)
            for member, of in predictions.items()
        }
        keys = {
            "image": np.arange(row.n_images),
            "label": one.labels(row.condition),
            "unit": units[row.test_set],
        }
        blocks.append(
            pd.DataFrame({"test_set": name, **keys, "condition": row.condition, **answers})
        )
    table = pd.concat(blocks, ignore_index=True)
    order = table.assign(further=table["test_set"].isin([of for of in units if of != CLEAN]))
    order = order.sort_values(
        ["further", "label", "unit", "image", "condition"], kind="stable"
    ).index
    types = {"image": np.int32, "unit": np.int32, "label": np.uint8}
    return table.loc[order].drop(columns="condition").astype(types).reset_index(drop=True)


def described(member: Member) -> dict:
    """A row about a member."""
    row = {"member": member.member} | {key: getattr(member, key) for key in DESCRIBED}
    return row | {"epochs": member.training_cost["epochs"]}


def write_pair(table: pd.DataFrame, about: pd.DataFrame, stem: Path) -> int:
    """Write <stem>.parquet, then <stem>.csv, which says that both are whole; the size of the first
    in bytes."""
    made = [stem.with_name(f".{stem.name}{suffix}") for suffix in (".parquet", ".csv")]
    # 0.6 of the size with dictionaries.
    split = dict.fromkeys(set(table) - {"test_set"}, "BYTE_STREAM_SPLIT")
    form = {
        "compression": "brotli",
        "compression_level": 11,
        "use_dictionary": ["test_set"],
        "column_encoding": split,
    }
    table.to_parquet(made[0], index=False, row_group_size=len(table), **form)
    about.to_csv(made[1], index=False)
    for path in made:
        os.replace(path, path.with_name(path.name[1:]))
    return stem.with_suffix(".parquet").stat().st_size


def add(results: Path, published: Path) -> list[str]:
    """Write the files of finished members, and say what was written."""
    published.mkdir(parents=True, exist_ok=True)
    conditions = read_table(results / "conditions.csv")
    test_sets = list(conditions["test_set"].unique())
    units = {of: read_array(data_of(results, of) / "units.npy") for of in test_sets}
    labels = [data_of(results, of) / "labels.npy" for of in test_sets]
    members = [
        Member.read(results / f"members/{name}/member.json")
        for name in finished(results, test_sets, published)
    ]
    lines = []
    for origin, prefix in PREFIX.items():
        if own := [member for member in members if member.origin == origin]:
            logits = [
                results / f"predictions/{one.member}/{of}.npy" for one in own for of in test_sets
            ]
            table = table_of(read_predictions(conditions, labels, logits), conditions, units)
            stem = published / f"{prefix}{len(list(published.glob(f'{prefix}[0-9]*.csv'))) + 1:02}"
            size = write_pair(table, pd.DataFrame([described(member) for member in own]), stem)
            lines.append(f"{stem}.parquet: {len(own)} members, {size:,} bytes")
    return lines


def study_of_labels(study: dict, published: Path) -> dict:
    """The study of the independent members in `published`, with what `study` says of them, its
    settings as resolved.

    Jointly trained members stay out of it: members of a table count as independent. As long as none
    of the designs that form ensembles in `study` is there, all form them; until its baseline is,
    the first member is that.
    """
    tables = sorted(published.glob("[0-9]*.csv"))
    members = [name for table in tables for name in pd.read_csv(table)["member"]]
    pool = [
        design for design in study["ensembles"]["designs"] if design in set(map(design_of, members))
    ]
    baseline = study["members"]["baseline"]
    stems = [f"studies/published/{study['study']}/{table.stem}" for table in tables]
    files = {
        "decisions": [f"{stem}.parquet" for stem in stems],
        "members": [f"{stem}.csv" for stem in stems],
    }
    return {
        "study": f"{study['study']}_labels",
        "dataset": None,
        "members": {"designs": [], "baseline": baseline if baseline in members else members[0]},
        "joint": None,
        "search": None,
        "external": files
        | {"test_sets": list(study["test_sets"]), "classes": study["dataset"]["classes"]},
        "corruptions": {"names": study["corruptions"]["names"]},
        "statistics": {"accuracy_on": study["statistics"]["accuracy_on"]},
        "ensembles": {key: study["ensembles"][key] for key in ("sizes", "limit")}
        | {"designs": pool or None, "rules": [VOTE]},
    }


def text_of(study: dict, published: Path) -> str:
    """The file of `study_of_labels`."""
    settings = study_of_labels(study, published)
    return HEAD.format(study=study["study"]) + yaml.safe_dump(
        settings, sort_keys=False, width=70, default_flow_style=None
    )


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("published", type=Path)
    arguments = parser.parse_args()
    lines = add(arguments.results, arguments.published)
    name = arguments.published.name
    (ROOT / f"studies/{name}_labels.yaml").write_text(
        text_of(current_study(name), arguments.published), "utf-8"
    )
    print(
        "\n".join(lines)
        or f"{arguments.results}: no finished member that {arguments.published} lacks"
    )


if __name__ == "__main__":
    main()
