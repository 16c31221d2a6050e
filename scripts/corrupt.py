"""Corrupt the test images, at all severities of one corruption."""

from functools import partial

import numpy as np

from resiliency.files import read_array, write_array
from resiliency.stage import Progress, stage

with stage(snakemake.log[0], snakemake.threads):
    params = snakemake.params
    if params.engine == "imagecorruptions":
        from resiliency.corruptions.reference import corrupt
    else:
        from resiliency.corruptions.engine import corrupt

        corrupt = partial(corrupt, table=params.table)
    images = read_array(snakemake.input.images)
    corruption = snakemake.wildcards.corruption
    corrupted = np.empty((len(params.severities), *images.shape), dtype=np.uint8)
    progress = Progress(len(params.severities))
    for index, severity in enumerate(params.severities):
        corrupted[index] = corrupt(images, corruption, severity, seed=params.seed)
        progress.step(f"{corruption}, severity {severity}")
    write_array(snakemake.output[0], corrupted)
