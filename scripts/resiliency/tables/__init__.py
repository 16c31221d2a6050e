"""The catalogue: a record of each table, for rules, pages and the reference.

No stage that makes a table imports it, so that a reworded column makes nothing run again.
"""

from collections.abc import Collection
from pathlib import PurePath

from resiliency.tables import analysis, contenders, ensembles, members
from resiliency.tables.record import Table

TABLES = {
    PurePath(table.path).stem: table
    for module in (members, ensembles, contenders, analysis)
    for table in vars(module).values()
    if isinstance(table, Table)
}


def made(has: Collection[str]) -> list[str]:
    """Names of the tables of a study.

    Args:
        has: properties of the study, among `ensembles`, `networks`, `probabilities`, `corruptions`, `shifts`
            (corruptions or additional test sets), `images` (enough clean ones, or scores alone), `search`, `added`
            (members of the key `add`), `costs` and `latency`.
    """
    return [name for name, table in TABLES.items() if table.needs <= set(has)]
