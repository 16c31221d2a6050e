"""Provenance of results: study, versions, device, commit, and the time and memory of every rule."""

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from resiliency.base.faults import Fault
from resiliency.base.machine import cpu_seconds, processor
from resiliency.designs.members import Member

PACKAGES = (
    *("resiliency", "snakemake", "torch", "torchvision", "timm", "captum", "imagecorruptions", "numpy", "scipy"),
    *("pandas", "pyarrow", "scikit-image", "scikit-learn", "opencv-python", "pillow", "safetensors", "altair"),
    *("vl-convert-python", "pymoo"),
)


def provenance(study: dict, repository: str, results: Path, descriptions: Iterable[str | Path]) -> dict:
    """The content of provenance.json.

    Args:
        study: all keys of the study.
        repository: a folder of the repository.
        results: folder with `benchmarks/<rule>/*.tsv` (Snakemake's) and `logs/<rule>/*.log` (see `stage`).
        descriptions: files `member.json`, which name the device and precision of each member.
    """
    rules = _rules(results)
    members = [Member.read(path) for path in descriptions]
    cpu, startup = rules.cpu_seconds.sum(), rules.startup_cpu_seconds.sum()
    return {
        "study": study,
        "seed": study["seed"],
        "packages": {name: _version(name) for name in PACKAGES},
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
    """The commit of the repository, marked where files differ from it; None outside one, or ignored by it."""
    tracked, described = ["ls-files"], ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]

    def said(words: list[str]) -> str:
        return subprocess.run(["git", "-C", repository, *words], capture_output=True, text=True, check=False).stdout

    try:
        return (said(tracked) and said(described).strip()) or None
    except OSError:
        return None


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
