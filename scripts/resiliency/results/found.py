"""In one sentence for each observation of the paper, which published studies reach which verdict.

`python -m resiliency.results.found` prints the sentences of the README.
"""

import pandas as pd

from resiliency.analysis.rule import NOT_TESTED, UNDECIDED
from resiliency.analysis.verdicts import RULES
from resiliency.program import parser
from resiliency.report.markdown import escaped
from resiliency.report.overview import observed
from resiliency.results.comparison import published
from resiliency.results.page import with_docs

EARLIER = "†"  # beside a study whose verdict follows rules that have changed since


def found(observations: dict[str, pd.DataFrame]) -> str:
    """A numbered list in Markdown, a line for each observation, and what its mark means if there is one.

    Args:
        observations: study -> observations.csv; those that lack what a rule needs do not count for it.
    """
    statements: dict[int, str] = {}
    verdicts: dict[int, dict[str, list[str]]] = {}
    for study, table in observations.items():
        for observation in observed(table):
            if observation["key"]["shifts"]:
                continue
            number, verdict = observation["number"], observation["verdict"]
            statements.setdefault(number, observation["statement"].rstrip("."))
            reached = verdicts.setdefault(number, {})
            if verdict != NOT_TESTED:
                mark = EARLIER if observation["key"]["rules"] != RULES else ""
                reached.setdefault(verdict, []).append(escaped(study) + mark)
    shifted = _on_shifts(observations)
    lines = [
        f"{number}. *{statement}*: {_counted(verdicts[number])}.{shifted.get(number, '')}"
        for number, statement in sorted(statements.items())
    ]
    earlier = any(EARLIER in line for line in lines)
    return "\n".join(lines + [f"\n{EARLIER} By [earlier rules](docs/paper.md#verdict-rules)."] * earlier)


def _on_shifts(observations: dict[str, pd.DataFrame]) -> dict[int, str]:
    """Number of an observation -> a sentence on its verdicts on natural shifts, which count for no statement."""
    reached: dict[int, list[str]] = {}
    for study, table in observations.items():
        for observation in observed(table):
            if observation["key"]["shifts"] and observation["verdict"] != NOT_TESTED:
                reached.setdefault(observation["number"], []).append(f"{observation['verdict']} ({escaped(study)})")
    return {number: f" On natural shifts in place of corruptions: {', '.join(of)}." for number, of in reached.items()}


def _counted(reached: dict[str, list[str]]) -> str:
    """Such as "supported in 1 of 3 studies that could test it (digits), undecided in 2 (a, b)"."""
    if not reached:
        return "no study could test it"
    able = sum(map(len, reached.values()))
    first, *others = sorted(reached, key=lambda verdict: (verdict == UNDECIDED, verdict))
    of = f"{len(reached[first])} of {able} studies" if able > 1 else "the 1 study"
    parts = [f"{first} in {of} that could test it ({', '.join(reached[first])})"]
    parts += [f"{verdict} in {len(reached[verdict])} ({', '.join(reached[verdict])})" for verdict in others]
    return ", ".join(parts)


if __name__ == "__main__":
    given = with_docs(parser(__doc__)).parse_args()
    print(found({study: tables["observations"] for study, tables in published(given.docs).items()}))
