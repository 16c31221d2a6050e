"""Studies of one's own side by side, as a page of HTML: recommended models, verdicts, and members that both have.

`python -m resiliency.results.compare results/a results/b --output page.html` compares two or more finished studies. If
their test images are the same, differences are paired: both models predict the same images.
"""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.choices import halves
from resiliency.analysis.intervals import percentile_interval, resampled_counts
from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.program import one_line_faults, parser
from resiliency.ensembles.combination import RULES, rule_of
from resiliency.metrics.classification import softmax
from resiliency.report.overview import by_observation, contenders, leaders
from resiliency.report.page import FOLDER, FORMS
from resiliency.report.templates import environment
from resiliency.report.words import points
from resiliency.results.page import check_finished
from resiliency.storage.files import read_array, read_json
from resiliency.storage.tables import read_table
from resiliency.tables import TABLES

NEEDED = ("members", "observations", "corruption_errors")
READ = (*NEEDED, "deployment", "best_ensembles")
RESAMPLES = 2_000


class Finished(NamedTuple):
    """A study that has been run to its end.

    Attributes:
        name: of the study; of its folder if several have one name.
        tables: by name.
        card: of the dataset; None if members are only imported.
    """

    name: str
    folder: Path
    study: dict
    tables: dict[str, pd.DataFrame]
    card: dict | None


def compare(folders: list[Path]) -> str:
    """The page.

    Raises:
        Fault: fewer than two studies, one that is not finished, or studies of different classes.
    """
    if len(folders) < 2:
        raise Fault(f"studies: {expected('two or more folders of results', len(folders))}; name another")
    studies = [_read(folder) for folder in folders]
    names = [study.name for study in studies]
    studies = [
        study._replace(name=study.name if names.count(study.name) == 1 else str(study.folder)) for study in studies
    ]
    _check(studies)
    return (
        environment(FOLDER.parent / "results", FORMS, autoescape=True)
        .get_template("compare.html.j2")
        .render(
            studies=studies,
            best={study.name: _best(study) for study in studies},
            verdicts=_verdicts(studies),
            common=_common(studies),
            differences=[row for pair in combinations(studies, 2) for row in _differences(*pair)],
            unpaired=[(a.name, b.name) for a, b in combinations(studies, 2) if not _same_images(a, b)],
            points=points,
            css=(FOLDER / "report.css").read_text(encoding="utf-8"),
        )
    )


def _read(folder: Path) -> Finished:
    paths = {name: folder / TABLES[name].path for name in READ}
    check_finished(folder, NEEDED)
    study, card = read_json(folder / "provenance.json")["study"], folder / "data/card.json"
    tables = {name: read_table(path) for name, path in paths.items() if path.is_file()}
    return Finished(study["study"], folder, study, tables, read_json(card) if card.is_file() else None)


def _check(studies: list[Finished]) -> None:
    first, *others = [study for study in studies if study.card] or [None]
    for other in others:
        classes, theirs = first.card["classes"], other.card["classes"]
        if theirs != classes:
            alike = len(set(classes) & set(theirs))
            wanted = expected(f"the same {len(classes)} classes", f"{len(theirs)}, of which {alike} are the same")
            raise Fault(
                f"{other.folder}: not comparable with {first.folder}: {wanted}; name studies of the same classes"
            )


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
    """Observation -> its statement and the verdict in each study."""
    rows: dict[int, dict] = {}
    for study in studies:
        for row in by_observation(study.tables["observations"]):
            entry = rows.setdefault(row["number"], {"number": row["number"], "statement": row["statement"], "of": {}})
            entry["of"][study.name] = row["verdict"]
    return [rows[number] for number in sorted(rows)]


def _common(studies: list[Finished]) -> list[dict]:
    """Members that all studies have, by name, with their row of members.csv in each."""
    tables = {study.name: study.tables["members"].set_index("member") for study in studies}
    shared = set.intersection(*(set(table.index) for table in tables.values()))
    return [
        {"member": member, "of": {name: table.loc[member].to_dict() for name, table in tables.items()}}
        for member in tables[studies[0].name].index
        if member in shared
    ]


def _same_images(a: Finished, b: Finished) -> bool:
    return bool(a.card and b.card) and a.card["splits"]["test"]["sha256"] == b.card["splits"]["test"]["sha256"]


def _same_corruptions(a: Finished, b: Finished) -> bool:
    return all(a.study[key] == b.study[key] for key in ("seed", "corruptions"))


def _differences(a: Finished, b: Finished) -> list[dict]:
    """Recommended model of `a` minus that of `b` on the images that neither was selected on, with paired intervals."""
    if not _same_images(a, b) or not all("deployment" in study.tables for study in (a, b)):
        return []
    chosen = [contenders(study.tables["deployment"])[0] for study in (a, b)]
    if any(RULES[row["rule"]].weighted for row in chosen):  # weights are of the validation images
        return []
    labels = read_array(a.folder / "data/test/labels.npy")
    kept = np.intersect1d(*(halves(labels, study.study["seed"])[1] for study in (a, b)))
    wrong = [_wrong(study, row, labels)[:, kept] for study, row in zip((a, b), chosen, strict=True)]
    rows, confidence = [], a.study["statistics"]["confidence"]
    for images, conditions in ((CORRUPTED, slice(1, None)), (CLEAN, slice(1))):
        if images == CORRUPTED and not (_same_corruptions(a, b) and len(wrong[0]) > 1):
            continue
        each = wrong[0][conditions].mean(axis=0) - wrong[1][conditions].mean(axis=0)
        counts = resampled_counts(len(each), RESAMPLES, a.study["seed"], "compare")
        low, high = percentile_interval(counts @ each / len(each), confidence)
        row = {"first": a.name, "second": b.name, "images": images, "count": len(each), "confidence": confidence}
        rows.append(row | {"difference": each.mean(), "low": low, "high": high})
    return rows


def _wrong(study: Finished, row: dict, labels: np.ndarray) -> np.ndarray:
    """bool C x N: which images of each condition of the dataset's own test set a model of deployment.csv gets wrong."""
    arrays = [read_array(study.folder / f"predictions/{name}/{CLEAN}.npy") for name in row["members"].split("+")]
    if all(array.ndim == 3 for array in arrays):
        values, size = rule_of(row["rule"], row["size"]).values, row["size"]
        answers = [
            sum(values(softmax(array[c].astype(np.float32)), size) for array in arrays).argmax(axis=-1)
            for c in range(len(arrays[0]))
        ]
        return np.stack(answers) != labels
    decided = [array.argmax(axis=-1) if array.ndim == 3 else array for array in arrays]
    classes = int(max(array.max() for array in decided)) + 1
    counts = sum((array[..., None] == np.arange(classes)).astype(np.int32) for array in decided)
    return counts.argmax(axis=-1) != labels


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, nargs="+", help="folders of finished studies, results/<study>")
    arguments.add_argument("--output", type=Path, default=Path("comparison.html"), help="page (default: %(default)s)")
    given = arguments.parse_args()
    with one_line_faults():
        given.output.write_text(compare(given.results), encoding="utf-8")
        print(given.output)


if __name__ == "__main__":
    main()
