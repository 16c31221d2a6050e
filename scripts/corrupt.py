"""Corrupt the test images, at all severities of one corruption."""

import numpy as np

from resiliency.corruptions.reference import corrupt
from resiliency.files import read_array, write_array
from resiliency.stage import Progress, stage

with stage(snakemake.log[0], snakemake.threads):
    images = read_array(snakemake.input.images)
    corruption, severities = snakemake.wildcards.corruption, snakemake.params.severities
    corrupted = np.empty((len(severities), *images.shape), dtype=np.uint8)
    progress = Progress(len(severities))
    for index, severity in enumerate(severities):
        corrupted[index] = corrupt(images, corruption, severity, seed=snakemake.params.seed)
        progress.step(f"{corruption}, severity {severity}")
    write_array(snakemake.output[0], corrupted)
