"""Where results came from: study, versions, device, commit, the time and memory of every rule, and the files of a run.

A folder keeps what a study no longer makes, such as tables that need corruptions after these were removed from it, and
holds what was made again by a run that has not ended. So provenance.json lists the files of its run with a hash of
each, and whoever reads a folder of results from outside the workflow takes these files alone."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from resiliency.base.extensions import packages
from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.stage import cpu_seconds
from resiliency.storage.files import FOLDER, read_json, sha256

PACKAGES = (
    *("resiliency", "snakemake", "torch", "torchvision", "timm", "captum", "imagecorruptions", "numpy", "scipy"),
    *("pandas", "pyarrow", "scikit-image", "scikit-learn", "opencv-python", "pillow", "safetensors", "altair"),
    *("vl-convert-python", "pymoo"),
)


def provenance(study: dict, repository: str, results: Path, descriptions: Iterable[str | Path]) -> dict:
    """The content of provenance.json.

    Args:
        study: the study as resolved.
        repository: a folder of the repository.
        results: folder with `benchmarks/<rule>/*.tsv` (Snakemake's) and `logs/<rule>/*.log` (see `stage`).
        descriptions: files `member.json`, which tell what device each member was made on, and in which precision.
    """
    rules = _rules(results)
    members = [Member.read(path) for path in descriptions]
    cpu, startup = rules.cpu_seconds.sum(), rules.startup_cpu_seconds.sum()
    return {
        "study": study,
        "seed": study["seed"],
        "packages": {name: _version(name) for name in (*PACKAGES, *packages())},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "device": "; ".join(sorted({member.device for member in members})),
        "bfloat16": sorted({member.design for member in members if member.precision == "bfloat16"}),
        "git_commit": commit(repository),
        **_span(results),
        "wall_seconds": round(rules.wall_seconds.sum(), 1),
        "cpu_seconds": round(cpu, 1),
        "startup_share": round(startup / cpu, 4) if cpu else None,
        "rules": rules.round(1).to_dict("records"),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """The model of the processor, as Linux names it, or its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine() -> str:
    """The processor and the operating system on which times are measured."""
    return f"{processor()}, {platform.system()}"


def _span(results: Path) -> dict[str, str | None]:
    """When the first of the jobs started whose results stand, and when the last of them ended, in UTC."""
    ends = {path: path.stat().st_mtime for path in results.glob("benchmarks/*/*.tsv")}
    starts = [end - _benchmark(path)[0] for path, end in ends.items()]
    times = {"started": min(starts, default=None), "ended": max(ends.values(), default=None)}
    return {
        name: None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
        for name, time in times.items()
    }


def commit(repository: str | Path) -> str | None:
    """The commit of the repository, marked where files differ from it; None outside a repository."""
    command = ["git", "-C", repository, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def _benchmark(path: Path) -> tuple[float, float]:
    """Wall seconds, and peak memory in MiB or NaN, that Snakemake wrote to `path`."""
    try:
        row = pd.read_csv(path, sep="\t", na_values="-").loc[0, ["s", "max_rss"]]
        return float(row["s"]), float(row["max_rss"])
    except (OSError, ValueError, KeyError) as error:
        raise Fault(f"{path}: truncated or corrupt benchmark of Snakemake; delete it and run again") from error


def _rules(results: Path) -> pd.DataFrame:
    """A row per rule: jobs, wall seconds, CPU seconds (in all, and before the work began), and peak memory in MiB."""
    rows = []
    for path in sorted(results.glob("benchmarks/*/*.tsv")):
        log = results / "logs" / path.relative_to(results / "benchmarks").with_suffix(".log")
        spent = cpu_seconds(log) if log.exists() else None
        if spent:
            wall, memory = _benchmark(path)
            rows.append((path.parent.name, wall, spent[1], spent[0], memory))
    jobs = pd.DataFrame(rows, columns=["rule", "wall_seconds", "cpu_seconds", "startup_cpu_seconds", "max_rss_mib"])
    groups = jobs.astype({"max_rss_mib": float}).groupby("rule", sort=False)
    table = groups[["wall_seconds", "cpu_seconds", "startup_cpu_seconds"]].sum()
    table.insert(0, "jobs", groups.size())
    return table.assign(max_rss_mib=groups.max_rss_mib.max()).reset_index()


PROVENANCE, FILES = "provenance.json", "files"
ABOUT, CARD = "export/ensemble.json", "export/card.md"


class Run:
    """The run that made a folder of results last: a container of the paths of its files, relative to the folder.

    Attributes:
        folder: results/<study>.
        provenance: what provenance.json says.
        hashes: path of each file -> its hash when the run ended.

    Raises:
        Fault: the study has not been run to its end, or by an earlier version of this project.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not (self.folder / PROVENANCE).is_file():
            raise Fault(f"{folder}: has no {PROVENANCE}; run the study to its end first")
        self.provenance = read_json(self.folder / PROVENANCE)
        if FILES not in self.provenance:
            raise Fault(f"{folder}: an earlier version made {PROVENANCE}, which lists no files; run the study again")
        self.hashes: dict[str, str] = self.provenance[FILES]

    def __contains__(self, path: str) -> bool:
        return path in self.hashes

    def file(self, path: str) -> Path:
        """The file of this path.

        Raises:
            Fault: it is missing, no file of the run, or has changed since.
        """
        file = self.folder / path
        if not file.is_file():
            raise Fault(f"{self.folder}: has no {path}; run the study to its end first")
        if path not in self:
            raise Fault(f"{file}: is of an earlier run, not of the one that {PROVENANCE} tells of; delete it")
        if hash_of(file) != self.hashes[path]:
            raise Fault(f"{file}: has changed since the run that {PROVENANCE} tells of; run the study to its end first")
        return file

    def card(self) -> Path | None:
        """The card of the ensemble that was exported from the files of the run; None if there is none."""
        about, card = (self.folder / path for path in (ABOUT, CARD))
        used = dict(read_json(about).get(FILES, {})) if about.is_file() and card.is_file() else {}
        is_own = used.pop(CARD, None) == hash_of(card)
        return card if used and is_own and all(self.hashes.get(path) == used[path] for path in used) else None


def hashes(folder: str | Path, paths: Iterable[str | Path]) -> dict[str, str]:
    """Path relative to `folder`, in which all are -> hash of the file."""
    return {Path(path).relative_to(folder).as_posix(): hash_of(Path(path)) for path in paths}


def hash_of(path: Path) -> str:
    """A hash of a file: of its checksum, which is verified where the file is read, or of its content if it has none.

    Empty if there is no such file.
    """
    try:
        checksum, *_ = (path.parent / FOLDER / path.name).read_bytes().splitlines()
        return hashlib.sha256(checksum).hexdigest()[:16] if path.is_file() else ""
    except (OSError, ValueError):
        return sha256(path)[:16] if path.is_file() else ""
