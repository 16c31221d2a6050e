"""Attacks on the pipeline: bad studies, names, files, extensions, networks and damaged results, and what came of each.

Run by hand: python tests/benchmarks/attack.py [--studies 1500] [--write]
So many studies are spoilt at random. The last line is JSON: `cases`; of each area how many were refused and accepted;
`tracebacks`, cases that did not end in lines that say what is wrong; and `silent`, those that were accepted though they
must not be. Both must be 0.
`--write` puts the table into published/experiments/malformed_input.md.
"""

import contextlib
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "scripts")]

from attacks.areas import AREAS, Area  # noqa: E402
from attacks.cases import Case, Outcome, outcome  # noqa: E402
from attacks.studies import spoilt  # noqa: E402
from shared import options, put  # noqa: E402

PAGE = REPOSITORY / "published/experiments/malformed_input.md"
START, END = "<!-- attacks: written by tests/benchmarks/attack.py -->", "<!-- end of attacks -->"
HEAD = ("| Tried | Cases | Happened |", "|---|---|---|")


def tried(cases: Iterable[Case]) -> list[tuple[Case, Outcome]]:
    """Each case with what came of it, in an empty folder of its own, which is the working directory."""
    outcomes, before = [], os.getcwd()
    for case in cases:
        with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            os.chdir(folder)
            try:
                outcomes.append((case, outcome(case, Path(folder))))
            finally:
                os.chdir(before)
    return outcomes


def row(area: Area, counts: Counter) -> str:
    happened = [f"{counts[kind]:,} {kind}" for kind in ("refused", "accepted", "silent", "traceback") if counts[kind]]
    return f"| {area.tried} | {sum(counts.values()):,} | {', '.join(happened)} |"


def main() -> None:
    given = options(__doc__, "write", studies=1500).parse_args()
    summary, rows = {}, []
    for area in AREAS:
        outcomes = tried(spoilt(given.studies) if area.name == "studies" else area.cases())
        counts = Counter(result.kind for _, result in outcomes)
        for case, result in outcomes:
            if result.kind in ("silent", "traceback"):
                print(f"{area.name}: {case.name}: {result.kind}: {result.detail}; promised: {area.promised}")
        rows.append(row(area, counts))
        print(rows[-1], flush=True)
        summary[area.name] = dict(counts)
    if given.write:
        put(PAGE, START, "\n".join(["", "", *HEAD, *rows, "", ""]), END)
    kinds = {"tracebacks": "traceback", "silent": "silent"}
    total = {name: sum(counts.get(kind, 0) for counts in summary.values()) for name, kind in kinds.items()}
    cases = sum(sum(counts.values()) for counts in summary.values())
    print(json.dumps({"cases": cases, "areas": summary} | total))
    sys.exit(any(total.values()))


if __name__ == "__main__":
    main()
