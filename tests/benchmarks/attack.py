"""Attacks on the pipeline: bad studies, names, files, networks and damaged results, and what came
of each.

Run by hand: python tests/benchmarks/attack.py [--studies 3000] [--write] [AREA ...] So many studies
are spoilt at random. The last line is JSON: `cases`; of each area how many were refused and
accepted; `tracebacks`, cases that did not end in lines that say what is wrong; and `silent`, those
that were accepted though they must not be. Both must be 0. `--write` puts the table into
published/experiments/malformed_input.md.
"""

import contextlib
import io
import json
import os
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "scripts")]

from attacks.cases import Area, Outcome, outcome  # noqa: E402
from attacks.studies import spoilt  # noqa: E402
from attacks.table import AREAS  # noqa: E402
from shared import options, put  # noqa: E402

PAGE = REPOSITORY / "published/experiments/malformed_input.md"
START, END = "<!-- attacks: written by tests/benchmarks/attack.py -->", "<!-- end of attacks -->"
HEAD = ("| Attacked | Cases | Happened |", "|---|---|---|")


def tried(area: Area) -> dict[str, Outcome]:
    """What comes of each attack of an area, in an empty folder of its own, which is the working
    directory."""
    outcomes, before = {}, os.getcwd()
    for name in area.table:
        with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            os.chdir(folder)
            try:
                outcomes[name] = outcome(area, name, Path(folder))
            finally:
                os.chdir(before)
    return outcomes


def row(area: Area, counts: Counter) -> str:
    happened = [
        f"{counts[kind]:,} {kind}"
        for kind in ("refused", "accepted", "silent", "traceback")
        if counts[kind]
    ]
    return f"| {area.name} | {sum(counts.values()):,} | {', '.join(happened)} |"


def main() -> None:
    parser = options(__doc__, "write", studies=3000)
    parser.add_argument("areas", nargs="*", metavar="AREA", help="names of areas; by default all")
    given = parser.parse_args()
    summary, rows = {}, []
    for area in (spoilt(given.studies), *AREAS[1:]):
        if given.areas and area.name not in given.areas:
            continue
        outcomes = tried(area)
        counts = Counter(result.kind for result in outcomes.values())
        for name, result in outcomes.items():
            if result.kind in ("silent", "traceback"):
                print(f"{area.name}: {name}: {result.kind}: {result.detail}")
        rows.append(row(area, counts))
        print(rows[-1], flush=True)
        summary[area.name] = dict(counts)
    if given.write:
        put(PAGE, START, "\n".join(["", "", *HEAD, *rows, "", ""]), END)
    kinds = {"tracebacks": "traceback", "silent": "silent"}
    total = {
        name: sum(counts.get(kind, 0) for counts in summary.values())
        for name, kind in kinds.items()
    }
    cases = sum(sum(counts.values()) for counts in summary.values())
    print(json.dumps({"cases": cases, "areas": summary} | total))
    sys.exit(any(total.values()))


if __name__ == "__main__":
    main()
