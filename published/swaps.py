"""What design diversity buys at equal accuracy: swaps.csv of published labels again, and what pages
say of it.

    python -m published.swaps

computes the tables of the studies in `OF_LABELS` from studies/published, in about two minutes of
CPU time. Those of registered studies lie beside the folder of what is kept of them, the others in
it.
"""

from collections.abc import Iterable
from pathlib import Path
from time import process_time

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from published.kept import RESULTS
from published.study_changes import current_study
from published.what_helps import Studies
from resiliency.analysis.pair_counts import PairCounts
from resiliency.analysis.swaps import FAMILY, swap_table, whole_table
from resiliency.base.faults import one_line_faults, parser
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.external.contents import described_members, descriptions
from resiliency.external.predictions import Reader
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.report import words
from resiliency.report.charts.swaps import (
    AGREED,
    COMMON,
    HARMS,
    HELPS,
    OUTCOMES,
    RUNGS,
    UNDETECTED,
    VOTES,
    WRONG,
    factor,
    headline,
    ratio_panels,
    ratios,
)
from resiliency.report.settings import CHARTS, OKABE_ITO
from resiliency.report.style import finish
from resiliency.statistics.intervals import holm
from resiliency.storage import write_table
from resiliency.study.files import load

OF_LABELS = {  # study -> that of its labels
    "cifar10_lengths": "cifar10_lengths_labels",
    "traffic_signs": "traffic_signs_labels",
    "imagenet_decisions": "imagenet_decisions",
    "cifar10_published": "cifar10_published",
}
# Of an image, in counts of pairs: at an availability, a part of the last answers is given.
HUNDREDTHS = 100
SHIFTED = "corrupted, or else shifted"  # images, in the chart of all studies
VERDICTS = {HELPS: "supported", HARMS: "contradicted"}


def file_of(study: str) -> Path:
    """The file of the table of a study of `OF_LABELS`."""
    inside = OF_LABELS[study] == study
    return RESULTS / study / "swaps.csv" if inside else RESULTS / f"{study}_swaps.csv"


def table_of(study: str) -> pd.DataFrame:
    """swaps.csv of the published labels of a study, as its workflow computes it.

    Outcomes that need probabilities are those of the counts that `published.pairs` kept of a second
    run, if there are any; all others rest on the published labels.
    """
    settings = load(current_study(OF_LABELS[study]))
    members, of_members, conditions = answers_of(study)
    table = whole_table(
        members, of_members, conditions, settings.statistics.confidence, settings.seed
    )
    if not pairs_file(study).is_file():
        return table
    counts = read_counts(pairs_file(study), members["member"])
    pairs = swap_table(members, counts, settings.statistics.confidence, settings.seed)
    of_both = pd.concat([table, pairs[~pairs["outcome"].isin(table["outcome"])]])
    return pd.concat(
        [rows for _, rows in of_both.groupby(["images", "rung"], sort=False)], ignore_index=True
    )


def pairs_file(study: str) -> Path:
    """The file of the counts of pairs that `published.pairs` keeps of a run."""
    return RESULTS / f"{study}_pairs.npz"


def read_counts(path: Path, members: Iterable[str]) -> dict[str, PairCounts]:
    """Set of images -> counts of pairs, which `published.pairs` wrote, of these members in this
    order."""
    with np.load(path) as file:
        names, counts = list(file["members"]), {}
        order = [names.index(name) for name in members]
        first, second = np.triu_indices(len(names))
        for images in file["sets"]:
            number, outcomes = file[f"{images}: images"], {}
            for outcome in file["outcomes"]:
                of_pairs = np.zeros((len(number), len(names), len(names)))
                of_pairs[:, first, second] = of_pairs[:, second, first] = (
                    file[f"{images}: {outcome}"] / HUNDREDTHS
                )
                outcomes[str(outcome)] = of_pairs[:, order][:, :, order]
            counts[str(images)] = PairCounts(number, outcomes)
    return counts


def second_run(study: str) -> str:
    """What a page says of the run whose counts of pairs are kept beside published labels; "" if
    there is none."""
    if study not in OF_LABELS or not pairs_file(study).is_file():
        return ""
    with np.load(pairs_file(study)) as file:
        differing = file["differing"]
    other, count = differing[differing > 0], len(differing)
    said = (
        f"Outcomes of probabilities are those of a second run: {count - len(other)} of its "
        f"{count} members predict"
    )
    rest = (
        f"; the other {len(other)} differ in {words.percent(other.mean())} of them"
        if len(other)
        else ""
    )
    return f"{said} the published labels{rest}."


def answers_of(study: str) -> tuple[pd.DataFrame, list[Predictions], pd.DataFrame]:
    """Of the published labels of a study: rows of members.csv, their predictions, and the table of
    conditions."""
    settings = load(current_study(OF_LABELS[study]))
    contents, known = settings.elsewhere, settings.external.known_classes
    readers = [Reader(of.kind, of.file, contents.layout(of), known) for of in contents.sources]
    first = readers[0]
    labels, images, units = first.labels(), first.images(), first.units()
    classes = max(2, first.classes(contents.sources[0].members))
    counts = {of: len(values) for of, values in labels.items()}
    conditions = all_conditions(
        contents.corruptions, contents.severities, counts, dict.fromkeys(counts, classes)
    )
    truths = {of: Truth(values, None, units[of]) for of, values in labels.items()}
    items = {of: (list(map(str, values)), images[of]) for of, values in labels.items()}
    predictions = {}
    for source, reader in zip(contents.sources, readers, strict=True):
        reader.check(labels, items)
        for member in source.members:
            predictions[member] = Predictions(
                conditions, dict(reader.read(member, classes)), truths
            )
    members = described(contents.kinds, settings.external.members)
    return members, [predictions[name] for name in members["member"]], conditions


