"""How much the results of a study depend on its seed, as a page of Markdown.

`python -m published.seeds` runs the default study with five seeds, each with a results folder of
its own. It writes `docs/results/seeds.md` and, in `published/results/seeds/`, the tables that the
page is made from. Snakemake makes only what is missing, so that the same command goes on after an
interruption.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from published.kept import FROM_PAGES, PAGES, RESULTS, ROOT, SEEDS_PAGE, template_of
from published.page import finished_run
from published.several_verdicts import VERDICTS, agreement
from resiliency.base.faults import Fault, one_line_faults, parser
from resiliency.base.names import INDEPENDENT
from resiliency.report import words
from resiliency.report.overview import contenders
from resiliency.report.verdicts import by_observation
from resiliency.storage import read_json, read_table
from resiliency.study.files import load, read_merged
from resiliency.tables import TABLES

SEEDS, FEWEST = 5, 2  # number of seeds: by default, and for a spread
FIGURES = {
    "clean_accuracy": "Accuracy on clean images, mean over independent members",
    "corrupted_accuracy": "Accuracy on corrupted images, mean over independent members",
    "best_ensemble_error": "Error of the best ensemble on corrupted images",
    "best_member_error": "Error of the best member on corrupted images",
    "baseline_error": "Error of the baseline on corrupted images",
    "gain": "Error of the best member minus error of the best ensemble, points",
}
SPREAD = {"least": "min", "median": "median", "most": "max", "deviation": "std"}


def runs_of(files: Sequence[Path], seeds: int) -> dict[int, str]:
    """Seed -> name of its study: the study in `files` with its own seed, then with the seeds after
    it.

    Raises:
        Fault: the files hold no valid study, or one that chooses no model.
    """
    study = load(read_merged([ROOT / "config.yaml", *files]))
    corruptions = study.corruptions.names if study.dataset else study.elsewhere.corruptions
    if not corruptions or not study.independent_members() + study.elsewhere.predicted:
        raise Fault(
            f"{study.study}: expected a study with corruptions and ensembles, got none; the page "
            "is about both"
        )
    names = {study.seed: study.study}
    return names | {
        seed: f"{study.study}_seed{seed}" for seed in range(study.seed + 1, study.seed + seeds)
    }


def run(runs: dict[int, str], files: Sequence[Path], cores: str) -> None:
    """Run each study that is not finished, in the working folder.

    Raises:
        Fault: a run fails.
    """
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--cores",
        cores,
    ]
    command += ["--configfile", *map(str, files)] if files else []
    for seed, name in runs.items():
        status = subprocess.run(
            [*command, "--config", f"study={name}", f"seed={seed}"], check=False
        ).returncode
        if status:
            raise Fault(
                f"results/{name}: the run with seed {seed} failed; mend its cause, named above, "
                "and run again"
            )


def publish(runs: dict[int, str], folder: Path = RESULTS, pages: Path = PAGES) -> Path:
    """Write `seeds.md` into `pages`, and the tables that it is made from into `folder`/seeds.

    Results are in the working folder.

    Raises:
        Fault: a study has not been run to its end, or its settings are not those of the first.
    """
    folders = {seed: Path("results") / name for seed, name in runs.items()}
    for results in folders.values():
        finished_run(results, ("members", "deployment", "observations"))
    recorded = {seed: read_json(results / "provenance.json") for seed, results in folders.items()}
    first, *others = (
        provenance["study"] | {"study": "", "seed": 0} for provenance in recorded.values()
    )
    for results, other in zip(list(folders.values())[1:], others, strict=True):
        if differing := [key for key in first if first[key] != other.get(key)]:
            raise Fault(
                f"{results}: was run with another {differing[0]} than {folders[min(folders)]}; run "
                "both again"
            )
    figures = [
        {"study": runs[min(runs)]} | _figures(seed, folders[seed], recorded[seed]) for seed in runs
    ]
    tables = {
        "runs": pd.DataFrame(figures),
        "verdicts": pd.concat(_verdicts(*item) for item in folders.items()),
    }
    kept, written = folder / SEEDS_PAGE, pages / f"{SEEDS_PAGE}.md"
    for made in (kept, pages):
        made.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(kept / f"{name}.csv", index=False, float_format="%.8g")
    written.write_text(page(kept, os.path.relpath(folder, pages)), encoding="utf-8")
    return written


def _figures(seed: int, results: Path, provenance: dict) -> dict:
    """The row of runs.csv of one study."""
    members, deployment = (
        read_table(results / TABLES[name].path) for name in ("members", "deployment")
    )
    independent = members[members["origin"] == INDEPENDENT]
    errors = {row["role"]: row["corrupted_error"] for row in contenders(deployment)}
    ensemble, member, baseline = (
        errors.get(role, np.nan) for role in ("Best ensemble", "Best member", "Baseline")
    )
    return {
        "seed": seed,
        "clean_accuracy": independent["clean_accuracy"].mean(),
        "corrupted_accuracy": 1 - independent["corrupted_error"].mean(),
        "best_ensemble_error": ensemble,
        "best_member_error": member,
        "baseline_error": baseline,
        "gain": member - ensemble,
        **{key: provenance[key] for key in ("cpu_seconds", "processor", "git_commit")},
    }


def _verdicts(seed: int, results: Path) -> pd.DataFrame:
    """The rows of verdicts.csv of one study: a row per observation and part."""
    observations = by_observation(read_table(results / TABLES["observations"].path))
    return pd.DataFrame(
        {
            "seed": seed,
            "observation": observation["name"],
            **{key: observation[key] for key in ("statement", "verdict")},
            **{key: part[key] for key in ("part", "part_verdict", "estimate")},
        }
        for observation in observations
        for part in observation["parts"]
    )


def page(kept: Path, folder: str = FROM_PAGES) -> str:
    """The page, from the tables that `publish` kept and nothing else.

    Args:
        folder: the one that `kept` is in, as seen from the page.
    """
    runs, verdicts = (read_table(kept / f"{name}.csv") for name in ("runs", "verdicts"))
    observations = verdicts.drop_duplicates(["seed", "observation"])
    known = [column for column in FIGURES if runs[column].notna().any()]
    return template_of("seeds.md.j2").render(
        study=runs["study"].iloc[0],
        folder=f"{folder}/{kept.name}",
        runs=runs.assign(gain=runs["gain"].map(words.points)).to_dict("records"),
        verdicts=[
            verdict
            for verdict in VERDICTS
            if verdict in {*verdicts["verdict"], *verdicts["part_verdict"]}
        ],
        sentences=[
            *agreement(verdicts),
            *([of_the_gain(runs["gain"])] if runs["gain"].notna().all() else []),
        ],
        observations=_verdict_counts(observations, ["observation", "statement"], "verdict"),
        parts=_verdict_counts(verdicts, ["observation", "part"], "part_verdict"),
        figures=[_figure_row(column, runs[column]) for column in known],
    )


def of_the_gain(gains: pd.Series) -> str:
    """With how many seeds the best ensemble makes fewer errors than the best member, and by how
    much."""
    lower = int((gains > 0).sum())
    low, high = words.points(gains.min()), words.points(gains.max())
    return (
        "The best ensemble makes fewer errors on corrupted images than the best member with "
        f"{lower} of {len(gains)} "
        f"seeds (difference {low} to {high} percentage points)."
    )


def _verdict_counts(rows: pd.DataFrame, by: list[str], column: str) -> Iterable[dict]:
    """For each group its keys, the spread of its estimates, and as `counts` how often it has each
    verdict."""
    for keys, group in rows.groupby(by, sort=False):
        counts = group[column].value_counts().to_dict()
        yield dict(zip(by, keys, strict=True)) | {"counts": counts} | _spread(group["estimate"])


def _figure_row(column: str, values: pd.Series) -> dict[str, str]:
    """A line of the table of accuracies and errors; differences and deviations are in percentage
    points."""
    spread = _spread(values)
    form = words.points if column == "gain" else words.percent
    shown = {
        name: (words.points if name == "deviation" else form)(value)
        for name, value in spread.items()
    }
    return {"name": FIGURES[column]} | shown


def _spread(values: pd.Series) -> dict[str, float]:
    return {name: values.agg(statistic) for name, statistic in SPREAD.items()}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--configfile",
        nargs="+",
        type=Path,
        default=[],
        help="files of the study (default: the default study)",
    )
    arguments.add_argument(
        "--seeds", type=int, default=SEEDS, help="number of seeds (default: %(default)s)"
    )
    arguments.add_argument(
        "--docs", type=Path, help="folder for the page of your own study, and for its tables"
    )
    arguments.add_argument(
        "--cores", default="all", help="number of cores that Snakemake uses (default: %(default)s)"
    )
    given = arguments.parse_args()
    if given.seeds < FEWEST:
        arguments.error(f"--seeds: expected {FEWEST} or more, got {given.seeds}")
    if given.configfile and not given.docs:
        arguments.error("--docs: name a folder for the page of your own study")
    with one_line_faults():
        runs = runs_of(given.configfile, given.seeds)
        run(runs, given.configfile, given.cores)
        print(publish(runs, given.docs, given.docs) if given.docs else publish(runs))


if __name__ == "__main__":
    main()
