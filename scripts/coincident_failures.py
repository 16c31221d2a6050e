"""Measure how often members of one design, and of two, fail on the same images."""

import numpy as np

from resiliency.analysis.coincident_failures import failure_table
from resiliency.analysis.intervals import Resampling
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    params = snakemake.params
    conditions = read_table(snakemake.input.conditions)
    inputs = snakemake.input
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units).values()
    failures = [
        ~np.stack([member.correct(condition) for member in predictions]) for condition in range(len(conditions))
    ]
    resampling = Resampling(params.resamples, params.confidence, params.seed)
    units = next(iter(predictions)).units_of_test_sets()
    write_table(snakemake.output[0], failure_table(failures, params.designs, conditions, resampling, units))
