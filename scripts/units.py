"""Say which images of a test set belong together."""

from pathlib import Path
from types import SimpleNamespace

from resiliency.base.names import CLEAN
from resiliency.data.reading import labelled_arrays, labelled_folder, read_source
from resiliency.data.source import Source
from resiliency.data.split import draw_splits, part_to_split, with_groups
from resiliency.data.units import Grouped, by_look, units_of_data_set, units_of_part, write_units
from resiliency.storage.files import read_json
from resiliency.study.stage import stage

with stage(snakemake.log[0], snakemake.params.code):
    inputs, params = snakemake.input, SimpleNamespace(**snakemake.params.grouping)
    if not params.named:
        grouped = by_look(inputs.images, inputs.labels, params.groups)
    elif params.name == CLEAN:
        settings, splits = params.dataset, params.splits
        source = read_source(settings["name"], settings["folder"], settings["side"], settings["margin"], splits)
        if part_to_split(source, splits):
            source = with_groups(source, settings["groups"], splits)
        fractions = settings["validation_fraction"], settings["test_fraction"]
        listed = settings["images"]
        chosen = draw_splits(source, *fractions, settings["images_per_class"], params.seed, splits, listed)
        grouped = units_of_data_set(source, chosen["test"], settings["groups"], params.groups)
    else:
        classes = read_json(inputs.classes)["classes"]
        if params.folder:
            part = labelled_folder(Path(params.folder), classes, params.side, params.margin)
        else:
            part = labelled_arrays(Path(inputs.pixels), Path(inputs.numbers), classes, params.side)
        units = units_of_part(part, Source("", classes, {}), params.groups, f"test_sets.{params.name}.groups")
        grouped = Grouped(units, params.groups)
    write_units(Path(snakemake.output.units).parent, params.name, grouped, params.fewest)
