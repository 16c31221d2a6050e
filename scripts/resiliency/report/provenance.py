"""Provenance of results: study, versions, device, commit, and the time and memory of every rule."""

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from resiliency.base.machine import processor, spent_in
from resiliency.base.settings import Keys
from resiliency.designs.members import Member

PACKAGES = (
    *(
        "resiliency",
        "snakemake",
        "torch",
        "torchvision",
        "timm",
        "captum",
        "imagecorruptions",
        "numpy",
        "scipy",
    ),
    *(
        "pandas",
        "pyarrow",
        "scikit-image",
        "scikit-learn",
        "opencv-python",
        "pillow",
        "safetensors",
        "altair",
    ),
    *("vl-convert-python", "pymoo"),
)


def provenance(
    study: Keys, repository: str, results: Path, descriptions: Iterable[str | Path]
) -> Keys:
    """The content of provenance.json.

    Args:
        study: all keys of the study.
        repository: a folder of the repository.
        results: folder with `logs/<rule>/*.log` (see `stage`).
        descriptions: files `member.json`, which name the device and precision of each member.
    """
    jobs, members = _jobs(results), [Member.read(path) for path in descriptions]
    times = {"started": (jobs["ended"] - jobs["wall_seconds"]).min(), "ended": jobs["ended"].max()}
    groups = jobs.groupby("rule", sort=False)
    rules = groups[["wall_seconds", "cpu_seconds", "startup_cpu_seconds"]].sum()
    rules.insert(0, "jobs", groups.size())
    rules = rules.assign(max_rss_mib=groups["max_rss_mib"].max()).reset_index()
    cpu, startup = rules["cpu_seconds"].sum(), rules["startup_cpu_seconds"].sum()
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
        **{name: _in_utc(time) for name, time in times.items()},
        "wall_seconds": round(rules["wall_seconds"].sum(), 1),
        "cpu_seconds": round(cpu, 1),
        "startup_share": round(startup / cpu, 4) if cpu else None,
        "rules": rules.round(1).to_dict("records"),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _in_utc(time: float) -> str | None:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds") if time == time else None


def commit(repository: str | Path) -> str | None:
    """The commit of the repository, marked where files differ from it; None outside one, or ignored
    by it."""

    def said(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", repository, *words], capture_output=True, text=True, check=False
        ).stdout

    try:
        described = said("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*").strip()
        return (said("ls-files") and described) or None
    except OSError:
        return None


def _jobs(results: Path) -> pd.DataFrame:
    """A row per job that is finished: its rule, when it ended, and what it took."""
    taken = [(path, spent_in(path)) for path in sorted(results.glob("logs/*/*.log"))]
    rows = [
        {"rule": path.parent.name, "ended": path.stat().st_mtime} | row
        for path, row in taken
        if row
    ]
    columns = ["rule", "ended", "startup_cpu_seconds", "cpu_seconds", "wall_seconds", "max_rss_mib"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
