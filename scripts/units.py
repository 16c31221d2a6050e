"""Say which images of a test set belong together."""

from pathlib import Path
from types import SimpleNamespace

from resiliency.base.names import CLEAN
from resiliency.data.reading import labelled_arrays, labelled_folder, read_source
from resiliency.data.source import Source
from resiliency.data.split import draw_splits, part_to_split, with_groups
from resiliency.data.writing import Grouped, by_look, units_of_data_set, units_of_part, write_units
from resiliency.storage.files import read_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    of = SimpleNamespace(**params.grouping)
    if not of.named:
        grouped = by_look(inputs.images, inputs.labels, of.groups)
    elif of.name == CLEAN:
        settings, splits = of.dataset, of.splits
        source = read_source(settings["name"], settings["folder"], settings["side"], settings["margin"], splits)
        if part_to_split(source, splits):
            source = with_groups(source, settings["groups"], splits)
        fractions = settings["validation_fraction"], settings["test_fraction"]
        listed = settings["images"]
        chosen = draw_splits(source, *fractions, settings["images_per_class"], of.seed, splits, listed)
        grouped = units_of_data_set(source, chosen["test"], settings["groups"], of.groups)
    else:
        classes = read_json(inputs.classes)["classes"]
        if of.folder:
            part = labelled_folder(Path(of.folder), classes, of.side, of.margin)
        else:
            part = labelled_arrays(Path(inputs.pixels), Path(inputs.numbers), classes, of.side)
        units = units_of_part(part, Source("", classes, {}), of.groups, f"test_sets.{of.name}.groups")
        grouped = Grouped(units, of.groups)
    write_units(Path(outputs.units).parent, of.name, grouped, of.fewest)
