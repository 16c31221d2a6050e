"""Score and compare ensembles without a group of the test images in turn."""

import numpy as np

from resiliency.analysis.without_images import left_out
from resiliency.files import read_array
from resiliency.predictions import read_predictions
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    features = dict(zip(params.networks, inputs.features, strict=True))
    maps = dict(zip([(m, method) for m in params.networks for method in params.methods], inputs.maps, strict=True))

    def representation(member: str, source: str) -> np.ndarray:
        """What is compared of a member: features, or the maps of a method."""
        return read_array(features[member] if source == "features" else maps[member, source])

    table = left_out(
        read_table(inputs.ensembles),
        read_table(inputs.members),
        read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits),
        params.networks,
        representation,
        dict(params.items()),
    )
    write_table(snakemake.output[0], table)
