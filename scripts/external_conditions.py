"""Write the conditions of imported members, and the labels and images of each test set."""

from pathlib import Path

from resiliency.data.pictures import write_items
from resiliency.data.writing import Grouped, write_units
from resiliency.external.predictions import Reader
from resiliency.external.tables import class_count
from resiliency.prediction.reading import all_conditions
from resiliency.storage import write_array, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (_, outputs, params):
    if params.kind == "scores":
        n_images = {name: params.n_images.get(name, 0) for name in params.layout}
        classes = class_count(params.classes) or 0
    else:
        reader = Reader(params.kind, params.file, params.layout, params.classes)
        labels, classes = reader.labels(), reader.classes(params.members)
        n_images = {name: len(of_set) for name, of_set in labels.items()}
        for path, (name, units) in zip(outputs.units, reader.units().items(), strict=True):
            write_units(
                Path(path).parent,
                name,
                Grouped(units, "" if units.alone else "the imported predictions"),
            )
        files = zip(
            outputs.labels, outputs.images, labels.values(), reader.images().values(), strict=True
        )
        for labels_file, images_file, of_set, names in files:
            write_array(labels_file, of_set)
            write_items(images_file, list(map(str, of_set)), names)
    table = all_conditions(
        params.corruptions, params.severities, n_images, dict.fromkeys(n_images, max(classes, 2))
    )
    write_table(outputs.conditions, table.assign(classes=classes))
