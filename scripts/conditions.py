"""Write the order of conditions that all stages share."""

import numpy as np

from resiliency.prediction.reading import all_conditions
from resiliency.storage import read_array, read_json, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    labels = dict(zip(params.test_sets, map(read_array, inputs.labels), strict=True))
    everything = len(read_json(inputs.card)["classes"])
    classes = {
        name: len(np.unique(values)) if name in params.masked else everything
        for name, values in labels.items()
    }
    images = {name: len(values) for name, values in labels.items()}
    write_table(outputs[0], all_conditions(params.corruptions, params.severities, images, classes))
