"""Read the images, and split them into training, validation and test, as far as the study needs them."""

from pathlib import Path

from resiliency.data.reading import read_source
from resiliency.data.source import names_for_classes
from resiliency.data.split import draw_splits, with_groups
from resiliency.data.writing import write_data_set
from resiliency.study.stage import stage

with stage(snakemake) as (_, outputs, params):
    settings = params.dataset
    source = read_source(settings["name"], settings["folder"], settings["side"], settings["margin"], params.splits)
    source = with_groups(source, settings["groups"], params.splits)
    fractions = settings["validation_fraction"], settings["test_fraction"]
    listed = settings["images"]
    chosen = draw_splits(source, *fractions, settings["images_per_class"], params.seed, params.splits, listed)
    if params.classes:
        source = source._replace(classes=names_for_classes(source.classes, params.classes))
    folder, written = Path(outputs.card).parent, (settings["side"], settings["on_the_fly"])
    write_data_set(folder, settings["name"], source, chosen, *written, settings["allow_duplicates"])
