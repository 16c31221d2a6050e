"""What design diversity buys at equal accuracy: swaps.csv of published labels again, and what pages say of it.

    python -m published.swaps

computes the tables of the studies in `OF_LABELS` from studies/published, in about two minutes of CPU time. Those of
registered studies lie beside the folder of what is kept of them, the others in it.
"""

from pathlib import Path
from time import process_time

import altair as alt
import numpy as np
import pandas as pd

from published.kept import RESULTS
from published.study_changes import current_study
from published.what_helps import Studies
from resiliency.analysis.swaps import FAMILY
from resiliency.analysis.votes_of_four import whole_table
from resiliency.base.faults import one_line_faults, parser
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.external.predictions import Reader, described_members, descriptions, read_members
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.report import words
from resiliency.report.charts.swaps import (
    AGREED,
    COMMON,
    HARMS,
    HELPS,
    OUTCOMES,
    RUNGS,
    TITLE,
    UNDETECTED,
    VOTES,
    WRONG,
    factor,
    headline,
    ratio_panels,
    ratios,
)
from resiliency.report.settings import OKABE_ITO
from resiliency.report.style import finish
from resiliency.storage.tables import write_table
from resiliency.study.files import load

OF_LABELS = {  # study -> that of its labels
    "cifar10_lengths": "cifar10_lengths_labels",
    "traffic_signs": "traffic_signs_labels",
    "imagenet_decisions": "imagenet_decisions",
    "cifar10_published": "cifar10_published",
}
SHIFTED = "corrupted, or else shifted"  # images, in the chart of all studies
VERDICTS = {HELPS: "supported", HARMS: "contradicted"}


def file_of(study: str) -> Path:
    """The file of the table of a study of `OF_LABELS`."""
    inside = OF_LABELS[study] == study
    return RESULTS / study / "swaps.csv" if inside else RESULTS / f"{study}_swaps.csv"


def table_of(study: str) -> pd.DataFrame:
    """swaps.csv of the published labels of a study, as its workflow computes it."""
    settings = load(current_study(OF_LABELS[study]))
    contents, known = settings.contents(), settings.external.known_classes
    readers = [Reader(of.kind, of.file, contents.layout(of), known) for of in contents.sources]
    first = readers[0]
    labels, images, units = first.labels(), first.images(), first.units()
    classes = max(2, first.classes(contents.sources[0].members))
    counts = {of: len(values) for of, values in labels.items()}
    conditions = all_conditions(contents.corruptions, contents.severities, counts, dict.fromkeys(counts, classes))
    truths = {of: Truth(values, None, units[of]) for of, values in labels.items()}
    items = {of: (list(map(str, values)), images[of]) for of, values in labels.items()}
    predictions = {}
    for source, reader in zip(contents.sources, readers, strict=True):
        reader.check(labels, items)
        for member in source.members:
            predictions[member] = Predictions(conditions, dict(reader.read(member, classes)), truths)
    members = described(contents.kinds, settings.external.members)
    of_members = [predictions[name] for name in members["member"]]
    return whole_table(members, of_members, conditions, settings.statistics.confidence, settings.seed)


def described(kinds: dict[str, str], files: list[str]) -> pd.DataFrame:
    """The columns of members.csv that swaps need, of imported members."""
    found = descriptions(described_members(kinds, map(read_members, files)), kinds, None)
    columns = ["member", "origin", "design", "setting", "loss_weight", "seed", "family", "parameters"]
    epochs = [(of.training_cost or {}).get("epochs") for of in found]
    return pd.DataFrame(found)[columns].assign(training_epochs=epochs).astype({"parameters": float})


