"""The default study with a setting changed."""

import copy
from pathlib import Path

import yaml
from fault_messages import lines_of

from resiliency.study.files import load

CONFIG = yaml.safe_load(Path(__file__).parents[2].joinpath("config.yaml").read_text())


def changed(path: str, value: object) -> dict:
    """The default configuration with one key set."""
    config = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    inner = config
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return config


def faults_of(config: dict) -> list[str]:
    return lines_of(load, config)


def imported(external: dict, baseline: str) -> dict:
    """The smallest study of members from these files."""
    members = {"designs": [], "baseline": baseline}
    return {"study": "mine", "dataset": None, "designs": {}, "members": members, "external": external}