def described(kinds: dict[str, str], files: list[str]) -> pd.DataFrame:
    """The columns of members.csv that swaps need, of imported members."""
    found = descriptions(described_members(kinds, files), kinds, None)
    columns = [
        "member",
        "origin",
        "design",
        "setting",
        "loss_weight",
        "seed",
        "family",
        "parameters",
    ]
    epochs = [(of.training_cost or {}).get("epochs") for of in found]
    return pd.DataFrame(found)[columns].assign(training_epochs=epochs).astype({"parameters": float})


def answers(studies: Studies) -> list[dict]:
    """What each study with an estimate says, on its own images, at its rung that answers.

    Returns:
        `study`, `images` and `finding` of undetected errors, `equal` for the registered rung; in
        words `undetected`, `common`, `agreed` and, "" if not known, `wrong` at 90% availability, of
        `votes` or probabilities, and `four` of votes alone; from probabilities, `rival`, whether
        the pair is better than one member there, and `over_rival`; the `verdicts` on outcomes if
        they are `registered`.
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
                "agreed": f"{words.percent(agreed['stranger'])} instead of "
                f"{words.percent(agreed['twin'])}",
                "wrong": (wrong or of.get(VOTES) or {"said": ""})["said"],
                "votes": not wrong,
                "four": of[VOTES]["said"] if VOTES in of else "",
                "rival": wrong.get("rival"),
                "over_rival": wrong.get("over_rival"),
                "registered": first["rung"] == FAMILY and first["images"] == CORRUPTED,
                "verdicts": verdicts(
                    {name: of[name] for name in (UNDETECTED, WRONG) if name in of}
                ),
                "matched": words.number(100 * of["error"]["difference"], 2),
            }
        )
    return found


def verdicts(parts: dict[str, dict]) -> dict[str, str]:
    """Outcome -> verdict of the registered rule, corrected by Holm for the number of outcomes.

    Args:
        parts: outcome -> its row of `headline`.
    """
    if not all(np.isfinite(row["ratio_low"]) for row in parts.values()):
        return dict.fromkeys(parts, "undecided")
    rows = pd.DataFrame(parts).T
    ratio, low, high, families, level = (
        rows[name].to_numpy(float)
        for name in ("ratio", "ratio_low", "ratio_high", "families", "confidence")
    )
    error = np.log(high / low) / 2 / stdtrit(families - 2, (1 + level) / 2)
    small = holm(2 * stdtr(families - 2, -np.abs(np.log(ratio)) / error)) < 1 - level
    return {
        of: VERDICTS.get(row["finding"], "undecided") if enough else "undecided"
        for (of, row), enough in zip(parts.items(), small, strict=True)
    }


def equal_accuracy_row(studies: Studies) -> dict:
    """The row of an equally accurate second design, as `published.pooled.bought` has those of other
    exchanges.

    Points are undetected errors; the factors by which these change stand behind them.
    """
    cells = {}
    for study, tables in studies.items():
        if of := headline(tables.get("swaps", pd.DataFrame())).get(UNDETECTED):
            ends = -of["difference_high"], -of["difference_low"]
            points = (
                f"{words.difference(-of['difference'], *ends)} {words.difference_interval(*ends)}"
            ).rstrip()
            cells[study] = f"{points}; {of['said']}"
    name = "an equally accurate second design: undetected errors"
    return {"exchange": "equally_accurate_design", "name": name, "cells": cells, "odds": ""}


def rows_of(table: pd.DataFrame) -> list[dict]:
    """The rows of a study on the images that answer, of what the chart shows and has an interval,
    in words."""
    kept = table[
        (table["images"] == headline(table)[UNDETECTED]["images"]) & table["outcome"].isin(OUTCOMES)
    ]
    known = kept[np.isfinite(kept["ratio_low"].to_numpy(float))]
    said = {"rung": known["rung"].map(RUNGS), "outcome": known["outcome"].map(OUTCOMES)}
    return [row | {"factor": factor(row)} for row in known.assign(**said).to_dict("records")]


def chart(studies: Studies) -> alt.TopLevelMixin:
    """A row per study, of its rung that answers, on clean images and on those that answer."""
    parts = []
    for study, tables in studies.items():
        if of := headline(tables.get("swaps", pd.DataFrame())):
            first, rows = of[UNDETECTED], ratios(tables["swaps"])
            votes = rows["outcome"].eq(VOTES)
            rows = rows[rows["rung"].eq(first["rung"]) & ~votes | votes & (WRONG not in of)]
            rows = rows[rows["images"].isin([CLEAN, first["images"]])]
            name = f"{study}: {RUNGS[first['rung']].removeprefix('family, ')}"
            rows = rows.assign(outcome=rows["outcome"].replace(VOTES, WRONG))
            parts.append(
                rows.assign(name=name, of=np.where(rows["images"] == CLEAN, CLEAN, SHIFTED))
            )
    rows = pd.concat(parts, ignore_index=True)
    panels = ratio_panels(rows, [*rows["name"].unique()], OKABE_ITO, labels=320)
    subtitle = [
        "Factor by which it changes if an equally accurate member of another family replaces the "
        "twin, of the same",
        "design (or family), with 95% intervals over families and images; grey: 95% of the "
        "negative control.",
        "Wrong answers: of pairs by probabilities, or of votes of four members, four families "
        "against one",
    ]
    return finish(panels, CHARTS["swaps"].title, subtitle)


def main() -> None:
    parser(__doc__).parse_args()
    with one_line_faults():
        for study in OF_LABELS:
            began = process_time()
            write_table(file_of(study), table_of(study))
            print(f"{file_of(study)}: {process_time() - began:.0f} s of CPU time")


if __name__ == "__main__":
    main()