def answers(studies: Studies) -> list[dict]:
    """What each study with an estimate says, on its own images, at its rung that answers.

    Returns:
        `study`, `images` and `finding` of undetected errors, `equal` for the registered rung; in words `undetected`,
        `common`, `agreed` and, "" if not known, `wrong` at 90% availability, of `votes` or probabilities, and `four` of
        votes alone; `alone` and `paired`, wrong answers of one member there, and of the pair; the `verdict` if it is
        `registered`.
    """
    found = []
    for study, tables in studies.items():
        if not (of := headline(tables.get("swaps", pd.DataFrame()))):
            continue
        first, agreed, wrong = of[UNDETECTED], of[AGREED], of.get(WRONG, {})
        found.append(
            {key: first[key] for key in ("images", "finding")}
            | {
                "study": study,
                "equal": first["rung"] == FAMILY,
                "undetected": first["said"],
                "common": of[COMMON]["said"],
                "agreed": f"{words.percent(agreed['stranger'])} instead of {words.percent(agreed['twin'])}",
                "wrong": (wrong or of.get(VOTES) or {"said": ""})["said"],
                "votes": not wrong,
                "four": of[VOTES]["said"] if VOTES in of else "",
                "alone": wrong.get("one_member"),
                "paired": wrong.get("stranger"),
                "registered": first["rung"] == FAMILY and first["images"] == CORRUPTED,
                "verdict": VERDICTS.get(first["finding"], "undecided"),
                "matched": words.number(100 * of["error"]["difference"], 2),
            }
        )
    return found


def equal_accuracy_row(studies: Studies, factors: bool = True) -> dict:
    """The row of an equally accurate second design, as `published.pooled.bought` has those of other exchanges.

    Points are undetected errors; the factors by which these change stand behind them, if asked for.
    """
    cells = {}
    for study, tables in studies.items():
        if of := headline(tables.get("swaps", pd.DataFrame())).get(UNDETECTED):
            ends = -of["difference_high"], -of["difference_low"]
            points = f"{words.difference(-of['difference'], *ends)} {words.difference_interval(*ends)}".rstrip()
            cells[study] = f"{points}; {of['said']}" if factors else points
    name = "an equally accurate second design: undetected errors"
    return {"exchange": "equally_accurate_design", "name": name, "cells": cells, "odds": ""}


def rows_of(table: pd.DataFrame) -> list[dict]:
    """The rows of a study on the images that answer, of what the chart shows and has an interval, in words."""
    kept = table[(table["images"] == headline(table)[UNDETECTED]["images"]) & table["outcome"].isin(OUTCOMES)]
    known = kept[np.isfinite(kept["ratio_low"].to_numpy(float))]
    said = {"rung": known["rung"].map(RUNGS), "outcome": known["outcome"].map(OUTCOMES)}
    return [row | {"factor": factor(row)} for row in known.assign(**said).to_dict("records")]


def chart(studies: Studies) -> alt.TopLevelMixin:
    """A row per study, of its rung that answers, on clean images and on those that answer."""
    parts = []
    for study, tables in studies.items():
        if of := headline(tables.get("swaps", pd.DataFrame())):
            first, rows = of[UNDETECTED], ratios(tables["swaps"])
            rows = rows[rows["rung"].eq(first["rung"]) | rows["outcome"].eq(VOTES)]
            rows = rows[rows["images"].isin([CLEAN, first["images"]])]
            name = f"{study}: {RUNGS[first['rung']].removeprefix('family, ')}"
            rows = rows.assign(outcome=rows["outcome"].replace(VOTES, WRONG))
            parts.append(rows.assign(name=name, of=np.where(rows["images"] == CLEAN, CLEAN, SHIFTED)))
    rows = pd.concat(parts, ignore_index=True)
    panels = ratio_panels(rows, [*rows["name"].unique()], OKABE_ITO, labels=320)
    subtitle = [
        "Factor by which it changes if an equally accurate member of another family replaces the twin, of the same",
        "design (or family), with 95% intervals over families and images; grey: 95% of the negative control.",
        "Wrong answers: of pairs by probabilities, or of votes of four members, four families against one",
    ]
    return finish(panels, TITLE, subtitle)


def main() -> None:
    parser(__doc__).parse_args()
    with one_line_faults():
        for study in OF_LABELS:
            began = process_time()
            write_table(file_of(study), table_of(study))
            print(f"{file_of(study)}: {process_time() - began:.0f} s of CPU time")


if __name__ == "__main__":
    main()
