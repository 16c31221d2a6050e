"""How good the console's estimate of the time left is, in runs whose logs Snakemake has kept.

Run by hand: python tests/benchmarks/pace.py .snakemake/log/*.log [--rules]
Each run is replayed, as it was and as on a machine of constant speed, on which each job takes the CPU time that its
benchmark file has. A line says what the estimate is after a tenth, a quarter and a half of the jobs, over the time that
is left then. --rules adds the mean CPU seconds of a job of each rule, for TYPICAL in the console. The last
line is JSON: the ratios after a tenth of the jobs.
"""

import json
import re
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from shared import options

from snakemake_logger_plugin_resiliency import Pace

SHARES = (0.1, 0.25, 0.5)
FEWEST = 20  # jobs of a run that is long enough to be judged
START = 1  # seconds of a job that its benchmark file does not see
TIME = re.compile(r"^\[(\w{3} \w{3} +\d+ [\d:]{8} \d{4})\]$")
RULE = re.compile(r"^(?:local)?rule (\w+):$")
FIELD = re.compile(r"^    (jobid|benchmark): (\S+)$")
FINISHED = re.compile(r"^Finished jobid: (\d+) ")


class Job(NamedTuple):
    """A job of a run: its rule, when it began and ended, and its CPU time, all in seconds."""

    rule: str
    begin: float
    end: float
    cpu: float


def jobs_of(log: Path) -> tuple[list[Job], int]:
    """The jobs of a run in the order in which they began, and its cores; none of a run that did not end."""
    text = log.read_text(encoding="utf-8")
    folder = re.search(r"^  Working directory: (.+)$", text, re.MULTILINE)
    begun, ended, now, job = {}, {}, 0.0, {}
    for line in text.splitlines():
        if match := TIME.match(line):
            now = datetime.strptime(match[1], "%a %b %d %H:%M:%S %Y").timestamp()
        elif match := RULE.match(line):
            job = {"rule": match[1], "begin": now}
        elif match := FIELD.match(line):
            job[match[1]] = match[2]
            begun[job.get("jobid")] = job
        elif match := FINISHED.match(line):
            ended[match[1]] = now
    begun.pop(None, None)
    if len(ended) < len(begun) or not folder:
        return [], 0
    jobs = [
        Job(job["rule"], job["begin"], ended[name], _cpu(Path(folder[1]), job.get("benchmark")))
        for name, job in begun.items()
    ]
    return jobs, int(re.search(r"^Provided cores: (\d+)", text, re.MULTILINE)[1])


def _cpu(folder: Path, benchmark: str | None) -> float:
    if not benchmark or not (folder / benchmark).is_file():
        return START
    return START + float(pd.read_csv(folder / benchmark, sep="\t")["cpu_time"].iloc[0])


def steady(jobs: list[Job], cores: int) -> list[Job]:
    """The same jobs on cores that each do one after the other, in the order of the run."""
    free, moved = [0.0] * cores, []
    for job in jobs:
        core = free.index(min(free))
        moved.append(job._replace(begin=free[core], end=free[core] + job.cpu))
        free[core] = moved[-1].end
    return moved


def ratios(jobs: list[Job]) -> list[float]:
    """The estimate over the time that was left, after each of the shares of the jobs."""
    ends = sorted(job.end for job in jobs)
    return [_ratio(jobs, ends[int(len(jobs) * share)], ends[-1]) for share in SHARES]


def _ratio(jobs: list[Job], now: float, end: float) -> float:
    pace = Pace(min(job.begin for job in jobs))
    pace.left = Counter(job.rule for job in jobs)
    for number, job in enumerate(jobs):
        if job.begin <= now:
            pace.begin(number, job.rule, job.begin)
        if job.end <= now:
            pace.end(number, job.end, done=True)
    return pace.remaining(now) / max(end - now, 1)


def main() -> None:
    parser = options(__doc__, "rules")
    parser.add_argument("logs", nargs="+", type=Path)
    given = parser.parse_args()
    first = {}
    for log in given.logs:
        jobs, cores = jobs_of(log)
        if len(jobs) < FEWEST:
            continue
        found = {"as it was": ratios(jobs), "at constant speed": ratios(steady(jobs, cores))}
        first[str(log)] = {name: round(values[0], 2) for name, values in found.items()}
        for name, values in found.items():
            print(f"{log}, {name}:", *(f"{s:.0%} {v:.2f}" for s, v in zip(SHARES, values, strict=True)))
        seconds = defaultdict(list)
        for job in jobs if given.rules else ():
            seconds[job.rule].append(job.cpu)
        for rule, times in sorted(seconds.items()):
            print(f"  {rule}: {len(times)} × {sum(times) / len(times):.0f} s")
    print(json.dumps(first))


if __name__ == "__main__":
    main()
