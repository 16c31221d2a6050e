"""Read an additional test set: images and labels of their own."""

from pathlib import Path

from resiliency.data.reading import labelled_arrays, labelled_folder
from resiliency.data.writing import write_test_set
from resiliency.storage import read_array, read_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    classes = read_json(inputs.card)["classes"]
    if params.folder:
        part = labelled_folder(Path(params.folder), classes, params.side, params.margin)
    else:
        part = labelled_arrays(Path(inputs.images), Path(inputs.labels), classes, params.side)
    source = params.folder or f"{inputs.images}, {inputs.labels}"
    folder, written = Path(outputs.card).parent, (params.side, params.on_the_fly)
    learned = read_array(inputs.digests)
    write_test_set(folder, source, part, classes, *written, learned, params.allow_duplicates)
