"""Say which test images of the data set belong together."""

from pathlib import Path

from resiliency.base.names import CLEAN
from resiliency.data.reading import read_source
from resiliency.data.split import draw_splits, part_to_split, with_groups
from resiliency.data.units import by_look, units_of_data_set, write_units
from resiliency.stage import stage

with stage(snakemake.log[0]):
    inputs, params, settings = snakemake.input, snakemake.params, snakemake.params.dataset
    if params.named:
        source = read_source(settings["name"], settings["folder"], settings["side"], settings["margin"], params.splits)
        if part_to_split(source, params.splits):
            source = with_groups(source, settings["groups"], params.splits)
        fractions = settings["validation_fraction"], settings["test_fraction"]
        listed = settings["images"]
        chosen = draw_splits(source, *fractions, settings["images_per_class"], params.seed, params.splits, listed)
        grouped = units_of_data_set(source, chosen["test"], settings["groups"], params.groups)
    else:
        grouped = by_look(inputs.images, inputs.labels, params.groups, params.looked_at)
    write_units(Path(snakemake.output.units).parent, CLEAN, grouped)
