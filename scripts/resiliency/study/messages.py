"""Faults of a study in words: one line each, with the key, what is wrong and what would be right."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from resiliency.analysis.failures import cost_matrix, read_costs
from resiliency.base.faults import Fault, hint, path_fault, short
from resiliency.data.folder import folder_classes
from resiliency.data.published import CLASSES
from resiliency.data.settings import Dataset, table_of
from resiliency.data.source import names_for_classes, read_class_names
from resiliency.data.split import read_groups
from resiliency.study.model import Study

PLAIN = {
    "string_type": "must be text; put it in quotes",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
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


def _message(model: type[BaseModel], fault: Mapping[str, Any]) -> str:
    """The line of one fault, as pydantic describes it."""
    path = ".".join(short(part, quote=False) for part in fault["loc"] if part != "[key]")
    if fault["type"] == "extra_forbidden":
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


def file_faults(study: Study) -> Iterator[str]:
    """Files that members are loaded from, or further test sets read from, and that are not there or badly named."""
    if study.corruptions.folder and (fault := path_fault(study.corruptions.folder)):
        yield f"corruptions.folder: {study.corruptions.folder}: {fault}"
    of_dataset = {
        "images": (study.data.images, None),
        "groups": (study.data.table_of_groups, read_groups),
        "test_groups": (table_of(study.data.test_groups), read_groups),
        "classes": (study.data.classes, read_class_names),
    }
    for key, (path, read) in of_dataset.items():
        yield from _file(f"dataset.{key}", path, read) if path else ()
    for name, test_set in study.test_sets.items():
        if test_set.folder and not Path(test_set.folder).is_dir():
            yield f"test_sets.{name}.folder: there is no folder {test_set.folder}"
        elif test_set.folder and (fault := path_fault(test_set.folder)):
            yield f"test_sets.{name}.folder: {test_set.folder}: {fault}"
        for key, path in test_set.inputs().items():
            yield from _file(f"test_sets.{name}.{key}", path)
        if path := table_of(test_set.groups):
            yield from _file(f"test_sets.{name}.groups", path, read_groups)
    for name in study.given_designs():
        design = study.designs[name]
        for index in range(design.member_count(1)):
            for key, path in design.inputs(index).items():
                yield from _file(f"designs.{name}.{key}", path)


def cost_faults(study: Study) -> Iterator[str]:
    """Costs of answers that are of no classes of the dataset, as far as these are known before it is read."""
    if not study.costs:
        return
    if not study.dataset:
        yield "costs: names of classes are those of a dataset, and the study has none; remove it"
        return
    faults = list(_file("costs", study.costs, read_costs))
    yield from faults
    if not faults:
        try:
            if classes := _known_classes(study.data, study.splits):
                cost_matrix(read_costs(study.costs), classes)
        except Fault as fault:
            yield str(fault)


def _known_classes(dataset: Dataset, splits: Sequence[str]) -> list[str]:
    """Names of the classes, as far as they are known before the data set is read; else empty.

    Raises:
        Fault: names in files cannot be read.
    """
    if dataset.name == "image_folder":
        classes = folder_classes(Path(dataset.folder), splits)
        return names_for_classes(classes, dataset.classes) if dataset.classes else classes
    if dataset.name == "gtsrb":
        return list(CLASSES)
    return list(map(str, range(10))) if dataset.name in ("digits", "svhn") else []


def _file(key: str, path: str, read: Callable[[str], object] | None = None) -> Iterator[str]:
    """What is wrong with the file that `key` names: `read` raises it, or it is not there or badly named."""
    if not Path(path).is_file():
        yield f"{key}: there is no file {path}"
    elif fault := path_fault(path):
        yield f"{key}: {path}: {fault}"
    elif read:
        try:
            read(path)
        except Fault as fault:
            yield f"{key}: {fault}"
