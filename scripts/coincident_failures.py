"""Measure how often members fail together: two of one design or of two, and all, which bounds what ensembles reach."""

import numpy as np

from resiliency.analysis.choices import pool_of
from resiliency.analysis.coincident_failures import (
    ceiling_table,
    failure_table,
    failures,
    sizes_of,
    unit_of,
    with_best,
)
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.settings import Ensembles
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.statistics.resampling import Resampling
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    conditions = read_table(inputs.conditions)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)
    of_images = next(iter(predictions.values())).units_of_test_sets()
    wrong = [
        ~np.stack([member.correct(condition) for member in predictions.values()])
        for condition in range(len(conditions))
    ]
    resampling = Resampling(params.resamples, params.confidence, params.seed)
    write_table(outputs.failures, failure_table(wrong, params.designs, conditions, resampling, of_images))

    members, scored = pool = pool_of(read_table(inputs.members), predictions, Ensembles(**params.ensembles))
    sizes, units = sizes_of(len(members)), unit_of(list(members.design))
    of_conditions = (
        failures(
            np.stack([member.decisions(condition) for member in scored.predictions]),
            scored.predictions[0].labels(condition),
            sizes,
            units,
        )
        for condition in range(len(conditions))
    )
    table, everyone = ceiling_table(conditions, of_conditions, sizes, len(members), params.confidence, of_images)
    evaluation = pool.halves(params.seed)[1]
    choices = {CLEAN: read_table(inputs.chosen)}
    if inputs.candidates:
        deployable = read_table(inputs.candidates)
        choices[CORRUPTED] = deployable.assign(selection_accuracy=1 - deployable.selection_error)
    table = with_best(table, everyone, choices, list(members.member), scored, evaluation, params.confidence)
    write_table(outputs.ceiling, table.assign(confidence=params.confidence))
