"""Say which images of a further test set belong together."""

from pathlib import Path

from resiliency.data.reading import labelled_arrays, labelled_folder
from resiliency.data.source import Source
from resiliency.data.units import Grouped, by_look, units_of_part, write_units
from resiliency.stage import stage
from resiliency.storage.files import read_json

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    if params.named:
        classes = read_json(inputs.classes)["classes"]
        if params.folder:
            part = labelled_folder(Path(params.folder), classes, params.side, params.margin)
        else:
            part = labelled_arrays(Path(inputs.pixels), Path(inputs.numbers), classes, params.side)
        units = units_of_part(part, Source("", classes, {}), params.groups, f"test_sets.{params.name}.groups")
        grouped = Grouped(units, params.groups)
    else:
        grouped = by_look(inputs.images, inputs.labels, params.groups, params.looked_at)
    write_units(Path(snakemake.output.units).parent, params.name, grouped)
