"""Read a further test set: images and labels of their own."""

from pathlib import Path

from resiliency.data.card import write_test_set
from resiliency.data.test_sets import labelled_arrays, labelled_folder
from resiliency.stage import stage
from resiliency.storage.files import read_json

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    classes = read_json(inputs.card)["classes"]
    if params.folder:
        part = labelled_folder(Path(params.folder), classes, params.side, params.margin)
    else:
        part = labelled_arrays(Path(inputs.images), Path(inputs.labels), classes, params.side)
    source = params.folder or f"{inputs.images}, {inputs.labels}"
    write_test_set(Path(snakemake.output.card).parent, source, part, classes, params.side, params.on_the_fly)
