"""Rank the members on each set of images, with intervals."""

import numpy as np

from resiliency.analysis.intervals import Resampling
from resiliency.analysis.member_ranks import rank_table
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    conditions = read_table(inputs.conditions)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)
    units = next(iter(predictions.values())).units_of_test_sets()
    wrong = (~np.stack([m.correct(c) for m in predictions.values()]) for c in range(len(conditions)))
    resampling = Resampling(params.resamples, params.confidence, params.seed)
    write_table(snakemake.output[0], rank_table(list(predictions), conditions, wrong, resampling, units))
