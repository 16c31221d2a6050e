"""Measure how often members of one design, and of two, fail on the same images."""

import numpy as np

from resiliency.analysis.coincident_failures import failure_table
from resiliency.files import read_array
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    params = snakemake.params
    labels = read_array(snakemake.input.labels)
    failures = np.stack([read_array(path).argmax(axis=-1) != labels for path in snakemake.input.logits])
    conditions = read_table(snakemake.input.conditions)
    table = failure_table(failures, params.designs, conditions, params.resamples, params.confidence, params.seed)
    write_table(snakemake.output[0], table)
