"""Keys of studies that were renamed: the old name is refused with the new one."""

RENAMED = {
    "ensembles.least_clean_accuracy": "min_clean_accuracy",
    "prediction.members_a_job": "members_per_job",
    "search.drawn": "random_subnetworks",
    "external.scores_are": "score_type",
    "deployment.largest": "max_size",
}


def renamed(path: str) -> str:
    """What to do about an unknown key that had another name; empty if `path` is none."""
    return f"renamed to {RENAMED[path]}; rename it" if path in RENAMED else ""
