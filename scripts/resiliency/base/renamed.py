"""Old names of keys and of columns, which work until a version that their entry names (docs/contract.md).

Whoever uses one is told the new name. When that version comes, an entry of `KEYS` becomes one of `REMOVED`, and one of
`COLUMNS` is deleted; a test fails until then.
"""

from collections.abc import Collection
from typing import NamedTuple


class Renamed(NamedTuple):
    """The present name, and the first version in which the old one no longer works."""

    new: str
    until: str

    def line(self, old: str) -> str:
        """What to tell whoever uses the old name."""
        return f"{old}: renamed to {self.new}; the old name works until version {self.until}"


KEYS = {  # old key -> its present name in the same section
    "ensembles.least_clean_accuracy": Renamed("min_clean_accuracy", "0.4"),
    "prediction.members_a_job": Renamed("members_per_job", "0.4"),
    "search.drawn": Renamed("random_subnetworks", "0.4"),
    "external.scores_are": Renamed("score_type", "0.4"),
    "deployment.largest": Renamed("max_size", "0.4"),
}
COLUMNS = {  # old column -> its present name
    "mean_corruption_error": Renamed("corrupted_error", "0.4"),
    "strength": Renamed("loss_weight", "0.4"),
    "lacking": Renamed("missing_requirements", "0.4"),
    "would_decide": Renamed("sample_size_needed", "0.4"),
    "both_fail": Renamed("joint_failure_rate", "0.4"),
    "aurc_excess": Renamed("aurc_difference", "0.4"),
}


def renamed_column(name: object, columns: Collection[str]) -> Renamed | None:
    """The present name of a column that a table has no longer under `name`, an end of an interval with it."""
    for suffix in ("", "_low", "_high"):
        of = COLUMNS.get(name.removesuffix(suffix)) if isinstance(name, str) and name.endswith(suffix) else None
        if of and name not in columns and f"{of.new}{suffix}" in columns:
            return of._replace(new=f"{of.new}{suffix}")
    return None
