"""How long the published studies took, and on what machines, as a page of Markdown.

`python -m resiliency.results.runtimes` writes `docs/results/runtimes.md` from the `provenance.json` that
`page` has kept of each study.
"""

from datetime import datetime
from pathlib import Path

from resiliency.base.program import one_line_faults, parser
from resiliency.results.kept import kept_studies, template_of, with_docs

PAGE = "runtimes"
LONGEST = 3  # stages that are named of each study


def write(docs: Path) -> Path:
    """Write `runtimes.md` from the studies whose provenance is kept in `docs`."""
    written = docs / f"{PAGE}.md"
    written.write_text(page(runtimes(docs)), encoding="utf-8")
    return written


def runtimes(docs: Path) -> list[dict]:
    """A row per study that `docs` keeps, the one that took the most processor time first.

    Returns:
        study; what `provenance.json` has as processor, cores, memory_gib, device, cpu_seconds and git_commit; span,
        seconds from the start of its first job to the end of its last; memory_mib, the most that a job took; and
        stages, the `LONGEST` longest rules.
    """
    rows = []
    for folder, provenance in kept_studies(docs):
        started, ended = (datetime.fromisoformat(provenance[name]) for name in ("started", "ended"))
        rules = sorted(provenance["rules"], key=lambda rule: -rule["cpu_seconds"])
        rows.append(
            provenance
            | {
                "study": folder.name,
                "span": (ended - started).total_seconds(),
                "memory_mib": max(rule["max_rss_mib"] for rule in rules),
                "stages": rules[:LONGEST],
            }
        )
    return sorted(rows, key=lambda row: (-row["cpu_seconds"], row["study"]))


def page(rows: list[dict]) -> str:
    """The page of these rows."""
    return template_of("runtimes.md.j2").render(rows=rows)


def main() -> None:
    given = with_docs(parser(__doc__)).parse_args()
    with one_line_faults():
        print(write(given.docs))


if __name__ == "__main__":
    main()
