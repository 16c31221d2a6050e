"""Faults of a study in words: one line each, with the key, what is wrong and what would be right."""

import re
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from resiliency.base.faults import hint, short

PLAIN = {
    "string_type": "must be text; put it in quotes",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
}
RENAMED = {  # old key -> its present name
    "ensembles.least_clean_accuracy": "min_clean_accuracy",
    "prediction.members_a_job": "members_per_job",
    "search.drawn": "random_subnetworks",
    "external.scores_are": "score_type",
    "deployment.largest": "max_size",
}
REMOVED = {  # old key -> why it is gone
    "statistics.error_margin": "the margin of observation 3 is a tenth of the error of independent training",
}
OF_FINE_TUNING = ("train", "body_rate")
WRITTEN_NULL = ("null", "None")  # which Snakemake reads as text on its command line


def messages(model: type[BaseModel], error: ValidationError) -> list[str]:
    """A line for each fault in `error`, of settings of the kind `model`."""
    return [_message(model, fault) for fault in error.errors(include_url=False)]


def booleans_for_numbers(given: Any, made: Any, path: str = "") -> Iterator[str]:
    """A line for each true or false, in the configuration, that is a number in the settings `made` of it.

    Python takes them for 1 and 0, and pydantic lets them pass.
    """
    if isinstance(given, bool) and not isinstance(made, bool | str):
        yield f"{path}: {short(given)}: must be a number, not true or false"
    elif isinstance(given, list) and isinstance(made, list):
        for index, (inner, of_inner) in enumerate(zip(given, made, strict=False)):
            yield from booleans_for_numbers(inner, of_inner, f"{path}.{index}")
    elif isinstance(given, dict):
        values = dict(made) if isinstance(made, BaseModel | dict) else {}
        for key in (key for key in given if key in values):
            yield from booleans_for_numbers(given[key], values[key], f"{path}.{key}" if path else str(key))


def _message(model: type[BaseModel], fault: dict[str, Any]) -> str:
    """The line of one fault, as pydantic describes it."""
    path = ".".join(short(part, quote=False) for part in fault["loc"] if part != "[key]")
    if fault["type"] == "extra_forbidden":
        if path in RENAMED:
            return f"{path}: renamed to {RENAMED[path]}; rename it"
        if path in REMOVED:
            return f"{path}: this key is gone, because {REMOVED[path]}; remove it"
        if fault["loc"][-1] in OF_FINE_TUNING:
            return f"{path}: only designs with loaded weights have it, under designs.<name>.training"
        allowed = list(_kind(model, fault["loc"][:-1]).model_fields)
        return f"{path}: unknown key{hint(fault['loc'][-1], allowed) or '; available keys: ' + ', '.join(allowed)}"
    if fault["type"] == "missing":
        return f"{path}: required; give it"
    if fault["type"] == "literal_error":
        allowed = fault["ctx"]["expected"]
        near = hint(fault["input"], re.findall("'(.+?)'", allowed))
        return f"{path}: expected one of {allowed}, got {short(fault['input'])}{near}"
    words = PLAIN.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error" and _is_settings(_kind(model, fault["loc"])):
        return f"{path}.{words}"  # of several keys at once; it begins with the one to change
    if fault["input"] in WRITTEN_NULL:
        words += f"; on the command line null is written `{path}=`"
    return f"{path}: {short(fault['input'])}: {words}"


def _kind(model: type[BaseModel], path: Iterable[str | int]) -> Any:
    """The type of the settings at `path`."""
    kind: Any = model
    for part in path:
        if _is_settings(kind):
            field = kind.model_fields.get(part)
            kind = field.annotation if field else None
        else:
            kind = get_args(kind)[-1] if get_args(kind) else None
        if get_origin(kind) is UnionType:
            kind = get_args(kind)[0]
    return kind


def _is_settings(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
