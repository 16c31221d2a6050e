"""Files and folders that a study names: those that are not there, or that cannot be read or named so."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from resiliency.analysis.cost_matrix import cost_matrix, read_costs
from resiliency.base.faults import Fault, path_fault
from resiliency.data.folder import folder_classes
from resiliency.data.published import CLASSES
from resiliency.data.settings import Dataset, table_of
from resiliency.data.source import names_for_classes, read_class_names
from resiliency.data.split import read_groups
from resiliency.study.model import Study


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
