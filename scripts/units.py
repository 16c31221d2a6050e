"""Say which images of a test set belong together."""

from pathlib import Path
from types import SimpleNamespace

from resiliency.base.names import CLEAN
from resiliency.data.reading import labelled_arrays, labelled_folder, read_splits
from resiliency.data.settings import Dataset
from resiliency.data.source import Source
from resiliency.data.writing import Grouped, by_look, units_of_data_set, units_of_part, write_units
from resiliency.storage import read_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    of = SimpleNamespace(**params.grouping)
    if not of.named:
        grouped = by_look(inputs.images, inputs.labels, of.groups)
    elif of.name == CLEAN:
        settings = Dataset(**of.dataset)
        source, chosen = read_splits(settings, of.seed, of.splits)
        grouped = units_of_data_set(source, chosen["test"], settings.groups, of.groups)
    else:
        classes = read_json(inputs.classes)["classes"]
        if of.folder:
            part = labelled_folder(Path(of.folder), classes, of.side, of.margin)
        else:
            part = labelled_arrays(Path(inputs.pixels), Path(inputs.numbers), classes, of.side)
        units = units_of_part(
            part, Source("", classes, {}), of.groups, f"test_sets.{of.name}.groups"
        )
        grouped = Grouped(units, of.groups)
    write_units(Path(outputs.units).parent, of.name, grouped, of.fewest)
