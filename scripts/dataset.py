"""Read the images, and split them into training, validation and test, as far as the study needs
them."""

from pathlib import Path

from resiliency.data.reading import read_splits
from resiliency.data.settings import Dataset
from resiliency.data.source import names_for_classes
from resiliency.data.writing import write_data_set
from resiliency.study.stage import stage

with stage(snakemake) as (_, outputs, params):
    settings = Dataset(**params.dataset)
    source, chosen = read_splits(settings, params.seed, params.splits)
    if params.classes:
        source = source._replace(classes=names_for_classes(source.classes, params.classes))
    write_data_set(Path(outputs.card).parent, settings, source, chosen)
