"""From a configuration to a study, or to a line for each of its faults."""

from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from resiliency.base.faults import Fault
from resiliency.study.checks import cross_checks
from resiliency.study.files import Keys, Place, with_place
from resiliency.study.messages import booleans_for_numbers, messages
from resiliency.study.model import Study

MOST_FAULTS = 20
STAND_IN = {"architecture": "resnet18"}  # for a faulty design


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
        lines = list(booleans_for_numbers(config, study)) or cross_checks(study)
    except ValidationError as error:
        lines, faults = messages(Study, error), error.errors(include_url=False, include_input=False)
        faulty = {str(fault["loc"][0]) for fault in faults if fault["type"] != "extra_forbidden"}
        with suppress(ValidationError):
            lines += cross_checks(Study(**_without_faults(config, faults)), faulty)
    if lines:
        located_lines = [with_place(line, config, places or {}) for line in lines[:MOST_FAULTS]]
        left = len(lines) - MOST_FAULTS
        raise Fault("\n".join(located_lines + ([f"and {left:,} more faults"] if left > 0 else [])))
    return study


def _without_faults(config: dict[str, Any], faults: list[dict[str, Any]]) -> dict[str, Any]:
    """`config` without the keys that `faults` are about, so that the others can be checked.

    Unknown keys are left out, a faulty design is another one, and a faulty section is the default.
    """
    config = dict(config)
    for fault in faults:
        section, *path = fault["loc"]
        inner = config.get(section)
        if fault["type"] == "extra_forbidden":
            config = _without(config, fault["loc"])
        elif section in ("designs", "test_sets") and path and isinstance(inner, dict):
            rest = {name: value for name, value in inner.items() if name != path[0]}
            config[section] = rest | ({str(path[0]): STAND_IN} if section == "designs" else {})
        else:
            config.pop(section, None)
    return {"study": "mended"} | config


def _without(settings: Any, path: tuple[str | int, ...]) -> Any:
    """A copy of `settings` that lacks the key at `path`; the same where they have none there."""
    first, *rest = path
    if not isinstance(settings, dict) or first not in settings:
        return settings
    if rest:
        return settings | {first: _without(settings[first], tuple(rest))}
    return {key: value for key, value in settings.items() if key != first}
