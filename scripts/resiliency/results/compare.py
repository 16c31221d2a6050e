"""Studies of one's own side by side, as a page of HTML: settings that differ, recommended models, verdicts, members.

`python -m resiliency.results.compare results/a results/b --output page.html` compares two or more finished studies. If
their test images are the same, differences are paired: both models predict the same images. The page first says what
cannot be compared, as does the program.
"""

from itertools import combinations
from pathlib import Path

import numpy as np

from resiliency.analysis.choices import halves
from resiliency.analysis.intervals import percentile_interval
from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.program import one_line_faults, parser
from resiliency.ensembles.combination import RULES
from resiliency.ensembles.outputs import Ensemble
from resiliency.prediction.conditions import condition_groups
from resiliency.prediction.reading import read_predictions
from resiliency.report.overview import by_observation, contenders, leaders
from resiliency.report.page import FOLDER, FORMS
from resiliency.report.templates import environment
from resiliency.results.comparable import (
    Finished,
    described_corruptions,
    differing_keys,
    same_corruptions,
    same_images,
    warnings,
)
from resiliency.results.page import finished_run
from resiliency.statistics.units import Units
from resiliency.storage.files import read_array, read_json
from resiliency.storage.tables import read_table
from resiliency.tables import TABLES

NEEDED = ("members", "observations", "corruption_errors")
READ = (*NEEDED, "deployment", "best_ensembles")
RESAMPLES = 2_000
LABELS, UNITS, CARD = "data/test/labels.npy", "data/test/units.npy", "data/card.json"


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
            differing=differing_keys(studies),
            warnings=warnings(studies),
            corruptions=_told_corruptions(studies),
            best={study.name: _best(study) for study in studies},
            verdicts=_verdicts(studies),
            common=_common(studies),
            differences=[row for pair in combinations(studies, 2) for row in _differences(*pair)],
            css=(FOLDER / "report.css").read_text(encoding="utf-8"),
        )
    )


def _read(folder: Path) -> Finished:
    run = finished_run(folder, NEEDED)
    study, paths = run.provenance["study"], {name: TABLES[name].path for name in READ}
    tables = {name: read_table(run.file(path)) for name, path in paths.items() if path in run}
    card = read_json(run.file(CARD)) if CARD in run else None
    return Finished(study["study"], folder, run, study, tables, card)


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


def _units(study: Finished) -> Units:
    """The units of its test images."""
    if UNITS in study.run:
        return Units.numbered(read_array(study.run.file(UNITS)))
    return Units.single(len(read_array(study.run.file(LABELS))))


def _told_corruptions(studies: list[Finished]) -> dict[str, str]:
    """Study -> the corruptions of its corrupted errors, where those of some studies differ; else nothing."""
    if all(same_corruptions(*pair) for pair in combinations(studies, 2)):
        return dict.fromkeys((study.name for study in studies), "")
    return {study.name: f" ({described_corruptions(study)}; not comparable)" for study in studies}


def _differences(a: Finished, b: Finished) -> list[dict]:
    """Recommended model of `a` minus that of `b` on the images that neither was selected on, with paired intervals."""
    if not same_images(a, b) or not all("deployment" in study.tables for study in (a, b)):
        return []
    chosen = [contenders(study.tables["deployment"])[0] for study in (a, b)]
    if any(RULES[row["rule"]].weighted for row in chosen):  # weights are of the validation images
        return []
    labels, units = read_array(a.run.file(LABELS)), _units(a)
    kept = np.intersect1d(*(halves(labels, study.study["seed"], _units(study))[1] for study in (a, b)))
    first, second = (_errors(study, row, kept) for study, row in zip((a, b), chosen, strict=True))
    is_same = a.study["seed"] == b.study["seed"] and same_corruptions(a, b)
    rows, confidence = [], a.study["statistics"]["confidence"]
    for images in (CORRUPTED, CLEAN):
        if images not in first or images not in second or (images == CORRUPTED and not is_same):
            continue
        each = first[images] - second[images]
        counts = units.of(kept).counts(RESAMPLES, a.study["seed"], "compare")
        low, high = percentile_interval(counts @ each / counts.sum(axis=1), confidence)
        row = {"first": a.name, "second": b.name, "images": images, "count": len(each), "confidence": confidence}
        rows.append(row | {"difference": each.mean(), "low": low, "high": high})
    return rows


def _errors(study: Finished, row: dict, images: np.ndarray) -> dict[str, np.ndarray]:
    """Clean and corrupted -> error of a model of deployment.csv on each of `images` (int n); float64 n.

    Corrupted errors are means over the conditions of the corrupted error, which leaves out held-out corruptions.
    """
    conditions, names = read_table(study.run.file(TABLES["conditions"].path)), row["members"].split("+")
    conditions = conditions[conditions["test_set"] == CLEAN]
    files = [study.run.file(f"predictions/{name}/{CLEAN}.npy") for name in names]
    members = read_predictions(conditions, [study.run.file(LABELS)], files)
    ensemble = Ensemble(list(members.values()), np.ones(len(names)), row["rule"])

    def of_condition(condition: int) -> np.ndarray:
        return np.concatenate([part.errors for part in ensemble.outputs(condition, images)])

    groups = condition_groups(conditions)
    return {name: np.mean([of_condition(of) for of in rows], axis=0, dtype=np.float64) for name, rows in groups.items()}


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
