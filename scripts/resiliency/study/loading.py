"""From a configuration to a study, or to a line for each of its faults."""

from typing import Any

from pydantic import ValidationError

from resiliency.base.faults import Fault
from resiliency.study.checks import cross_checks
from resiliency.study.files import Keys, Place, with_place
from resiliency.study.messages import booleans_for_numbers, messages
from resiliency.study.model import Study

MOST_FAULTS = 20


def load(config: dict[str, Any], places: dict[Keys, Place] | None = None) -> Study:
    """The study that `config`, as read from YAML, describes.

    Args:
        places: where its keys are given, from `read_places`.

    Raises:
        Fault: one line for each fault: the key's path, its value and what is allowed, and its place if that is known.
    """
    if not all(isinstance(key, str) for key in config):
        raise Fault("keys must be words")
    try:
        study = Study(**config)
    except ValidationError as error:
        lines = messages(Study, error)
    else:
        lines = list(booleans_for_numbers(config, study)) or cross_checks(study)
    if lines:
        located_lines = [with_place(line, config, places or {}) for line in lines[:MOST_FAULTS]]
        left = len(lines) - MOST_FAULTS
        raise Fault("\n".join(located_lines + ([f"and {left:,} more faults"] if left > 0 else [])))
    return study
