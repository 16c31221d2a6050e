"""A SLURM cluster for the tests of this folder."""

from collections.abc import Iterator

import pytest
from cluster import Cluster, reason_against


@pytest.fixture(scope="session")
def cluster(lacking) -> Iterator[Cluster]:
    if reason := reason_against():
        lacking("slurm", reason)
    started = Cluster()
    try:
        started.start()
        yield started
    finally:
        started.stop()
