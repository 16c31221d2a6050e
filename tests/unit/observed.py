"""The one verdict of an observation, for tests of each."""

from resiliency.analysis.verdicts import Observation, observation_rows


def verdict(observation: Observation) -> str:
    verdicts = {row["verdict"] for row in observation_rows(observation, 0.95)}
    assert len(verdicts) == 1
    return verdicts.pop()
