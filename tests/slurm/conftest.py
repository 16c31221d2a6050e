"""A SLURM cluster for the tests of this folder."""

import os
from collections.abc import Iterator

import pytest
from cluster import Cluster, reason_against

# Set where the tests must not be skipped for want of SLURM.
DEMANDED = "RESILIENCY_TEST_SLURM"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster that is up."""
    if reason := reason_against():
        pytest.fail(reason) if os.environ.get(DEMANDED) else pytest.skip(reason)
    started = Cluster()
    try:
        started.start()
        yield started
    finally:
        started.stop()
