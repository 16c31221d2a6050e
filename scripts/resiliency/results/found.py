"""In one sentence, how many published studies support each observation of the paper.

`python -m resiliency.results.found` prints the sentence of the README.
"""

import pandas as pd

from resiliency.analysis.verdicts import NOT_TESTED
from resiliency.program import parser
from resiliency.report.overview import observed
from resiliency.results.comparison import published
from resiliency.results.page import with_docs

ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth"}


def found(observations: dict[str, pd.DataFrame]) -> str:
    """The sentence.

    Args:
        observations: study -> observations.csv; those that lack what a rule needs do not count for it.
    """
    verdicts: dict[int, list[str]] = {number: [] for number in ORDINALS}
    for table in observations.values():
        for observation in observed(table):
            if observation["verdict"] != NOT_TESTED:
                verdicts[observation["number"]].append(observation["verdict"])
    first, *others = (f"{_share(reached, 'supported')} the {ORDINALS[n]}" for n, reached in verdicts.items())
    first = first.replace(" the ", " studies that could test it support the ", 1)
    against = [
        f"{_share(reached, 'contradicted')} contradict the {ORDINALS[number]}"
        for number, reached in verdicts.items()
        if "contradicted" in reached
    ]
    supported = f"So far, {first} observation, {', '.join(others[:-1])} and {others[-1]}"
    return f"{supported}; {' and '.join(against) or 'none contradicts any'}."


def _share(reached: list[str], verdict: str) -> str:
    return f"{reached.count(verdict)} of {len(reached)}"


if __name__ == "__main__":
    given = with_docs(parser(__doc__)).parse_args()
    print(found({study: tables["observations"] for study, tables in published(given.docs).items()}))
