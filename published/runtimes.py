"""How long the published studies took, and on what machines, as a page of Markdown."""

from datetime import datetime

import pandas as pd

from published.kept import RESULTS, ROOT, kept_studies, template_of

# Both ways to start jobs, measured side by side.
STARTS = ROOT / "published/experiments/job_starts.csv"
SPEEDS = ROOT / "published/experiments/workflow_speed.csv"  # by tests/benchmarks/workflow.py
LONGEST = 3  # stages that are named of each study


def runtimes() -> list[dict]:
    """A row per study that is kept, the one that took the most processor time first.

    Returns:
        study; what `provenance.json` has as processor, cores, memory_gib, device, cpu_seconds and
        git_commit; span, seconds from the start of its first job to the end of its last;
        memory_mib, the most that a job took; and stages, the `LONGEST` longest rules.
    """
    rows = []
    for kept, provenance in kept_studies(RESULTS):
        started, ended = (datetime.fromisoformat(provenance[name]) for name in ("started", "ended"))
        rules = sorted(provenance["rules"], key=lambda rule: -rule["cpu_seconds"])
        rows.append(
            provenance
            | {
                "study": kept.name,
                "span": (ended - started).total_seconds(),
                "memory_mib": max(rule["max_rss_mib"] for rule in rules),
                "stages": rules[:LONGEST],
            }
        )
    return sorted(rows, key=lambda row: (-row["cpu_seconds"], row["study"]))


def page(rows: list[dict]) -> str:
    """The page of these rows, and of how jobs start."""
    starts = pd.read_csv(STARTS).to_dict("records")
    speeds = pd.read_csv(SPEEDS).to_dict("records")
    return template_of("runtimes.md.j2").render(rows=rows, starts=starts, speeds=speeds)
