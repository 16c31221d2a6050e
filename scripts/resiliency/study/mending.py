"""A study without its faulty keys, so that the others can be checked, too."""

from typing import Any

from pydantic import ValidationError

STAND_IN = {"architecture": "resnet18"}


def mended(config: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """`config` without the keys that `error` is about, so that the others can be checked.

    Unknown keys are left out, a faulty design is another one, and a faulty section is the default.
    """
    config = dict(config)
    for fault in error.errors(include_url=False, include_input=False):
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


def faulty(error: ValidationError) -> set[str]:
    """The sections of which `mended` leaves out more than unknown keys."""
    faults = error.errors(include_url=False, include_input=False)
    return {str(fault["loc"][0]) for fault in faults if fault["type"] != "extra_forbidden"}
